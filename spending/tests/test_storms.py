"""Many at once, in threads with a connection each, on a real PostgreSQL: exact counts, nothing lost or doubled.

The full size: FAULTS=full pytest spending/tests/test_storms.py -s
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from conftest import balance, make_customer, sized
from customers import adjustments, ledger
from customers.models import OrderNotice
from earning import applying, orders
from earning.models import Activity, OrderFact
from loyalty.stores.batches import drain
from loyalty.stores.tenancy import act_for, acting_for
from spending import order_notices, redemptions
from spending.models import CouponCode, Redemption
from spending.redemptions import Refused

STORM = sized(1, 10)
CLIENTS = min(20 * STORM, 50)  # each has a connection of its own, of which a server has some hundred
CODES, ASKS = 500 * STORM, 600 * STORM
RACES = sized(100, 5_000)

pytestmark = pytest.mark.django_db(transaction=True)


def rich(store, external_id, points):
    customer = make_customer(store, external_id)
    adjustments.adjust(store, customer, Decimal(points), "Opening balance", actor="test")
    return customer


def at_once(calls: Sequence[Callable[[], object]], clients: int) -> list[object]:
    """Each call's result or the refusal's code. All clients start together; any other error fails the test."""
    start = threading.Barrier(min(clients, len(calls)))

    def client(mine: Sequence[Callable[[], object]]) -> list[object]:
        try:
            start.wait(60)
            return [outcome(call) for call in mine]
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        shares = list(pool.map(client, [calls[number::clients] for number in range(min(clients, len(calls)))]))
    return [result for share in shares for result in share]


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except Refused as refused:
        return refused.code


def books_are_sound(store):
    call_command("check_ledger", store=store.slug)


# --- Points and codes ---------------------------------------------------------------------------


def test_64_clients_take_exactly_the_20_that_one_customers_points_pay_for(store, add_reward):
    customer, reward = rich(store, "c1", 1000), add_reward(points=50)
    taken = at_once([lambda: redemptions.redeem(store, customer, reward)] * 64, 64)
    assert Counter(type(one).__name__ if isinstance(one, Redemption) else one for one in taken) == {
        "Redemption": 20, "insufficient_points": 44,
    }  # fmt: skip
    assert (balance(customer), store.redemptions.count()) == (0, 20)
    books_are_sound(store)


def test_each_code_goes_to_one_customer_and_who_comes_late_is_told_and_pays_nothing(
    store, add_reward, add_codes, capsys
):
    reward = add_reward(points=10, code_source="pool")
    add_codes(reward.pool, CODES)
    customers = [rich(store, f"c{number}", 10 * ASKS) for number in range(CLIENTS)]
    asks = [lambda of=customers[number % CLIENTS]: redemptions.redeem(store, of, reward) for number in range(ASKS)]
    started = time.monotonic()
    taken = at_once(asks, CLIENTS)
    with capsys.disabled():
        print(f"\n{ASKS} asks of {CLIENTS} clients for {CODES} codes in {time.monotonic() - started:.1f} s")

    issued = [one for one in taken if isinstance(one, Redemption)]
    assert Counter(one for one in taken if not isinstance(one, Redemption)) == {"out_of_codes": ASKS - CODES}
    assert len(issued) == len({one.code for one in issued}) == len({one.coupon_id for one in issued}) == CODES
    assert not CouponCode.objects.filter(store=store, state="free").exists()
    assert sum(balance(customer) for customer in customers) == CLIENTS * 10 * ASKS - 10 * CODES
    books_are_sound(store)


def test_the_last_of_a_limit_goes_to_one(store, add_reward):
    customers = [rich(store, f"c{number}", 100) for number in range(12)]
    all_of_them, of_one = add_reward(points=10, total_limit=5), add_reward(points=1, customer_limit=2)
    taken = at_once([lambda of=one: redemptions.redeem(store, of, all_of_them) for one in customers], 12)
    assert Counter(one for one in taken if isinstance(one, str)) == {"limit_reached": 7}
    taken = at_once([lambda: redemptions.redeem(store, customers[0], of_one)] * 12, 12)
    assert Counter(one for one in taken if isinstance(one, str)) == {"limit_reached": 10}
    books_are_sound(store)


def test_a_code_that_comes_back_is_not_sold_out_to_who_waits(store, add_reward, add_codes):
    """Another holds the last code and lets go of it: who asked meanwhile gets it."""
    customer, reward = rich(store, "c1", 100), add_reward(points=10, code_source="pool")
    add_codes(reward.pool, 1)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            act_for(store.pk)
            store.coupon_codes.select_for_update().get()
            asked = pool.submit(in_thread(lambda: redemptions.redeem(store, customer, reward)))
            time.sleep(0.5)
            assert not asked.done()
        assert asked.result(30).code == "C1"
    books_are_sound(store)


def test_twin_calls_take_points_once_and_get_the_same(store, add_reward):
    customer, reward = rich(store, "c1", 1000), add_reward(points=50)
    twins = [lambda n=number % 4: redemptions.redeem(store, customer, reward, identity=f"k{n}") for number in range(24)]
    taken = at_once(twins, 24)
    assert Counter(Counter(one.pk for one in taken).values()) == {6: 4}
    assert balance(customer) == 800
    books_are_sound(store)


# --- One after the other, whichever comes first ---------------------------------------------------


def in_thread(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        try:
            return outcome(call)
        finally:
            connection.close()

    return run


def wait_until_blocked(count: int) -> None:
    """Until so many connections of this database wait for a lock."""
    waiting = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError(f"{count} never waited")


@contextmanager
def in_order(store, customer, *calls):
    """Run calls that need this customer's wallet at once; they get it in this order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        with transaction.atomic():
            act_for(store.pk)
            ledger.lock_wallets(store.pk, [customer.pk])
            running = []
            for call in calls:
                running.append(pool.submit(in_thread(call)))
                wait_until_blocked(len(running))
        yield [one.result(30) for one in running]


