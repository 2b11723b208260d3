"""Numbers for the dashboard that cost the same in a store of any size."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from loyalty.stores.models import Store
from loyalty.stores.periods import period

from . import coupons
from .models import CodePool

LOOK_BACK = 10_000  # the newest redemptions that are looked at; codes that are counted one by one
DAYS = 30

MONTH = """
SELECT reward_id, count(*), sum(points)
  FROM (SELECT reward_id, points, state, issued_at FROM spending_redemption
         WHERE store_id = %(store)s ORDER BY id DESC LIMIT %(look_back)s) AS newest
 WHERE issued_at >= %(start)s AND state <> 'cancelled'
 GROUP BY reward_id
"""


@dataclass(frozen=True, slots=True)
class Taken:
    count: int = 0
    points: Decimal = Decimal(0)


def taken_this_month(store: Store) -> dict[int, Taken]:
    """How often each reward was taken in this calendar month, among the newest redemptions."""
    start, _ = period("month", timezone.now(), store.tz)
    rows = query(MONTH, store, start=start)
    return {reward_id: Taken(count, points) for reward_id, count, points in rows}


# An order that carried two codes of a reward counts once.
RESULTS = """
WITH newest AS (
    SELECT reward_id, state, issued_at, used_at, points, order_external_id, order_total, order_discount
      FROM spending_redemption WHERE store_id = %(store)s ORDER BY id DESC LIMIT %(look_back)s
), orders AS (
    SELECT reward_id, order_external_id, max(order_total) AS total, sum(order_discount) AS discount FROM newest
     WHERE state = 'used' AND order_external_id <> '' AND used_at >= %(start)s GROUP BY reward_id, order_external_id
), sums AS (
    SELECT reward_id, count(*) AS orders, sum(total) AS total, sum(discount) AS discount FROM orders GROUP BY reward_id
), taken AS (
    SELECT reward_id, count(*) AS taken, sum(points) AS points FROM newest
     WHERE issued_at >= %(start)s AND state <> 'cancelled' GROUP BY reward_id
)
SELECT reward_id, COALESCE(taken, 0), COALESCE(points, 0), COALESCE(orders, 0), COALESCE(total, 0),
       COALESCE(discount, 0)
  FROM taken FULL JOIN sums USING (reward_id)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a reward did in the last DAYS days: taken, and what the orders with its codes brought."""

    taken: int = 0
    points: Decimal = Decimal(0)
    orders: int = 0
    total: Decimal = Decimal(0)  # of these orders, after the discount
    discount: Decimal = Decimal(0)


def results(store: Store) -> dict[int, Result]:
    """By reward, most taken first; among the newest redemptions."""
    rows = query(RESULTS, store, start=timezone.now() - timedelta(days=DAYS))
    found = {reward_id: Result(*numbers) for reward_id, *numbers in rows}
    return dict(sorted(found.items(), key=lambda item: (-item[1].taken, -item[1].orders, item[0])))


WEEKS = """
SELECT COALESCE(sum(points) FILTER (WHERE issued_at >= %(week)s), 0),
       COALESCE(sum(points) FILTER (WHERE issued_at < %(week)s), 0), count(*) FILTER (WHERE issued_at >= %(week)s)
  FROM (SELECT points, issued_at, state FROM spending_redemption
         WHERE store_id = %(store)s ORDER BY id DESC LIMIT %(look_back)s) AS newest
 WHERE issued_at >= %(fortnight)s AND state <> 'cancelled'
"""


@dataclass(frozen=True, slots=True)
class Week:
    """The last seven days and the seven before them."""

    points: Decimal
    points_before: Decimal
    count: int


def last_week(store: Store) -> Week:
    now = timezone.now()
    [row] = query(WEEKS, store, week=now - timedelta(days=7), fortnight=now - timedelta(days=14))
    return Week(*row)


def query(sql: str, store: Store, **params: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params | {"store": store.pk, "look_back": LOOK_BACK})
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Stock:
    """Codes that are left in a pool, counted no further than LOOK_BACK."""

    left: int
    is_low: bool

    @property
    def is_more(self) -> bool:
        return self.left > LOOK_BACK

    @property
    def shown(self) -> int:
        return min(self.left, LOOK_BACK)


def stock(store: Store, pool: CodePool) -> Stock:
    left = coupons.usable(store, pool)[: LOOK_BACK + 1].count()
    return Stock(left, left <= pool.low_stock_at)
