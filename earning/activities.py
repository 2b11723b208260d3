"""What customers did: recorded once, amended by whoever may say what became of it."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from customers import enrolment, identities, newcomers
from customers.identities import Identity
from customers.models import Customer
from loyalty.stores import broker, clock
from loyalty.stores.facts import told_now
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .inserting import NewActivity, Recorded, insert_known
from .models import Activity

APPLY = "earning.tasks.apply_due"


class ActivityConflict(ValueError):
    """The same action and external id were told before, of another customer."""


def record(store: Store, new: NewActivity) -> Recorded:
    """Store one activity and nudge a worker. Told again it returns the first, unchanged."""
    [recorded] = record_many(store, [new])
    if isinstance(recorded, Exception):
        raise recorded
    return recorded


def record_many(store: Store, news: list[NewActivity]) -> list[Recorded | Exception]:
    """The same for many: one answer each, in order; a bad one does not hold back the rest."""
    named = {uuid7(): new for new in news}
    recorded = insert_known(store, named)
    if len(named) > 1 and (left := without(named, recorded)):
        recorded |= look_at_many(store, left)
    answers: list[Recorded | Exception] = [
        recorded.get(public_id) or record_slowly(store, new, public_id) for public_id, new in named.items()
    ]
    broker.nudge(APPLY, store.pk)
    return answers


def look_at_many(store: Store, left: dict[UUID, NewActivity]) -> dict[UUID, Recorded]:
    """Repeats and newcomers, the usual reasons for not being inserted, in sets. The rest is looked at one by one."""
    with acting_for(store.pk):
        repeats = plain_repeats(store, left)
        left = without(left, repeats)
        newcomers.welcome(store, [new.identity for new in left.values() if not new.is_registered])
    return repeats | (insert_known(store, left) if left else {})


def without(named: dict[UUID, NewActivity], recorded: dict[UUID, Recorded]) -> dict[UUID, NewActivity]:
    return {public_id: new for public_id, new in named.items() if public_id not in recorded}


def plain_repeats(store: Store, left: dict[UUID, NewActivity]) -> dict[UUID, Recorded]:
    """Facts that were told before, of the customer by whose main id they are told again."""
    external_ids = {new.external_id for new in left.values()} - {""}
    told = store.activities.filter(external_id__in=external_ids, action__in={new.action for new in left.values()})
    firsts = {
        (action, external_id, customer): Recorded(pk, public_id, customer_id, False)
        for action, external_id, customer, pk, public_id, customer_id in told.values_list(
            "action", "external_id", "customer__external_id", "pk", "public_id", "customer_id"
        )
    }
    found = {
        public_id: firsts.get((new.action, new.external_id, new.identity.external_id))
        for public_id, new in left.items()
        if new.identity.external_id
    }
    return {public_id: first for public_id, first in found.items() if first}


def record_slowly(store: Store, new: NewActivity, public_id: UUID) -> Recorded | Exception:
    try:
        with acting_for(store.pk):
            if repeat := find_repeat(store, new):
                return repeat
            customer = enrolment.identify(store, new.identity, is_registered=new.is_registered)
            made = Activity(
                store=store, public_id=public_id, customer=customer, action=new.action, external_id=new.external_id,
                source=new.source, occurred_at=new.occurred_at or clock.now(), properties=new.properties,
                asked_state=new.asked_state, asked_points=new.asked_points, asked_rule_id=new.asked_rule_id,
                **told_now(),
            )  # fmt: skip
            Activity.objects.bulk_create([made], ignore_conflicts=True)
            if pk := store.activities.filter(public_id=public_id).values_list("pk", flat=True).first():
                return Recorded(pk, public_id, customer.pk, True)
            return find_repeat(store, new) or ActivityConflict(
                "This activity was stored by a twin call; send it again."
            )
    except ValueError as error:  # an identity or a conflict: the caller's to mend
        return error


def find_repeat(store: Store, new: NewActivity) -> Recorded | None:
    if not new.external_id:
        return None
    first = store.activities.filter(action=new.action, external_id=new.external_id).first()
    if first is None:
        return None
    told = identities.find(store, new.identity)
    if told is not None and told.pk != first.customer_id:
        raise ActivityConflict(f"“{new.external_id}” was reported before for another customer.")
    return Recorded(first.pk, first.public_id, first.customer_id, False)


def join(store: Store, identity: Identity, *, source: str, external_id: str = "") -> Customer:
    """Enrol and record "create an account", which pays the joining rule and frees what waited for it."""
    customer = enrolment.identify(store, identity, is_registered=True)
    enrol(customer)
    known_as = Identity.of(customer.external_id, customer.email, customer.phone, customer.card_number)
    record(store, NewActivity("sign_up", known_as, external_id=external_id or f"customer:{customer.pk}", source=source))
    return customer


def enrol(customer: Customer) -> bool:
    """A guest joins, and what waited for it is due now. Returns whether they joined now."""
    joined = enrolment.enrol(customer)
    if joined:
        release_waiting(customer.store_id, [customer.pk])
    return joined


def release_waiting(store_id: int, customer_ids: Iterable[int]) -> None:
    """Facts that waited for their customer to join are due now.

    One that is locked is being evaluated: `stay_guests` has its worker look again, so nobody waits here while
    holding the customer.
    """
    waiting = Activity.objects.filter(
        store_id=store_id, customer_id__in=list(customer_ids), state=Activity.State.PENDING, asked_state="enrolled"
    )
    free = waiting.order_by("pk").select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    Activity.objects.filter(store_id=store_id, pk__in=list(free)).update(due_at=clock.now())


def stay_guests(store: Store, customer_ids: Collection[int]) -> set[int]:
    """Which of them are guests, and cannot join before this transaction ends. Who is being changed is left out."""
    if not customer_ids:
        return set()
    guests = store.customers.filter(pk__in=customer_ids, state=Customer.State.GUEST).order_by("pk")
    return set(guests.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))


def ask(activity: Activity, state: str) -> None:
    """Note what was said of an activity; the next evaluation follows it. In the caller's transaction."""
    with transaction.atomic():
        Activity.objects.filter(store_id=activity.store_id, pk=activity.pk).update(
            asked_state=state, due_at=clock.now(), attempts=0
        )
    broker.nudge(APPLY, activity.store_id)
