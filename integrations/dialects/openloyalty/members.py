"""Members: the customers who have joined, as this wire names and makes them."""

import re
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import Http404

from customers import enrolment, identities
from customers.identities import BadIdentity, Identity
from customers.models import Customer, Wallet
from earning import activities
from earning.models import Order
from integrations.models import Connection
from loyalty.stores.models import Store

from . import settings
from .errors import Invalid, Problem, invalid
from .shapes import plain_phone, read_uuid

SOURCE = "openloyalty"
COLUMNS = {"email": "email", "phone": "phone", "loyaltyCardNumber": "card_number"}
PATH = re.compile(r"(email|phone|loyaltyCardNumber)=(.+)", re.DOTALL)


# --- Who is meant -----------------------------------------------------------------------------


def of(store: Store) -> QuerySet[Customer]:
    """Guests of other wires are no members: they become one by being created here."""
    last_order = Order.objects.filter(store=store, customer=OuterRef("pk")).order_by("-pk")
    wallet = Wallet.objects.filter(store=store, unit="points")
    return (
        store.customers.exclude(state=Customer.State.GUEST)
        .annotate(last_order_at=Subquery(last_order.values("placed_at")[:1]))
        .prefetch_related(Prefetch("wallets", wallet, to_attr="purses"))
    )


def get(store: Store, name: str) -> Customer:
    """The member in a path: an id, or `email=`, `phone=`, `loyaltyCardNumber=`."""
    if member_id := read_uuid(name):
        found = of(store).filter(public_id=member_id).first()
    else:
        path = PATH.fullmatch(name)
        found = path and by(store, path[1], path[2])
    if found is None:
        raise Http404
    return found


def by(store: Store, name: str, text: str) -> Customer | None:
    value: str | None = text.strip()
    if name == "email":
        try:
            value = identities.normal_email(text)
        except BadIdentity:
            return None
    elif name == "phone":
        value = plain_phone(text)
    if not value or "\x00" in value:
        return None
    return of(store).filter(**{COLUMNS[name]: value}).first()


def match(store: Store, connection: Connection, told: dict[str, Any]) -> Customer | None:
    """Whom a fact means: the id decides, then the identifiers in the store's order."""
    member_id = read_uuid(told.get("customerId"))
    if member_id and (found := of(store).filter(public_id=member_id).first()):
        return found
    for name in settings.matching_order(connection):
        if told.get(name) and (found := by(store, name, told[name])):
            return found
    return None


# --- Creating ---------------------------------------------------------------------------------


def create(store: Store, connection: Connection, told: dict[str, Any]) -> Customer:
    """A new member, active at once. Of equal calls at the same time one succeeds."""
    needed = settings.identification_method(connection)
    if not told.get(needed):
        raise invalid(needed, "blank")
    refuse_taken(store, told)
    identity = Identity(email=told.get("email"), phone=told.get("phone"), card_number=told.get("loyaltyCardNumber"))
    customer = enrolment.identify(store, identity, is_registered=True)
    if not enrolment.enrol(customer):  # a twin was faster
        refuse_taken(store, told)
        raise invalid(needed, "duplicate", customerId=str(customer.public_id))
    # A guest kept one of them, because it is another guest's: nothing is merged here.
    if kept := [name for name, column in COLUMNS.items() if told.get(name) and getattr(customer, column) != told[name]]:
        raise Invalid(*(Problem(name, "duplicate") for name in kept))
    enrolment.update_profile(
        customer, first_name=told.get("firstName"), last_name=told.get("lastName"), birthday=told.get("birthDate"),
        properties=properties_of(told),
    )  # fmt: skip
    activities.join(store, identity, source=SOURCE)
    return customer


def refuse_taken(store: Store, told: dict[str, Any]) -> None:
    holders = {name: told.get(name) and by(store, name, told[name]) for name in COLUMNS}
    problems = [
        Problem(name, "duplicate", {"customerId": str(holder.public_id)}) for name, holder in holders.items() if holder
    ]
    if problems:
        raise Invalid(*problems)


def properties_of(told: dict[str, Any]) -> dict[str, Any]:
    """What the core has no column for."""
    company = told.get("company") or {}
    registered_at = told.get("registeredAt")
    found = {
        "gender": told.get("gender"),
        "registered_at": registered_at and registered_at.isoformat(),
        "address": filled(told.get("address") or {}),
        "company": filled({"name": company.get("name"), "tax_id": company.get("nip")}),
        "labels": told.get("labels"),
        "consents": filled({number: told.get(f"agreement{number}") for number in "123"}),
        "referrer_token": told.get("referrerToken"),
        "custom_fields": told.get("customFieldsData"),
    }
    return filled(found)


def filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
