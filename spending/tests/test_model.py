"""Earning, taking, giving back, using, expiring and refunding in any order, against a model of a few lines.

After each step the balance, each redemption and each code are what the model says; at the end all invariants hold.
Steps: STEPS=2000 pytest spending/tests/test_model.py
"""

import os
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest import balance, make_customer, open_store
from customers import adjustments
from customers.models import OrderNotice
from earning import applying, orders, rules
from earning.models import Activity, OrderFact
from loyalty.stores.facts import drain
from spending import order_notices, redemptions, rewarding
from spending.models import CouponCode, CouponImport, Redemption
from spending.redemptions import CannotCancel, Refused

STEPS = int(os.environ.get("STEPS", 200))
COST, POOLED = 100, 3
COUPON_OF = {"issued": "issued", "used": "used", "cancelled": "void", "expired": "expired"}


class Programme(RuleBasedStateMachine):
    """One customer, a reward with few codes and one without end."""

    number = 0

    @initialize()
    def open(self):
        Programme.number += 1
        self.store = open_store(f"model{Programme.number}")
        self.customer = make_customer(self.store, "c1")
        rules.create(self.store, "purchase", actor="test", name="Buy", points=Decimal(1))
        values = {"actor": "test", "name": "5 off", "points": Decimal(COST), "settings": {"value": "5"}}
        pooled = rewarding.create(self.store, "fixed_amount", code_source="pool", **values)
        endless = rewarding.create(self.store, "fixed_amount", code_source="generated", **values)
        batch = CouponImport.objects.create(
            store=self.store, pool=pooled.pool, state="done", file_name="c.csv", digest=b"", due_at=None
        )
        CouponCode.objects.bulk_create(
            [CouponCode(store=self.store, pool=pooled.pool, coupon_import=batch, code=f"C{n}") for n in range(POOLED)]
        )
        self.rewards, self.free = [endless, pooled], POOLED
        self.points, self.states, self.made = 0, {}, []
        self.worth, self.refunded, self.carrier = {}, set(), {}

    # --- What may happen ---

    @rule(points=st.integers(1, 3 * COST))
    def be_given(self, points):
        adjustments.adjust(self.store, self.customer, Decimal(points), "A gift", actor="test")
        self.points += points

    @rule(total=st.integers(0, 2 * COST), which=st.none() | st.integers(0, 30))
    def buy(self, total, which):
        order = f"o{len(self.worth)}"
        carried = self.pick(which)
        body = {
            "status": "completed", "total": str(total), "subtotal": str(total), "customer": {"external_id": "c1"},
            "discount_codes": [carried.code.upper()] if carried else [],
        }  # fmt: skip
        orders.record_fact(self.store, order, "status", identity="1", data=body)
        self.follow()
        self.worth[order] = total
        self.points += total
        if carried and self.states[carried.pk] in ("issued", "expired"):
            self.states[carried.pk] = "used"
            self.carrier[carried.pk] = order

    @rule(which=st.integers(0, 30))
    def refund(self, which):
        if not self.worth:
            return
        order = f"o{which % len(self.worth)}"
        if order in self.refunded:
            return
        orders.record_fact(self.store, order, "cancelled", identity="1", data={})
        self.follow()
        self.refunded.add(order)
        self.points -= self.worth[order]
        for pk, carrier in self.carrier.items():
            if carrier == order and self.states[pk] == "used":
                self.states[pk] = "cancelled"
                self.points += COST

    @rule(is_pooled=st.booleans())
    def redeem(self, is_pooled):
        try:
            row = redemptions.redeem(self.store, self.customer, self.rewards[is_pooled])
        except Refused as refused:
            expected = "insufficient_points" if self.points < COST else "out_of_codes"
            assert refused.code == expected and (self.points < COST or (is_pooled and not self.free))
            return
        assert self.points >= COST
        self.points -= COST
        self.free -= is_pooled
        self.made.append(row)
        self.states[row.pk] = "issued"

    @rule(which=st.integers(0, 30))
    def cancel(self, which):
        if not (row := self.pick(which)):
            return
        before = self.states[row.pk]
        try:
            is_new = redemptions.cancel(self.store, row, reason="By mistake", actor="test")
        except CannotCancel:
            assert before == "used"
            return
        assert is_new == (before != "cancelled")
        if is_new:
            self.states[row.pk] = "cancelled"
            self.points += COST

    @rule(which=st.integers(0, 30))
    def hand_over(self, which):
        if row := self.pick(which):
            is_possible = self.states[row.pk] in ("issued", "expired")
            assert redemptions.hand_over(self.store, row) == is_possible
            if is_possible:
                self.states[row.pk] = "used"

    @rule(which=st.integers(0, 30))
    def expire(self, which):
        if row := self.pick(which):
            self.store.redemptions.filter(pk=row.pk).update(expires_at=timezone.now())
            assert redemptions.expire(self.store) == (self.states[row.pk] == "issued")
            if self.states[row.pk] == "issued":
                self.states[row.pk] = "expired"

    # --- What must be so ---

    @invariant()
    def it_is_as_the_model_says(self):
        if not hasattr(self, "store"):
            return
        assert balance(self.customer) == self.points
        rows = Redemption.objects.filter(store=self.store).select_related("coupon")
        assert {row.pk: row.state for row in rows} == self.states
        assert all(row.coupon.state == COUPON_OF[row.state] for row in rows if row.coupon)
        assert CouponCode.objects.filter(store=self.store, state="free").count() == self.free

    def teardown(self):
        if hasattr(self, "store"):
            call_command("check_ledger", store=self.store.slug)

    def pick(self, which):
        return self.made[which % len(self.made)] if self.made and which is not None else None

    def follow(self):
        drain(OrderFact, self.store.pk, orders.apply)
        drain(Activity, self.store.pk, applying.apply)
        drain(OrderNotice, self.store.pk, order_notices.apply)


@pytest.mark.django_db
def test_any_order_of_steps_ends_as_the_model_says():
    steps = 25
    run_state_machine_as_test(
        Programme,
        settings=settings(
            max_examples=max(1, STEPS // steps), stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
