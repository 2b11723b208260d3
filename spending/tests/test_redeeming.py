"""The verbs that take, give back, use, expire and reissue: each way they may go, and what the ledger says after it."""

from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest
from django.utils import timezone

from conftest import balance, make_customer
from customers import adjustments, enrolment
from customers.identities import Identity
from spending import catalogue, coupons, redemptions, rewarding
from spending.code_sources import SOURCES, CodeNotMade, CodeSource
from spending.models import CodePool, CouponCode, Fulfilment, Redemption
from spending.redemptions import CannotCancel, RedemptionConflict, Refused
from spending.rewards import SHOP

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(store):
    customer = make_customer(store, "c9", tags=["vip"])
    adjustments.adjust(store, customer, Decimal(1000), "Opening balance", actor="test")
    return customer


def refusal(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


# --- Taking -------------------------------------------------------------------------------------


def test_the_ledger_names_the_reward_the_actor_and_the_redemption(store, member, add_reward):
    row = redemptions.redeem(store, member, add_reward(points=400), source="widget", actor="anna")
    entry = store.entries.get(source=row.ledger_source)
    assert (entry.kind, entry.points, entry.reason, entry.actor) == ("redeem", -400, "5 off", "anna")
    stored = Redemption.objects.get()
    assert (stored.state, stored.points, stored.source, stored.reward_version) == ("issued", 400, "widget", 1)
    assert stored.decision["checks"] and stored.code == row.code
    told = store.events.get(topic="reward.redeemed")
    assert told.data == {"redemption": str(row.public_id), "reward": "5 off", "points": "400"}
    assert told.customer == member


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"points": 1001}, "insufficient_points"),
        ({"tags_none": ["vip"]}, "not_eligible"),
        ({"tags_any": ["staff"]}, "not_eligible"),
        ({"active_from": timezone.now() + timedelta(days=1)}, "not_active"),
        ({"active_until": timezone.now() - timedelta(days=1)}, "not_active"),
    ],
)
def test_what_may_not_be_taken_changes_nothing(store, member, add_reward, values, code):
    reward = add_reward(**values)
    assert refusal(redemptions.redeem, store, member, reward) == code
    assert not catalogue.check(store, member, reward).is_ok
    assert (balance(member), Redemption.objects.count()) == (1000, 0)
    assert not store.events.filter(topic="reward.redeemed").exists()


def test_guests_and_blocked_customers_take_nothing(store, member, add_reward):
    guest = enrolment.identify(store, Identity.of(email="guest@shop.example"))
    adjustments.adjust(store, guest, Decimal(1000), "Opening balance", actor="test")
    assert refusal(redemptions.redeem, store, guest, add_reward()) == "not_enrolled"
    enrolment.block(member, True)
    assert refusal(redemptions.redeem, store, member, add_reward()) == "blocked"


def test_a_reward_that_changed_since_it_was_read_is_taken_as_it_is_now(store, member, add_reward):
    mine = add_reward(points=400)
    rewarding.change(store.rewards.get(), actor="test", points=Decimal(300))
    assert (redemptions.redeem(store, member, mine).reward_version, balance(member)) == (2, 700)
    rewarding.switch(store.rewards.get(), False)
    mine.is_enabled = True
    assert refusal(redemptions.redeem, store, member, mine) == "not_enabled"


def test_a_limit_counts_what_is_cancelled_no_more_and_begins_anew_with_its_period(store, member, add_reward):
    reward = add_reward(points=10, customer_limit=1, customer_limit_period="day")
    first = redemptions.redeem(store, member, reward)
    assert refusal(redemptions.redeem, store, member, reward) == "limit_reached"
    redemptions.cancel(store, first, reason="By mistake", actor="test")
    second = redemptions.redeem(store, member, reward)
    store.redemptions.filter(pk=second.pk).update(issued_at=timezone.now() - timedelta(days=2))
    assert redemptions.redeem(store, member, reward).state == "issued"


def test_a_limit_of_all_counts_everybody(store, member, add_reward):
    other = make_customer(store, "c8")
    adjustments.adjust(store, other, Decimal(100), "Opening balance", actor="test")
    reward = add_reward(points=10, total_limit=2)
    redemptions.redeem(store, member, reward)
    redemptions.redeem(store, other, reward)
    assert refusal(redemptions.redeem, store, member, reward) == "limit_reached"


def test_the_sooner_end_counts_of_the_reward_and_of_the_code(store, member, add_reward, add_codes):
    reward = add_reward(points=10, code_source="pool", validity="days", validity_count=30)
    near = date.today() + timedelta(days=3)
    add_codes(reward.pool, 1, expires_on=near, value=Decimal(7))
    add_codes(reward.pool, 1, start=2)
    first, second = redemptions.redeem(store, member, reward), redemptions.redeem(store, member, reward)
    assert first.expires_at.astimezone(store.tz).date() == near + timedelta(days=1)
    assert second.expires_at > first.expires_at
    assert (first.value, second.value) == (5, 5)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_what_ends_on_the_last_day_there_is_can_be_taken(store, member, add_reward, add_codes, api, zone):
    """A usual way to write "never"."""
    store.timezone = zone
    store.save()
    never = date(9999, 12, 31)
    of_pool = add_reward(points=1, code_source="pool")
    add_codes(of_pool.pool, 1, expires_on=never)
    for reward in (of_pool, add_reward(points=1, name="Other", validity="date", validity_until=never)):
        row = redemptions.redeem(store, member, reward)
        assert row.expires_at.year == 9999
        assert api.get(f"/api/v1/redemptions/{row.public_id}").json()["expires_at"].startswith("9999-12-")


