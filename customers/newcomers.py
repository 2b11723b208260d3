"""Guests in sets: people nobody has heard of, made in a few statements however many they are."""

from collections.abc import Iterable

from loyalty.stores.models import Store

from .identities import Identity
from .models import Customer, CustomerAlias, Event, Topic, Wallet

UNIQUE = ("external_id", "email", "phone", "card_number")


def welcome(store: Store, identities: Iterable[Identity]) -> None:
    """Make a guest of each whose every identifier is new. Whoever shares one is left to `enrolment.identify`."""
    strangers = unknown(store, apart(identities))
    made = [Customer(store=store, **{field: getattr(identity, field) for field in UNIQUE}) for identity in strangers]
    # A twin call may make the same people: theirs stand, and get their wallets there.
    Customer.objects.bulk_create(made, ignore_conflicts=True)
    ours = list(
        store.customers.filter(public_id__in=[customer.public_id for customer in made]).values_list("pk", flat=True)
    )
    Wallet.objects.bulk_create([Wallet(store=store, customer_id=pk) for pk in ours])
    Event.objects.bulk_create([Event(store=store, customer_id=pk, topic=Topic.CUSTOMER_CREATED) for pk in ours])


def apart(identities: Iterable[Identity]) -> list[Identity]:
    """Those that share no identifier with another of them, repeats aside."""
    holders: dict[tuple[str, str], set[Identity]] = {}
    different = list(dict.fromkeys(identities))
    for identity in different:
        for name in names(identity):
            holders.setdefault(name, set()).add(identity)
    return [identity for identity in different if all(len(holders[name]) == 1 for name in names(identity))]


def unknown(store: Store, identities: list[Identity]) -> list[Identity]:
    values = {field: [value for one in identities if (value := getattr(one, field))] for field in UNIQUE}
    known: set[tuple[str, str]] = set()
    for field, given in values.items():
        if given:
            found = store.customers.filter(**{f"{field}__in": given}).values_list(field, flat=True)
            known |= {(field, value) for value in found}
    aliases = CustomerAlias.objects.filter(store=store, external_id__in=values["external_id"])
    known |= {("external_id", value) for value in aliases.values_list("external_id", flat=True)}
    # In one order everywhere, so that two batches which share people never wait for each other in a circle.
    return sorted((identity for identity in identities if known.isdisjoint(names(identity))), key=names)


def names(identity: Identity) -> list[tuple[str, str]]:
    return [(field, value) for field in UNIQUE if (value := getattr(identity, field))]
