"""What must hold after every row: all is applied, the books are right, and they hold what the shops were told."""

import io
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from django.core.management import CommandError, call_command
from django.db import Error, connection
from django.db.models import Sum
from django.utils import timezone

from customers.models import OrderNotice
from earning.models import Activity, OrderFact
from integrations.models import InboundEvent
from loyalty.stores.facts import Fact
from loyalty.stores.tenancy import acting_for
from spending.models import Fulfilment

from .outcome import LIMIT, Outcome
from .shop import CUSTOMERS, OPENING, Shop, customer_of, worth
from .stack import Stack, moment_of

FACTS: list[type[Fact]] = [Activity, OrderFact, InboundEvent, OrderNotice, Fulfilment]
SHOWN = 5
OVERTIME = 90.0  # seconds
CONNECTIONS = 40  # of PostgreSQL's 100, when nothing happens

T = TypeVar("T")


def judge(stack: Stack, outcome: Outcome) -> None:
    """`outcome` is of the row that has just ended: its last fault was over a moment ago at most."""
    ended = time.monotonic()
    with stack.superuser() as superuser:
        superuser.execute("ANALYZE")  # as autovacuum would have by then
    for shop in stack.shops:
        settled = supervised(stack, shop, LIMIT, outcome)
        if settled is None:
            outcome.fail(f"not applied within {LIMIT:g} s: {due(shop)} facts, the oldest due for {oldest(shop):.0f} s")
            supervised(stack, shop, OVERTIME, outcome)  # what comes late is not lost
        else:
            outcome.recovered(settled - ended)
        judge_answers(shop, outcome)
        asked(lambda shop=shop: judge_books(shop, outcome))  # type: ignore[misc]
        asked(lambda shop=shop: compare(shop, outcome))  # type: ignore[misc]
    with stack.superuser() as superuser:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'loyalty_app'"
        [connections] = superuser.execute(statement).fetchone()
        outcome.expect(connections <= CONNECTIONS, f"{connections} connections of the app are open")


def asked(ask: Callable[[], T]) -> T:
    """PostgreSQL may have ended our connection while it was one of the faults: begin with a new one."""
    connection.close()
    return ask()


def supervised(stack: Stack, shop: Shop, seconds: float, outcome: Outcome) -> float | None:
    """`applied_by`, while what dies is started again: some die of a fault only after it is over."""

    def is_applied() -> bool:
        if dead := stack.heal():
            outcome.note(f"started again: {', '.join(dead)}")
        return due_or_unknown(shop) == 0

    return moment_of(is_applied, seconds)


def applied_by(shop: Shop, seconds: float) -> float | None:
    """When nothing was due any more, or None if that took longer."""
    return moment_of(lambda: due_or_unknown(shop) == 0, seconds)


def due_or_unknown(shop: Shop) -> int | None:
    try:
        return due(shop)
    except Error:
        connection.close()
        return None


def due(shop: Shop) -> int:
    with acting_for(shop.store.pk):
        return sum(model.objects.filter(store=shop.store, due_at__isnull=False).count() for model in FACTS)


def is_at_work(shop: Shop) -> bool:
    """Whether a worker has some of its facts in hand."""
    try:
        with acting_for(shop.store.pk):
            rows = (model.objects.filter(store=shop.store, due_at__isnull=False) for model in FACTS)
            return any(row.filter(claimed_until__gt=timezone.now()).exists() for row in rows)
    except Error:
        connection.close()
        return False


def oldest(shop: Shop) -> float:
    """Seconds that the oldest due fact waits."""
    with acting_for(shop.store.pk):
        rows = [model.objects.filter(store=shop.store, due_at__isnull=False) for model in FACTS]
        moments: list[datetime] = [row.earliest("received_at").received_at for row in rows if row.exists()]
    return (timezone.now() - min(moments)).total_seconds() if moments else 0.0


def judge_answers(shop: Shop, outcome: Outcome) -> None:
    outcome.requests += len(shop.answers)
    outcome.acknowledged += shop.acknowledged.total()
    outcome.unexpected += shop.unexpected.total()
    outcome.failures += shop.failures
    if shop.unexpected:
        outcome.note(f"answers by status: {dict(shop.unexpected)}")
    if later := Counter(one.status for one in shop.answers if one.is_later):
        outcome.note(f"told to come again, by status: {dict(later)}")
    if shop.given_up:
        outcome.note(f"{len(shop.given_up)} facts were given up by the shop")


def judge_books(shop: Shop, outcome: Outcome) -> None:
    """check_ledger, every invariant."""
    said = io.StringIO()
    try:
        call_command("check_ledger", store=shop.store.slug, stdout=said)
    except CommandError as error:
        broken = [
            line.strip() for line in said.getvalue().splitlines() if "BROKEN" in line or line.startswith("   " * 2)
        ]
        outcome.fail(f"check_ledger: {error} {broken[:5]}")
    outcome.comparisons += sum("rows" in line for line in said.getvalue().splitlines())


def compare(shop: Shop, outcome: Outcome) -> None:
    """Each acknowledged fact has had its effect once; each wallet holds what follows from them."""
    with acting_for(shop.store.pk):
        effects = Effects(shop)
    told, unsure = set(shop.acknowledged), {order_of(fact) for fact in shop.given_up}
    for fact in told:
        net, wanted = effects.net(fact), wanted_of(fact, told)
        if net != wanted and order_of(fact) not in unsure:
            is_lost = abs(net) < abs(wanted)
            outcome.lost, outcome.doubled = outcome.lost + is_lost, outcome.doubled + (not is_lost)
            if outcome.lost + outcome.doubled <= SHOWN:
                outcome.note(f"{fact} should be worth {wanted} and is {net:f}")
    for name, answered in shop.redemptions.items():
        outcome.expect(len(answered) == 1, f"{name} was answered with {len(answered)} ids")
    outcome.comparisons += len(told)
    if shop.is_all and not shop.given_up:  # else nobody can say what the balances should be
        balances: Counter[str] = Counter({f"c{number}": OPENING for number in range(CUSTOMERS)})
        for fact in told:
            balances[customer_of(fact)] += worth(fact)
        outcome.expect(effects.balances == balances, "the balances are not what follows from the acknowledged facts")


class Effects:
    """What the ledger holds, read in sets."""

    def __init__(self, shop: Shop) -> None:
        store = shop.store
        sums = store.entries.values_list("source").annotate(points=Sum("points")).order_by()
        self.points: dict[str, Decimal] = dict(sums)
        self.sources: dict[str, list[str]] = {}
        for activity in store.activities.only("id", "external_id"):
            self.sources.setdefault(activity.external_id, []).append(activity.ledger_source)
        taken = store.redemptions.values_list("public_id", "pk")
        self.redemptions = {str(public_id): f"redemption:{pk}" for public_id, pk in taken}
        self.answered = shop.redemptions
        self.balances = dict(store.wallets.values_list("customer__external_id", "balance"))

    def net(self, fact: str) -> Decimal:
        """Points it brought in all. An order and its refund are one source of points."""
        if fact.startswith("redemption"):
            sources = [self.redemptions.get(name, "") for name in self.answered.get(fact, ())]
        else:
            sources = self.sources.get(order_of(fact), [])
        return sum((self.points.get(source, Decimal(0)) for source in sources), Decimal(0))


def order_of(fact: str) -> str:
    return fact.replace("refund", "order")


def wanted_of(fact: str, told: set[str]) -> int:
    if fact.startswith(("order", "refund")):
        return sum(worth(one) for one in (order_of(fact), fact.replace("order", "refund")) if one in told)
    return worth(fact)
