"""How addresses name customers: our id, `external_id:<the shop's id>` or `email:<address>`."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.http import Http404

from loyalty.stores.models import Store

from .models import Customer, CustomerAlias


def parsed(reference: str) -> tuple[str, str | UUID] | None:
    """(field, value), or None for what can name nobody."""
    field, _, value = reference.partition(":")
    value = value.strip()
    if "\x00" in reference:
        return None
    if field == "external_id" and value:
        return field, value
    if field == "email" and value:
        return field, value.lower()
    try:
        return "public_id", UUID(reference)
    except ValueError:
        return None


def find_many(store: Store, references: Iterable[str]) -> dict[str, int]:
    """The key of each customer that is known, by reference; a fixed number of statements however many."""
    wanted: dict[str, dict[str | UUID, list[str]]] = defaultdict(lambda: defaultdict(list))
    for reference in references:
        if meant := parsed(reference):
            wanted[meant[0]][meant[1]].append(reference)
    found: dict[str, int] = {}
    for field, values in wanted.items():
        keys = dict(store.customers.filter(**{f"{field}__in": list(values)}).values_list(field, "pk"))
        if field == "external_id" and len(keys) < len(values):
            aliases = CustomerAlias.objects.filter(store=store, external_id__in=list(values))
            keys = dict(aliases.values_list("external_id", "customer_id")) | keys
        found |= {reference: keys[value] for value, given in values.items() if value in keys for reference in given}
    return found


def customer_or_404(store: Store, reference: str) -> Customer:
    key = find_many(store, [reference]).get(reference)
    if key is None:
        raise Http404
    return store.customers.get(pk=key)
