"""Joining, and what is learned of a person. Several external ids over time may be theirs: aliases keep them."""

from contextlib import suppress
from datetime import date

from django.db import IntegrityError, transaction

from loyalty.stores import clock
from loyalty.stores.models import Store

from .identities import Erased, Identity, IdentityConflict, find
from .models import Customer, CustomerAlias, Event, Topic, Wallet


def identify(store: Store, identity: Identity, *, is_registered: bool = False) -> Customer:
    """Find the person or make a guest, and learn what is new about how they are named.

    An unknown external id with a known e-mail is the same person: it becomes the main id if there was
    none, or if a guest is now registered in the shop (`is_registered`); else it is linked.
    """
    customer = find(store, identity)
    if customer is None:
        try:
            with transaction.atomic():
                return create(store, identity)
        except IntegrityError:  # made by a twin call meanwhile
            customer = find(store, identity)
            if customer is None:
                raise
    learn(customer, identity, is_registered)
    return customer


def create(store: Store, identity: Identity) -> Customer:
    customer = Customer.objects.create(
        store=store, external_id=identity.external_id, email=identity.email,
        phone=identity.phone, card_number=identity.card_number,
    )  # fmt: skip
    Wallet.objects.create(store=store, customer=customer)
    Event.objects.create(store=store, customer=customer, topic=Topic.CUSTOMER_CREATED)
    return customer


def learn(customer: Customer, identity: Identity, is_registered: bool) -> None:
    changed = {}
    if identity.external_id and identity.external_id != customer.external_id:
        if customer.external_id is None or (is_registered and customer.state == Customer.State.GUEST):
            if customer.external_id:
                link(customer, customer.external_id)
            changed["external_id"] = identity.external_id
        else:
            link(customer, identity.external_id)
    for field in ("email", "phone", "card_number"):
        value = getattr(identity, field)
        if value and value != getattr(customer, field) and is_free(customer, field, value):
            changed[field] = value
    if changed:
        # What a twin call gave to somebody else since we looked stays theirs.
        with suppress(IdentityConflict):
            rename(customer, changed)


def link(customer: Customer, external_id: str) -> None:
    CustomerAlias.objects.get_or_create(
        store_id=customer.store_id, external_id=external_id, defaults={"customer": customer}
    )


def correct(customer: Customer, identity: Identity) -> None:
    """Name a person anew; the former external id stays linked. Raises IdentityConflict when somebody else has one."""
    changed = {}
    for field in ("external_id", "email", "phone", "card_number"):
        value = getattr(identity, field)
        if not value or value == getattr(customer, field):
            continue
        other = find(customer.store, Identity(**{field: value}))
        if other is not None and other.pk != customer.pk:
            raise IdentityConflict(f"Another customer has the {field.replace('_', ' ')} “{value}”.")
        changed[field] = value
    if "external_id" in changed and customer.external_id:
        link(customer, customer.external_id)
    if changed:
        rename(customer, changed)


def rename(customer: Customer, identifiers: dict[str, str]) -> None:
    """Raises IdentityConflict, with nothing changed, when a twin call has just given one to somebody else."""
    try:
        with transaction.atomic():
            change(customer, **identifiers)
    except IntegrityError as error:
        customer.refresh_from_db()
        names = " or ".join(field.replace("_", " ") for field in identifiers)
        raise IdentityConflict(f"Another customer was given this {names} just now.") from error


def is_free(customer: Customer, field: str, value: str) -> bool:
    """Nobody else has it. A conflict is left for a person to settle, never merged silently."""
    taken = Customer.objects.filter(store_id=customer.store_id, **{field: value}).exclude(pk=customer.pk).exists()
    if taken:
        show_conflict(customer, field, value)
    return not taken


def show_conflict(customer: Customer, field: str, value: str) -> None:
    """Once for each two customers, however often a shop tells it. Events stay for ever, so it names ids alone."""
    others = Customer.objects.filter(store_id=customer.store_id, **{field: value}).exclude(pk=customer.pk)
    other = others.values_list("public_id", flat=True).first()
    item = {"what": f"{field}_conflict", "other": str(other) if other else None}
    items = Event.objects.filter(store_id=customer.store_id, customer=customer, topic=Topic.ATTENTION, data=item)
    if not items.exists():
        Event.objects.create(store_id=customer.store_id, customer=customer, topic=Topic.ATTENTION, data=item)


def change(customer: Customer, **fields) -> None:
    """Set fields and tell it. Only what is given is written: a stale copy overwrites nothing.

    Raises Erased: nothing is learned of that person any more.
    """
    if customer.is_erased:
        raise Erased("This customer was erased, which cannot be undone.")
    for name, value in fields.items():
        setattr(customer, name, value)
    customer.save(update_fields=[*fields, "updated_at"])
    Event.objects.create(
        store_id=customer.store_id, customer=customer, topic=Topic.CUSTOMER_UPDATED, data={"fields": sorted(fields)}
    )


def update_profile(
    customer: Customer,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    birthday: date | None = None,
    tags: list[str] | None = None,
    properties: dict | None = None,
) -> None:
    """Blank never erases: only values that say something are written. `tags` replaces the list."""
    changed: dict = {}
    for name, value in (("first_name", first_name), ("last_name", last_name)):
        if value and value[:150] != getattr(customer, name):
            changed[name] = value[:150]
    if birthday and birthday != customer.birthday:
        changed |= {"birthday": birthday, "birthday_set_at": clock.now()}
    if tags is not None and sorted(set(tags)) != sorted(customer.tags):
        changed["tags"] = sorted(set(tags))
    if properties and customer.properties | properties != customer.properties:
        changed["properties"] = customer.properties | properties
    if changed:
        change(customer, **changed)


def enrol(customer: Customer) -> bool:
    """A guest joins. Returns whether they joined now."""
    joined = Customer.objects.filter(pk=customer.pk, store_id=customer.store_id, state=Customer.State.GUEST).update(
        state=Customer.State.ENROLLED, enrolled_at=clock.now()
    )
    if joined:
        customer.refresh_from_db(fields=["state", "enrolled_at"])
        Event.objects.create(store_id=customer.store_id, customer=customer, topic=Topic.CUSTOMER_ENROLLED)
    return bool(joined)


def block(customer: Customer, is_blocked: bool) -> None:
    """A blocked customer earns and spends nothing; unblocking gives back the state before."""
    state = Customer.State.BLOCKED
    if not is_blocked:
        state = Customer.State.ENROLLED if customer.enrolled_at else Customer.State.GUEST
    if state != customer.state and (is_blocked or customer.state == Customer.State.BLOCKED):
        change(customer, state=state)
