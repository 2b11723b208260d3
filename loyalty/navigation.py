"""What stands in the navigation, in groups. One line per page; the sprite has the icon."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from loyalty.stores.models import Store


@dataclass(frozen=True)
class Item:
    label: str
    icon: str
    url_name: str
    prefixes: tuple[str, ...]  # view names that belong to it

    @property
    def is_on_phone(self) -> bool:
        """Whether the bar below a phone's page has it. There is room for four, and for the rest in a sheet."""
        return self.label in ("Home", "Activity", "Customers", "Rewards")


GROUPS: list[tuple[str, list[Item]]] = [
    ("", [Item("Home", "home", "overview", ("overview",))]),
    (
        "Points",
        [
            Item("Earning", "star", "earning:rule_list", ("earning:rule_",)),
            Item("Activity", "activity", "earning:activity_list", ("earning:activity_",)),
        ],
    ),
    ("Customers", [Item("Customers", "users", "customers:customer_list", ("customers:",))]),
    (
        "Spending",
        [
            Item("Rewards", "gift", "spending:reward_list", ("spending:reward_",)),
            Item("Redemptions", "ticket", "spending:redemption_list", ("spending:redemption_",)),
            Item("Codes", "tags", "spending:pool_list", ("spending:pool_", "spending:import_")),
        ],
    ),
    ("Display", [Item("Widget", "device-desktop", "display:look", ("display:",))]),
    ("Integrations", [Item("Integrations", "plug", "integrations:connection_list", ("integrations:",))]),
    ("Settings", [Item("Settings", "settings", "stores:store_update", ("stores:", "audit_"))]),
]


def groups_for(request: HttpRequest, store: Store) -> list[dict]:
    here = request.resolver_match.view_name if request.resolver_match else ""
    return [{"label": label, "items": [entry(item, here, store) for item in items]} for label, items in GROUPS]


def entry(item: Item, here: str, store: Store) -> dict:
    return {
        "label": item.label,
        "icon": item.icon,
        "href": reverse(item.url_name, args=[store.slug]),
        "is_current": here.startswith(item.prefixes),
        "is_on_phone": item.is_on_phone,
    }
