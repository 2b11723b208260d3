"""Rewards on this wire: listed, and taken once however often the shop asks."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.utils import timezone

from conftest import apply_all, balance, make_customer, see
from customers import ledger
from customers.attention import open_events
from integrations import answering
from integrations.dialects.lootly import rewards
from integrations.models import InboundEvent
from loyalty.attention import item_of
from loyalty.stores.tenancy import acting_for
from spending import redemptions, rewarding
from spending.models import CodePool, CouponCode, CouponImport

from .conftest import connect
from .shop_server import ShopServer
from .signing import signed


@pytest.fixture
def ann(store):
    ann = make_customer(store, "7", "ann@shop.example")
    ledger.settle(store, [ledger.Settlement(ann.pk, "test", points=Decimal(1200))])
    return ann


@pytest.fixture
def add(store):
    def add(kind="fixed_amount", chosen=None, **values):
        cleaned = rewarding.clean_settings(kind, chosen or {})
        values = {"name": "Five off", "points": Decimal(500), "code_source": "generated"} | values
        return rewarding.create(store, kind, actor="test", settings=cleaned, **values)

    return add


def refusal(answer):
    return answer.status_code, answer.json()["error"]


class TestList:
    def test_shape(self, store, shop, add):
        first = add(minimum_order=Decimal("20.00"))
        second = add("free_shipping", name="Free shipping", points=Decimal(300), minimum_order=Decimal("12.50"))
        third = add("percentage", name="10% off", points=Decimal(800))
        answer = shop.sends("rewards-list", t=1_700_000_000)
        assert answer.json() == {
            "data": [
                {
                    "reward_id": str(first.pk), "reward_name": "Five off", "points_required": 500,
                    "minimum_order_amount": 20,
                },
                {
                    "reward_id": str(second.pk), "reward_name": "Free shipping", "points_required": 300,
                    "minimum_order_amount": 12.5,
                },
                {
                    "reward_id": str(third.pk), "reward_name": "10% off", "points_required": 800,
                    "minimum_order_amount": 0,
                },
            ]
        }  # fmt: skip
        assert not store.inbound_events.exists()

    def test_only_what_gives_a_code_for_a_fixed_price(self, store, shop, add):
        add("variable_amount")
        add("custom", code_source="none")
        add("custom", code_source="generated")
        add(code_source="shop")  # and no shop is known that makes codes
        rewarding.switch(add(), False)
        add(active_from=timezone.now() + timedelta(days=1))
        add(active_until=timezone.now() - timedelta(days=1), active_from=timezone.now() - timedelta(days=2))
        assert shop.asks("rewards-list", t=1) == []

    def test_limited_ones_are_for_a_customer_who_qualifies(self, store, shop, ann, add):
        add(name="VIPs", tags_any=["vip"])
        add(name="New", tags_none=["vip"])
        add(name="All")

        def names(**members):
            return [one["reward_name"] for one in shop.asks("rewards-list", **members)]

        assert names(t=1) == names(t=1, customer_id="nobody") == ["All"]
        assert names(t=1, customer_id="7") == ["New", "All"]
        type(ann).objects.filter(pk=ann.pk).update(tags=["vip"])
        assert names(t=1, customer_email="ann@shop.example") == ["VIPs", "All"]

    def test_a_connected_shop_makes_codes(self, store, shop, add, connection):
        connection.settings["endpoints"] = {"api_endpoint": "https://shop.example/api"}
        connection.save()
        add(code_source="shop")
        assert len(shop.asks("rewards-list", t=1)) == 1

    def test_of_another_store_are_not_listed(self, other_store, shop, add):
        see(other_store)
        cleaned = rewarding.clean_settings("fixed_amount", {})
        other = rewarding.create(
            other_store,
            "fixed_amount",
            actor="test",
            settings=cleaned,
            name="x",
            points=Decimal(1),
            code_source="generated",
        )
        assert shop.asks("rewards-list", t=1) == []
        make_customer(other_store, "7")
        assert refusal(shop.sends("redeem-reward", customer_id="7", reward_id=other.pk, t=1))[0] == 404


class TestRedeem:
    def test_shape(self, store, shop, ann, add):
        reward = add(validity="days", validity_count=30)
        answer = shop.sends("redeem-reward", customer_email="Ann@shop.example", reward_id=reward.pk, t=1_700_000_000)
        row = store.redemptions.get()
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "data": {
                    "data": {
                        "coupon_code": row.code, "redemption_id": str(row.public_id), "reward_id": str(reward.pk),
                        "points_spent": 500, "points_balance": 700,
                        "expires_at": f"{row.expires_at:%Y-%m-%dT%H:%M:%SZ}",
                    }
                }
            },
        )  # fmt: skip
        assert row.code
        assert (row.source, balance(ann)) == ("lootly", 700)

    @pytest.mark.parametrize(
        ("members", "status", "code"),
        [
            ({"customer_id": "7"}, 400, "missing_field"),
            ({"reward_id": "1"}, 400, "missing_field"),
            ({"reward_id": "1", "customer_id": "nobody"}, 404, "customer_not_found"),
            ({"reward_id": "999999", "customer_id": "7"}, 404, "reward_not_found"),
            ({"reward_id": "abc", "customer_id": "7"}, 404, "reward_not_found"),
            ({"reward_id": "9" * 30, "customer_id": "7"}, 404, "reward_not_found"),
            ({"reward_id": "٣", "customer_id": "7"}, 404, "reward_not_found"),
            ({"reward_id": [], "customer_id": "7"}, 400, "invalid_value"),
            ({"reward_id": "x" * 65, "customer_id": "7"}, 400, "invalid_value"),
            ({"reward_id": "1", "reward": "2", "customer_id": "7"}, 400, "ambiguous_field"),
        ],
    )
    def test_unusable_calls(self, store, shop, ann, members, status, code):
        assert refusal(shop.sends("redeem-reward", t=1, **members)) == (status, code)

    def test_what_this_wire_does_not_list_it_does_not_know(self, store, shop, ann, add):
        for reward in (add("variable_amount"), add("custom", code_source="none")):
            assert refusal(shop.sends("redeem-reward", t=1, customer_id="7", reward_id=reward.pk))[0] == 404

    def test_refusals_change_nothing(self, store, shop, ann, add):
        def refused(reward, **members):
            return refusal(shop.sends("redeem-reward", customer_id="7", reward_id=reward.pk, **members))

        assert refused(add(points=Decimal(5000)), t=1) == (409, "insufficient_points")
        assert refused(add(code_source="pool"), t=1) == (409, "sold_out")
        assert refused(add(tags_any=["vip"]), t=1) == (409, "not_eligible")
        off = add()
        rewarding.switch(off, False)
        assert refused(off, t=1) == (409, "not_eligible")
        once = add(customer_limit=1, points=Decimal(1))
        shop.asks("redeem-reward", customer_id="7", reward_id=once.pk, t=1)
        assert refused(once, t=2) == (409, "limit_reached")
        assert (balance(ann), store.redemptions.count()) == (1199, 1)
        type(ann).objects.filter(pk=ann.pk).update(state="blocked")
        assert refused(add(), t=1) == (409, "not_eligible")

    def test_the_last_code_of_a_pool(self, store, shop, ann, add):
        reward = add(code_source="pool")
        pool = CodePool.objects.get()
        batch = CouponImport.objects.create(store=store, pool=pool, state="done", digest=b"", due_at=None)
        CouponCode.objects.create(store=store, pool=pool, coupon_import=batch, code="ONLY-1")
        answer = shop.asks("redeem-reward", customer_id="7", reward_id=reward.pk, t=1)
        assert answer["data"]["coupon_code"] == "ONLY-1"
        assert refusal(shop.sends("redeem-reward", customer_id="7", reward_id=reward.pk, t=2)) == (409, "sold_out")
        assert balance(ann) == 700


class TestRepeats:
    def asks(self, shop, reward, **members):
        return shop.asks("redeem-reward", customer_id="7", reward_id=reward.pk, **members)["data"]

    def test_a_call_id_names_it_for_ever(self, store, shop, ann, add):
        reward, other = add(), add()
        first = self.asks(shop, reward, reference="A1", t=1)
        assert self.asks(shop, reward, reference="A1", t=99) == first
        assert refusal(shop.sends("redeem-reward", customer_id="7", reward_id=other.pk, reference="A1")) == (
            409, "id_conflict",
        )  # fmt: skip
        assert self.asks(shop, reward, reference="A2")["coupon_code"] != first["coupon_code"]
        assert balance(ann) == 200

    def test_an_equal_body_with_a_time_is_the_same_call(self, store, shop, ann, add):
        reward = add()
        first = self.asks(shop, reward, t=1_700_000_000)
        assert self.asks(shop, reward, t=1_700_000_000) == first
        assert self.asks(shop, reward, t=1_700_000_001) != first
        assert (balance(ann), store.redemptions.count()) == (200, 2)
        assert not open_events(store)

    def test_with_neither_it_is_the_same_for_ten_minutes_and_shown(self, store, shop, ann, add):
        reward = add()
        first = self.asks(shop, reward)
        assert self.asks(shop, reward) == first
        [item] = map(item_of, open_events(store))
        assert item.data["what"] == "possible_second_call"
        assert ([choice.key for choice in item.choices], "same code" in item.help) == (["dismiss"], True)
        store.inbound_events.update(received_at=timezone.now() - timedelta(minutes=11), identity="old")
        assert self.asks(shop, reward) != first
        assert balance(ann) == 200

    def test_a_refused_call_stays_refused(self, store, shop, ann, add):
        reward = add(points=Decimal(5000))
        body = signed(customer_id="7", reward_id=reward.pk, t=5)
        assert refusal(shop.post("redeem-reward", body)) == (409, "insufficient_points")
        ledger.settle(store, [ledger.Settlement(ann.pk, "more", points=Decimal(9000))])
        assert refusal(shop.post("redeem-reward", body)) == (409, "insufficient_points")
        assert store.redemptions.count() == 0

    def test_cancelled_since_the_first_answer_stands(self, store, shop, ann, add):
        reward = add()
        first = self.asks(shop, reward, t=1)
        redemptions.cancel(store, store.redemptions.get(), reason="x", actor="support")
        assert self.asks(shop, reward, t=1) == first
        assert (balance(ann), store.redemptions.count()) == (1200, 1)

    def test_cut_off_after_the_points_were_taken_it_goes_on(self, store, shop, ann, add, monkeypatch):
        """The process ends between the redemption and its answer."""
        reward = add()

        def die(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(rewards, "shown", die)
            with pytest.raises(KeyboardInterrupt):
                shop.sends("redeem-reward", customer_id="7", reward_id=reward.pk, t=1)
        code = store.redemptions.get().code
        assert self.asks(shop, reward, t=1)["coupon_code"] == code
        assert (balance(ann), store.redemptions.count()) == (700, 1)

    def test_cut_off_for_ever_a_worker_closes_the_call(self, store, shop, ann, add, connection, work):
        reward = add()
        InboundEvent.objects.create(
            store=store, connection=connection, event="redeem-reward", identity="x",
            body=signed(customer_id="7", reward_id=reward.pk, t=1).decode(),
        )  # fmt: skip
        work(store)
        row = store.inbound_events.get()
        assert (row.outcome, row.due_at) == ("rejected", None)
        assert "cut off" in row.error


@pytest.mark.django_db(transaction=True)
class TestMadeInTheShop:
    @pytest.fixture
    def server(self, settings):
        settings.OUTGOING_LOOPBACK = True
        with ShopServer() as server:
            yield server

    @pytest.fixture
    def shop(self, store, shop_as, server):
        connect(store, integration="woocommerce", endpoints={"api_endpoint": server.url})
        return shop_as("woocommerce")

    def test_points_are_taken_before_the_shop_is_asked_and_given_back_if_it_refuses(
        self, store, shop, server, ann, add
    ):
        reward, seen = add(code_source="shop"), []

        def look(rest, members):
            """As another process sees it."""
            other = database.copy()
            with other.cursor() as cursor:
                cursor.execute("SELECT set_config('app.stores', %s, false)", [str(store.pk)])
                cursor.execute("SELECT balance FROM customers_wallet WHERE customer_id = %s", [ann.pk])
                seen.append(cursor.fetchone()[0])
            other.close()
            return 400, {"message": "No."}

        server.create_rule = look
        body = signed(customer_id="7", reward_id=reward.pk, t=1)
        answer = shop.post("redeem-reward", body)
        assert (refusal(answer), answer.json()["message"]) == (
            (409, "coupon_failed"), "The shop did not make a code. It refused (400). No.",
        )  # fmt: skip
        assert seen == [700]
        del server.create_rule
        assert refusal(shop.post("redeem-reward", body)) == (409, "coupon_failed")  # refused, it stays so
        with acting_for(store.pk):
            assert balance(ann) == 1200
            assert [item_of(event).data["what"] for event in open_events(store)] == ["coupon_may_exist"]

    def test_twins_get_the_same_coupon(self, store, server, shop, ann, add):
        reward, answers = add(code_source="shop"), []
        body = signed(customer_id="7", reward_id=reward.pk)
        server.faults, server.delay = ["late", "late"], 0.3

        def call():
            try:
                answers.append(type(shop)(type(shop.client)(), "woocommerce").post("redeem-reward", body).json())
            finally:
                database.close()

        twins = [threading.Thread(target=call) for _ in range(4)]
        for twin in twins:
            twin.start()
        for twin in twins:
            twin.join(30)
        assert len(answers) == 4
        assert answers[0]["data"]["data"]["coupon_code"] in server.coupons
        assert all(answer == answers[0] for answer in answers)
        with acting_for(store.pk):
            assert (balance(ann), store.redemptions.count()) == (700, 1)

    def test_a_held_call_is_taken_over_when_its_time_is_over(self, store, server, shop, ann, add, monkeypatch):
        reward = add(code_source="shop")
        body = signed(customer_id="7", reward_id=reward.pk, t=1)
        monkeypatch.setattr(answering, "ALONE", timedelta(seconds=1))

        def die(*args, **kwargs):
            raise SystemExit  # not even its claim is released

        with monkeypatch.context() as patched:
            patched.setattr(answering, "_keep_answer", die)
            with pytest.raises(SystemExit):
                shop.post("redeem-reward", body)
        answer = shop.post("redeem-reward", body).json()["data"]["data"]
        assert list(server.coupons) == [answer["coupon_code"]]
        apply_all(store)
        with acting_for(store.pk):
            assert (balance(ann), store.inbound_events.get().outcome) == (700, "applied")
