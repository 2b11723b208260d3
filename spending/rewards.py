"""The kinds of reward. A new kind is one class here and one test; nothing else changes.

A kind says what it is called, which settings a merchant may choose (`Settings`, an ordinary form), where its
codes may come from, what it costs and what it is worth. All of it gets plain values and touches no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

POOL, GENERATED, SHOP, NO_CODE = "pool", "generated", "shop", "none"


@dataclass(frozen=True, slots=True)
class Discount:
    """What a code takes off an order, in words that any shop's connector can translate.

    `type`: "fixed" (value in the store's currency), "percentage" (value in percent), "shipping" (value is the
    most that it covers, None for all of it), "product" (`product_id` for free).
    """

    type: str
    value: Decimal | None = None
    product_id: str = ""


def money(value: object) -> Decimal | None:
    return Decimal(str(value)) if value not in (None, "") else None


def plain(number: Decimal | None) -> str:
    """A number as people write it: "5", "7.50"."""
    if number is None:
        return ""
    return f"{number.quantize(Decimal('0.01')):f}" if number % 1 else f"{number:.0f}"


def amount_field(label: str, **kwargs: Any) -> forms.DecimalField:
    size: dict[str, Any] = {"min_value": Decimal("0.01"), "max_digits": 12, "decimal_places": 2}
    return forms.DecimalField(label=label, **(size | kwargs))


class RewardKind:
    key: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    icon: ClassVar[str] = "gift"
    suggested: ClassVar[int] = 500  # points
    code_sources: ClassVar[tuple[str, ...]] = (POOL, GENERATED, SHOP)
    has_minimum_order: ClassVar[bool] = True
    takes_multiplier: ClassVar[bool] = False  # the shopper chooses how much of it
    unit: ClassVar[str] = ""  # of its decimal settings; "" is the store's currency

    class Settings(forms.Form):
        """What the merchant may choose for this kind."""

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {name: field.initial for name, field in cls.Settings.base_fields.items()}

    def bounds(self, settings: Mapping[str, Any]) -> tuple[int, int]:
        """The least and the most that `multiplier` may be."""
        return 1, 1

    def cost(self, points: Decimal, settings: Mapping[str, Any], multiplier: int) -> Decimal:
        return points * multiplier

    def discount(self, settings: Mapping[str, Any], multiplier: int) -> Discount | None:
        """What the code takes off; None where there is nothing to take off."""
        return None

    def value(self, settings: Mapping[str, Any], multiplier: int) -> Decimal | None:
        """What it is worth in the store's currency, where that is known beforehand."""
        return None

    def gives(self, settings: Mapping[str, Any], currency: str, multiplier: int = 1) -> str:
        """What one gets, in a few words: "5 EUR off"."""
        return self.label


KINDS: dict[str, RewardKind] = {}


def register(kind: type[RewardKind]) -> type[RewardKind]:
    KINDS[kind.key] = kind()
    return kind


def choices() -> list[tuple[str, str]]:
    """Callable, so that a new kind is not a migration."""
    return [(kind.key, kind.label) for kind in KINDS.values()]


@register
class FixedAmount(RewardKind):
    key, label, icon = "fixed_amount", "Amount off", "discount"
    help = "A fixed amount off an order, such as 5 EUR."

    class Settings(forms.Form):
        value = amount_field("Amount off", initial=5)

    def discount(self, settings, multiplier):
        return Discount("fixed", self.value(settings, multiplier))

    def value(self, settings, multiplier):
        return money(settings.get("value"))

    def gives(self, settings, currency, multiplier=1):
        return f"{plain(money(settings.get('value')))} {currency} off"


@register
class Percentage(RewardKind):
    key, label, icon = "percentage", "Percentage off", "percentage"
    help = "A percentage off an order."
    unit = "%"

    class Settings(forms.Form):
        value = forms.DecimalField(
            label="Percent off", min_value=1, max_value=100, max_digits=5, decimal_places=2, initial=10
        )

    def discount(self, settings, multiplier):
        return Discount("percentage", money(settings.get("value")))

    def gives(self, settings, currency, multiplier=1):
        return f"{plain(money(settings.get('value')))}% off"


