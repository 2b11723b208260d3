"""The product under a rush for codes: over HTTP, with answers that get lost and calls that are sent again.

The full size: FAULTS=full pytest loyalty/tests/test_redeeming_storm.py -s
"""

import http.client
import json
import queue
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest
from django.core.management import call_command

from conftest import make_customer, sized
from customers import adjustments
from loyalty.stores.models import ApiKey
from spending import rewarding
from spending.models import CouponCode, CouponImport

CLIENTS, CODES, ASKS = sized(20, 200), sized(150, 5_000), sized(180, 6_000)
CUSTOMERS = 20
LOST = 10  # one answer in so many gets lost, and the call is sent again at once

pytestmark = pytest.mark.faults


class Rush:
    """Clients that ask for the same reward, each call under a name of its own, until each has an answer."""

    def __init__(self, port: int, key: str, reward: object) -> None:
        self.port, self.key, self.reward = port, key, str(reward)
        self.waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.answers: dict[str, list[tuple[int, dict]]] = {}
        self.failures: list[BaseException] = []
        self.told_again = 0

    def run(self) -> None:
        for number in range(ASKS):
            self.waiting.put(number)
        clients = [threading.Thread(target=self.client, daemon=True) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def client(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            while True:
                self.insist(connection, self.waiting.get_nowait())
        except queue.Empty:
            connection.close()
        except BaseException as error:
            self.failures.append(error)

    def insist(self, connection: http.client.HTTPConnection, number: int) -> None:
        name = f"ask-{number}"
        answers = self.answers.setdefault(name, [])
        if number % LOST == 0:  # a twin on another connection, at the same time
            twin = threading.Thread(target=self.twin, args=(number, answers))
            twin.start()
            self.told_again += 1
        answers.append(self.ask(connection, number))
        if number % LOST == 0:
            twin.join()

    def twin(self, number: int, answers: list[tuple[int, dict]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            answers.append(self.ask(connection, number))
        except BaseException as error:
            self.failures.append(error)
        finally:
            connection.close()

    def ask(self, connection: http.client.HTTPConnection, number: int) -> tuple[int, dict]:
        body = json.dumps({"customer": {"external_id": f"c{number % CUSTOMERS}"}, "reward": self.reward})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = f"ask-{number}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            connection.request("POST", "/api/v1/redemptions", body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if answer.status != 503 and told.get("type") != "urn:problem-type:still-running":
                return answer.status, told
            time.sleep(0.05)
        raise AssertionError(f"ask {number} has no answer")


@pytest.fixture
def rush(product, store):
    reward = rewarding.create(
        store, "fixed_amount", actor="test", name="5 off", points=Decimal(10), settings={"value": "5"},
        code_source="pool",
    )  # fmt: skip
    batch = CouponImport.objects.create(
        store=store, pool=reward.pool, state="done", file_name="codes.csv", digest=b"", due_at=None
    )
    CouponCode.objects.bulk_create(
        [CouponCode(store=store, pool=reward.pool, coupon_import=batch, code=f"C{number}") for number in range(CODES)]
    )
    for number in range(CUSTOMERS):
        customer = make_customer(store, f"c{number}")
        adjustments.adjust(store, customer, Decimal(10 * ASKS), "Opening balance", actor="test")
    return Rush(product.port, ApiKey.issue(store, "shop")[1], reward.public_id)


def test_every_code_is_issued_once_and_who_comes_late_is_refused_and_pays_nothing(rush, store, capsys):
    started = time.monotonic()
    rush.run()
    with capsys.disabled():
        print(
            f"\n{ASKS} asks and {rush.told_again} of them twice, by {CLIENTS} clients for {CODES} codes "
            f"in {time.monotonic() - started:.1f} s"
        )
    assert rush.failures == []
    for name, answers in rush.answers.items():
        assert len({told.get("id") or told["code"] for _, told in answers}) == 1, (name, answers)
    first = [answers[0] for answers in rush.answers.values()]
    assert Counter(status for status, _ in first) == {201: CODES, 409: ASKS - CODES}
    assert {told["code"] for status, told in first if status == 409} == {"out_of_codes"}
    assert len({told["code"] for status, told in first if status == 201}) == CODES
    assert sum(store.wallets.values_list("spent", flat=True)) == 10 * CODES
    assert store.redemptions.count() == CODES and not store.coupon_codes.filter(state="free").exists()
    call_command("check_ledger", store=store.slug)
