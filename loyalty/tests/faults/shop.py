"""What a shop's own programs would send, and the shop's log of what it was told: facts that were acknowledged.

A shop insists: a call that is not answered, or answered "later", is sent again until it is acknowledged.
"""

import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import uuid4

from customers import enrolment, ledger
from customers.enrolment import Identity
from earning import rules
from integrations import connections, registry
from integrations.dialects.lootly.tests.signing import signed
from loyalty.local.ports import HOST
from loyalty.stores.models import ApiKey, Store
from loyalty.stores.tenancy import acting_for
from spending import rewarding
from spending.models import CouponCode, CouponImport, Reward

CUSTOMERS, CODES, BATCH = 40, 2_000, 20
VISIT, PURCHASE, COST = 7, 20, 5  # points of each
OPENING = 1_000_000  # points of each customer before anything happens
PATIENCE = 120.0  # seconds until a shop gives a call up
ANSWER = 15.0  # seconds until it thinks that an answer got lost
LOST = 10  # one answer in so many gets lost on its way, thinks the shop, and sends the call again


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and the facts that a 2xx answer to it acknowledges."""

    path: str
    body: bytes
    facts: tuple[str, ...]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """When it came, how long that took, and what it said. Status 0: none came, the connection ended."""

    at: float
    seconds: float
    status: int
    is_later: bool  # it asks to come again, and says when
    text: bytes = b""


@dataclass
class Shop:
    """One store's callers, and what they know."""

    store: Store
    port: int
    key: str
    lootly_key: str
    lootly_secret: str
    reward: Reward
    rng: random.Random
    answers: list[Answer] = field(default_factory=list)  # without their texts
    acknowledged: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)  # facts of which the shop cannot say whether they count
    redemptions: dict[str, set[str]] = field(default_factory=dict)  # ids that were answered, by the call's name
    failures: list[str] = field(default_factory=list)
    senders: list[threading.Thread] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)
    is_all: bool = True  # nobody else moves this store's points
    may_call: threading.Event = field(default_factory=threading.Event)
    is_abandoned: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    # --- Sending ---

    def start(self, senders: int, pause: float) -> None:
        self.go_on()
        for number in range(senders):
            rng = random.Random(f"{self.rng.random()} {number}")
            self.senders.append(threading.Thread(target=self.send_on, args=(rng, pause), daemon=True))
            self.senders[-1].start()

    def finish(self) -> None:
        """No new calls; those under way are insisted on."""
        self.is_closing.set()
        self.go_on()
        for sender in self.senders:
            sender.join()
        self.senders.clear()

    def send_on(self, rng: random.Random, pause: float) -> None:
        try:
            with self.connected() as send:
                while not self.is_closing.wait(pause):
                    self.may_call.wait()
                    for call in self.next_calls(rng):
                        if self.insist(send, call) and rng.randrange(LOST) == 0:
                            self.insist(send, call)
        except Exception as error:
            self.failures.append(f"a sender ended: {error!r}")

    def hold(self) -> None:
        """Nothing new for a while."""
        self.may_call.clear()

    def go_on(self) -> None:
        self.may_call.set()

    def connected(self) -> "Line":
        return Line(self)

    def insist(self, send: Callable[[Call], Answer], call: Call) -> Answer | None:
        """Send it until it is acknowledged, as a shop's queue does. None: given up."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.is_abandoned.is_set():
            answer = send(call)
            if 200 <= answer.status < 300:
                self.acknowledge(call, answer)
                return answer
            if answer.status and not answer.is_later:
                break
            time.sleep(0.1)
        self.given_up.extend(call.facts)
        return None

    def acknowledge(self, call: Call, answer: Answer) -> None:
        """A batch answers for each of its facts; a redemption tells its id."""
        told = json.loads(answer.text) if call.path.startswith("/api/") else {}
        for number, fact in enumerate(call.facts):
            if call.path.endswith("/batch") and told["data"][number]["status"] >= 300:
                self.failures.append(f"{fact} of a batch was answered {told['data'][number]}")
                continue
            self.acknowledged[fact] += 1
            if fact.startswith("redemption"):
                self.redemptions.setdefault(fact, set()).add(told["id"])

    # --- Calls ---

    def next_calls(self, rng: random.Random) -> list[Call]:
        """Visits alone and in batches, orders and their refunds in Lootly's words, rewards taken."""
        number, dice = next(self.numbers), rng.random()
        if dice < 0.4:
            return [self.visit(f"visit-{number}")]
        if dice < 0.45:
            return [self.visits([f"visit-{number}", *(f"visit-{next(self.numbers)}" for _ in range(BATCH - 1))])]
        if dice < 0.5 and len(self.redemptions) < CODES - len(self.senders):
            return [self.redemption(f"redemption-{number}")]
        if dice < 0.75:
            return [self.order(f"order-{number}"), self.refund(f"refund-{number}")]
        return [self.order(f"order-{number}")]

    def visit(self, fact: str) -> Call:
        return self.native("/api/v1/activities", visit(fact), fact)

    def visits(self, facts: list[str]) -> Call:
        return self.native("/api/v1/activities/batch", {"activities": [visit(fact) for fact in facts]}, *facts)

    def redemption(self, fact: str) -> Call:
        body = {"customer": {"external_id": customer_of(fact)}, "reward": str(self.reward.public_id)}
        return self.native("/api/v1/redemptions", body, fact, **{"Idempotency-Key": fact})

    def native(self, path: str, body: dict, *facts: str, **headers: str) -> Call:
        return Call(path, json.dumps(body).encode(), facts, {"Authorization": f"Bearer {self.key}"} | headers)

    def order(self, fact: str) -> Call:
        customer = {"id": customer_of(fact), "email": f"{customer_of(fact)}@shop.example"}
        return self.lootly(
            "orders-completed", fact, id=fact, total_price=f"{PURCHASE}.00", subtotal_price=f"{PURCHASE}.00",
            total_tax="0.00", customer=customer,
        )  # fmt: skip

    def refund(self, fact: str) -> Call:
        order = fact.replace("refund", "order")
        return self.lootly("refunds-create", fact, id=order, transactions=[{"amount": refunded(fact)}])

    def lootly(self, event: str, fact: str, **members: object) -> Call:
        body = signed(self.lootly_key, self.lootly_secret, **members)
        return Call(f"/integrations/webhooks/common/{event}", body, (fact,))

    # --- What the answers were ---

    @property
    def unexpected(self) -> Counter[int]:
        """By status: answers that neither acknowledge nor ask to come later."""
        return Counter(one.status for one in self.answers if one.status >= 300 and not one.is_later)

    def slowest(self, since: float, until: float) -> float:
        """Seconds that the slowest acknowledgement took, of the calls sent between two moments."""
        return max((one.seconds for one in self.acknowledgements(since, until)), default=0.0)

    def slow(self, since: float, until: float) -> float:
        """Seconds that all but one in a hundred of them stayed below."""
        times = sorted(one.seconds for one in self.acknowledgements(since, until))
        return times[len(times) * 99 // 100] if times else 0.0

    def acknowledgements(self, since: float, until: float) -> list[Answer]:
        return [one for one in self.answers if one.status // 100 == 2 and since <= one.at - one.seconds <= until]

    def first_answer_after(self, moment: float) -> float | None:
        """When the first call sent after a moment was acknowledged."""
        return min((one.at for one in self.acknowledgements(moment, float("inf"))), default=None)


class Line:
    """A kept-alive connection of a shop, which is made anew when it ends. As a context it gives its `send`."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.connection = http.client.HTTPConnection(HOST, shop.port, timeout=ANSWER)

    def __enter__(self) -> Callable[[Call], Answer]:
        return self.send

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, call: Call) -> Answer:
        """One try. What came of it is noted."""
        start, status, text, is_later = time.monotonic(), 0, b"", False
        try:
            self.connection.request("POST", call.path, call.body, {"Content-Type": "application/json"} | call.headers)
            response = self.connection.getresponse()
            text, status = response.read(), response.status
            is_later = status in (409, 429, 503) and response.getheader("Retry-After") is not None
        except (OSError, http.client.HTTPException):
            self.connection.close()
        at = time.monotonic()
        self.shop.answers.append(Answer(at, at - start, status, is_later))
        return Answer(at, at - start, status, is_later, text)


def visit(fact: str) -> dict:
    return {"action": "visit", "external_id": fact, "customer": {"external_id": customer_of(fact)}}


def number_of(fact: str) -> int:
    return int(fact.rpartition("-")[2])


def customer_of(fact: str) -> str:
    return f"c{number_of(fact) % CUSTOMERS}"


def refunded(fact: str) -> str:
    """Some orders go back whole, others in part."""
    return f"{PURCHASE}.00" if number_of(fact) % 2 else "5.00"


def worth(fact: str) -> int:
    """What it adds to the balance."""
    match fact.partition("-")[0]:
        case "visit":
            return VISIT
        case "order":
            return PURCHASE
        case "refund":
            return -int(Decimal(refunded(fact)))
        case _:
            return -COST


def open_shop(port: int, rng: random.Random) -> Shop:
    store = Store.objects.create(slug=f"shop-{uuid4().hex[:12]}", name="Shop", currency="EUR")
    with acting_for(store.pk):
        rules.create(store, "visit", actor="faults", name="Visit", points=Decimal(VISIT))
        rules.create(store, "purchase", actor="faults", name="Purchase", points=Decimal(1))
        customers = [join(store, f"c{number}") for number in range(CUSTOMERS)]
        opening = [ledger.Settlement(pk, "opening", ledger.Kind.ADJUST, Decimal(OPENING)) for pk in customers]
        ledger.settle(store, opening)
        reward = stocked(store)
        lootly, secret = connections.connect(store, registry.get("lootly"))
        _, key = ApiKey.issue(store, "shop")
    return Shop(store, port, key, lootly.key, secret, reward, rng)


def join(store: Store, external_id: str) -> int:
    identity = Identity.of(external_id=external_id, email=f"{external_id}@shop.example")
    customer = enrolment.identify(store, identity, is_registered=True)
    enrolment.enrol(customer)
    return customer.pk


def stocked(store: Store) -> Reward:
    reward = rewarding.create(
        store, "fixed_amount", actor="faults", name="5 off", points=Decimal(COST), settings={"value": "5"},
        code_source="pool",
    )  # fmt: skip
    batch = CouponImport.objects.create(
        store=store, pool=reward.pool, state="done", file_name="codes.csv", digest=b"", due_at=None
    )
    codes = [CouponCode(store=store, pool=reward.pool, coupon_import=batch, code=f"C{n}") for n in range(CODES)]
    CouponCode.objects.bulk_create(codes)
    return reward
