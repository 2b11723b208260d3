"""The demo store's shop front at /demo/shop/: anybody may play, nobody signs in."""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from loyalty import demo_shop
from loyalty.demo_shop import NotTaken
from loyalty.stores import rate_limits
from loyalty.stores.models import Store
from loyalty.stores.proxies import client_address
from loyalty.stores.tenancy import acting_for

KEPT = 10  # orders that a visitor sees
A_SECOND = 2


def demo_store() -> Store:
    store = demo_shop.find()
    if store is None:
        raise Http404
    return store


@require_safe
@transaction.non_atomic_requests
@csp_update({"frame-src": [SELF]})
def shop(request: HttpRequest) -> HttpResponse:
    store = demo_store()
    shopper = request.session.get("demo_shopper", "")
    with acting_for(store.pk):
        known = demo_shop.shoppers(store)
        names = {str(one.external_id): one.name or one.email for one in known}
        if shopper and shopper not in names:
            names[shopper] = "A new shopper"
        tag = demo_shop.tag(store, shopper, request.get_host())
        return render(request, "demo_shop/shop.html", {
            "store": store, "products": demo_shop.PRODUCTS.values(), "shipping": demo_shop.SHIPPING, "tag": tag,
            "shoppers": names, "shopper": shopper, "orders": request.session.get("demo_orders", []),
        })  # fmt: skip


def action(view: Callable[[HttpRequest, Store, str], str]) -> Callable[[HttpRequest], HttpResponse]:
    """Something that a visitor does: `view` returns what to say, or raises NotTaken. Then the shop again."""

    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        store, shopper = demo_store(), request.session.get("demo_shopper", "")
        taken = rate_limits.take(f"demo-shop:{client_address(request)}", A_SECOND)
        if taken and not taken.is_allowed:
            messages.error(request, "That was fast. Wait a moment and try again.")
            return redirect("demo_shop")
        try:
            messages.success(request, view(request, store, shopper))
        except NotTaken as refusal:
            messages.error(request, str(refusal))
        return redirect("demo_shop")

    return require_POST(csrf_protect(transaction.non_atomic_requests(wrapped)))


@action
def choose(request: HttpRequest, store: Store, shopper: str) -> str:
    chosen = request.POST.get("shopper", "")[:64]
    if chosen == "new":
        chosen = demo_shop.new_shopper()
    elif chosen:
        with acting_for(store.pk):
            if chosen not in {one.external_id for one in demo_shop.shoppers(store)} | {shopper}:
                raise NotTaken("Choose one of the shoppers.")
    request.session["demo_shopper"] = chosen
    request.session["demo_orders"] = []
    return "You are somebody else now. Open the rewards below." if chosen else "You are a guest now."


@action
def order(request: HttpRequest, store: Store, shopper: str) -> str:
    code = request.POST.get("code", "").strip()[:64]
    with acting_for(store.pk):
        placed = demo_shop.price(store, request.POST.getlist("product"), code)
    demo_shop.place(store, shopper, placed)
    line: dict[str, Any] = {
        "id": placed.id, "total": str(placed.total), "discount": str(placed.discount) if placed.code else "",
        "code": placed.code, "is_refunded": False,
    }  # fmt: skip
    request.session["demo_orders"] = [line, *request.session.get("demo_orders", [])][:KEPT]
    off = f" Your code took {placed.discount} {store.currency} off." if placed.discount else ""
    whose = f"Its {store.points_name_plural} arrive within seconds." if shopper else "Guests collect nothing yet."
    return f"Order {placed.id} over {placed.total} {store.currency} is placed.{off} {whose}"


@action
def refund(request: HttpRequest, store: Store, shopper: str) -> str:
    orders = request.session.get("demo_orders", [])
    meant = next((one for one in orders if one["id"] == request.POST.get("order") and not one["is_refunded"]), None)
    if meant is None:
        raise NotTaken("This order is not among yours, or it was refunded already.")
    demo_shop.refund(store, meant["id"], Decimal(meant["total"]))
    meant["is_refunded"] = True
    request.session["demo_orders"] = orders
    return f"Order {meant['id']} is refunded: what it gave is taken back within seconds."


@action
def review(request: HttpRequest, store: Store, shopper: str) -> str:
    demo_shop.write_review(store, shopper)
    return (
        f"Thank you for your review. Its {store.points_name_plural} wait until somebody approves them in the dashboard."
    )
