"""The demo store's shop: what a merchant's own server does, so that a newcomer sees the whole circle.

It tells orders and refunds over the same signed wire as any shop, through the same view.
"""

import secrets
import time
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from customers.identities import Identity
from customers.models import Customer
from earning import activities
from earning.activities import NewActivity
from integrations.models import Widget, WidgetSecret
from integrations.widget import identity
from loyalty.demo_wire import NotTaken, tell
from loyalty.stores.models import Store
from loyalty.stores.numbers import money
from loyalty.stores.tenancy import acting_for
from spending.models import Redemption
from spending.rewards import Discount

SHOPPERS = 3
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Product:
    id: str
    name: str
    text: str
    price: Decimal


PRODUCTS = {
    product.id: product
    for product in (
        Product("espresso", "Harbour Espresso", "Dark and round, 250 g", Decimal("12.90")),
        Product("filter", "Lighthouse Filter", "Light and bright, 250 g", Decimal("14.50")),
        Product("grinder", "Hand grinder", "Steel burrs, for the kitchen or the camp", Decimal("89.00")),
    )
}
SHIPPING = Decimal("4.90")


def find() -> Store | None:
    return Store.objects.filter(is_demo=True).first()


# --- Shoppers -----------------------------------------------------------------------------------


def shoppers(store: Store) -> list[Customer]:
    """Some members to be, richest first: they can take a reward at once."""
    members = store.customers.filter(state=Customer.State.ENROLLED, external_id__isnull=False)
    return list(members.order_by("-wallets__balance", "pk")[:SHOPPERS])


def new_shopper() -> str:
    return f"new-{secrets.token_hex(4)}"


def tag(store: Store, customer_id: str, host: str) -> dict[str, str]:
    """The attributes of the widget's div, signed as a shop's server does for who is signed in."""
    widget, _ = Widget.objects.get_or_create(store=store)
    live = WidgetSecret.live(store)
    secret = live[0] if live else WidgetSecret.issue(store)[0]
    now, nonce = int(time.time()), secrets.token_hex(16)
    signature = identity.sign_v1(secret.clear, secret.key_id, widget.key, customer_id, now, now + 900, nonce)
    return {
        "api-key": widget.key, "shop-domain": host, "customer-id": customer_id,
        "customer-signature": signature if customer_id else "",
    }  # fmt: skip


# --- Orders -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    code: str

    @property
    def total(self) -> Decimal:
        return self.subtotal - self.discount + self.shipping


def price(store: Store, product_ids: list[str], code: str) -> Order:
    """What an order comes to. Raises NotTaken."""
    products = [PRODUCTS[product_id] for product_id in product_ids if product_id in PRODUCTS]
    if not products:
        raise NotTaken("Choose something to order first.")
    subtotal, shipping = sum((product.price for product in products), Decimal(0)), SHIPPING
    discount = Decimal(0)
    if code:
        redemption = redemption_of(store, code)
        least = redemption.reward.minimum_order or Decimal(0)
        if subtotal < least:
            raise NotTaken(f"This code is for orders from {money(least, store.currency)}.")
        chosen = redemption.reward.reward_kind.discount(redemption.reward.settings, redemption.multiplier)
        shipping -= off_shipping(chosen, shipping)
        discount = off_products(chosen, subtotal, redemption)
    return Order(f"D-{secrets.token_hex(4)}", subtotal, discount, shipping, code)


def redemption_of(store: Store, code: str) -> Redemption:
    """The demo's shop knows our codes by asking us; a merchant's has its own list of them."""
    found = store.redemptions.select_related("reward").filter(code_key=code.lower()).first()
    if found is None:
        raise NotTaken("This code is not known.")
    if found.state != Redemption.State.ISSUED:
        raise NotTaken(f"This code is no longer good: it is {found.get_state_display().lower()}.")
    return found


def off_shipping(chosen: Discount | None, shipping: Decimal) -> Decimal:
    if chosen is None or chosen.type != "shipping":
        return Decimal(0)
    return shipping if chosen.value is None else min(chosen.value, shipping).quantize(CENT)


def off_products(chosen: Discount | None, subtotal: Decimal, redemption: Redemption) -> Decimal:
    off = Decimal(0)
    if chosen and chosen.type == "fixed":
        off = chosen.value or Decimal(0)
    elif chosen and chosen.type == "percentage":
        off = (subtotal * (chosen.value or 0) / 100).quantize(CENT, ROUND_HALF_UP)
    elif chosen is None:
        off = redemption.value or Decimal(0)  # a gift code
    return min(off, subtotal).quantize(CENT)


def place(store: Store, customer_id: str, order: Order) -> None:
    """Tell the order as a shop does when it is paid and sent."""
    tell(store, "orders-completed", {
        "id": order.id, "total_price": str(order.total), "subtotal_price": str(order.subtotal - order.discount),
        "total_discounts": str(order.discount), "total_tax": "0.00", "taxes_included": "0",
        "discount_codes": [{"code": order.code}] if order.code else [],
        "customer": customer_of(store, customer_id),
    })  # fmt: skip


def customer_of(store: Store, customer_id: str) -> dict[str, str]:
    if not customer_id:
        return {"email": "guest@harbour-coffee.example", "first_name": "Guest", "last_name": ""}
    with acting_for(store.pk):
        known = store.customers.filter(external_id=customer_id).first()
    names = {"first_name": known.first_name, "last_name": known.last_name} if known else {"first_name": "New"}
    email = (known and known.email) or f"{customer_id}@shopper.example"
    return {"id": customer_id, "email": email, **names}


def refund(store: Store, order_id: str, amount: Decimal) -> None:
    tell(store, "refunds-create", {"id": order_id, "transactions": [{"id": f"{order_id}-R1", "amount": str(amount)}]})


def write_review(store: Store, customer_id: str) -> None:
    """What a review app reports."""
    if not customer_id:
        raise NotTaken("Choose a shopper first: a guest's review has no account to give points to.")
    known_as = Identity.of(external_id=customer_id)
    activities.record(
        store, NewActivity("review", known_as, external_id=f"review-{secrets.token_hex(4)}", source="api")
    )
