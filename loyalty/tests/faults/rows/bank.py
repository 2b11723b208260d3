"""The bank test: points move between customers, and whoever looks always finds the same total."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from django.db import Error, connection
from django.db.models import Sum

from customers import ledger
from customers.ledger import Settlement
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.rows.database import BUSY
from loyalty.tests.faults.shop import CUSTOMERS, OPENING
from loyalty.tests.faults.stack import Stack, moment_of

CLIENTS = 8
TOTAL = CUSTOMERS * OPENING


@dataclass
class Bank:
    store: Store
    customers: list[int]
    rng: random.Random
    moved: Counter[int] = field(default_factory=Counter)  # net points by customer, of moves that were committed
    moves: int = 0
    begun_again: int = 0
    reads: int = 0
    wrong: list[Decimal] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, seed: str) -> None:
        rng = random.Random(seed)
        for number in count():
            if self.is_closing.is_set():
                break
            giver, taker = rng.sample(self.customers, 2)
            self.move(f"move:{seed}:{number}", giver, taker, rng.randint(1, 50))
        connection.close()

    def move(self, source: str, giver: int, taker: int, points: int) -> None:
        """Again and again until it is known to be committed: the same source never posts twice."""
        pair = [
            Settlement(pk, source, ledger.Kind.ADJUST, Decimal(sign * points)) for pk, sign in ((giver, -1), (taker, 1))
        ]
        while True:
            try:
                with acting_for(self.store.pk):
                    ledger.settle(self.store, pair)
                break
            except Error:  # the connection ended, perhaps inside COMMIT: nobody knows whether it counted
                connection.close()
                self.begun_again += 1
                time.sleep(0.05)
        with self.lock:
            self.moves += 1
            self.moved[giver] -= points
            self.moved[taker] += points

    def reader(self) -> None:
        while not self.is_closing.wait(0.01):
            try:
                with acting_for(self.store.pk):
                    total = self.store.wallets.aggregate(total=Sum("balance"))["total"]
            except Error:
                connection.close()
                continue
            self.reads += 1
            if total != TOTAL:
                self.wrong.append(total)
        connection.close()

    def guarded(self, work, *arguments: str) -> None:
        try:
            work(*arguments)
        except Exception as error:
            self.failures.append(repr(error))


@row("G2", "bank: points move while PostgreSQL fails", quick=20, full=600, seconds=20)
def points_move(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome, shop = Outcome(), stack.open_shop(rng)
    store, shop.is_all = shop.store, False
    with acting_for(store.pk):
        bank = Bank(store, list(store.customers.values_list("pk", flat=True)), rng)
    jobs = [(bank.client, f"{rng.random()}") for _ in range(CLIENTS)] + [(bank.reader,)]
    threads = [threading.Thread(target=bank.guarded, args=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for number in stack.rounds(times):
        time.sleep(rng.uniform(0.1, 0.8))
        disturb(stack, rng, is_stop=number % 20 == 10)
        outcome.faults += 1
    bank.is_closing.set()
    for thread in threads:
        thread.join()
    connection.close()
    settle_up(bank, outcome)
    return outcome


def disturb(stack: Stack, rng: random.Random, *, is_stop: bool) -> None:
    """Mostly one client loses its connection, now and then all of them."""
    if is_stop:
        stack.kill_database()
        stack.start_database()
        return
    with stack.superuser() as superuser:
        moment_of(lambda: bool(superuser.execute(f"SELECT 1 FROM pg_stat_activity WHERE {BUSY}").fetchone()), 5)
        busy = [pid for (pid,) in superuser.execute(f"SELECT pid FROM pg_stat_activity WHERE {BUSY}")]
        if busy:
            superuser.execute("SELECT pg_terminate_backend(%s)", [rng.choice(busy)])


def settle_up(bank: Bank, outcome: Outcome) -> None:
    with acting_for(bank.store.pk):
        balances = dict(bank.store.wallets.values_list("customer_id", "balance"))
    outcome.failures += bank.failures
    outcome.requests += bank.moves + bank.begun_again
    outcome.acknowledged += bank.moves
    outcome.comparisons += bank.reads
    outcome.expect(not bank.wrong, f"{len(bank.wrong)} reads found another total, such as {bank.wrong[:1]}")
    outcome.expect(bank.reads > 0 and bank.moves > 0, "nobody moved points, or nobody looked")
    for customer, balance in balances.items():
        outcome.expect(balance == OPENING + bank.moved[customer], f"customer {customer} holds {balance}")
    outcome.note(f"{bank.moves:,} moves, {bank.begun_again} begun again, {bank.reads:,} reads of the total")
