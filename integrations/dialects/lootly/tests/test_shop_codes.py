"""Section 5 of the contract: codes that the shop makes, and what happens when it does not."""

import itertools
import json
import shutil
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from conftest import balance, make_customer
from customers import ledger
from customers.attention import open_events
from integrations.dialects.lootly import php_json, shop_codes
from integrations.dialects.lootly.shop import Shop, ShopFailed
from integrations.outgoing import Clock
from loyalty.attention import item_of
from loyalty.stores.tenancy import acting_for
from spending import catalogue, redemptions, rewarding
from spending.redemptions import Refused

from .conftest import connect
from .shop_server import ShopServer
from .signing import KEY, SECRET

WOO, MAGENTO = "woocommerce", "magento"


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    settings.OUTGOING_LOOPBACK = True
    monkeypatch.setattr(shop_codes, "PAUSE", 0.1)
    monkeypatch.setattr(shop_codes, "SECONDS", 1.5)


@pytest.fixture
def server():
    with ShopServer() as server:
        yield server


@pytest.fixture
def linked(store, server):
    """link("magento"): the store's connection is that of this shop."""

    def link(integration: str = WOO, **settings):
        server.is_magento = integration == MAGENTO
        endpoints = {"shop_url": server.url, "api_endpoint": server.url}
        return connect(store, integration=integration, endpoints=endpoints, **settings)

    return link


@pytest.fixture
def ann(store):
    ann = make_customer(store, "7", "ann@shop.example")
    ledger.settle(store, [ledger.Settlement(ann.pk, "test", points=Decimal(1000))])
    return ann


@pytest.fixture
def add(store):
    def add(kind="fixed_amount", settings=None, **values):
        cleaned = rewarding.clean_settings(kind, settings or {})
        values = {"name": "Five off", "points": Decimal(500), "code_source": "shop"} | values
        return rewarding.create(store, kind, actor="test", settings=cleaned, **values)

    return add


def items(store):
    return [item_of(event) for event in open_events(store)]


class TestMaking:
    def test_woocommerce_style_rule_then_code(self, store, server, linked, ann, add):
        linked()
        reward = add(minimum_order=Decimal("20.00"), validity="days", validity_count=30)
        row = redemptions.redeem(store, ann, reward)

        assert (row.state, balance(ann)) == ("issued", 500)
        assert server.paths == ["POST price-rules/", "POST discount-codes/"]
        [rule] = server.rules.values()
        assert row.code == rule["title"].lower()  # this shop spells codes its own way
        assert rule == {
            "title": rule["title"], "value_type": "fixed_amount", "value": "-5", "target_type": "line_item",
            "starts_at": f"{row.issued_at:%Y-%m-%dT%H:%M:%SZ}",
            "ends_at": f"{row.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "usage_limit": 1, "uses_per_coupon": 1, "uses_per_customer": 1, "once_per_customer": 1,
            "individual_use": 1, "prerequisite_subtotal_range": {"greater_than_or_equal_to": "20.00"},
            "prerequisite_customer_ids": ["7"],
        }  # fmt: skip
        assert server.coupons[row.code] == rule
        assert not items(store)

    def test_magento_style_all_by_post(self, store, server, linked, ann, add):
        linked(MAGENTO, individual_use=False)
        row = redemptions.redeem(store, ann, add("percentage", {"value": "12.5"}))
        assert server.paths == ["POST price-rules", "POST price-rules/1"]
        [rule] = server.rules.values()
        assert row.code == rule["title"]
        assert (rule["value_type"], rule["value"], rule["individual_use"]) == ("percentage", "-12.5", 0)
        in_ten_years = datetime.fromisoformat(rule["ends_at"]) - row.issued_at
        assert timedelta(days=3650) < in_ten_years < timedelta(days=3655)

    @pytest.mark.parametrize("integration", [WOO, MAGENTO, "common"])
    @pytest.mark.parametrize(
        ("kind", "chosen", "wanted"),
        [
            ("fixed_amount", {"value": "7.50"}, {"value_type": "fixed_amount", "value": "-7.50"}),
            ("percentage", {"value": "100"}, {"value_type": "percentage", "value": "-100"}),
            ("free_shipping", {}, {"target_type": "shipping_line"}),
            (
                "free_shipping", {"maximum": "9.90"},
                {"prerequisite_shipping_price_range": {"less_than_or_equal_to": "9.90"}},
            ),
            (
                "free_product", {"product_id": "42", "product_name": "Mug"},
                {"value_type": "percentage", "value": "-100.0", "entitled_product_ids": ["42"], "allocation_limit": 1},
            ),
            ("variable_amount", {"value": "2", "minimum_steps": 1}, {"value": "-2"}),
        ],
    )  # fmt: skip
    def test_every_kind_is_taken_by_every_shop(
        self, store, server, linked, ann, add, integration, kind, chosen, wanted
    ):
        linked(integration)
        row = redemptions.redeem(store, ann, add(kind, chosen))
        assert row.state == "issued"
        [rule] = server.rules.values()
        assert rule.items() >= wanted.items()

    def test_a_prefix_begins_the_code(self, store, server, linked, ann, add):
        linked()
        redemptions.redeem(store, ann, add(code_prefix="THANKS-"))
        assert server.rules[1]["title"].startswith("THANKS-")

    def test_a_shop_whose_price_rule_is_the_coupon(self, store, server, linked, ann, add):
        linked()
        server.rule_is_coupon = True
        row = redemptions.redeem(store, ann, add())
        assert (row.state, row.code) == ("issued", server.rules[1]["title"])

    def test_customers_with_another_kind_of_id_are_not_named(self, store, server, linked, add):
        linked()
        bob = make_customer(store, "bob", "bob@shop.example")
        ledger.settle(store, [ledger.Settlement(bob.pk, "test", points=Decimal(1000))])
        redemptions.redeem(store, bob, add())
        assert "prerequisite_customer_ids" not in server.rules[1]

    def test_only_a_confirmed_address_of_a_live_connection_counts(self, store, server, linked, ann, add):
        connection, reward = linked(), add()
        for change in ({"is_enabled": False}, {"settings": {"new_endpoints": {"api_endpoint": server.url}}}):
            type(connection).objects.filter(pk=connection.pk).update(**change)
            assert not catalogue.check(store, ann, reward).is_ok
            with pytest.raises(Refused) as refused:
                redemptions.redeem(store, ann, reward)
            assert refused.value.code == "out_of_codes"
            type(connection).objects.filter(pk=connection.pk).update(is_enabled=True)
        assert server.calls == []


