"""Calls that meet: the same call sent many times at once, and a worker in between."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from conftest import balance, make_customer

from .conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_once(monkeypatch) -> Callable[..., Counter]:
    """Makes calls at the same moment and counts the status codes of their answers."""
    monkeypatch.setattr("integrations.dialects.loyaltylion.views.CALLS_PER_SECOND", 10_000)

    def run(*calls: Callable[[], Any]) -> Counter:
        barrier = Barrier(len(calls))

        def one(call: Callable[[], Any]) -> int:
            barrier.wait(10)
            try:
                return call().status_code
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(calls)) as pool:
            return Counter(pool.map(one, calls))

    return run


def twin(shop: Shop) -> Shop:
    return Shop(shop.connection, shop.authorization)


def test_an_activity_told_by_many_at_once_is_one(store, shop, told, add_rule, work, at_once):
    add_rule(store, identifier="leave_a_tip")

    answers = at_once(*[lambda: twin(shop).post(told(merchant_id="5", guest=False))] * 12)
    work(store)

    assert answers == {201: 12}
    assert (store.customers.count(), store.activities.count()) == (1, 1)
    assert balance(store.customers.get()) == 100


@pytest.mark.parametrize("is_known", [False, True])
def test_signing_up_many_times_at_once_pays_once(store, shop, told, add_rule, work, at_once, is_known):
    add_rule(store, "sign_up", 250)
    if is_known:
        make_customer(store, "c1", "james@shop.example")

    answers = at_once(*[lambda: twin(shop).post(told("$signup"))] * 12)
    work(store)

    assert answers == {201: 12}
    assert store.activities.count() == 1
    assert balance(store.customers.get()) == 250


def test_customers_who_want_the_same_email_at_once_are_kept_apart(store, shop, told, at_once):
    for number in range(8):
        twin(shop).post(told(customer_id=f"n{number}", customer_email=f"n{number}@shop.example"))

    answers = at_once(
        *[
            lambda number=number: twin(shop).post(told(customer_id=f"n{number}", customer_email="all@shop.example"))
            for number in range(8)
        ]
    )

    assert answers == {201: 8}
    assert store.customers.filter(email="all@shop.example").count() == 1
    assert store.activities.count() == 16


@pytest.mark.parametrize("is_applied", [False, True])
def test_amendments_and_a_worker_at_once_end_in_one_state(store, shop, told, add_rule, work, at_once, is_applied):
    add_rule(store, identifier="leave_a_tip")
    for number in range(6):
        twin(shop).post(told(merchant_id=number, state="pending"))
    if is_applied:
        work(store)
    puts = [
        lambda number=number, state=state: twin(shop).put(f"leave_a_tip/{number}", state)
        for number in range(6)
        for state in ("declined", "approved")
    ]

    def worker():
        work(store)
        return twin(shop).get("/v2/whoami")

    answers = at_once(*puts, worker, worker)
    work(store)

    assert set(answers) <= {200, 204, 422}
    # Approved first and then taken back, or declined and then no longer to be approved.
    assert {row["state"] for row in shop.activities()} <= {"void", "declined"}
    assert balance(store.customers.get()) == 0
