"""Beat dies, or the sweeper, or the broker stays away: facts that no worker was told of are applied all the same."""

import random
import time

from customers.enrolment import Identity
from earning import activities
from earning.inserting import NewActivity
from loyalty import sweeping
from loyalty.local import valkey
from loyalty.stores import broker
from loyalty.tests.faults.judging import applied_by
from loyalty.tests.faults.outcome import LIMIT, Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Shop, customer_of
from loyalty.tests.faults.stack import READY, Stack, wait_until

# Seconds until a lost fact is applied: it lies for four, and somebody looks every two.
FOUND, FOUND_BUSY = 10.0, 20.0  # the second among other tests, as in a quick run


@row("G7", "beat or sweeper killed, nudges lost", quick=2, full=40, seconds=20)
def one_sweeps_for_the_other(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome, shop = Outcome(), stack.open_shop(rng)
    limit = FOUND_BUSY if stack.is_quick else FOUND
    for number in stack.rounds(times):
        victim = (stack.beat, stack.sweeper)[number % 2]
        victim.bury()
        outcome.faults += 1
        untold(shop, f"visit-{number}")
        start = time.monotonic()
        settled = applied_by(shop, LIMIT)
        outcome.recovered((settled or float("inf")) - start, limit, f"without {victim.name}, finding a fact")
        victim.start()
    return outcome


def untold(shop: Shop, fact: str) -> None:
    """Stored, and no worker hears of it, as when the web dies right after its commit."""
    broker.pause(ConnectionError("on purpose"))
    told = NewActivity("visit", Identity.of(external_id=customer_of(fact)), external_id=fact)
    activities.record(shop.store, told)
    shop.acknowledged[fact] += 1


@row("G8", "broker stays away", quick=1, full=12, seconds=25)
def broker_stays_away(stack: Stack, times: int, rng: random.Random) -> Outcome:
    """It is not needed for points to come, only for them to come fast."""
    outcome = Outcome()
    with stack.traffic(rng) as shop:
        for _ in stack.rounds(times):
            stack.broker.bury()
            outcome.faults += 1
            time.sleep(3)
            shop.hold()
            start = time.monotonic()
            settled = applied_by(shop, LIMIT)
            outcome.recovered((settled or float("inf")) - start, sweeping.AWAY + LIMIT, "applying without a broker")
            stack.broker.start()
            wait_until(lambda: valkey.answers(stack.valkey.url), READY, "the broker answers")
            shop.go_on()
            time.sleep(rng.uniform(0.5, 2))
    return outcome