def test_a_code_that_is_over_is_not_handed_out(store, member, add_reward, add_codes):
    reward = add_reward(points=10, code_source="pool")
    add_codes(reward.pool, 1, expires_on=date.today() - timedelta(days=2))
    assert catalogue.check(store, member, reward).code == "out_of_codes"
    assert refusal(redemptions.redeem, store, member, reward) == "out_of_codes"
    add_codes(reward.pool, 1, start=2)
    assert redemptions.redeem(store, member, reward).code == "C2"


def test_an_empty_list_falls_back_to_another(store, member, add_reward, add_codes):
    reward = add_reward("gift_code", points=10, code_source="pool")
    spare = CodePool.objects.create(store=store, name="Spare")
    add_codes(spare, 1, value=Decimal(20))
    reward.pool.when_empty, reward.pool.fallback = "fallback", spare
    reward.pool.save()
    row = redemptions.redeem(store, member, reward)
    assert (row.code, row.value, row.coupon.pool) == ("C1", 20, spare)


def test_codes_that_we_make_are_unlike_each_other_and_begin_as_the_merchant_says(store, member, add_reward):
    reward = add_reward(points=1, code_prefix="THX-")
    codes = {redemptions.redeem(store, member, reward).code for _ in range(20)}
    assert len(codes) == 20 and all(code.startswith("THX-") and len(code) == 16 for code in codes)


def test_a_reward_without_a_code_may_be_told_to_the_merchants_own_system(store, member, add_reward):
    settings = {"fulfilment": "webhook", "webhook_url": "https://shop.example/hook"}
    row = redemptions.redeem(store, member, add_reward("custom", points=10, code_source="none", settings=settings))
    assert (row.code, row.state) == ("", "issued")
    assert Fulfilment.objects.get().redemption == row
    redemptions.redeem(store, member, add_reward("custom", points=10, code_source="none"))
    assert Fulfilment.objects.count() == 1


def test_an_identity_is_of_one_redemption(store, member, add_reward):
    one, other = add_reward(points=100), add_reward(points=100)
    row = redemptions.redeem(store, member, one, identity="k1")
    assert redemptions.redeem(store, member, one, identity="k1").pk == row.pk
    with pytest.raises(RedemptionConflict):
        redemptions.redeem(store, member, other, identity="k1")
    with pytest.raises(RedemptionConflict):
        redemptions.redeem(store, make_customer(store, "c8"), one, identity="k1")
    assert balance(member) == 900


def test_offers_are_those_switched_on_in_the_merchants_order_each_with_its_verdict(store, member, add_reward):
    dear, cheap, off = add_reward(points=5000), add_reward(points=10), add_reward(points=1)
    chosen = add_reward("variable_amount", points=100, settings={"minimum_steps": 3})
    rewarding.switch(off, False)
    rewarding.move(store, cheap, -1)
    told = [(one.reward.pk, one.verdict.code, one.verdict.cost) for one in catalogue.offers_for(store, member)]
    assert told == [(cheap.pk, "", 10), (dear.pk, "insufficient_points", 5000), (chosen.pk, "", 300)]


def test_offers_take_no_more_statements_for_many_rewards_than_for_few(store, member, add_reward, monkeypatch):
    sent = []
    execute = psycopg.Cursor.execute
    monkeypatch.setattr(psycopg.Cursor, "execute", lambda *args, **kwargs: sent.append(1) or execute(*args, **kwargs))

    def statements() -> int:
        sent.clear()
        catalogue.offers_for(store, member)
        return len(sent)

    add_reward(code_source="generated"), add_reward(code_source="pool")
    few = statements()
    for number in range(10):
        add_reward(code_source="generated", customer_limit=number + 1), add_reward(code_source="pool")
    assert statements() == few < 6


def test_a_list_that_falls_back_has_codes_while_the_last_of_them_has(store, add_codes):
    first, second, last = (CodePool.objects.create(store=store, name=str(number)) for number in range(3))
    for pool, other in ((first, second), (second, last), (last, first)):  # a ring ends where it began
        CodePool.objects.filter(pk=pool.pk).update(when_empty="fallback", fallback=other)
    assert coupons.stocked(store) == set()
    add_codes(last)
    assert coupons.stocked(store) == {first.pk, second.pk, last.pk}
    CodePool.objects.filter(pk=second.pk).update(when_empty="refuse")
    assert coupons.stocked(store) == {last.pk}


