"""How much of a rule's limit a customer has used, by calendar period in the store's time zone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from loyalty.stores.models import Store
from loyalty.stores.periods import period
from loyalty.stores.sets import run_set

from .engine import Decision, Rule, Usage
from .rulebook import Asks, Rulebook

class Row(Asks, Protocol):
    id: int
    customer_id: int
    occurred_at: datetime


Key = tuple[int, int, datetime]  # customer, rule, start of the period

# Few periods, many customers: the moments are sent once, the rest as numbers.
COUNT = """
SELECT wanted.customer_id, wanted.period, count(used.id), COALESCE(sum(used.points), 0)
  FROM unnest(%(customers)s::bigint[], %(periods)s::integer[]) AS wanted (customer_id, period)
  JOIN unnest(%(rules)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
       WITH ORDINALITY AS span (rule_id, start, until, number) ON span.number = wanted.period
  JOIN earning_activity AS used ON used.store_id = %(store)s AND used.customer_id = wanted.customer_id
   AND used.rule_id = span.rule_id AND used.occurred_at >= span.start AND used.occurred_at < span.until
   AND used.state IN ('pending', 'approved')
 GROUP BY wanted.customer_id, wanted.period
"""


class UsageBook:
    """Usage for a batch: read once, then kept up in memory as its facts are decided."""

    def __init__(self, tz: ZoneInfo, rulebook: Rulebook) -> None:
        self.tz, self.rulebook = tz, rulebook
        self.used: dict[Key, Usage] = defaultdict(Usage)

    @classmethod
    def of(cls, store: Store, rulebook: Rulebook, rows: Iterable[Row]) -> "UsageBook":
        book = cls(store.tz, rulebook)
        wanted = {
            (row.customer_id, (rule.id, *period(rule.limit_period, row.occurred_at, book.tz)))
            for row in rows
            if not row.rule_id
            for rule in rulebook.candidates(row)
            if rule.limit
        }
        spans = list({span for _, span in wanted})
        number = {span: position for position, span in enumerate(spans, 1)}
        if wanted:
            rules, starts, ends = map(list, zip(*spans, strict=True))
            params = {
                "store": store.pk, "rules": rules, "starts": starts, "ends": ends,
                "customers": [customer_id for customer_id, _ in wanted],
                "periods": [number[span] for _, span in wanted],
            }  # fmt: skip
            for customer_id, position, count, points in run_set(COUNT, params):
                rule_id, start, _ = spans[position - 1]
                book.used[customer_id, rule_id, start] = Usage(count, points)
        return book

    def key(self, row: Row, rule: Rule) -> Key:
        return row.customer_id, rule.id, period(rule.limit_period, row.occurred_at, self.tz)[0]

    def of_row(self, row: Row) -> Mapping[int, Usage]:
        """What the engine asks for: usage by rule. An activity that was granted before does not ask again."""
        if row.rule_id:
            return {}
        return {rule.id: self.used[self.key(row, rule)] for rule in self.rulebook.candidates(row) if rule.limit}

    def add(self, row: Row, decision: Decision) -> None:
        if row.rule_id or decision.rule is None or not decision.rule.limit:
            return
        if decision.state not in ("approved", "pending"):
            return
        key = self.key(row, decision.rule)
        used = self.used[key]
        self.used[key] = Usage(used.count + 1, used.points + Decimal(decision.granted))
