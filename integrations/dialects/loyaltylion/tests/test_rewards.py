"""Sections 8 to 10 of the contract: rewards, claims, refunds, and keys that make a call one call."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.utils import timezone

from conftest import balance, make_customer, see
from customers import enrolment, ledger
from customers.identities import Identity
from customers.models import CustomerAlias
from loyalty.stores.models import IdempotencyRecord
from loyalty.stores.tenancy import acting_for
from spending import code_sources, outcomes, redemptions, rewarding
from spending.code_sources import CodeNotMade, CodeSource

from .conftest import connect


@pytest.fixture
def ann(store):
    ann = make_customer(store, "c1", "ann@shop.example")
    ledger.settle(store, [ledger.Settlement(ann.pk, "test", points=Decimal(1200))])
    return ann


@pytest.fixture
def add(store):
    def add(kind="fixed_amount", chosen=None, **values):
        cleaned = rewarding.clean_settings(kind, chosen or {})
        values = {"name": "Five off", "points": Decimal(500), "code_source": "generated"} | values
        return rewarding.create(values.pop("of", store), kind, actor="test", settings=cleaned, **values)

    return add


def claim(shop, reward_id, merchant_id="c1", key="", **members):
    headers = {"Idempotency_Key": key} if key else {}
    return shop.send(
        "POST", f"/v2/customers/{merchant_id}/claimed_rewards", {"reward_id": reward_id} | members, **headers
    )


def refund(shop, claimed_id, merchant_id="c1"):
    return shop.send("POST", f"/v2/customers/{merchant_id}/claimed_rewards/{claimed_id}/refund")


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


class TestReward:
    def test_shape(self, store, shop, ann, add):
        reward = add(
            text="For you", minimum_order=Decimal("20.50"), validity="weeks", validity_count=2, chosen={"value": "7.50"}
        )
        wanted = {
            "id": reward.pk, "title": "Five off", "description": "For you", "content": {}, "point_cost": 500,
            "sort_key": 1, "usage_limit": 1, "min_redemption_amount": 1, "max_redemption_amount": 1,
            "kind": "cart_discount_voucher", "method": "voucher", "supported_channels": ["web", "pos", "mobile"],
            "discount_type": "flat", "discount_amount": 7.5, "minimum_spend": 20.5, "max_free_shipping": None,
            "site_id": store.pk, "target_site": {"id": store.pk, "name": store.name, "url": f"https://{store.domain}"},
            "order_type": "all", "target_type": "all", "target_collections": [], "target_products": [],
            "session_options": None, "auto_refund_seconds": None, "recurring_cycle_limit": None,
            "expiry_options": {"kind": "does_not_expire", "seconds": None},
            "redeemable_expiry_options": {"kind": "expires_after", "seconds": 14 * 86_400},
        }  # fmt: skip
        assert shop.get("/v2/rewards").json() == {"rewards": [wanted]}
        assert shop.get("/v2/customers/c1/available_rewards/").json() == {"rewards": [wanted]}

    @pytest.mark.parametrize(
        ("kind", "chosen", "source", "wanted"),
        [
            (
                "percentage", {"value": "12.5"}, "generated",
                ("cart_discount_voucher", "percentage", 12.5, "voucher", "all"),
            ),
            (
                "free_shipping", {"maximum": "9"}, "generated",
                ("free_shipping_voucher", "custom", None, "voucher", "shipping"),
            ),
            (
                "free_product", {"product_id": "42", "product_name": "Mug"}, "generated",
                ("product_discount_voucher", "custom", None, "voucher", "product"),
            ),
            ("variable_amount", {"value": "2"}, "generated", ("cart_discount_voucher", "flat", 2, "voucher", "all")),
            ("gift_code", {"value": "25"}, "pool", ("gift_card", "flat", 25, "gift_card", "all")),
            ("custom", {}, "none", ("custom", "custom", None, "store_fulfilment", "all")),
        ],
    )  # fmt: skip
    def test_every_kind_has_its_words(self, shop, add, kind, chosen, source, wanted):
        add(kind, chosen, code_source=source)
        [row] = shop.get("/v2/rewards").json()["rewards"]
        names = ("kind", "discount_type", "discount_amount", "method", "target_type")
        assert tuple(row[name] for name in names) == wanted
        assert row["max_free_shipping"] == (9 if kind == "free_shipping" else None)
        assert [one["variant_id"] for one in row["target_products"]] == (["42"] if kind == "free_product" else [])

    def test_live_ones_in_the_merchants_order(self, store, shop, ann, add):
        now, day = timezone.now(), timedelta(days=1)
        first, second = add(name="First"), add(name="Second", points=Decimal(99_999))
        rewarding.switch(add(name="Off"), False)
        add(name="Later", active_from=now + day)
        add(name="Over", active_from=now - 2 * day, active_until=now - day)
        add(name="VIPs", tags_any=["vip"])
        rewarding.move(store, second, -1)

        def titles(path):
            return [(row["title"], row["sort_key"]) for row in shop.get(path).json()["rewards"]]

        assert titles("/v2/rewards") == [("Second", 1), ("First", 2), ("VIPs", 6)]
        assert titles("/v2/customers/c1/available_rewards") == [("Second", 1), ("First", 2)]
        type(ann).objects.filter(pk=ann.pk).update(tags=["vip"])
        assert titles("/v2/customers/c1/available_rewards")[-1] == ("VIPs", 6)
        assert first.pk != second.pk

    def test_guests_and_blocked_have_none_and_strangers_are_not_found(self, store, shop, ann, add):
        add()
        enrolment.identify(store, Identity.of(external_id="guest"))
        type(ann).objects.filter(pk=ann.pk).update(state="blocked")
        assert shop.get("/v2/customers/guest/available_rewards").json() == {"rewards": []}
        assert shop.get("/v2/customers/c1/available_rewards").json() == {"rewards": []}
        assert code_of(shop.get("/v2/customers/nobody/available_rewards")) == (404, "not_found")

    def test_scopes(self, shop, key, ann, add):
        reward = add()
        reader, writer = key("read_customers"), key("write_customers")
        for path in ("/v2/rewards", "/v2/customers/c1/available_rewards"):
            assert reader.get(path).status_code == 200
            assert code_of(writer.get(path)) == (403, "forbidden")
        assert code_of(claim(reader, reward.pk)) == (403, "forbidden")
        claimed = claim(writer, reward.pk)
        assert claimed.status_code == 201
        assert code_of(refund(reader, claimed.json()["claimed_reward"]["id"])) == (403, "forbidden")
        assert claim(shop, reward.pk).status_code == 201
        for method, path in (
            ("GET", "claimed_rewards"),
            ("POST", "available_rewards"),
            ("PUT", "claimed_rewards/1/refund"),
        ):
            assert code_of(shop.send(method, f"/v2/customers/c1/{path}")) == (405, "method_not_allowed")


class TestClaim:
    def test_shape(self, store, shop, ann, add):
        reward = add(validity="days", validity_count=30)
        answer = claim(
            shop, reward.pk, session={"kind": "cart", "token": "t-1"}, attribution="x", shopify_action_id=None
        )
        assert answer.status_code == 201
        row = store.redemptions.get()
        [shown] = shop.get("/v2/rewards").json()["rewards"]
        assert answer.json() == {
            "claimed_reward": {
                "id": row.pk,
                "claimed_at": f"{row.issued_at:%Y-%m-%dT%H:%M:%S}.{row.issued_at.microsecond // 1000:03}Z",
                "point_cost": 500, "state": "approved",
                "redeemable": {"code": row.code, "discount_amount": 5, "usage_count": 0, "usage_limit": 1},
                "reward": shown, "session": {"kind": "cart", "token": "t-1"}, "auto_refund_at": None,
                "expires_at": f"{row.expires_at:%Y-%m-%dT%H:%M:%S}.000Z",
            }
        }  # fmt: skip
        assert (row.source, balance(ann)) == ("loyaltylion", 700)

    def test_something_that_is_handed_over_has_no_code(self, store, shop, ann, add):
        answer = claim(shop, str(add("custom", code_source="none").pk)).json()["claimed_reward"]
        assert answer["redeemable"] == {
            "redeemable_type": "fulfilment", "fulfilled": False, "fulfilled_at": None, "expires_on": None,
        }  # fmt: skip
        outcomes.hand_over(store, store.redemptions.get())
        assert refund(shop, answer["id"]).json()["error"]["code"] == "reward_already_used"

    def test_an_amount_of_their_choice(self, store, shop, ann, add):
        reward = add("variable_amount", {"value": "2", "minimum_steps": 2, "maximum_steps": 5}, points=Decimal(100))
        answer = claim(shop, reward.pk, multiplier="3").json()["claimed_reward"]
        assert (answer["point_cost"], answer["redeemable"]["discount_amount"], balance(ann)) == (300, 6, 900)
        for multiplier in (1, 6):
            assert code_of(claim(shop, reward.pk, multiplier=multiplier)) == (422, "invalid")
        assert code_of(claim(shop, add().pk, multiplier=2)) == (422, "invalid")
        assert balance(ann) == 900

    def test_a_product_needs_its_variant(self, shop, ann, add):
        reward = add("free_product", {"product_id": "42", "product_name": "Mug"})
        assert code_of(claim(shop, reward.pk)) == (422, "invalid_variant_id")
        assert code_of(claim(shop, reward.pk, variant_id="43")) == (422, "invalid_variant_id")
        assert claim(shop, reward.pk, variant_id=42).status_code == 201

    def test_refusals(self, store, shop, ann, add):
        def refused(reward_id, merchant_id="c1"):
            return code_of(claim(shop, reward_id, merchant_id))

        reward = add()
        enrolment.identify(store, Identity.of(external_id="guest"))
        make_customer(store, "bad", state="blocked")
        assert refused(reward.pk, "guest") == (422, "customer_not_enrolled")
        assert refused(reward.pk, "bad") == (422, "customer_blocked")
        assert refused(reward.pk, "nobody") == (404, "not_found")
        assert refused(999_999) == (422, "reward_not_enabled_for_customer")
        assert refused(add(tags_any=["vip"]).pk) == (422, "reward_not_enabled_for_customer")
        assert refused(add(points=Decimal(5000)).pk) == (422, "insufficient_points")
        assert refused(add(code_source="pool").pk) == (422, "reward_out_of_stock")
        rewarding.switch(off := add(), False)
        assert refused(off.pk) == (422, "reward_not_enabled_for_customer")
        once = add(customer_limit=1, points=Decimal(1))
        assert claim(shop, once.pk).status_code == 201
        assert refused(once.pk) == (422, "reward_limit_reached")
        assert (balance(ann), store.redemptions.count()) == (1199, 1)

    @pytest.mark.parametrize("bad", [None, "", "x", -1, 1.5, True, [], {}, "9" * 30])
    def test_a_reward_id_must_be_a_number(self, shop, ann, bad):
        answer = claim(shop, bad)
        assert (code_of(answer), list(answer.json()["error"]["details"])) == ((422, "invalid"), ["reward_id"])

    def test_a_linked_id_is_the_same_person(self, store, shop, ann, add):
        CustomerAlias.objects.create(store=store, external_id="a/b", customer=ann)
        assert claim(shop, add().pk, "a/b").status_code == 201
        assert balance(ann) == 700

    def test_another_stores_rewards_and_claims_are_not_there(self, store, other_store, shop, ann, add):
        see(other_store)
        theirs = add(of=other_store)
        bob = make_customer(other_store, "c1")
        ledger.settle(other_store, [ledger.Settlement(bob.pk, "test", points=Decimal(1200))])
        row = redemptions.redeem(other_store, bob, theirs)
        assert code_of(claim(shop, theirs.pk)) == (422, "reward_not_enabled_for_customer")
        assert code_of(refund(shop, row.pk)) == (404, "not_found")
        row.refresh_from_db()
        assert row.state == "issued"


class TestRefund:
    def test_points_return_once_and_the_code_is_void(self, store, shop, ann, add):
        claimed = claim(shop, add().pk).json()["claimed_reward"]
        answer = refund(shop, claimed["id"])
        assert (answer.status_code, answer.json()) == (
            200, {"claimed_reward": claimed | {"state": "void"}, "remote_resource_deleted": False},
        )  # fmt: skip
        assert balance(ann) == 1200
        assert code_of(refund(shop, claimed["id"])) == (422, "reward_already_refunded")
        assert balance(ann) == 1200

    def test_a_used_code_is_not_given_back(self, store, shop, ann, add):
        claimed = claim(shop, add().pk).json()["claimed_reward"]
        outcomes.hand_over(store, store.redemptions.get())
        assert code_of(refund(shop, claimed["id"])) == (422, "reward_already_used")
        assert balance(ann) == 700

    def test_only_this_customers_claims(self, store, shop, ann, add):
        make_customer(store, "c2")
        claimed = claim(shop, add().pk).json()["claimed_reward"]
        for claimed_id, who in ((claimed["id"], "c2"), (claimed["id"], "nobody"), (0, "c1"), ("9" * 30, "c1")):
            assert code_of(refund(shop, claimed_id, who)) == (404, "not_found")
        assert balance(ann) == 700


class TestKeys:
    def test_without_one_each_call_is_a_new_claim(self, store, shop, ann, add):
        reward = add()
        assert claim(shop, reward.pk).json() != claim(shop, reward.pk).json()
        assert balance(ann) == 200

    def test_the_same_key_and_body_get_the_first_answer(self, store, shop, ann, add):
        reward = add()
        first = claim(shop, reward.pk, key="k1")
        outcomes.hand_over(store, store.redemptions.get())  # the first answer, whatever became of it
        for path_end in ("", "/"):
            again = shop.send(
                "POST", f"/v2/customers/c1/claimed_rewards{path_end}", {"reward_id": reward.pk}, Idempotency_Key="k1"
            )
            assert (again.status_code, again.json()) == (201, first.json())
        assert claim(shop, reward.pk, key="k2").json() != first.json()
        assert balance(ann) == 200

    def test_another_body_is_refused(self, shop, ann, add):
        reward, other = add(), add()
        claim(shop, reward.pk, key="k1")
        assert code_of(claim(shop, other.pk, key="k1")) == (422, "idempotency_mismatch")
        assert balance(ann) == 700

    def test_a_refusal_is_replayed_too(self, store, shop, ann, add):
        reward = add(points=Decimal(5000))
        assert code_of(claim(shop, reward.pk, key="k1")) == (422, "insufficient_points")
        ledger.settle(store, [ledger.Settlement(ann.pk, "more", points=Decimal(9000))])
        assert code_of(claim(shop, reward.pk, key="k1")) == (422, "insufficient_points")
        assert claim(shop, reward.pk, key="k2").status_code == 201

    def test_a_key_is_of_one_credential_and_address_and_day(self, store, shop, key, ann, add):
        reward = add(points=Decimal(100))
        make_customer(store, "c2")
        claim(shop, reward.pk, key="k1")
        assert claim(key(), reward.pk, key="k1").status_code == 201
        assert code_of(claim(shop, reward.pk, "c2", key="k1")) == (422, "insufficient_points")
        assert balance(ann) == 1000
        IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert claim(shop, reward.pk, key="k1").status_code == 201
        assert balance(ann) == 900

    @pytest.mark.parametrize("bad", ["x" * 256, "a\x01b"])
    def test_an_odd_key_is_refused(self, shop, ann, add, bad):
        assert code_of(claim(shop, add().pk, key=bad)) == (400, "bad_request")
        assert balance(ann) == 1200


class SlowShop(CodeSource):
    """A shop that makes codes, or does not."""

    key, is_remote = "shop", True
    made: list[str]
    fails = False

    def make(self, redemption, discount):
        assert not database.in_atomic_block
        if self.fails:
            raise CodeNotMade("The shop said no.")
        self.made.append(f"S{redemption.pk}")
        return f"S{redemption.pk}"


@pytest.mark.django_db(transaction=True)
class TestMadeElsewhere:
    @pytest.fixture
    def maker(self, monkeypatch):
        maker = SlowShop()
        maker.made = []
        monkeypatch.setitem(code_sources.SOURCES, "shop", maker)
        return maker

    def test_the_code_follows_the_points(self, store, shop, maker, ann, add):
        reward = add(code_source="shop")
        first = claim(shop, reward.pk, key="k1")
        assert (first.status_code, first.json()["claimed_reward"]["redeemable"]["code"]) == (201, maker.made[0])
        assert claim(shop, reward.pk, key="k1").json() == first.json()
        with acting_for(store.pk):
            assert (balance(ann), len(maker.made)) == (700, 1)

    def test_no_code_no_points(self, store, shop, maker, ann, add):
        reward, maker.fails = add(code_source="shop"), True
        for _ in range(2):
            assert code_of(claim(shop, reward.pk, key="k1")) == (422, "reward_out_of_stock")
        with acting_for(store.pk):
            assert (balance(ann), store.redemptions.get().state) == (1200, "cancelled")

    def test_cut_off_while_the_shop_was_asked_the_key_goes_on(self, store, shop, maker, ann, add, monkeypatch):
        reward = add(code_source="shop")

        def die(*args):
            raise SystemExit

        with monkeypatch.context() as patched:
            patched.setattr(SlowShop, "make", die)
            with pytest.raises(SystemExit):
                claim(shop, reward.pk, key="k1")
        answer = claim(shop, reward.pk, key="k1")
        assert answer.json()["claimed_reward"]["redeemable"]["code"] == maker.made[0]
        with acting_for(store.pk):
            assert (balance(ann), store.redemptions.count()) == (700, 1)


@pytest.mark.django_db(transaction=True)
def test_twins_with_one_key_claim_once(store, ann, add):
    reward, answers, shop = add(), [], connect(store)

    def call():
        try:
            answers.append(claim(type(shop)(shop.connection, shop.authorization), reward.pk, key="k1").json())
        finally:
            database.close()

    twins = [threading.Thread(target=call) for _ in range(5)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join(30)
    assert len(answers) == 5
    assert all(answer == answers[0] for answer in answers)
    with acting_for(store.pk):
        assert (balance(ann), store.redemptions.count()) == (700, 1)
