"""Taking codes, running low, running out, expiring."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from customers.models import Topic
from spending import coupon_stock, coupons
from spending.coupons import OutOfCodes
from spending.models import CodePool, CouponCode


@pytest.fixture
def pool(store) -> CodePool:
    return CodePool.objects.create(store=store, name="Five off", low_stock_at=2)


def take(pool: CodePool) -> str:
    pool.refresh_from_db()
    return coupons.take(pool.store, pool).code


def test_the_oldest_code_goes_first_and_each_goes_once(store, pool, add_codes):
    add_codes(pool, 3)
    assert [take(pool) for _ in range(3)] == ["C1", "C2", "C3"]
    with pytest.raises(OutOfCodes, match="Five off"):
        take(pool)


def test_a_code_whose_last_day_is_over_is_never_handed_out(store, pool, add_codes):
    today = coupons.today(store)
    add_codes(pool, 1, expires_on=today - timedelta(days=1))
    add_codes(pool, 1, start=2, expires_on=today)
    assert take(pool) == "C2"
    assert coupons.expire(store) == 1
    assert pool.codes.get(code="C1").state == "expired"


def test_an_empty_list_takes_from_the_one_it_falls_back_to(store, pool, add_codes):
    second = CodePool.objects.create(store=store, name="Second")
    add_codes(second, 1)
    CodePool.objects.filter(pk=pool.pk).update(when_empty="fallback", fallback=second)
    assert take(pool) == "C1"
    CodePool.objects.filter(pk=second.pk).update(when_empty="fallback", fallback=pool)  # a circle ends
    with pytest.raises(OutOfCodes):
        take(pool)


def test_a_shortage_is_told_once_by_event_and_mail_and_again_after_a_refill(store, pool, add_codes, owner, support):
    add_codes(pool, 4)
    coupon_stock.watch(store.pk)
    assert not store.events.filter(topic=Topic.CODES_LOW).exists()
    take(pool), take(pool)
    coupon_stock.watch(store.pk)
    coupon_stock.watch(store.pk)
    assert store.events.get(topic=Topic.CODES_LOW).data["pool_name"] == "Five off"
    assert [message.to for message in mail.outbox] == [[owner.email]]
    assert f"/codes/{pool.public_id}/" in mail.outbox[0].body

    add_codes(pool, 5, start=5)
    coupon_stock.watch(store.pk)
    pool.refresh_from_db()
    assert pool.low_since is None
    pool.codes.filter(state="free").update(state="issued")
    coupon_stock.watch(store.pk)
    assert store.events.filter(topic=Topic.CODES_LOW).count() == 2
    assert len(mail.outbox) == 2


def test_a_mail_that_could_not_be_sent_is_sent_at_the_next_look(store, pool, add_codes, owner, monkeypatch):
    add_codes(pool, 1)
    monkeypatch.setattr(coupon_stock, "send_mail", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        coupon_stock.watch(store.pk)
    monkeypatch.undo()
    coupon_stock.watch(store.pk)
    assert len(mail.outbox) == 1


def test_a_new_list_without_codes_is_not_short_of_any(store, pool, owner):
    coupon_stock.watch(store.pk)
    assert not store.events.filter(topic=Topic.CODES_LOW).exists()


def test_an_empty_list_pauses_its_rewards_if_it_says_so(store, pool, add_codes, add_reward, owner):
    reward = add_reward(code_source="pool", pool=pool)
    other = add_reward(name="Other")
    CodePool.objects.filter(pk=pool.pk).update(when_empty="pause")
    add_codes(pool, 1)
    coupon_stock.watch(store.pk)
    reward.refresh_from_db()
    assert reward.is_enabled
    take(pool)
    coupon_stock.watch(store.pk)
    reward.refresh_from_db(), other.refresh_from_db()
    assert (reward.is_enabled, other.is_enabled) == (False, True)
    assert store.events.get(topic=Topic.ATTENTION).data["rewards"] == ["5 off"]


def test_counts_are_live_for_a_small_list_and_told_from_the_last_count_for_a_large_one(
    store, pool, add_codes, monkeypatch
):
    add_codes(pool, 4)
    take(pool)
    assert coupon_stock.counts_of(store, pool) == {
        "free": 3, "issued": 1, "used": 0, "expired": 0, "void": 0, "total": 4,
    }  # fmt: skip
    monkeypatch.setattr(coupon_stock, "SMALL", 2)
    assert coupon_stock.counts_of(store, pool)["total"] == 0
    coupon_stock.watch(store.pk)
    pool.refresh_from_db()
    assert coupon_stock.counts_of(store, pool)["free"] == 3
    take(pool)
    coupon_stock.watch(store.pk)  # counted a moment ago
    pool.refresh_from_db()
    assert coupon_stock.counts_of(store, pool)["free"] == 3
    CodePool.objects.update(counted_at=timezone.now() - timedelta(minutes=1))
    coupon_stock.watch(store.pk)
    pool.refresh_from_db()
    assert coupon_stock.counts_of(store, pool) == coupon_stock.count(store, pool)


def test_codes_of_another_store_are_never_taken(store, other_store, pool, add_codes):
    theirs = CodePool.objects.create(store=other_store, name="Theirs")
    add_codes(theirs, 1)
    with pytest.raises(OutOfCodes):
        take(pool)
    assert CouponCode.objects.get().state == "free"