@register
class FreeShipping(RewardKind):
    key, label, icon, suggested = "free_shipping", "Free shipping", "truck-delivery", 300
    help = "Shipping is on you, up to an amount if you like."

    class Settings(forms.Form):
        maximum = amount_field("Covers at most", required=False, initial=None, help_text="Empty: all of it.")

    def discount(self, settings, multiplier):
        return Discount("shipping", money(settings.get("maximum")))

    def gives(self, settings, currency, multiplier=1):
        most = money(settings.get("maximum"))
        return f"Free shipping, up to {plain(most)} {currency}" if most else "Free shipping"


@register
class FreeProduct(RewardKind):
    key, label, icon, suggested = "free_product", "Free product", "package", 1000
    help = "One product for free."

    class Settings(forms.Form):
        product_id = forms.CharField(label="Product id", max_length=100, initial="", help_text="Your shop's id of it.")
        product_name = forms.CharField(label="Product name", max_length=100, initial="")
        product_value = amount_field(
            "What it sells for", required=False, initial=None, help_text="For your reports. Never shown."
        )

    def discount(self, settings, multiplier):
        return Discount("product", product_id=settings.get("product_id") or "")

    def value(self, settings, multiplier):
        return money(settings.get("product_value"))

    def gives(self, settings, currency, multiplier=1):
        return f"Free {settings.get('product_name') or 'product'}"


@register
class VariableAmount(RewardKind):
    key, label, icon, suggested = "variable_amount", "Amount of their choice", "adjustments", 100
    help = "Shoppers choose how many points to spend: so much off for each step of points."
    takes_multiplier = True
    code_sources = (GENERATED, SHOP)

    class Settings(forms.Form):
        value = amount_field("Amount off for each step", initial=1)
        minimum_steps = forms.IntegerField(label="At least this many steps", min_value=1, max_value=10_000, initial=1)
        maximum_steps = forms.IntegerField(
            label="At most this many steps", min_value=1, max_value=10_000, required=False, initial=None,
            help_text="Empty: as many as the balance pays for.",
        )  # fmt: skip

        def clean(self):
            found = super().clean() or {}
            least, most = found.get("minimum_steps"), found.get("maximum_steps")
            if least and most and most < least:
                self.add_error("maximum_steps", "This is fewer than the least. Raise it or lower the least.")
            return found

    def bounds(self, settings):
        return int(settings.get("minimum_steps") or 1), int(settings.get("maximum_steps") or 10_000)

    def discount(self, settings, multiplier):
        return Discount("fixed", self.value(settings, multiplier))

    def value(self, settings, multiplier):
        step = money(settings.get("value"))
        return None if step is None else step * multiplier

    def gives(self, settings, currency, multiplier=1):
        return f"{plain(self.value(settings, multiplier))} {currency} off"


@register
class Custom(RewardKind):
    key, label, icon, suggested = "custom", "Your own", "sparkles", 1000
    help = "Anything you hand over yourself: a workshop, a gift wrapped by hand. No code unless you choose one."
    code_sources = (NO_CODE, POOL, GENERATED)
    has_minimum_order = False

    class Settings(forms.Form):
        fulfilment = forms.ChoiceField(
            label="Who hands it over",
            choices=[("merchant", "We do, and tick it off"), ("webhook", "Our system, told by webhook")],
            initial="merchant",
        )  # fmt: skip
        webhook_url = forms.URLField(
            label="Webhook address", required=False, initial="", max_length=500, assume_scheme="https"
        )
        thanks = forms.CharField(
            label="Text after redeeming", required=False, initial="", max_length=500,
            help_text="Tell them what happens next, such as “We will write to you within two days”.",
        )  # fmt: skip

        def clean(self):
            found = super().clean() or {}
            if found.get("fulfilment") == "webhook" and not str(found.get("webhook_url") or "").startswith("https://"):
                self.add_error("webhook_url", "Give the https address that we shall call.")
            return found


@register
class GiftCode(RewardKind):
    key, label, icon, suggested = "gift_code", "Gift code", "gift-card", 1000
    help = "A gift card's code or another voucher bought elsewhere, from a list that you upload."
    code_sources = (POOL,)
    has_minimum_order = False

    class Settings(forms.Form):
        value = amount_field("Worth", required=False, initial=None, help_text="Empty: as the list of codes says.")

    def value(self, settings, multiplier):
        return money(settings.get("value"))

    def gives(self, settings, currency, multiplier=1):
        worth = money(settings.get("value"))
        return f"Gift code worth {plain(worth)} {currency}" if worth else self.label
