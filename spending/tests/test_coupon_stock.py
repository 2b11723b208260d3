"""Taking codes, running low, running out, expiring."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from customers.models import Topic
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
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


def in_a_thread(store: Store, work: Callable[[], object]) -> Future:
    def perform() -> object:
        try:
            with acting_for(store.pk):
                return work()
        finally:
            connection.close()

    return ThreadPoolExecutor(1).submit(perform)


@pytest.mark.django_db(transaction=True)
def test_the_last_codes_go_to_one_each_and_the_rest_are_told_that_there_is_none(store, pool, add_codes):
    with acting_for(store.pk):
        add_codes(pool, 10)

    def one() -> str:
        try:
            code = coupons.take(store, CodePool.objects.get(pk=pool.pk)).code
            time.sleep(0.02)  # holds it while others look
            return code
        except OutOfCodes:
            return ""

    taken = [future.result(30) for future in [in_a_thread(store, one) for _ in range(16)]]
    assert sorted(filter(None, taken)) == sorted(f"C{number}" for number in range(1, 11))
    assert taken.count("") == 6


@pytest.mark.django_db(transaction=True)
def test_a_code_that_another_holds_and_gives_back_is_waited_for(store, pool, add_codes):
    holds, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        coupons.take(store, pool)
        holds.set()
        let_go.wait(10)
        transaction.set_rollback(True)

    with acting_for(store.pk):
        add_codes(pool, 1)
    holding = in_a_thread(store, hold)
    holds.wait(10)
    waiting = in_a_thread(store, lambda: coupons.take(store, pool).code)
    time.sleep(0.2)
    assert not waiting.done()
    let_go.set()
    assert (holding.result(10), waiting.result(10)) == (None, "C1")


def test_codes_of_another_store_are_never_taken(store, other_store, pool, add_codes):
    theirs = CodePool.objects.create(store=other_store, name="Theirs")
    add_codes(theirs, 1)
    with pytest.raises(OutOfCodes):
        take(pool)
    assert CouponCode.objects.get().state == "free"
