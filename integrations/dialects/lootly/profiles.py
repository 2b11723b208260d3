"""Customers of whom an order told the id and nothing else: the shop knows more, and is asked once a day."""

import logging
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from django.core.cache import cache

from customers.models import Customer
from integrations.outgoing import SHOP, Clock
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import people, values
from .serializers import Person
from .shop import Shop, ShopFailed, connection_of

logger = logging.getLogger(__name__)

NEWEST, AT_ONCE = 200, 20
ASKED_FOR = 86_400  # seconds


def look_up(store: Store) -> None:
    """Ask the shop about the newest customers without a name or an address."""
    connection = connection_of(store)
    if connection is None:
        return
    shop, until = Shop.of(connection), time.monotonic() + 20
    for customer in unknown(store):
        if time.monotonic() < until and cache.add(f"asked:{customer.pk}", 1, ASKED_FOR):
            learn(store, shop, str(customer.external_id))


def unknown(store: Store) -> list[Customer]:
    with acting_for(store.pk):
        newest = store.customers.order_by("-pk")[:NEWEST]
        found = [one for one in newest if one.external_id and not (one.email or one.first_name or one.last_name)]
    return found[:AT_ONCE]


def learn(store: Store, shop: Shop, external_id: str) -> None:
    try:
        told = ask(shop, external_id, Clock(SHOP.total))
    except ShopFailed as failure:
        logger.info("The shop of store %s told nothing about a customer. %s", store.pk, failure)
        return
    with acting_for(store.pk):
        people.meet(store, replace(Person.of(told), external_id=external_id))


def ask(shop: Shop, external_id: str, clock: Clock) -> dict[str, Any]:
    """What the shop knows, as its events would tell it."""
    now = str(int(time.time()))
    if shop.is_magento:
        told = shop.post("customer/info", {"customer_id": external_id, "t": now}, clock)
        return told | {"default_address": {"country": told.get("country"), "zip": told.get("zipcode")}}
    told = values.mapping(shop.get(f"customers/{quote(external_id, safe='')}", {"t": now}, clock).get("customer"))
    address = values.mapping(told.get("default_address"))
    return told | {"default_address": {**address, "country": address.get("country_code") or address.get("country")}}
