"""A customer first seen by id: the shop is asked who that is."""

from decimal import Decimal

import pytest

from conftest import apply_all
from integrations import tasks
from integrations.dialects import LOOK_UP
from loyalty.stores import broker
from loyalty.stores.tenancy import acting_for

from .conftest import connect
from .shop_server import ShopServer

WOO_CUSTOMER = {
    "id": 7, "email": "Zoe@shop.example", "first_name": "Zoé", "last_name": "Lee", "orders_count": 3, "tags": "",
    "default_address": {"zip": "1010", "country": "Austria", "country_code": "AT"},
}  # fmt: skip
MAGENTO_CUSTOMER = {
    "first_name": "Zoé", "last_name": "Lee", "email": "zoe@shop.example", "phone": "1", "birthday": "1990-02-28",
    "country": "AT", "zipcode": "1010",
}  # fmt: skip


@pytest.fixture
def server(settings):
    settings.OUTGOING_LOOPBACK = True
    with ShopServer() as server:
        yield server


@pytest.fixture
def shop(store, server, shop_as):
    def shop(integration):
        server.is_magento = integration == "magento"
        connect(store, integration=integration, endpoints={"api_endpoint": server.url})
        return shop_as(integration)

    return shop


def orders(shop, store, **customer):
    shop.sends("orders-processing", id="A1", total_price="20.00", subtotal_price="20.00", customer=customer)
    apply_all(store)


def person(store):
    customer = store.customers.get()
    return customer.external_id, customer.email, customer.first_name, customer.last_name, customer.properties


@pytest.mark.parametrize(
    ("integration", "path"), [("woocommerce", "GET customers/7"), ("magento", "POST customer/info")]
)
def test_what_the_shop_knows_is_filled_in(store, server, shop, integration, path):
    server.customers["7"] = WOO_CUSTOMER
    server.answers["customer/info"] = (200, MAGENTO_CUSTOMER)
    orders(shop(integration), store, id=7)
    assert person(store) == ("7", None, "", "", {})
    tasks.look_up_profiles(store.pk)
    assert person(store) == ("7", "zoe@shop.example", "Zoé", "Lee", {"country": "AT", "zip": "1010"})
    assert server.paths == [path]
    assert all(isinstance(value, str) for value in server.calls[0][2].values())


def test_an_order_asks_for_it(store, server, shop, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args: sent.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        orders(shop("woocommerce"), store, id=7)
    assert LOOK_UP in sent
    assert tasks.look_up_profiles.name == LOOK_UP


def test_whom_the_shop_told_of_is_not_asked_about(store, server, shop, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args: sent.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        orders(shop("woocommerce"), store, id=7, first_name="Zoé")
    tasks.look_up_profiles(store.pk)
    assert (LOOK_UP in sent, server.calls) == (False, [])


@pytest.mark.parametrize(
    "told", [(404, {"message": "Unknown"}), (200, {"customer": []}), (500, b""), (200, {"customer": {"id": 9}})]
)
def test_a_shop_that_does_not_know_is_asked_once(store, server, shop, told):
    server.answers["customers/7"] = told
    orders(shop("woocommerce"), store, id=7)
    for _ in range(2):
        tasks.look_up_profiles(store.pk)
    assert (person(store), len(server.calls)) == (("7", None, "", "", {}), 1)


def test_a_store_without_a_shop_asks_nobody(store, shop_as):
    connect(store, integration="woocommerce")
    orders(shop_as("woocommerce"), store, id=7)
    tasks.look_up_profiles(store.pk)
    assert store.orders.get().total == Decimal(20)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_while_the_shop_is_asked(store, server, shop):
    server.customers["7"] = WOO_CUSTOMER
    orders(shop("woocommerce"), store, id="7")
    tasks.look_up_profiles(store.pk)
    with acting_for(store.pk):
        assert person(store)[1] == "zoe@shop.example"
