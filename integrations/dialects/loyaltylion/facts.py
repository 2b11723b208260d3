"""Activities as this wire tells them: kept once, then amended by whoever told them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

from customers import enrolment, identities, ledger
from customers.identities import Identity
from customers.models import Customer
from earning import activities, applying
from earning.activities import NewActivity
from earning.models import Activity
from integrations.models import Connection
from loyalty.stores.models import Store

from . import values
from .names import CLICKTHROUGH, SIGN_UP, Name, by_guest
from .refusals import Refused, invalid, not_found
from .values import Fields

State = Activity.State

MADE_BY_ORDERS = "is made by orders; report the order instead"
# What becomes of an activity when it is asked to be something. None: it stays. A pair left out is refused.
BECOMES: Mapping[str, Mapping[str, str | None]] = {
    State.PENDING: {State.APPROVED: State.APPROVED, State.DECLINED: State.DECLINED, State.VOID: State.VOID},
    State.APPROVED: {State.APPROVED: None, State.DECLINED: State.VOID, State.VOID: State.VOID},
    State.DECLINED: {State.DECLINED: None, State.VOID: None},
    State.VOID: {State.DECLINED: None, State.VOID: None},
}


@dataclass(frozen=True, slots=True)
class Told:
    """An activity that was read: its shape is good."""

    name: Name
    identity: Identity
    external_id: str
    state: str
    occurred_at: datetime | None
    properties: dict[str, Any]
    guest: bool | None  # None: not said, which counts as a guest


def read(members: Mapping[str, Any]) -> Told:
    fields = Fields(members)
    name = fields.read("name", values.name, is_required=True)
    external_id = fields.read("customer_id", values.identifier, is_required=True)
    email = fields.read("customer_email", values.email, is_required=True)
    told = Told(
        name=Name(name or ""),
        identity=Identity(external_id, email),
        external_id=fields.read("merchant_id", values.identifier) or "",
        state=fields.read("state", values.one_of(State.PENDING, State.APPROVED)) or "",
        occurred_at=fields.read("date", values.past),
        properties=fields.read("properties", values.properties) or {},
        guest=fields.read("guest", values.flag),
    )
    fields.check()
    return told


def read_state(members: Mapping[str, Any]) -> str:
    fields = Fields(members)
    words = values.one_of(State.APPROVED, State.DECLINED, State.VOID)
    state = fields.read("state", words, is_required=True)
    fields.check()
    return state


# --- Telling ----------------------------------------------------------------------------------


def tell(connection: Connection, told: Told) -> None:
    """Keep what a customer did. Told again it changes nothing; of another customer it is refused."""
    store = connection.store
    action = told.name.action(store)
    if action is None:
        raise invalid({"name": MADE_BY_ORDERS})
    if action == CLICKTHROUGH and not is_text(told.properties.get("url")):
        raise invalid({"properties": "must have a url"})
    if told.external_id and (first := find(store, told.name, [told.external_id])):
        return confirm(store, told, first.customer_id)
    new = NewActivity(
        action, told.identity, external_id=told.external_id, occurred_at=told.occurred_at,
        properties=told.properties, asked_state=told.state, source=connection.dialect,
        is_registered=told.guest is False,
    )  # fmt: skip
    if action == SIGN_UP and told.guest is not True:
        return sign_up(store, new)
    if is_worthless(connection, told, action):
        new.action = by_guest(action)
    recorded = activities.record(store, new)
    if not recorded.is_new:
        confirm(store, told, recorded.customer_id)
    elif told.guest is False:
        activities.enrol(store.customers.get(pk=recorded.customer_id))


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def find(store: Store, name: Name, external_ids: list[str], *, is_locked: bool = False) -> Activity | None:
    """The activity told under this name and one of these ids, the likeliest of each first."""
    actions = name.actions()
    rows = store.activities.filter(action__in=actions, external_id__in=external_ids)
    if is_locked:
        rows = rows.order_by("pk").select_for_update()  # in the order of every batch
    order = {(id, action): place for place, (id, action) in enumerate(product(external_ids, actions))}
    return min(rows, key=lambda row: order[row.external_id, row.action], default=None)


def confirm(store: Store, told: Told, customer_id: int) -> None:
    """It was told before: of the same customer?"""
    customer = identities.find(store, told.identity)
    if customer is None or customer.pk != customer_id:
        raise invalid({"merchant_id": "was reported before for another customer"})


def sign_up(store: Store, new: NewActivity) -> None:
    """Enrol, and record joining unless this customer has joined before, under whatever merchant_id."""
    customer = enrolment.identify(store, new.identity, is_registered=True)
    activities.enrol(customer)
    ledger.lock_wallets(store.pk, [customer.pk])  # twin calls one after the other
    if not store.activities.filter(customer=customer, action=SIGN_UP).exists():
        known = Identity(customer.external_id, customer.email)
        activities.record(store, replace(new, identity=known, is_registered=False))


def is_worthless(connection: Connection, told: Told, action: str) -> bool:
    """A guest's sign-up is none; a guest's custom action earns only if the merchant lets it."""
    if action == SIGN_UP:
        return True
    if connection.settings.get("guests_earn") != "built_in" or told.guest is False or action != told.name.custom:
        return False
    customer = identities.find(connection.store, told.identity)
    return customer is None or customer.state == Customer.State.GUEST


# --- Amending ---------------------------------------------------------------------------------


def amend(store: Store, name: Name, external_id: str, state: str) -> None:
    """Approve, decline or void an activity, with its points, before this returns."""
    # In an address the last slash may be the id's own or none of it.
    external_ids = [external_id.strip(), external_id.removesuffix("/").strip()]
    activity = find(store, name, external_ids, is_locked=True)
    if activity is None:
        raise invalid({"name": MADE_BY_ORDERS}) if name.is_of_orders else not_found()
    if activity.decision is None:
        applying.apply_now(store, [activity.pk])
        activity.refresh_from_db(fields=["state"])
    if state not in BECOMES[activity.state]:
        raise Refused(422, "invalid_transition", f"A {activity.state} activity cannot become {state}.")
    if becomes := BECOMES[activity.state][state]:
        activities.ask(activity, becomes)
        applying.apply_now(store, [activity.pk])
