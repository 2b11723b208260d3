"""The fold alone, without a database: every arrival order, every doubling."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from conftest import sized
from earning.folding import STATUSES, Told, fold
from earning.tests.test_orders import FACTS

FIRST = datetime(2026, 5, 5, tzinfo=UTC)


def outcome(facts: list[Told]) -> tuple:
    folded = fold(facts, "completed")
    return folded.status, folded.is_cancelled, folded.is_awardable, folded.refunded, folded.amounts, folded.counted


@pytest.mark.parametrize("family", FACTS)
def test_5040_arrivals_of_six_facts_fold_to_one_order(family):
    """720 orders of arrival, each as it is and with each of the six facts told twice."""
    ends = set()
    for arrival in itertools.permutations(FACTS[family]):
        for doubled in (None, *range(6)):
            told = [*arrival, *([arrival[doubled]] if doubled is not None else [])]
            known = {}
            for number, (kind, identity, data) in enumerate(told):
                known.setdefault((kind, identity), Told(kind, identity, data, FIRST + timedelta(minutes=number)))
            ends.add(str(outcome(list(known.values()))))
    assert len(ends) == 1


def test_any_facts_in_any_order_fold_to_one_order():
    """Facts at random, each set in two orders, with some told twice. A failure tells the seed of its set."""
    start = random.SystemRandom().randrange(10**9)
    for seed in range(start, start + sized(5_000, 1_000_000)):
        dice = random.Random(seed)
        facts = [told_at_random(dice, str(number)) for number in range(dice.randint(1, 8))]
        again = dice.sample(facts, len(facts)) + dice.sample(facts, dice.randint(0, len(facts)))
        assert outcome(facts) == outcome(list({(told.kind, told.identity): told for told in again}.values())), seed


def told_at_random(dice: random.Random, identity: str) -> Told:
    kind = dice.choice(["status", "status", "status", "refund", "refund", "cancelled", "reopened", "closed"])
    amount, day = f"{dice.randint(0, 20_000) / 100:.2f}", dice.choice(["", "2026-05-01", "2026-05-02"])
    if kind == "status":
        return status(identity, dice.choice(STATUSES), amount, updated_at=day)
    return Told(kind, identity, {"amount": amount} if kind == "refund" else {}, FIRST)


def status(identity: str, status: str, total: str, **data) -> Told:
    return Told("status", identity, {"status": status, "total": total, **data}, FIRST)


@pytest.mark.parametrize(
    ("bodies", "total"),
    [
        ([("processing", "10", {}), ("completed", "20", {})], 20),  # the highest status is believed
        ([("completed", "20", {}), ("completed", "15", {})], 15),  # of one status the lowest total
        ([("completed", "20", {"updated_at": "2026-05-01"}), ("paid", "30", {"updated_at": "2026-05-02"})], 30),
    ],
)
def test_which_body_is_believed(bodies, total):
    facts = [status(str(number), *body[:2], **body[2]) for number, body in enumerate(bodies)]
    assert fold(facts, "completed").total == total


def test_refunds_are_capped_at_the_total_and_a_free_orders_refund_is_a_full_one():
    refund = Told("refund", "r", {"amount": "50"}, FIRST)
    assert fold([status("1", "completed", "20"), refund], "completed").refunded == 20
    free = fold([status("1", "completed", "0"), refund], "completed")
    assert free.is_refunded and free.refunded == 0 and free.counted is None


def test_a_refund_that_may_be_a_repeat_waits_uncounted():
    maybe = Told("refund", "r", {"amount": "5", "is_uncounted": True}, FIRST)
    assert fold([status("1", "completed", "20"), maybe], "completed").refunded == Decimal(0)


@pytest.mark.parametrize(("award_on", "is_awardable"), [("processing", True), ("paid", True), ("completed", False)])
def test_the_status_that_awards_is_the_stores_or_the_facts_own(award_on, is_awardable):
    assert fold([status("1", "paid", "20")], award_on).is_awardable is is_awardable
    assert fold([status("1", "paid", "20", award_on=award_on)], "completed").is_awardable is is_awardable
