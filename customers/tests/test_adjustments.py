import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, connections

from conftest import StrangerAPIClient, balance
from customers import adjustments, ledger
from customers.adjustments import AdjustmentConflict
from loyalty.stores.tenancy import acting_for


def until_blocked(count: int) -> None:
    """Wait until so many other sessions wait for a row's lock."""
    waiting = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
            cursor.execute(waiting)
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.02)
    raise AssertionError(f"Fewer than {count} sessions wait.")


@pytest.mark.django_db(transaction=True)
def test_of_two_adjustments_with_one_identity_at_once_the_other_is_a_conflict(store, customer):
    both_wait = Barrier(3)

    def give(points: int) -> object:
        try:
            with acting_for(store.pk):
                both_wait.wait(10)
                return adjustments.adjust(store, customer, Decimal(points), "Sorry", actor="test", identity="t1")
        except AdjustmentConflict as conflict:
            return conflict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        with acting_for(store.pk):
            ledger.lock_wallets(store.pk, [customer.pk])
            answers = [pool.submit(give, points) for points in (50, 70)]
            both_wait.wait(10)
            until_blocked(2)
        first, second = sorted((answer.result(20) for answer in answers), key=lambda one: isinstance(one, Exception))

    assert isinstance(second, AdjustmentConflict)
    assert balance(customer) == first.points
    assert store.entries.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_equal_calls_at_once_one_has_made_the_entry_and_the_other_is_shown_it(store, customer, api):
    both_wait = Barrier(3)
    gift = {"customer": {"external_id": "c1"}, "points": "50", "reason": "Sorry", "external_id": "t1"}

    def give(client):
        try:
            both_wait.wait(10)
            return client.post("/api/v1/adjustments", gift)
        finally:
            connections.close_all()

    twin = StrangerAPIClient()
    twin.credentials(**api._credentials)
    with ThreadPoolExecutor(2) as pool:
        with acting_for(store.pk):
            ledger.lock_wallets(store.pk, [customer.pk])
            answers = [pool.submit(give, client) for client in (api, twin)]
            both_wait.wait(10)
            until_blocked(2)
        first, second = sorted((answer.result(20) for answer in answers), key=lambda one: -one.status_code)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert balance(customer) == 50
