"""What a merchant may choose for a Lootly connection."""

from dataclasses import dataclass

from babel.numbers import get_currency_precision
from django import forms

from integrations.models import Connection

INTEGRATIONS = {
    "common": "Custom API",
    "woocommerce": "WooCommerce",
    "magento": "Magento",
    "shopify": "Shopify",
    "bigcommerce": "BigCommerce",
}


class LootlySettingsForm(forms.Form):
    integration = forms.ChoiceField(
        label="Your shop",
        choices=list(INTEGRATIONS.items()),
        initial="common",
        help_text="The name in the addresses that your shop calls. Every shop may also call “common”.",
    )
    award_on = forms.ChoiceField(
        label="Approve points when an order is",
        required=False,
        initial="",
        choices=[
            ("", "Completed for the custom API; processing for other shops"),
            ("processing", "Processing"),
            ("paid", "Paid"),
            ("fulfilled", "Fulfilled"),
            ("completed", "Completed"),
        ],
        help_text="This status or a later one. Points of earlier ones are pending.",
    )
    rewardable = forms.ChoiceField(
        label="Points are for",
        initial="subtotal",
        choices=[
            ("subtotal", "The subtotal: after discounts, before shipping"),
            ("total", "The total"),
            ("total_without_tax", "The total without tax"),
        ],
    )
    count_guest_orders = forms.BooleanField(
        label="Include previous purchases as guest",
        required=False,
        initial=True,
        help_text="Orders without an account count for the customer with the same e-mail address.",
    )
    max_skew_seconds = forms.IntegerField(
        label="Refuse calls older than",
        required=False,
        initial=None,
        min_value=30,
        max_value=86_400,
        help_text="Seconds. Only for shops that send the time (t) with every call. Empty: no limit.",
    )
    webhook_headers_only = forms.BooleanField(
        label="Take only calls signed in webhook headers",
        required=False,
        initial=False,
        help_text="For shops that sign as Standard Webhooks say, which cannot be sent again by others later.",
    )
    individual_use = forms.BooleanField(
        label="Codes made in your shop cannot be combined with others",
        required=False,
        initial=True,
    )


@dataclass(frozen=True, slots=True)
class LootlySettings:
    """A connection's settings with their defaults worked out."""

    integration: str
    award_on: str
    rewardable: str
    count_guest_orders: bool
    max_skew_seconds: int | None
    webhook_headers_only: bool
    individual_use: bool
    places: int  # decimals of the store's currency

    @classmethod
    def of(cls, connection: Connection) -> "LootlySettings":
        chosen = connection.settings
        integration = chosen.get("integration") or "common"
        return cls(
            integration=integration,
            # Shops other than the custom API send only the status that their merchant picked.
            award_on=chosen.get("award_on") or ("completed" if integration == "common" else "processing"),
            rewardable=chosen.get("rewardable") or "subtotal",
            count_guest_orders=chosen.get("count_guest_orders", True),
            max_skew_seconds=chosen.get("max_skew_seconds"),
            webhook_headers_only=chosen.get("webhook_headers_only", False),
            individual_use=chosen.get("individual_use", True),
            places=min(get_currency_precision(connection.store.currency), 4),
        )