class TestFailing:
    @pytest.mark.parametrize(
        ("integration", "fault"),
        [*itertools.product((WOO, MAGENTO), (429, 500, 503)), (WOO, "lost")],  # Magento cannot look up by title
    )
    def test_once_more_after_a_moment_and_never_two_coupons(self, store, server, linked, ann, add, integration, fault):
        linked(integration)
        server.faults = [fault]
        row = redemptions.redeem(store, ann, add())
        assert (row.state, balance(ann), len(server.coupons)) == ("issued", 500, 1)
        assert not items(store)

    def test_a_lost_answer_that_cannot_be_looked_up_is_shown(self, store, server, linked, ann, add):
        linked(MAGENTO)
        server.faults = ["lost"]
        with pytest.raises(Refused):
            redemptions.redeem(store, ann, add())
        [item] = items(store)
        assert item.data["code"].lower() in server.coupons
        assert balance(ann) == 1000

    def test_a_retry_looks_the_code_up_first(self, store, server, linked, ann, add):
        linked()
        server.faults = [None, "lost"]
        redemptions.redeem(store, ann, add())
        assert server.paths == ["POST price-rules/", "POST discount-codes/", "POST discount-codes/"]
        assert (
            len({members.get("discount_code", members.get("price_rule"))["title"] for _, _, members in server.calls})
            == 1
        )

    @pytest.mark.parametrize(
        ("path", "told", "why"),
        [
            ("price-rules/", (400, {"message": "No."}), "It refused (400). No."),
            ("price-rules/", (302, b""), "It refused (302)."),
            ("price-rules/", (200, {"error": "Invalid Hmac"}), "It refused (200). Invalid Hmac"),
            ("price-rules/", (200, b"<html>"), "It answered something else than JSON."),
            ("price-rules/", (200, b""), "It answered something else than JSON."),
            ("price-rules/", (200, []), "It answered something else than JSON."),
            ("price-rules/", (200, {"price_rule": []}), "It made no price rule."),
            ("price-rules/", (200, {"price_rule": {"id": "../x"}}), "It made no price rule."),
            ("discount-codes/", (200, {}), "It answered without a code."),
            ("discount-codes/", (200, {"discount_code": {"code": ""}}), "It answered without a code."),
            ("discount-codes/", (200, {"discount_code": {"code": "x" * 400}}), "It answered without a code."),
            ("discount-codes/", (200, {"discount_code": {"code": 5}}), "It answered without a code."),
            ("discount-codes/", (200, b"[" * 5000), "It answered something else than JSON."),
        ],
    )  # fmt: skip
    def test_without_a_code_the_points_come_back(self, store, server, linked, ann, add, path, told, why):
        connection = linked()
        server.answers[path] = told
        with pytest.raises(Refused) as refused:
            redemptions.redeem(store, ann, add())
        assert refused.value.code == "coupon_failed"
        [row] = store.redemptions.all()
        assert (row.state, row.code, balance(ann)) == ("cancelled", "", 1000)
        [item] = items(store)
        assert (item.data["what"], item.data["why"]) == ("coupon_may_exist", why)
        assert server.calls[0][2]["price_rule"]["title"] in item.title
        assert why in item.title
        connection.refresh_from_db()
        assert why in connection.last_error
        assert server.paths.count(f"POST {path}") == 1  # what was refused is not asked again

    def test_it_ends_by_the_clock(self, store, server, linked, ann, add):
        linked()
        server.faults, server.delay = ["late"] * 4, 1.0
        began = time.monotonic()
        with pytest.raises(Refused):
            redemptions.redeem(store, ann, add())
        assert time.monotonic() - began < 2.5
        assert balance(ann) == 1000

    def test_an_address_inside_is_not_called(self, store, server, linked, ann, add, settings):
        linked()
        settings.OUTGOING_LOOPBACK = False
        with pytest.raises(Refused):
            redemptions.redeem(store, ann, add())
        assert (server.calls, balance(ann)) == ([], 1000)

    def test_a_wrong_secret_is_told_by_both_kinds(self, store, server, linked, ann, add):
        for integration in (WOO, MAGENTO):
            connection = linked(integration)
            connection.seal("another secret")
            connection.key = KEY
            with pytest.raises(ShopFailed, match=r"hmac is incorrect|Invalid Hmac"):
                Shop.of(connection).post("price-rules/", {"price_rule": {"title": "x"}}, Clock(1))
            connection.delete()


