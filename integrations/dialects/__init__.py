"""Other people's wire languages, one folder each. `integrations.registry` says which are spoken."""

from typing import Any

from django.forms import Form

from ..models import InboundEvent


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

    def default_settings(self) -> dict[str, Any]:
        return {name: field.initial for name, field in self.settings_form.base_fields.items()}

    def process(self, inbound: InboundEvent) -> None:
        """Apply a call that was kept by `inbox.accept`.

        Runs in a worker that acts for the call's store, in one transaction with the inbox row's own update,
        and may run again after a crash: everything it records carries an identity of its own. Raises
        `inbox.Rejected` for content that can never be applied and `inbox.NotUnderstood` for an event it
        does not know; any other error is retried, then quarantined.
        """
        raise NotImplementedError(f"{self.label} keeps no calls for later")
