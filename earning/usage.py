"""How much of a rule's limit a customer has used, by calendar period in the store's time zone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from loyalty.stores.models import Store
from loyalty.stores.periods import period
from loyalty.stores.sets import array, run_set

from .engine import Decision, Rule, Usage
from .rulebook import Asks, Rulebook


class Row(Asks, Protocol):
    id: int
    customer_id: int
    occurred_at: datetime


Key = tuple[int, int, datetime]  # customer, rule, start of the period
Span = tuple[int, datetime, datetime]  # rule, the period's start and end

# Few periods, many customers: the moments are sent once, the rest as numbers.
COUNT = """
SELECT wanted.customer_id, wanted.period, used.times, used.points
  FROM unnest(%(customers)s::bigint[], %(periods)s::integer[]) AS wanted (customer_id, period)
  JOIN unnest(%(rules)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
       WITH ORDINALITY AS span (rule_id, start, until, number) ON span.number = wanted.period
 CROSS JOIN LATERAL (
       SELECT count(*) AS times, COALESCE(sum(points), 0) AS points FROM earning_activity
        WHERE store_id = %(store)s AND customer_id = wanted.customer_id AND rule_id = span.rule_id
          AND occurred_at >= span.start AND occurred_at < span.until AND state IN ('pending', 'approved')) AS used
 WHERE used.times > 0
"""


class UsageBook:
    """Usage for a batch: read once, then kept up in memory as its facts are decided."""

    def __init__(self) -> None:
        self.used: dict[Key, Usage] = defaultdict(Usage)
        self.keys: dict[int, dict[int, Key]] = {}  # of an activity, by rule

    @classmethod
    def of(cls, store: Store, rulebook: Rulebook, rows: Iterable[Row]) -> "UsageBook":
        """An activity that was granted before does not ask again."""
        book, tz = cls(), store.tz
        number: dict[Span, int] = {}
        wanted: set[tuple[int, int]] = set()
        for row in rows:
            if row.rule_id:
                continue
            spans = {rule.id: span_of(rule, row, tz) for rule in rulebook.candidates(row) if rule.limit}
            book.keys[row.id] = {rule_id: (row.customer_id, rule_id, start) for rule_id, start, _ in spans.values()}
            wanted |= {(row.customer_id, number.setdefault(span, len(number) + 1)) for span in spans.values()}
        if wanted:
            book.read(store, list(number), wanted)
        return book

    def read(self, store: Store, spans: "list[Span]", wanted: set[tuple[int, int]]) -> None:
        customers, periods = zip(*wanted, strict=True)
        rules, starts, ends = map(list, zip(*spans, strict=True))
        params = {
            "store": store.pk, "rules": rules, "starts": starts, "ends": ends,
            "customers": array(customers), "periods": array(periods),
        }  # fmt: skip
        for customer_id, position, times, points in run_set(COUNT, params, is_prepared=True):
            rule_id, start, _ = spans[position - 1]
            self.used[customer_id, rule_id, start] = Usage(times, points)

    def of_row(self, row: Row) -> Mapping[int, Usage]:
        """What the engine asks for: usage by rule."""
        return {rule_id: self.used[key] for rule_id, key in self.keys.get(row.id, {}).items()}

    def add(self, row: Row, decision: Decision) -> None:
        if decision.rule is None or decision.state not in ("approved", "pending"):
            return
        if key := self.keys.get(row.id, {}).get(decision.rule.id):
            used = self.used[key]
            self.used[key] = Usage(used.times + 1, used.points + decision.granted)


def span_of(rule: Rule, row: Row, tz: ZoneInfo) -> Span:
    return rule.id, *period(rule.limit_period, row.occurred_at, tz)