class TestAgain:
    def test_a_crash_while_the_shop_was_asked_is_made_good(self, store, server, linked, ann, add):
        """The process ends at each moment in turn; the sweep finds one code, the same."""
        linked()
        reward, made = add(), set()
        for number, dies_at in enumerate(["nothing asked", "rule made", "code made"]):
            row = redemptions.begin(store, ann, reward, identity=f"call-{number}")
            row = store.redemptions.select_related("reward", "customer").get(pk=row.pk)
            discount = reward.reward_kind.discount(reward.settings, 1)
            if dies_at != "nothing asked":
                server.faults = [None, 400] if dies_at == "rule made" else []
                making = shop_codes.take_up(row)
                shop = Shop.of(shop_codes.connection_of(store))
                if dies_at == "code made":
                    made.add(shop_codes.ask(shop, making, discount))
                else:
                    with pytest.raises(ShopFailed):
                        shop_codes.ask(shop, making, discount)
                shop_codes.note(row, asked_until=timezone.now().isoformat())
            store.redemptions.filter(pk=row.pk).update(issued_at=timezone.now() - timedelta(minutes=5))
            redemptions.finish_pending(store)
            row.refresh_from_db()
            assert (row.state, len(server.coupons)) == ("issued", number + 1)
            ledger.settle(store, [ledger.Settlement(ann.pk, f"more-{number}", points=Decimal(500))])
        assert made == {row.code}

    def test_magento_goes_on_with_the_rule_it_has(self, store, server, linked, ann, add):
        linked(MAGENTO)
        row = redemptions.begin(store, ann, add())
        server.answers["price-rules/1"] = (200, {"error": "busy"})
        with pytest.raises(ShopFailed):
            shop_codes.ask(
                Shop.of(shop_codes.connection_of(store)), shop_codes.take_up(row),
                row.reward.reward_kind.discount(row.reward.settings, 1),
            )  # fmt: skip
        server.answers.clear()
        shop_codes.note(row, asked_until="")
        assert redemptions.finish(store, row).state == "issued"
        assert (server.paths.count("POST price-rules"), len(server.rules)) == (1, 1)

    def test_a_cancelled_one_is_not_asked_for_again(self, store, server, linked, ann, add):
        linked()
        row = redemptions.begin(store, ann, add())
        redemptions.cancel(store, row, reason="Changed their mind", actor="support")
        with pytest.raises(Refused):
            redemptions.finish(store, row)
        assert (server.calls, balance(ann)) == ([], 1000)