# --- Afterwards ---------------------------------------------------------------------------------


def test_what_was_used_is_given_back_only_by_its_order(store, member, add_reward):
    row = redemptions.redeem(store, member, add_reward(points=400))
    assert redemptions.hand_over(store, row) and not redemptions.hand_over(store, row)
    with pytest.raises(CannotCancel):
        redemptions.cancel(store, row, reason="x", actor="anna")
    assert balance(member) == 600
    assert redemptions.cancel(store, row, reason="Refunded", actor="order", is_refund=True)
    assert balance(member) == 1000


def test_what_was_cancelled_is_not_used(store, member, add_reward):
    row = redemptions.redeem(store, member, add_reward(points=400))
    redemptions.cancel(store, row, reason="x", actor="anna")
    assert not redemptions.hand_over(store, row)
    assert Redemption.objects.get().state == "cancelled"
    entries = store.entries.filter(source=row.ledger_source).order_by("seq")
    assert [(entry.points, entry.revision) for entry in entries] == [(-400, 1), (400, 2)]


def test_a_code_that_ends_expires_with_its_place_in_the_list_and_its_points_stay_spent(
    store, member, add_reward, add_codes
):
    reward = add_reward(points=400, code_source="pool", validity="days", validity_count=1)
    add_codes(reward.pool, 2)
    late, fresh = redemptions.redeem(store, member, reward), redemptions.redeem(store, member, reward)
    store.redemptions.filter(pk=late.pk).update(expires_at=timezone.now())
    assert [redemptions.expire(store) for _ in range(2)] == [1, 0]
    assert dict(store.redemptions.values_list("pk", "state")) == {late.pk: "expired", fresh.pk: "issued"}
    assert dict(CouponCode.objects.values_list("code", "state")) == {"C1": "expired", "C2": "issued"}
    assert balance(member) == 200
    assert store.events.filter(topic="redemption.expired").count() == 1


def test_a_code_is_reissued_for_the_same_points_or_everything_stays(store, member, add_reward, add_codes):
    reward = add_reward(points=1000, code_source="pool")
    add_codes(reward.pool, 2)
    first = redemptions.redeem(store, member, reward)
    second = redemptions.reissue(store, first, reason="The shop says no", actor="anna")
    assert (second.code, second.source, balance(member)) == ("C2", "support", 0)
    assert refusal(redemptions.reissue, store, second, reason="Again", actor="anna") == "out_of_codes"
    assert Redemption.objects.get(pk=second.pk).state == "issued"
    with pytest.raises(CannotCancel):
        redemptions.reissue(store, first, reason="Twice", actor="anna")


# --- Codes that the shop makes ------------------------------------------------------------------


class Shop(CodeSource):
    key, is_remote = SHOP, True
    refuses = False

    def make(self, redemption, discount):
        if self.refuses:
            raise CodeNotMade("The shop does not answer.")
        redemption.details = {"shop_id": 7}
        return f"SHOP-{redemption.pk}"


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setitem(SOURCES, SHOP, Shop())
    return SOURCES[SHOP]


def test_the_shops_code_is_kept_with_what_the_shop_says_of_it(store, member, add_reward, shop):
    row = redemptions.redeem(store, member, add_reward(points=400, code_source="shop"))
    stored = Redemption.objects.get()
    assert (stored.state, stored.code, stored.details) == ("issued", f"SHOP-{row.pk}", {"shop_id": 7})
    assert store.events.filter(topic="reward.redeemed").count() == 1


def test_a_shop_that_refuses_gives_the_points_back_and_the_same_call_stays_refused(store, member, add_reward, shop):
    shop.refuses, reward = True, add_reward(points=400, code_source="shop")
    assert refusal(redemptions.redeem, store, member, reward, identity="k1") == "coupon_failed"
    shop.refuses = False
    assert refusal(redemptions.redeem, store, member, reward, identity="k1") == "coupon_failed"
    assert (balance(member), Redemption.objects.get().state) == (1000, "cancelled")
    assert not store.events.filter(topic="reward.redeemed").exists()


def test_what_a_dead_process_left_half_done_is_finished_or_given_back(store, member, add_reward, shop):
    reward = add_reward(points=100, code_source="shop")
    done, failed = (redemptions.begin(store, member, reward) for _ in range(2))
    assert not redemptions.hand_over(store, done)
    assert redemptions.finish_pending(store) == 0  # its own process may still be at it
    store.redemptions.update(issued_at=timezone.now() - timedelta(minutes=5))
    store.redemptions.filter(pk=failed.pk).update(issued_at=timezone.now())
    assert redemptions.finish_pending(store) == 1
    shop.refuses = True
    store.redemptions.filter(pk=failed.pk).update(issued_at=timezone.now() - timedelta(minutes=5))
    assert redemptions.finish_pending(store) == 1
    assert dict(store.redemptions.values_list("pk", "state")) == {done.pk: "issued", failed.pk: "cancelled"}
    assert balance(member) == 900
