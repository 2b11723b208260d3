"""The widget's own calls: a token for a page, and what the panel reads and does with it."""

import re
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from customers import enrolment
from customers.identities import Identity
from customers.models import Customer
from earning import activities
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import origins, presenting, redeeming, sessions, statements
from .bodies import Refusal, body_of, text_in, whole_in
from .doors import Visit, call, opened
from .models import Widget
from .sessions import LIFE, Page

CALL_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@opened("POST")
def token(request: HttpRequest) -> tuple[Any, list[str]]:
    """Exchange what a page's tag says for a token. Also again, with the same attributes, while they hold."""
    body = body_of(request)
    key = text_in(body, "api_key")
    page = Page(**{name: text_in(body, name) for name in Page.__slots__})
    door = sessions.door_of(key)
    if door is None:
        raise Refusal(404, "key_not_found", "data-api-key is not a key of this server.")
    with acting_for(door.store.pk):
        allowed = origins.verified(door.store, request)
        origin = request.headers.get("Origin", "")
        if origin not in allowed:
            raise Refusal(403, "origin_not_verified", f"{origin or 'This page'} is not a verified domain of the store.")
        try:
            session = sessions.admit(door, page, origin, allowed)
        except sessions.Refused as refused:
            refusal = Refusal(403, refused.code, str(refused))
            refusal.allowed = allowed  # the page's console says why the widget stays away
            raise refusal from refused
    return {
        "mode": session.mode(door.widget), "can": session.rights(door.widget), "token": session.token(),
        "expires_in": LIFE, "launcher": launcher(door.widget), "key": door.key,
    }, allowed  # fmt: skip


def launcher(widget: Widget) -> dict[str, str]:
    """What the shop's page itself draws."""
    return widget.full_look | {"text": widget.text("launcher"), "title": widget.text("title")}


@call("GET")
def home(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    shown = presenting.home(visit.store, visit.widget, visit.customer())
    return {"mode": visit.mode, "can": visit.rights} | shown


@call("GET")
def codes(request: HttpRequest, visit: Visit) -> list[dict[str, Any]]:
    customer = visit.customer()
    if customer is None:
        return []
    return presenting.codes(
        visit.store, customer, all_codes="codes" in visit.rights, own_source=redeeming.SOURCES["v0"]
    )  # fmt: skip


@call("GET")
def history(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    customer, before = visit.customer(), request.GET.get("before", "")
    if customer is None:
        return {"lines": [], "before": None}
    is_number = before.isascii() and before.isdigit() and len(before) < 16
    return statements.history(visit.store, customer, int(before) if is_number else None)


@call("POST", is_atomic=False)  # taking a reward has transactions of its own
def redeem(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    visit.needs("redeem")
    body = visit.body
    call_id = text_in(body, "call_id")
    if not CALL_ID.fullmatch(call_id):
        raise Refusal(400, "invalid_value", "call_id must be 8 to 64 letters, digits, _ or -.", field="call_id")
    multiplier = whole_in({"multiplier": 1} | body, "multiplier", 1, 10_000)
    redemption = redeeming.redeem(visit, text_in(body, "reward_id"), multiplier, call_id)
    with acting_for(visit.store.pk):
        wallet = visit.store.wallets.get(customer=redemption.customer_id, unit="points")
        return presenting.code_row(redemption, visit.store) | {
            "points_spent": str(redemption.points.normalize() + 0),
            "points_balance": presenting.points(wallet.balance, visit.store),
        }


@call("POST")
def join(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    """Someone with an account in the shop joins the programme."""
    visit.needs("profile")
    identity = Identity.of(external_id=visit.session.customer_id)
    activities.join(visit.store, identity, source="widget")
    return {"joined": True}


@call("POST")
def birthday(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    """Once: a birthday that moves about would be had every week."""
    visit.needs("profile")
    customer = redeeming.known(visit)
    if "birthday" in visit.widget.hidden_sections or customer.birthday:
        raise Refusal(409, "birthday_known", "The birthday is known already. Please ask the shop to change it.")
    entered = date_in(visit.body, visit.store)
    locked = Customer.objects.select_for_update().filter(store=visit.store, pk=customer.pk, birthday=None).first()
    if locked:
        enrolment.update_profile(locked, birthday=entered)
    return {"birthday": f"{entered:%-d %B}"}


def date_in(body: dict[str, Any], store: Store) -> date:
    today = store.local(timezone.now()).date()
    year = whole_in(body, "year", today.year - 120, today.year)
    try:
        entered = date(year, whole_in(body, "month", 1, 12), whole_in(body, "day", 1, 31))
    except ValueError as error:
        raise Refusal(400, "invalid_value", "That is not a date.", field="day") from error
    if entered > today:
        raise Refusal(400, "invalid_value", "That is not a date in the past.", field="year")
    return entered