@pytest.mark.django_db(transaction=True)
def test_twin_calls_get_one_code_and_pay_once(store, server, linked, ann, add):
    linked()
    reward = add()
    server.faults, server.delay = ["late", "late"], 0.3
    codes: list[str] = []

    def call():
        try:
            codes.append(redemptions.redeem(store, ann, reward, identity="one").code)
        finally:
            database.close()

    twins = [threading.Thread(target=call) for _ in range(4)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join(20)
    assert len(codes) == 4
    assert len(set(codes)) == len(server.coupons) == len(server.rules) == 1
    with acting_for(store.pk):
        assert balance(ann) == 500


# --- Against PHP itself ---------------------------------------------------------------------------

PHP_SHOP = Path(__file__).parent / "shop.php"


@pytest.fixture(scope="module")
def php_shop():
    if not shutil.which("php"):
        pytest.skip("PHP is not installed.")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = subprocess.Popen(
        ["php", "-S", f"127.0.0.1:{port}", str(PHP_SHOP)], stderr=subprocess.DEVNULL, env={"KEY": KEY, "SECRET": SECRET}
    )
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    running.terminate()
    running.wait()


@pytest.mark.parametrize("integration", [WOO, MAGENTO])
def test_php_accepts_what_we_sign(store, linked, ann, add, php_shop, integration):
    connection = linked(integration)
    connection.settings["endpoints"]["api_endpoint"] = php_shop
    connection.save()
    kinds = [
        ("fixed_amount", {"value": "7.50"}), ("percentage", {"value": "12.25"}), ("free_shipping", {"maximum": "5"}),
        ("free_product", {"product_id": "42/é", "product_name": "Mug"}),
    ]  # fmt: skip
    type(ann).objects.filter(pk=ann.pk).update(external_id="1000000000007")
    for number, (kind, chosen) in enumerate(kinds):
        ledger.settle(store, [ledger.Settlement(ann.pk, f"test-{number}", points=Decimal(1000))])
        reward = add(kind, chosen, minimum_order=Decimal("20.00"), code_prefix='É/"<&>')
        assert redemptions.redeem(store, ann, reward).state == "issued"


@pytest.mark.parametrize("text", ["a b", "é/ü&=+%", "😀", "0", "1e5", "O'Neil", "x" * 500])
def test_php_accepts_our_queries(store, linked, php_shop, text):
    connection = linked()
    connection.settings["endpoints"]["api_endpoint"] = php_shop
    told = Shop.of(connection).get("customers/7", {"title": text, "t": "1700000000"}, Clock(3))
    assert told == {"customer": {"id": "7", "title": text}}


def test_php_refuses_what_its_arrays_would_lose(store, linked, php_shop):
    """Why members hold no such values: the signature of these never matches."""
    connection = linked()
    connection.settings["endpoints"]["api_endpoint"] = php_shop
    for lost in ({}, {"0": "a", "1": "b"}):
        with pytest.raises(ShopFailed, match="hmac"):
            Shop.of(connection).post("price-rules/", {"price_rule": {"title": "x", "lost": lost}}, Clock(3))


def test_members_have_no_values_that_php_would_spell_otherwise(store, server, linked, ann, add):
    def check(value):
        assert not isinstance(value, float)
        if isinstance(value, dict):
            assert value and list(value) != [str(n) for n in range(len(value))]
            [check(item) for item in value.values()]
        if isinstance(value, list):
            assert value
            [check(item) for item in value]
        assert not (isinstance(value, int) and value not in php_json.INTEGERS)

    for integration, kind in itertools.product((WOO, MAGENTO), ("fixed_amount", "free_shipping", "percentage")):
        connection = linked(integration)
        ledger.settle(store, [ledger.Settlement(ann.pk, f"{integration}:{kind}", points=Decimal(1000))])
        redemptions.redeem(store, ann, add(kind, minimum_order=Decimal("20.00")))
        connection.delete()
    for _, _, members in server.calls:
        check(json.loads(json.dumps(members)))
        assert list(members) == [*sorted(set(members) - {"hmac"}), "hmac"]


def test_the_connections_page_says_where_the_shop_is_asked(store, linked, server, client, owner):
    client.force_login(owner)
    connection = linked()
    page = reverse("integrations:connection_detail", args=[store.slug, connection.public_id])
    assert server.url in client.get(page).content.decode()
    type(connection).objects.filter(pk=connection.pk).update(settings={})
    assert "has not told us" in client.get(page).content.decode()