def bought(store, add_rule, codes=()):
    """An order of c1 that has been told; its points are not applied yet."""
    tell_order(store, add_rule, "o1", codes=codes)
    apply_orders(store)


def tell_order(store, add_rule, order, customer="c1", codes=()):
    if not store.rules.filter(kind="purchase").exists():
        add_rule(store, "purchase", points=1)
    body = {"status": "completed", "total": "500", "subtotal": "500", "customer": {"external_id": customer}}
    orders.record_fact(store, order, "status", identity=order, data=body | {"discount_codes": list(codes)})


def apply_orders(store):
    drain(OrderFact, store.pk, orders.apply)


def refunded(store, order="o1", amount="500"):
    orders.record_fact(store, order, "refund", identity=f"r-{order}", data={"amount": amount})
    apply_orders(store)


def award(store):
    drain(Activity, store.pk, applying.apply)


def follow_orders(store):
    drain(OrderNotice, store.pk, order_notices.apply)


SERIAL = {"redeem, refund": ("issued", -500), "refund, redeem": ("insufficient_points", 0)}


def result_of(store, customer, redeemed) -> tuple[str, int]:
    return (redeemed if isinstance(redeemed, str) else redeemed.state, int(balance(customer)))


@pytest.mark.parametrize("first", ["redeem", "refund"])
def test_a_refund_and_a_redemption_end_as_one_after_the_other(store, add_rule, add_reward, first):
    customer, reward = make_customer(store, "c1"), add_reward(points=500)
    bought(store, add_rule)
    award(store)
    assert balance(customer) == 500
    refunded(store)
    redeem, refund = lambda: redemptions.redeem(store, customer, reward), lambda: award(store)
    calls = [redeem, refund] if first == "redeem" else [refund, redeem]
    with in_order(store, customer, *calls) as results:
        expected = "redeem, refund" if first == "redeem" else "refund, redeem"
        assert result_of(store, customer, results[calls.index(redeem)]) == SERIAL[expected]
    books_are_sound(store)


def test_refunds_and_redemptions_at_random_always_end_as_one_after_the_other(store, add_rule, add_reward):
    reward, ends = add_reward(points=500), Counter()
    with two_clients() as at_the_same_time:
        for start in range(0, RACES, 100):
            customers = {number: make_customer(store, f"c{number}") for number in range(start, start + 100)}
            for number in customers:
                tell_order(store, add_rule, f"o{number}", customer=f"c{number}")
            apply_orders(store)
            award(store)
            for number, customer in customers.items():
                refunded(store, f"o{number}")
                calls = [lambda of=customer: redemptions.redeem(store, of, reward), lambda: award(store)]
                redeemed, _ = at_the_same_time([paused(random.uniform(0, 0.01), call) for call in calls])
                ends[result_of(store, customer, redeemed)] += 1
    assert set(ends) <= set(SERIAL.values()) and ends.total() == RACES
    books_are_sound(store)


@contextmanager
def two_clients():
    """Each with its connection, for any number of pairs of calls."""
    start = threading.Barrier(2)

    def run(call: Callable[[], object]) -> object:
        start.wait(60)
        return outcome(call)

    with ThreadPoolExecutor(2) as pool:
        yield lambda calls: list(pool.map(run, calls))
        list(pool.map(run, [lambda: connection.close()] * 2))


def paused(seconds: float, call: Callable[[], object]) -> Callable[[], object]:
    return lambda: time.sleep(seconds) or call()


@pytest.mark.parametrize("first", ["cancel", "order"])
def test_a_cancellation_and_the_order_that_carries_the_code_end_as_one_after_the_other(
    store, add_rule, add_reward, first
):
    customer = rich(store, "c1", 100)
    redemption = redemptions.redeem(store, customer, add_reward(points=100))
    bought(store, add_rule, codes=[redemption.code.lower()])

    def cancel():
        with acting_for(store.pk):
            try:
                return redemptions.cancel(store, redemption, reason="By mistake", actor="test")
            except redemptions.CannotCancel:
                return "refused"

    calls = [cancel, lambda: follow_orders(store)]
    with in_order(store, customer, *(calls if first == "cancel" else calls[::-1])) as results:
        redemption.refresh_from_db()
        told = (results[0] if first == "cancel" else results[1], redemption.state, int(balance(customer)))
        assert told == ((True, "cancelled", 100) if first == "cancel" else ("refused", "used", 0))
    books_are_sound(store)


def test_two_cancellations_give_the_points_back_once(store, add_reward):
    customer = rich(store, "c1", 100)
    redemption = redemptions.redeem(store, customer, add_reward(points=100))

    def cancel():
        with acting_for(store.pk):
            return redemptions.cancel(store, redemption, reason="By mistake", actor="test")

    assert Counter(at_once([cancel] * 8, 8)) == {True: 1, False: 7}
    assert balance(customer) == 100
    books_are_sound(store)
