"""The kinds of earning action. A new kind is one class here and one test; nothing else changes.

A kind says what it is called, which settings a merchant may choose (`Settings`, an ordinary form), what
must hold for it to pay (`checks`) and what it pays (`worth`). Both get plain values and touch no database.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django import forms

if TYPE_CHECKING:
    from .engine import Fact, Person, Rule

Check = dict[str, Any]  # {"check", "ok", "seen"?, "want"?}: one condition, what was seen, the verdict


class Worth(NamedTuple):
    """Points before the store's rounding, and how they came about."""

    points: Decimal
    steps: dict[str, str]


def money(value: object) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)


class Action:
    key: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    group: ClassVar[str] = "Engage"
    icon: ClassVar[str] = "star"
    suggested: ClassVar[int] = 50
    is_once: ClassVar[bool] = False  # suggests the limit "1 time ever"
    points_label: ClassVar[str] = "Points"

    class Settings(forms.Form):
        """What the merchant may choose for this kind."""

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {name: field.initial for name, field in cls.Settings.base_fields.items()}

    def checks(self, rule: "Rule", fact: "Fact", person: "Person") -> list[Check]:
        return []

    def worth(self, rule: "Rule", fact: "Fact") -> Worth:
        return Worth(rule.points, {"kind": "fixed", "points": str(rule.points)})

    def gives(self, points: str, settings: Mapping[str, Any], unit: str, currency: str) -> str:
        """What it pays, for the rule list: "100 points"."""
        return f"{points} {unit}"


KINDS: dict[str, Action] = {}


def register(kind: type[Action]) -> type[Action]:
    KINDS[kind.key] = kind()
    return kind


def choices() -> list[tuple[str, str]]:
    """Callable, so that a new kind is not a migration."""
    return [(kind.key, kind.label) for kind in KINDS.values()]


def words(value: object) -> list[str]:
    """A comma-separated setting as a list."""
    return [word.strip() for word in str(value or "").split(",") if word.strip()]


# --- Orders -----------------------------------------------------------------------------------


@register
class Purchase(Action):
    key, label, icon, group, suggested = "purchase", "Make a purchase", "shopping-cart", "Orders", 1
    help = "Points for each order, by amount or a fixed number."

    class Settings(forms.Form):
        pays = forms.ChoiceField(
            choices=[("per_unit", "Points for each unit of currency"), ("fixed", "A fixed number for each order")],
            initial="per_unit",
        )
        count_tax = forms.BooleanField(label="Count tax", required=False, initial=False)
        count_shipping = forms.BooleanField(label="Count shipping", required=False, initial=False)
        after_discounts = forms.BooleanField(
            label="Count what was paid after discounts", required=False, initial=True,
            help_text="Off: points are also given for the discounted part.",
        )  # fmt: skip
        minimum_order = forms.DecimalField(
            label="Minimum order", required=False, min_value=0, max_digits=12, decimal_places=2, initial=None
        )
        products_any = forms.CharField(
            label="Only orders with one of these products", required=False, initial="", max_length=500,
            help_text="Product ids, separated by commas. Empty: any order.",
        )  # fmt: skip
        categories_any = forms.CharField(
            label="Only orders from one of these categories", required=False, initial="", max_length=500,
            help_text="Category ids, separated by commas. Empty: any order.",
        )  # fmt: skip
        not_with_codes = forms.BooleanField(label="Not for orders with a discount code", required=False, initial=False)

    def checks(self, rule, fact, person):
        order, chosen = fact.order or {}, rule.settings
        found: list[Check] = []
        if minimum := money(chosen.get("minimum_order")):
            amount = self.amount(rule, order)
            found.append({"check": "minimum_order", "ok": amount >= minimum, "seen": str(amount), "want": str(minimum)})
        items = order.get("items") or []
        if wanted := words(chosen.get("products_any")):
            seen = [str(item.get("product_id", "")) for item in items]
            found.append({"check": "products", "ok": not set(wanted).isdisjoint(seen), "seen": seen, "want": wanted})
        if wanted := words(chosen.get("categories_any")):
            seen = [str(category) for item in items for category in item.get("categories", [])]
            found.append({"check": "categories", "ok": not set(wanted).isdisjoint(seen), "seen": seen, "want": wanted})
        if chosen.get("not_with_codes"):
            codes = order.get("discount_codes") or []
            found.append({"check": "no_codes", "ok": not codes, "seen": codes})
        return found

    def amount(self, rule, order: Mapping[str, Any]) -> Decimal:
        """The part of the order that counts: after discounts, before shipping and tax, unless chosen otherwise."""
        amount = money(order.get("subtotal"))
        if rule.settings.get("count_tax"):
            amount += money(order.get("tax"))
        if rule.settings.get("count_shipping"):
            amount += money(order.get("shipping"))
        if not rule.settings.get("after_discounts", True):
            amount += money(order.get("discount"))
        return max(amount, Decimal(0))

    def worth(self, rule, fact):
        if rule.settings.get("pays") == "fixed":
            return super().worth(rule, fact)
        amount = self.amount(rule, fact.order or {})
        return Worth(
            amount * rule.points,
            {"kind": "per_unit", "amount": str(amount), "rate": str(rule.points), "raw": str(amount * rule.points)},
        )

    def gives(self, points, settings, unit, currency):
        if settings.get("pays") == "fixed":
            return f"{points} {unit} for each order"
        return f"{points} {unit} for each {currency} spent"


