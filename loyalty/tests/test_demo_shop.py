"""The demo's shop: open to anybody where there is a demo store, nowhere else, and safe to play with."""

import re
from decimal import Decimal

import pytest
from django.test import Client

from conftest import StrangerMixin, balance, make_customer, open_store
from customers import adjustments
from integrations import connections, registry
from loyalty import demo_shop
from spending import redemptions, rewarding

PATHS = ["", "shopper/", "order/", "refund/", "review/"]


@pytest.fixture
def demo(db):
    store = open_store("demo", is_demo=True)
    connections.connect(store, registry.get("lootly"))
    return store


@pytest.fixture
def anna(demo):
    anna = make_customer(demo, "1001", "anna@shop.example")
    adjustments.adjust(demo, anna, Decimal(2000), "A present", actor="test")
    return anna


def say(client, path: str, **fields) -> str:
    page = client.post(f"/demo/shop/{path}/", fields, follow=True)
    assert page.status_code == 200
    return re.search(r'<p class="message[^>]*>(.*?)</p>', page.content.decode())[1]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_demo_store_there_is_no_shop(client, store, path):
    """Nor for a store that is only named so."""
    open_store("demo")
    assert client.get(f"/demo/shop/{path}").status_code in (404, 405)
    assert client.post(f"/demo/shop/{path}").status_code in (404, 405)


@pytest.mark.parametrize("path", PATHS[1:])
def test_what_a_visitor_does_comes_from_the_page_itself(demo, path):
    class Strict(StrangerMixin, Client):
        pass

    assert Strict(enforce_csrf_checks=True).post(f"/demo/shop/{path}").status_code == 403


def test_an_order_earns_and_its_refund_takes_back(client, demo, anna, add_rule, work):
    add_rule(demo, "purchase", 10)
    say(client, "shopper", shopper="1001")
    assert "over 32.30 EUR is placed" in say(client, "order", product=["espresso", "filter"])
    work(demo)
    assert balance(anna) == 2274
    [line] = client.session["demo_orders"]
    assert "is refunded" in say(client, "refund", order=line["id"])
    work(demo)
    assert balance(anna) == 2000
    assert "already" in say(client, "refund", order=line["id"])


@pytest.mark.parametrize(
    ("kind", "settings", "discount", "total"),
    [("fixed_amount", {"value": "5"}, "5.00", "12.80"), ("fixed_amount", {"value": "50"}, "12.90", "4.90"),
     ("percentage", {"value": "15"}, "1.94", "15.86"), ("free_shipping", {}, "0.00", "12.90"),
     ("free_shipping", {"maximum": "2"}, "0.00", "15.80")],
)  # fmt: skip
def test_a_code_takes_off_what_its_reward_says_and_is_used_then(
    client, demo, anna, work, kind, settings, discount, total
):
    chosen = rewarding.clean_settings(kind, settings)
    reward = rewarding.create(
        demo, kind, actor="test", name="R", points=Decimal(10), code_source="generated", settings=chosen
    )
    redemption = redemptions.redeem(demo, anna, reward)
    say(client, "shopper", shopper="1001")
    assert f"over {total} EUR" in say(client, "order", product=["espresso"], code=f" {redemption.code.lower()} ")
    work(demo)
    redemption.refresh_from_db()
    assert redemption.state == "used"
    assert "no longer good: it is used" in say(client, "order", product=["espresso"], code=redemption.code)


def test_what_cannot_be_ordered(client, demo, anna):
    assert "Choose something" in say(client, "order")
    assert "Choose something" in say(client, "order", product=["x"])
    assert "not known" in say(client, "order", product=["espresso"], code="NOPE")
    demo.connections.update(is_enabled=False)
    assert "lost its connection" in say(client, "order", product=["espresso"])
    assert not demo.inbound_events.exists()


def test_nobody_becomes_just_anyone(client, demo, anna):
    assert "Choose one of the shoppers" in say(client, "shopper", shopper="somebody-else")
    say(client, "shopper", shopper="new")
    assert client.session["demo_shopper"].startswith("new-")
    assert "now" in say(client, "shopper", shopper="")


def test_a_review_waits_for_the_merchant(client, demo, anna, add_rule, work):
    add_rule(demo, "review", 50, approval="by_hand")
    assert "Choose a shopper first" in say(client, "review")
    say(client, "shopper", shopper="1001")
    assert "wait until somebody approves" in say(client, "review")
    work(demo)
    assert demo.activities.get().state == "pending"


def test_who_clicks_without_end_is_slowed(client, demo, anna):
    assert any("fast" in say(client, "shopper", shopper="") for _ in range(12))


def test_the_tag_is_what_a_merchants_page_would_have(client, demo, anna):
    say(client, "shopper", shopper="1001")
    page = client.get("/demo/shop/").content.decode()
    assert 'id="lootly-widget"' in page and 'data-customer-id="1001"' in page
    assert re.search(r'data-customer-signature="v1:wk_1:\d+:\d+:\w{16,64}:[0-9a-f]{64}"', page)
    assert '<script async src="/js/integrations/common/script.js">' in page
    assert demo_shop.find() == demo
