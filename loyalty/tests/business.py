"""A store to which everything happens, and the model of what it should come to: each step is done to both."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from conftest import make_customer, open_store
from customers import adjustments, enrolment, ledger, seals
from customers.identities import Identity
from customers.models import Customer, OrderNotice
from earning import activities, applying, orders, rules
from earning.activities import NewActivity
from earning.models import Activity, OrderFact
from loyalty.invariants import INVARIANTS
from loyalty.stores.batches import drain
from loyalty.stores.sets import run_set
from spending import order_notices, redemptions, rewarding
from spending.models import CouponCode, CouponImport, Redemption
from spending.redemptions import CannotCancel, Refused

from .business_model import GIVEN, MOST_VISITS, SHIPPING, Body, Deed, Given, Model, Overdrawn, Taken

PEOPLE = {"ann": True, "bob": True, "gus": False}  # who has joined
PRICES = {"endless": 100, "pooled": 150}
CODES = 4
COUPON_OF = {"issued": "issued", "used": "used", "cancelled": "void", "expired": "expired"}
HOW_PAID: dict[str, dict[str, Any]] = {
    "visit": {"limit": "count", "limit_value": MOST_VISITS, "limit_period": "ever"},
    "read": {"approval": "by_hand"},
    "review": {"approval": "after_days", "approval_days": 7},
}
QUEUES: dict[str, tuple[type[Any], Callable[..., None]]] = {
    "orders": (OrderFact, orders.apply),
    "deeds": (Activity, applying.apply),
    "notices": (OrderNotice, order_notices.apply),
}


def proof(*left_out: str) -> str:
    """The invariants as one statement, which gives the id and the line of each break."""
    asked = [one for one in INVARIANTS if one.id not in left_out]
    return " UNION ALL ".join(f"SELECT '{one.id}', line FROM ({one.broken}) AS found (line)" for one in asked)


# The catalogue does not change meanwhile, and facts wait here on purpose.
BROKEN = proof("L2", "L5", "L14")


class Business:
    """Each method does one thing to the store and to the model; `check` compares and proves the books."""

    number = 0

    def __init__(self, *, writes_off: bool = False) -> None:
        Business.number += 1
        policy = "write_off" if writes_off else "debt"
        self.store = open_store(f"business{Business.number}", negative_balance=policy)
        self.model = Model(PEOPLE, PRICES, CODES, writes_off=writes_off)
        self.customers = {name: self.customer(name, has_joined) for name, has_joined in PEOPLE.items()}
        self.rules = {kind: self.rule(kind, points) for kind, points in GIVEN.items()}
        self.rewards = {name: self.reward(name, points) for name, points in PRICES.items()}
        self.rows: list[tuple[Taken, Redemption]] = []
        self.facts: list[tuple[Deed, Activity]] = []
        self.given: list[tuple[Given, int]] = []  # and its entry
        self.repeats: list[Callable[[], None]] = []  # calls that change nothing when they are made again

    def customer(self, name: str, has_joined: bool) -> Customer:
        if has_joined:
            return make_customer(self.store, name)
        return enrolment.identify(self.store, Identity.of(external_id=name))

    def rule(self, kind: str, points: int) -> Any:
        own = kind if kind in ("purchase", "sign_up") else "custom"
        named = {"identifier": kind} if own == "custom" else {}
        values = named | HOW_PAID.get(kind, {})
        return rules.create(self.store, own, actor="test", name=kind, points=Decimal(points), **values)

    def reward(self, name: str, points: int) -> Any:
        reward = rewarding.create(
            self.store, "fixed_amount", actor="test", name=name, points=Decimal(points), settings={"value": "5"},
            code_source="pool" if name == "pooled" else "generated",
        )  # fmt: skip
        if reward.pool:
            batch = CouponImport.objects.create(
                store=self.store, pool=reward.pool, state="done", file_name="codes.csv", digest=b"", due_at=None
            )
            CouponCode.objects.bulk_create(
                [
                    CouponCode(store=self.store, pool=reward.pool, coupon_import=batch, code=f"C{n}")
                    for n in range(CODES)
                ]
            )
        return reward

    # --- What customers do ---

    def do(self, kind: str, name: str, asked: str = "") -> None:
        """Something that earns; told twice it is one."""
        new = NewActivity(f"custom:{kind}", Identity.of(external_id=name), f"d{len(self.facts)}", asked_state=asked)
        recorded = activities.record(self.store, new)
        assert recorded.is_new
        self.note(Deed(self.model.people[name], kind, asked), recorded.id)
        self.repeats.append(lambda: self.expect(not activities.record(self.store, new).is_new))

    def note(self, deed: Deed, pk: int) -> None:
        self.model.deeds.append(deed)
        self.facts.append((deed, self.store.activities.get(pk=pk)))

    def join(self, name: str) -> None:
        person = self.model.people[name]
        is_first = not any(deed.who is person and deed.kind == "sign_up" for deed in self.model.deeds)
        activities.join(self.store, Identity.of(external_id=name), source="api")
        self.model.join(person)
        if is_first:
            self.note(
                Deed(person, "sign_up"), self.store.activities.get(action="sign_up", customer__external_id=name).pk
            )

    def block(self, name: str, is_blocked: bool) -> None:
        customer = self.customers[name]
        customer.refresh_from_db()
        enrolment.block(customer, is_blocked)
        self.model.people[name].is_blocked = is_blocked

    def ask(self, which: int, state: str) -> None:
        """A person says what becomes of something that was done."""
        if self.facts:
            deed, activity = pick(self.facts, which)
            activities.ask(activity, state)
            deed.asked, deed.is_due = state, True

    def ask_purchase(self, which: int, state: str) -> None:
        known = [(name, order.deed) for name, order in self.model.orders.items() if order.deed]
        if known:
            name, deed = pick(known, which)
            activities.ask(self.store.activities.get(action="purchase", external_id=name), state)
            deed.asked, deed.is_due = state, True

    # --- Orders ---

    def tell(self, which: int, name: str, kind: str, **data: Any) -> None:
        """A fact about a new order or one of those before: a status with its body, or what became of it."""
        known = list(self.model.orders)
        external_id = known[which] if which < len(known) else f"o{len(known):03}"
        order = self.model.order(external_id, self.model.people[name])
        identity, told = "1", {}
        if kind == "status":
            identity = f"{len(order.bodies):02}"
            body = Body(identity, **data)
            order.bodies.append(body)
            told = self.as_told(order.who.name, body)
        elif kind == "refund":
            identity = f"r{len(order.refunds)}"
            order.refunds[identity] = data["amount"]
            told = {"amount": money(data["amount"])}
        elif kind in order.said:
            return
        else:
            order.said.add(kind)
        order.is_due = True

        def record() -> bool:
            return orders.record_fact(self.store, external_id, kind, identity=identity, data=told)

        assert record()
        self.repeats.append(lambda: self.expect(not record()))

    def as_told(self, name: str, body: Body) -> dict[str, Any]:
        return {
            "status": body.status, "total": money(body.total), "subtotal": money(max(body.total - SHIPPING, 0)),
            "customer": {"external_id": name, "is_registered": body.is_registered}, "updated_at": body.day or None,
            "discount_codes": [body.code.lower()] if body.code else [],
        }  # fmt: skip

    def code(self, which: int | None) -> str:
        """A code that was handed out, for an order to carry."""
        return pick(self.rows, which)[1].code if self.rows and which is not None else ""

    # --- Rewards ---

    def redeem(self, name: str, reward: str) -> None:
        person, identity = self.model.people[name], f"r{len(self.rows)}"
        expected = self.model.refusal(person, reward)
        try:
            row = redemptions.redeem(self.store, self.customers[name], self.rewards[reward], identity=identity)
        except Refused as refused:
            assert refused.code == expected
            return
        assert not expected
        self.rows.append((self.model.take(person, reward, row.code), row))
        customer, offer = self.customers[name], self.rewards[reward]
        self.repeats.append(
            lambda: self.expect(redemptions.redeem(self.store, customer, offer, identity=identity).pk == row.pk)
        )

    def cancel(self, which: int) -> None:
        if self.rows:
            taken, row = pick(self.rows, which)
            try:
                is_new = redemptions.cancel(self.store, row, reason="By mistake", actor="test")
            except CannotCancel:
                assert taken.state == "used"
                return
            assert is_new == (taken.state in ("issued", "expired"))
            if is_new:
                self.model.give_back(taken)

    def reissue(self, which: int) -> None:
        """Another code for the same points, or everything stays as it was."""
        if not self.rows:
            return
        taken, row = pick(self.rows, which)
        reward, who = row.reward.name, taken.who
        is_possible = taken.state in ("issued", "expired") and self.can_take_again(taken, reward)
        try:
            row = redemptions.reissue(self.store, row, reason="It does not work", actor="test")
        except (CannotCancel, Refused):
            assert not is_possible
            return
        assert is_possible
        self.model.give_back(taken)
        self.rows.append((self.model.take(who, reward, row.code), row))

    def can_take_again(self, taken: Taken, reward: str) -> bool:
        taken.who.balance += taken.cost
        try:
            return not self.model.refusal(taken.who, reward)
        finally:
            taken.who.balance -= taken.cost

    def hand_over(self, which: int) -> None:
        if self.rows:
            taken, row = pick(self.rows, which)
            is_possible = taken.state in ("issued", "expired")
            assert redemptions.hand_over(self.store, row) == is_possible
            if is_possible:
                taken.state = "used"

    def expire(self, which: int) -> None:
        if self.rows:
            taken, row = pick(self.rows, which)
            self.store.redemptions.filter(pk=row.pk).update(expires_at=timezone.now())
            assert redemptions.expire(self.store) == (taken.state == "issued")
            if taken.state == "issued":
                taken.state = "expired"

    # --- What the merchant does ---

    def adjust(self, name: str, points: int) -> None:
        person, identity = self.model.people[name], f"a{len(self.given)}"

        def call() -> Any:
            return adjustments.adjust(
                self.store, self.customers[name], Decimal(points), "Because", actor="test", identity=identity
            )

        self.same(
            lambda: self.model.move(person, points), call, lambda entry: self.note_given(person, points, entry, call)
        )

    def note_given(self, person: Any, points: int, entry: Any, call: Callable[[], Any]) -> None:
        self.given.append((Given(person, points), entry.pk))
        self.repeats.append(lambda: self.expect(call().pk == entry.pk))

    def undo(self, which: int) -> None:
        if self.given:
            given, pk = pick(self.given, which)
            was_undone, entry = given.is_undone, self.store.entries.get(pk=pk)
            self.same(
                lambda: self.model.undo(given),
                lambda: adjustments.undo(self.store, entry, actor="test"),
                lambda undone: self.expect((undone is None) == was_undone),
            )

    def same(self, modelled: Callable[[], object], call: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Both take the points, or both refuse to overdraw."""
        try:
            modelled()
        except Overdrawn:
            try:
                call()
            except ledger.InsufficientPoints:
                return
            raise AssertionError("It was overdrawn.") from None
        then(call())

    def edit_rule(self, kind: str, points: int) -> None:
        rules.change(self.rules[kind], actor="test", points=Decimal(points))
        self.model.rates[kind] = points

    def switch_rule(self, kind: str, is_on: bool) -> None:
        rules.switch(self.rules[kind], is_on)
        self.model.is_on[kind] = is_on

    def edit_reward(self, name: str, points: int) -> None:
        rewarding.change(self.rewards[name], actor="test", points=Decimal(points))
        self.model.prices[name] = points

    def wait(self) -> None:
        """A week goes by for what waits for its approval."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE earning_activity SET occurred_at = occurred_at - interval '7 days',"
                " due_at = LEAST(due_at, clock_timestamp()) WHERE store_id = %s AND action = 'custom:review'",
                [self.store.pk],
            )
        self.model.wait()

    # --- What the workers do ---

    def work(self, *queues: str) -> None:
        """Drain queues in this order."""
        modelled = {
            "orders": self.model.fold_orders, "deeds": self.model.settle_deeds, "notices": self.model.read_notices
        }  # fmt: skip
        for queue in queues:
            drain(QUEUES[queue][0], self.store.pk, QUEUES[queue][1])
            modelled[queue]()

    def follow(self) -> None:
        self.work("orders", "deeds", "notices")

    def look_again(self) -> None:
        """Everything is applied once more, as after a lost acknowledgement."""
        self.store.activities.update(due_at=timezone.now())
        for deed in self.model.deeds:
            deed.is_due = True
        for model in (OrderFact, OrderNotice):
            model.objects.filter(store=self.store).update(due_at=timezone.now(), attempts=0, claimed_until=None)
        for order in self.model.orders.values():
            order.is_due = True
        self.model.unread |= set(self.model.notices)

    def repeat(self, which: int) -> None:
        if self.repeats:
            pick(self.repeats, which)()

    def seal(self) -> None:
        seals.seal(self.store)

    # --- What must be so ---

    def check(self) -> None:
        self.compare()
        broken = self.broken()
        assert not broken, broken

    def compare(self) -> None:
        """The store is as the model says."""
        stands = {
            name: (balance, pending, earned, spent)
            for name, balance, pending, earned, spent in self.store.wallets.values_list(
                "customer__external_id", "balance", "pending", "earned", "spent"
            )
        }
        people = self.model.people.values()
        assert stands == {one.name: (one.balance, one.pending, one.earned, one.spent) for one in people}
        found = self.store.redemptions.values_list("pk", "state", "coupon__state")
        assert {pk: state for pk, state, _ in found} == {row.pk: taken.state for taken, row in self.rows}
        assert all(coupon in (None, COUPON_OF[state]) for _, state, coupon in found)
        assert self.store.coupon_codes.filter(state="free").count() == self.model.free

    def broken(self) -> list[tuple[str, str]]:
        return run_set(BROKEN, {"store": self.store.pk}, is_prepared=True)

    def expect(self, is_so: bool) -> None:
        assert is_so, "A call that was made again did something else."


def pick(rows: Any, which: int) -> Any:
    return rows[which % len(rows)]


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
