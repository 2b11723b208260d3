"""Numbers for the dashboard that cost the same in a store of any size."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from loyalty.stores.models import Store
from loyalty.stores.periods import period

from .models import EarningRule
from .searching import find

LOOK_BACK = 10_000  # the newest activities that are looked at

MONTH = """
SELECT rule_id, count(*), sum(points)
  FROM (SELECT rule_id, points, state, occurred_at FROM earning_activity
         WHERE store_id = %(store)s ORDER BY id DESC LIMIT %(look_back)s) AS newest
 WHERE occurred_at >= %(start)s AND state IN ('pending', 'approved') AND rule_id IS NOT NULL
 GROUP BY rule_id
"""


@dataclass(frozen=True, slots=True)
class Used:
    count: int = 0
    points: Decimal = Decimal(0)


def used_this_month(store: Store) -> dict[int, Used]:
    """How often each rule paid in this calendar month, among the newest activities."""
    start, _ = period("month", timezone.now(), store.tz)
    with connection.cursor() as cursor:
        cursor.execute(MONTH, {"store": store.pk, "start": start, "look_back": LOOK_BACK})
        return {rule_id: Used(count, points) for rule_id, count, points in cursor.fetchall()}


WEEKS = """
SELECT count(*) FILTER (WHERE occurred_at >= %(week)s), count(*) FILTER (WHERE occurred_at < %(week)s),
       COALESCE(sum(points) FILTER (WHERE occurred_at >= %(week)s AND is_worth), 0),
       COALESCE(sum(points) FILTER (WHERE occurred_at < %(week)s AND is_worth), 0),
       count(DISTINCT customer_id) FILTER (WHERE occurred_at >= %(week)s),
       count(DISTINCT customer_id) FILTER (WHERE occurred_at < %(week)s)
  FROM (SELECT customer_id, points, occurred_at, state = 'approved' AS is_worth
          FROM earning_activity WHERE store_id = %(store)s ORDER BY id DESC LIMIT %(look_back)s) AS newest
 WHERE occurred_at >= %(fortnight)s
"""


@dataclass(frozen=True, slots=True)
class Week:
    """The last seven days and the seven before them."""

    activities: int
    activities_before: int
    points: Decimal
    points_before: Decimal
    customers: int
    customers_before: int

    @property
    def is_part(self) -> bool:
        """More happened than was looked at."""
        return self.activities + self.activities_before >= LOOK_BACK


def last_week(store: Store) -> Week:
    now = timezone.now()
    params: dict[str, Any] = {"store": store.pk, "look_back": LOOK_BACK}
    params |= {"week": now - timedelta(days=7), "fortnight": now - timedelta(days=14)}
    with connection.cursor() as cursor:
        cursor.execute(WEEKS, params)
        return Week(*cursor.fetchone())


def waiting(store: Store) -> int:
    """How many of the newest activities wait for a person's word."""
    if not store.rules.filter(approval=EarningRule.Approval.BY_HAND).exists():
        return 0
    newest = store.activities.order_by("-id").values("id")[:LOOK_BACK]
    return find(store, {"state": "waiting"}).filter(id__in=newest).count()
