"""Every acknowledged fact is applied once, whatever dies meanwhile: the broker only makes it fast.

The full size: FACTS=10000 pytest loyalty/tests/test_faults.py -s
"""

import http.client
import itertools
import json
import os
import queue
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.core.management import call_command

from conftest import make_customer
from earning.models import Activity, OrderFact
from integrations import connections, registry
from integrations.dialects.lootly.tests.signing import signed
from integrations.models import InboundEvent
from loyalty.stores.models import ApiKey, Store
from loyalty.tests.running import wait_until

FACTS = int(os.environ.get("FACTS", 2_000))
CUSTOMERS, SENDERS, BATCH = 40, 4, 50
VISIT, PURCHASE = 7, 20  # points of each
PATIENCE = 60  # seconds for a call to be acknowledged, and for what was acknowledged to be applied

pytestmark = pytest.mark.faults


@dataclass(frozen=True, slots=True)
class Call:
    """One request and the facts that a 2xx answer acknowledges."""

    path: str
    body: bytes
    key: str
    facts: tuple[str, ...]


@dataclass
class Shop:
    """What a shop would send: visits in batches and alone, completed orders in Lootly's words."""

    key: str
    lootly_key: str
    lootly_secret: str
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    resent: int = 0

    def calls(self) -> list[Call]:
        visits = [f"visit-{number}" for number in range(FACTS * 4 // 5)]
        alone, together = visits[: len(visits) // 4], visits[len(visits) // 4 :]
        calls = [self.visit(one) for one in alone]
        calls += [self.visits(together[at : at + BATCH]) for at in range(0, len(together), BATCH)]
        calls += [self.order(f"order-{number}") for number in range(FACTS - len(visits))]
        random.Random(7).shuffle(calls)
        return calls

    def visit(self, fact: str) -> Call:
        return Call("/api/v1/activities", json.dumps(visit(fact)).encode(), self.key, (fact,))

    def visits(self, facts: list[str]) -> Call:
        body = json.dumps({"activities": [visit(fact) for fact in facts]}).encode()
        return Call("/api/v1/activities/batch", body, self.key, tuple(facts))

    def order(self, fact: str) -> Call:
        body = signed(
            self.lootly_key, self.lootly_secret, id=fact, total_price="21.90", subtotal_price=f"{PURCHASE}.00",
            total_tax="0.00", customer={"id": customer_of(fact), "email": f"{customer_of(fact)}@shop.example"},
        )  # fmt: skip
        return Call("/integrations/webhooks/common/orders-completed", body, "", (fact,))

    def send_all(self, port: int) -> list[threading.Thread]:
        """Start senders, which end when all is acknowledged."""
        waiting: queue.SimpleQueue[Call] = queue.SimpleQueue()
        for call in self.calls():
            waiting.put(call)
        senders = [threading.Thread(target=self.send, args=(waiting, port), daemon=True) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        return senders

    def send(self, waiting: "queue.SimpleQueue[Call]", port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        for number in itertools.count():
            try:
                call = waiting.get_nowait()
            except queue.Empty:
                return
            self.insist(connection, call)
            if number % 10 == 0:  # the answer was lost, thinks the shop
                self.insist(connection, call)
                self.resent += 1

    def insist(self, connection: http.client.HTTPConnection, call: Call) -> None:
        """Send it until it is acknowledged, as a shop's queue does."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                connection.request("POST", call.path, call.body, headers_of(call))
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if answer.status < 300:
                self.acknowledge(call, text)
                return
            self.refused[answer.status] += 1
            time.sleep(0.2)

    def acknowledge(self, call: Call, text: bytes) -> None:
        """A batch answers for each of its facts."""
        answers = json.loads(text).get("data") if call.path.endswith("batch") else None
        for number, fact in enumerate(call.facts):
            assert answers is None or answers[number]["status"] < 300, answers[number]
            self.acknowledged[fact] += 1


def headers_of(call: Call) -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {call.key}"} if call.key else {})


def visit(fact: str) -> dict:
    return {"action": "visit", "external_id": fact, "customer": {"external_id": customer_of(fact)}}


def customer_of(fact: str) -> str:
    return f"c{int(fact.split('-')[1]) % CUSTOMERS}"


def worth(fact: str) -> int:
    return VISIT if fact.startswith("visit") else PURCHASE


@pytest.fixture
def shop(transactional_db, store, add_rule) -> Shop:
    add_rule(store, "visit", points=VISIT)
    add_rule(store, "purchase", points=1)
    for number in range(CUSTOMERS):
        make_customer(store, f"c{number}", f"c{number}@shop.example")
    lootly, secret = connections.connect(store, registry.get("lootly"))
    return Shop(ApiKey.issue(store, "shop")[1], lootly.key, secret)


def due(store: Store) -> int:
    models = (Activity, OrderFact, InboundEvent)
    return sum(model.objects.filter(store=store, due_at__isnull=False).count() for model in models)


def test_what_is_acknowledged_is_applied_once_though_workers_and_broker_die(product, shop, store, capsys):
    start = time.monotonic()
    faults = [
        product.empty_broker, product.kill_pool_child, product.kill_worker, product.empty_broker, product.kill_broker,
    ]  # fmt: skip
    senders, caught = shop.send_all(product.port), []
    for number, fault in enumerate(faults, 1):
        share = FACTS * number // (len(faults) + 1)
        wait_until(lambda: len(shop.acknowledged) >= share, PATIENCE * 5, f"{share} facts are acknowledged")  # noqa: B023
        caught.append(due(store))
        fault()
    for sender in senders:
        sender.join()
    sent = time.monotonic()
    wait_until(lambda: due(store) == 0, PATIENCE, "all that was acknowledged is applied")
    with capsys.disabled():
        print(
            f"\n{FACTS} facts, {shop.acknowledged.total() - FACTS} of them told again, faults with {caught} facts due; "
            f"acknowledged in {sent - start:.1f} s ({dict(shop.refused) or 'none refused'}), "
            f"all applied {time.monotonic() - sent:.1f} s later"
        )
    assert len(shop.acknowledged) == FACTS
    assert_applied_once(store, set(shop.acknowledged))
    call_command("check_ledger", store=store.slug)


def assert_applied_once(store: Store, facts: set[str]) -> None:
    applied = {activity.external_id: activity for activity in store.activities.all()}
    assert set(applied) == facts and store.activities.count() == len(facts)
    assert {activity.state for activity in applied.values()} == {"approved"}
    entries = Counter(store.entries.values_list("source", "points"))
    assert entries == Counter((activity.ledger_source, worth(fact)) for fact, activity in applied.items())
    due_to: Counter[str] = Counter()
    for fact in facts:
        due_to[customer_of(fact)] += worth(fact)
    assert dict(store.wallets.values_list("customer__external_id", "balance")) == due_to
