"""Other people's wire languages, one folder each. `integrations.registry` says which are spoken."""

from typing import Any

from django.forms import Form

from customers.attention import Item
from loyalty.stores.models import Store, User

from ..models import Connection, ConnectionToken, InboundEvent

LOOK_UP = "integrations.tasks.look_up_profiles"


class Dialect:
    """What the rest of the product needs to know of a wire language.

    A dialect's folder holds its urls, views, serializers, authentication, oddities and recorded payloads.
    To add one: a folder with a subclass in `dialect.py`, and a line in `registry.DIALECTS`.
    """

    key = ""  # Connection.dialect; at most 20 characters
    label = ""  # what merchants know it as
    prefix = ""  # where its urls are mounted, "" or "some/path/"
    urlconf = ""  # dotted path of its urls module
    settings_form: type[Form] = Form  # checks Connection.settings; its initial values are the defaults

    # What its page says. templates/integrations/setup/<key>.html tells how to point a shop here.
    summary = ""  # for whom it is, in one sentence
    key_label = "API key"  # what its own documents call Connection.key
    secret_label = "API secret"  # noqa: S105 - and the secret; "" when its callers use none
    issues_keys = False  # whether callers may have keys of their own, see issue_key
    is_single = False  # at most one connection a store
    items: tuple[type[Item], ...] = ()  # kinds of its own that wait for a person

    def default_settings(self) -> dict[str, Any]:
        return {name: field.initial for name, field in self.settings_form.base_fields.items()}

    def issue_key(self, connection: Connection, name: str, user: User) -> tuple[ConnectionToken, str]:
        """A key for one caller, made by `user`: (row, clear key). The clear key is shown once."""
        raise NotImplementedError(f"{self.label} has no keys of this kind")

    def process_many(self, rows: list[InboundEvent]) -> list[Exception | None]:
        """Apply calls of one store that were kept by `inbox.accept`, in order, and return what became of each.

        None: applied. `inbox.Rejected`: its content can never be applied, so nothing of it was.
        `inbox.NotUnderstood`: there is no such event. Anything raised undoes the whole set; it is tried
        again one by one, then quarantined. Runs in a worker that acts for the store, in one transaction with
        the update of the rows, and may run again after a crash: what it records has identities of its own.
        """
        raise NotImplementedError(f"{self.label} keeps no calls for later")

    def look_up_profiles(self, store: Store) -> None:
        """Ask the shop about customers of whom little is known, where it can be asked. In no transaction."""
