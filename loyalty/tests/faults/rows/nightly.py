"""The passes that the clock starts are killed halfway and run twice: each thing is done once."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from celery import current_app
from django.utils import timezone

from customers import seals
from customers.models import Topic
from earning import rules
from loyalty.stores.tenancy import acting_for
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import CUSTOMERS, Shop, customer_of
from loyalty.tests.faults.stack import Stack, moment_of
from spending import redemptions
from spending.models import Redemption

CODES = 60  # whose time is over, of each shop
PASSES = ("earning.tasks.record_calendar_facts", "spending.tasks.expire", "customers.tasks.seal_ledgers")
DONE = 30.0  # seconds for the last passes, which nobody disturbs


@row("F26", "nightly passes killed halfway, run twice", quick=0, full=100, seconds=20)
def passes_die(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    shop = stack.open_shop(rng)
    prepare(shop)
    with aged(stack, shop):
        for _ in stack.rounds(times):
            for name in rng.sample(PASSES * 2, 4):
                current_app.send_task(name)
            time.sleep(rng.uniform(0.0, 0.6))
            stack.kill_one_child(stack.worker, rng) if rng.random() < 0.7 else stack.restart(stack.worker)
            outcome.faults += 1
        for name in PASSES * 2:
            current_app.send_task(name)
        moment_of(lambda: is_all_done(shop), DONE)
    judge(shop, outcome)
    return outcome


def prepare(shop: Shop) -> None:
    """Everybody's birthday is today, and codes whose time is over."""
    now = timezone.now()
    with acting_for(shop.store.pk):
        rules.create(shop.store, "birthday", actor="faults", name="Birthday", points=Decimal(0))
        born = now.astimezone(UTC).date().replace(year=1992)
        shop.store.customers.update(birthday=born, birthday_set_at=datetime(2020, 1, 1, tzinfo=UTC))
        for _ in range(CODES):
            fact = f"redemption-{next(shop.numbers)}"
            customer = shop.store.customers.get(external_id=customer_of(fact))
            taken = redemptions.redeem(shop.store, customer, shop.reward)
            shop.acknowledged[fact] += 1
            shop.redemptions[fact] = {str(taken.public_id)}
        Redemption.objects.filter(store=shop.store).update(expires_at=now - timedelta(seconds=1))


@contextlib.contextmanager
def aged(stack: Stack, shop: Shop) -> Iterator[None]:
    """Only what lies still for a minute is sealed: let the shop's entries be an hour old."""
    with stack.superuser() as superuser:
        superuser.execute("SET session_replication_role = replica")
        for table in ("customers_ledgerentry", "customers_event"):
            superuser.execute(
                f"UPDATE {table} SET created_at = created_at - interval '1 hour' WHERE store_id = %s", [shop.store.pk]
            )
    yield


def is_all_done(shop: Shop) -> bool:
    with acting_for(shop.store.pk):
        left = shop.store.redemptions.filter(state=Redemption.State.ISSUED).exists()
        kept = shop.store.activities.filter(action="birthday", applied_at__isnull=False).count()
        return not left and kept == CUSTOMERS and shop.store.seals.exists()


def judge(shop: Shop, outcome: Outcome) -> None:
    with acting_for(shop.store.pk):
        birthdays = Counter(shop.store.activities.filter(action="birthday").values_list("customer_id", flat=True))
        told = Counter(
            data["redemption"]
            for data in shop.store.events.filter(topic=Topic.REDEMPTION_EXPIRED).values_list("data", flat=True)
        )
        sealed = shop.store.seals.count()
        broken = list(seals.broken(shop.store))
    outcome.expect(set(birthdays.values()) == {1}, "somebody's birthday was kept twice")
    outcome.expect(len(birthdays) == CUSTOMERS, f"{len(birthdays)} of {CUSTOMERS} birthdays were kept")
    outcome.expect(set(told.values()) == {1}, "the end of a code was told twice")
    outcome.expect(len(told) == CODES, f"{len(told)} of {CODES} codes ended")
    outcome.expect(sealed > 0 and not broken, f"{sealed} seals, broken: {broken[:3]}")
