"""The same call from many senders at once: one effect, and the same answer for all."""

import json
import random
import threading

from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Answer, Call, Shop
from loyalty.tests.faults.stack import Stack

SENDERS = 16


@row("G5", "the same fact from 16 senders at once", quick=50, full=2_000, seconds=15)
def told_at_once(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome, shop = Outcome(), stack.open_shop(rng)
    lines = [shop.connected() for _ in range(SENDERS)]
    makers = [shop.visit, shop.order, shop.redemption, lambda fact: shop.visits([fact])]
    names = ["visit", "order", "redemption", "visit"]
    for number in stack.rounds(times):
        kind = number % len(names)
        call = makers[kind](f"{names[kind]}-{number}")
        answers = tell(shop, [line.send for line in lines], call)
        outcome.faults += 1
        told = {identity(call, answer) for answer in answers}
        outcome.expect(len(told) == 1, f"{call.facts} got different answers: {sorted(told)[:3]}")
    return outcome


def tell(shop: Shop, sends: list, call: Call) -> list[Answer]:
    """All at the same moment."""
    answers: list[Answer] = []
    gate = threading.Barrier(len(sends))

    def sender(send) -> None:
        gate.wait()
        if answer := shop.insist(send, call):
            answers.append(answer)

    threads = [threading.Thread(target=sender, args=(send,), daemon=True) for send in sends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def identity(call: Call, answer: Answer) -> str:
    """What the answer names; a native call also says whether it was the first."""
    told = json.loads(answer.text)
    if call.path.endswith("/batch"):
        return str([one["activity"]["id"] for one in told["data"]])
    return told["id"] if call.path.startswith("/api/") else answer.text.decode()