class Goal(Action):
    """Pays once when a running total reaches the goal; voided if a refund takes it below again."""

    group, is_once = "Orders", True
    total: ClassVar[str]  # the running total of the customer that the goal is held against

    def goal(self, settings: Mapping[str, Any]) -> Decimal:
        return money(settings.get("goal"))

    def checks(self, rule, fact, person):
        goal, seen = self.goal(rule.settings), money(fact.properties.get(self.total))
        return [{"check": self.total, "ok": seen >= goal, "seen": str(seen), "want": str(goal)}]


@register
class GoalSpend(Goal):
    key, label, icon, suggested = "goal_spend", "Reach a spending goal", "target", 500
    help = "Points once a customer has spent an amount in all."
    total = "orders_total"

    class Settings(forms.Form):
        goal = forms.DecimalField(label="Amount to reach", min_value=1, max_digits=12, decimal_places=2, initial=500)

    def gives(self, points, settings, unit, currency):
        return f"{points} {unit} once {settings.get('goal')} {currency} are spent"


@register
class GoalOrders(Goal):
    key, label, icon, suggested = "goal_orders", "Reach a number of orders", "package", 300
    help = "Points once a customer has placed a number of orders."
    total = "orders_count"

    class Settings(forms.Form):
        goal = forms.IntegerField(label="Orders to reach", min_value=1, max_value=100_000, initial=5)

    def gives(self, points, settings, unit, currency):
        return f"{points} {unit} at {settings.get('goal')} orders"


# --- The customer's calendar -------------------------------------------------------------------


@register
class SignUp(Action):
    key, label, icon, group, suggested = "sign_up", "Create an account", "user-plus", "Customers", 250
    help = "Points for joining, once per customer."
    is_once = True


@register
class Birthday(Action):
    key, label, icon, group, suggested = "birthday", "Birthday", "cake", "Customers", 200
    help = "Once per calendar year, on the day. Not if the date was entered within 30 days before it."

    QUIET = timedelta(days=30)

    def checks(self, rule, fact, person):
        if person.birthday_set_at is None:
            return []
        ok = fact.occurred_at - person.birthday_set_at >= self.QUIET
        return [{"check": "birthday_known", "ok": ok, "seen": person.birthday_set_at.date().isoformat(), "want": "30"}]


@register
class Anniversary(Action):
    key, label, icon, group, suggested = "anniversary", "Anniversary of the first order", "calendar", "Customers", 100
    help = "Each year on the day of the customer's first order."


@register
class Newsletter(Action):
    key, label, icon, group, suggested = "newsletter_signup", "Join the newsletter", "mail", "Customers", 50
    help = "Points for subscribing, once per customer."
    is_once = True


# --- Engage -----------------------------------------------------------------------------------


@register
class Review(Action):
    key, label, icon, suggested = "review", "Write a review", "message-star", 300
    help = "Points for each product review that your review app reports."


class Link(Action):
    """Something behind an address: follow it, like it, read it."""

    class Settings(forms.Form):
        url = forms.URLField(label="Address", required=False, initial="", max_length=500, assume_scheme="https")

    def checks(self, rule, fact, person):
        wanted, seen = rule.settings.get("url"), fact.properties.get("url")
        if not wanted or not seen:
            return []
        return [{"check": "url", "ok": wanted == seen, "seen": seen, "want": wanted}]


class Social(Link):
    icon, is_once = "thumb-up", True
    help = "Points for following your shop, once per customer."


@register
class FacebookLike(Social):
    key, label, icon = "facebook_like", "Like on Facebook", "brand-facebook"
    help = "Points for liking your page, once per customer."


@register
class FacebookShare(Social):
    key, label, icon, suggested = "facebook_share", "Share on Facebook", "brand-facebook", 100
    help = "Points for sharing your shop."


@register
class TwitterFollow(Social):
    key, label, icon = "twitter_follow", "Follow on X", "brand-x"


@register
class TwitterShare(Social):
    key, label, icon, suggested = "twitter_share", "Share on X", "brand-x", 100
    help = "Points for sharing your shop."


@register
class InstagramFollow(Social):
    key, label, icon = "instagram_follow", "Follow on Instagram", "brand-instagram"


@register
class TikTokFollow(Social):
    key, label, icon = "tiktok_follow", "Follow on TikTok", "brand-tiktok"


@register
class YouTubeSubscribe(Social):
    key, label, icon = "youtube_subscribe", "Subscribe on YouTube", "brand-youtube"
    help = "Points for subscribing to your channel, once per customer."


@register
class Visit(Action):
    key, label, icon, suggested = "visit", "Visit the shop", "door-enter", 5
    help = "Points for coming back. Give it a limit, such as once a day."


@register
class ReadContent(Link):
    key, label, icon = "clickthrough", "Read a page", "book"
    help = "Points for opening a page of yours."


@register
class Custom(Action):
    key, label, icon, group, suggested = "custom", "Custom action", "api", "Your own", 100
    help = "Your shop's developers report it by API, under a name of your own."
