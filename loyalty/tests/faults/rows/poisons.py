"""Facts that kill, hang or confuse whoever applies them are given up after five tries, and hold up nobody else."""

import contextlib
import json
import random
import statistics
import time
from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from earning.models import Activity
from loyalty import attention
from loyalty.stores.facts import ERROR_LIMIT, MAX_ATTEMPTS, retry
from loyalty.stores.tenancy import acting_for
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Shop, visit
from loyalty.tests.faults.stack import Stack

BAD_DATA = "bad data"  # stored as no program of ours would; the other kinds are those of poison.py
QUICK = ["segfault", "exit", "recursion", "10 MB error", "no words", BAD_DATA]
ALL = ["own kill", "memory", "endless loop", "interrupt", "unserialisable", "database error"]
CALM = 4.0  # seconds of traffic without poison, to compare with
PATIENCE = 330.0  # seconds for all to be given up; they wait for 8, 16, 32, 64 and 128 between their tries
SHORTEST = 1.0  # seconds: what nobody notices is not compared


@row("G13", "poison, twelve kinds, beside healthy facts", quick=6, full=12, seconds=30)
def poison(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    kinds = (QUICK + ALL)[:times]
    # As much as one worker keeps up with: what is measured is poison, not load.
    # The sweeper would cure it: to that it is none.
    with poisonable_worker(stack), stack.frozen(stack.sweeper), stack.traffic(rng, senders=2, pause=0.1) as shop:
        calm = timezone.now()
        time.sleep(CALM)
        poisoned = timezone.now()
        facts = {told(stack, shop, kind): kind for kind in kinds}
        outcome.faults = len(facts)
        wait_until_given_up(stack, shop, facts)
        over = timezone.now()
        judge(shop, facts, outcome)
        usual, beside = waits(shop, facts, calm, poisoned), waits(shop, facts, poisoned, over)
        compare(p95(usual), p95(beside), outcome, is_hurried=stack.is_quick)
    cure(stack, shop)
    return outcome


@contextlib.contextmanager
def poisonable_worker(stack: Stack) -> Iterator[None]:
    usual = stack.worker.command
    stack.worker.command = [*usual, "--include", "loyalty.tests.faults.poison"]
    stack.restart(stack.worker, FAULT_INJECTION="allowed")
    stack.wait_for_worker()
    try:
        yield
    finally:
        stack.worker.command = usual
        stack.restart(stack.worker, FAULT_INJECTION="")


def told(stack: Stack, shop: Shop, kind: str) -> str:
    """A visit that is poison, acknowledged like any other. Returns its id."""
    fact = f"visit-{next(shop.numbers)}"
    body = visit(fact) | {"properties": {"poison": kind}}
    with contextlib.ExitStack() as stopped, shop.connected() as send:
        if kind == BAD_DATA:
            stopped.enter_context(stack.frozen(stack.worker))
        shop.insist(send, shop.native("/api/v1/activities", body, fact))
        if kind == BAD_DATA:
            spoil(stack, shop, fact, [1, "a list"])
    return fact


def spoil(stack: Stack, shop: Shop, fact: str, properties: object) -> None:
    with stack.superuser() as superuser:
        superuser.execute(
            "UPDATE earning_activity SET properties = %s WHERE store_id = %s AND external_id = %s",
            [json.dumps(properties), shop.store.pk, fact],
        )


def wait_until_given_up(stack: Stack, shop: Shop, facts: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE
    with stack.superuser() as superuser:
        while time.monotonic() < deadline:
            [left] = superuser.execute(LEFT, [shop.store.pk, list(facts)]).fetchone()
            if not left:
                return
            stack.heal()
            if stack.is_quick:
                superuser.execute(HURRY, [shop.store.pk, list(facts)])
            time.sleep(0.5)


LEFT = (
    """SELECT count(*) FROM earning_activity WHERE store_id = %s AND external_id = ANY(%s) AND quarantined_at IS NULL"""
)
# What is being applied just now is locked; the rest need not wait for its time.
HURRY = """
UPDATE earning_activity SET claimed_until = clock_timestamp() WHERE claimed_until > clock_timestamp() AND id IN (
    SELECT id FROM earning_activity WHERE store_id = %s AND external_id = ANY(%s) FOR UPDATE SKIP LOCKED)
"""


def judge(shop: Shop, facts: dict[str, str], outcome: Outcome) -> None:
    """Given up at the fifth try, with a reason that a person can read, where a person looks."""
    with acting_for(shop.store.pk):
        rows = shop.store.activities.filter(external_id__in=facts)
        for activity in rows:
            kind = facts[activity.external_id]
            outcome.expect(activity.quarantined_at is not None, f"“{kind}” was not given up")
            outcome.expect(
                activity.attempts in (MAX_ATTEMPTS, MAX_ATTEMPTS + 1), f"“{kind}”: {activity.attempts} tries"
            )
            outcome.expect(0 < len(activity.error) <= ERROR_LIMIT, f"“{kind}” says {activity.error[:80]!r}")
        outcome.expect(len(rows) == len(facts), f"{len(facts)} were told, {len(rows)} are there")
        shown = sum("could not be applied" in one.title for one in attention.stuck(shop.store))
        outcome.expect(shown == len(facts), f"{shown} of {len(facts)} are shown")


def waits(shop: Shop, facts: dict[str, str], since: datetime, until: datetime) -> list[float]:
    """Seconds from being stored to being applied, of the healthy visits."""
    with acting_for(shop.store.pk):
        rows = Activity.objects.filter(store=shop.store, received_at__range=(since, until), applied_at__isnull=False)
        told = rows.exclude(external_id__in=facts).values_list("received_at", "applied_at")
        return [(applied - received).total_seconds() for received, applied in told]


def compare(usual: float, beside: float, outcome: Outcome, *, is_hurried: bool) -> None:
    """Poison that is hurried harms ten times as often as it could by itself: then this is only told."""
    told = f"95 of 100 healthy facts were applied within {usual:.2f} s without poison, within {beside:.2f} s beside it"
    outcome.note(told)
    if not is_hurried:
        outcome.expect(beside <= max(2 * usual, SHORTEST), told)


def p95(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1] if len(waits) > 1 else 0.0


def cure(stack: Stack, shop: Shop) -> None:
    """Tried once more, as from the dashboard, by a worker to whom they do no harm: then nothing is lost at all."""
    with acting_for(shop.store.pk):
        given_up = shop.store.activities.filter(quarantined_at__isnull=False)
        for fact in given_up.values_list("external_id", flat=True):
            spoil(stack, shop, fact, {})
        retry(given_up)
