"""What is known of a person, and forgetting it: nothing names them afterwards, and the books stay as they were.

Apps above hold more of a person; each has an `erasure` of its own, and `loyalty.erasing` calls them all.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast

from loyalty.stores.models import IdempotencyRecord

from .models import Customer, CustomerAlias
from .serializers import CustomerSerializer, EntrySerializer

# Where a plain number is a person's and not a quantity.
OF_A_PERSON = re.compile(r"customer|member|user|shopper|buyer", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Traces:
    """What to look for in what others said: words that name the person anywhere, ids where a person is meant."""

    words: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, customer: Customer) -> "Traces":
        aliases = customer.aliases.filter(store=customer.store_id).values_list("external_id", flat=True)
        named = (customer.email, customer.phone, customer.card_number, str(customer.public_id))
        words = {word.lower() for word in named if word}
        ids = {external_id for external_id in (customer.external_id, *aliases) if external_id}
        return cls(frozenset(words), frozenset(ids))

    def may_be_in(self, field: str) -> Q:
        """Rows whose text in `field` may name the person, however it is written. `are_in` looks closer."""
        spelled = {way for word in self.words | self.ids for way in spellings(word)}
        found = Q(pk__in=[])
        for way in sorted(spelled):
            found |= Q(**{f"{field}__icontains": way})
        return found

    def are_in(self, told: Any, about: str = "") -> bool:
        """Whether a value that was read from JSON or a form names the person. `about`: what it was said about."""
        return any(
            (text.lower() in self.words) or (text in self.ids and bool(OF_A_PERSON.search(f"{about}.{path}")))
            for path, text in leaves(told)
        )

    def are_written_in(self, text: str) -> bool:
        return any(word in text.lower() for word in self.words)


def spellings(word: str) -> set[str]:
    """As it is, in JSON with escapes, and in forms."""
    escaped = json.dumps(word)[1:-1]
    return {word, escaped, escaped.replace("/", "\\/"), quote(word, safe=""), quote(word)}


def leaves(told: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(told, dict):
        for name, value in told.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(told, list):
        for value in told:
            yield from leaves(value, path)
    elif told is not None:
        yield path, str(told).strip()


# --- What this app holds ------------------------------------------------------------------------


def known(customer: Customer) -> dict[str, Any]:
    store = customer.store
    entries = store.entries.filter(customer=customer).select_related("customer").order_by("seq")
    events = store.events.filter(customer=customer).order_by("pk")
    return {
        "customer": CustomerSerializer(store.customers.prefetch_related("wallets").get(pk=customer.pk)).data,
        "aliases": list(customer.aliases.filter(store=store).values("external_id", "created_at")),
        "entries": EntrySerializer(entries, many=True).data,
        "events": list(events.values("public_id", "topic", "data", "created_at")),
    }


def erase(customer: Customer, traces: Traces) -> None:
    """The row stays, for what points at it, with nothing in it that is the person's."""
    CustomerAlias.objects.filter(store=customer.store_id, customer=customer).delete()
    forget_answers(customer.store_id, traces)
    forget_admin_history(Customer, [customer.pk], customer.tombstone)
    Customer.objects.filter(store=customer.store_id, pk=customer.pk).update(
        external_id=customer.tombstone, email=None, phone=None, card_number=None, first_name="", last_name="",
        birthday=None, birthday_set_at=None, tags=[], properties={}, state=Customer.State.BLOCKED,
    )  # fmt: skip
    customer.refresh_from_db()


def forget_answers(store_id: int, traces: Traces) -> None:
    """Calls that named themselves stay done once; what they were answered is gone."""
    rows = IdempotencyRecord.objects.filter(store_id=store_id, answer__isnull=False)
    for row in rows.annotate(text=Cast("answer", TextField())).filter(traces.may_be_in("text")).iterator():
        if traces.are_in(row.answer, "customer"):
            IdempotencyRecord.objects.filter(store_id=store_id, pk=row.pk).update(answer=None)


def forget_admin_history(model: type[Model], keys: Collection[int], name: str) -> None:
    """Who did what and when stays; the names and reasons that were noted beside it go."""
    kind = ContentType.objects.get_for_model(model)
    rows = LogEntry.objects.filter(content_type=kind, object_id__in=[str(key) for key in keys])
    rows.update(object_repr=name, change_message="")


def unseen(checks: list[dict[str, Any]], names: Collection[str]) -> list[dict[str, Any]]:
    """The conditions of a decision, without what these saw of the person."""
    return [
        check | {"seen": [] if isinstance(check["seen"], list) else ""}
        if check["check"] in names and "seen" in check else check
        for check in checks
    ]  # fmt: skip
