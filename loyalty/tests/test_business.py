"""Everything a programme does, in any order, repeated and late, against a model of what it should come to.

After each step the balances, redemptions and codes are the model's and the invariants hold, in one statement; each run
ends with `check_ledger` whole. A failure prints the steps and a line that makes them again. The full size:
FAULTS=full pytest loyalty/tests/test_business.py
"""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest import sized
from customers import seals

from .business import PEOPLE, PRICES, Business
from .business_model import GIVEN, STATUSES

STEPS = 50  # of a run, at most
RUNS = sized(2_000, 100_000) // STEPS

NAMES, WHICH = st.sampled_from(sorted(PEOPLE)), st.integers(0, 30)
MONEY = st.integers(0, 30_000)


class Programme(RuleBasedStateMachine):
    business: Any = None  # a Business, once it is open
    is_sound = True
    steps = 0

    @initialize(writes_off=st.booleans())
    def open(self, writes_off):
        self.business = Business(writes_off=writes_off)

    # --- What customers do ---

    @rule(kind=st.sampled_from(["visit", "read", "review"]), name=NAMES, asked=st.sampled_from(["", "", "enrolled"]))
    def do(self, kind, name, asked):
        self.business.do(kind, name, asked)

    @rule(name=NAMES)
    def join(self, name):
        self.business.join(name)

    @rule(name=NAMES, is_blocked=st.booleans())
    def block(self, name, is_blocked):
        self.business.block(name, is_blocked)

    @rule(which=WHICH, state=st.sampled_from(["approved", "declined", "void", "pending"]), is_order=st.booleans())
    def ask(self, which, state, is_order):
        (self.business.ask_purchase if is_order else self.business.ask)(which, state)

    # --- Orders ---

    @rule(
        order=st.integers(0, 8), name=NAMES, status=st.sampled_from(STATUSES), total=MONEY, code=st.none() | WHICH,
        day=st.sampled_from(["", "", "2026-05-01", "2026-05-02"]), is_registered=st.booleans(),
    )  # fmt: skip
    def tell(self, order, name, status, total, code, day, is_registered):
        self.business.tell(
            order, name, "status", status=status, total=total, day=day, code=self.business.code(code),
            is_registered=is_registered,
        )  # fmt: skip

    @rule(name=NAMES, total=MONEY, code=st.none() | WHICH)
    def buy(self, name, total, code):
        """The usual case."""
        self.business.tell(99, name, "status", status="completed", total=total, code=self.business.code(code))
        self.business.follow()

    @rule(order=st.integers(0, 8), name=NAMES, amount=MONEY)
    def refund(self, order, name, amount):
        self.business.tell(order, name, "refund", amount=amount)

    @rule(order=st.integers(0, 8), name=NAMES, kind=st.sampled_from(["cancelled", "closed", "reopened"]))
    def undo_order(self, order, name, kind):
        self.business.tell(order, name, kind)

    # --- Rewards ---

    @rule(name=NAMES, reward=st.sampled_from(sorted(PRICES)))
    def redeem(self, name, reward):
        self.business.redeem(name, reward)

    @rule(which=WHICH, what=st.sampled_from(["cancel", "reissue", "hand_over", "expire"]))
    def after_redeeming(self, which, what):
        getattr(self.business, what)(which)

    # --- What the merchant does ---

    @rule(name=NAMES, points=st.integers(-200, 400).filter(bool))
    def adjust(self, name, points):
        self.business.adjust(name, points)

    @rule(which=WHICH)
    def undo(self, which):
        self.business.undo(which)

    @rule(kind=st.sampled_from(sorted(GIVEN)), points=st.integers(0, 40))
    def edit_rule(self, kind, points):
        self.business.edit_rule(kind, points)

    @rule(kind=st.sampled_from(sorted(GIVEN)), is_on=st.booleans())
    def switch_rule(self, kind, is_on):
        self.business.switch_rule(kind, is_on)

    @rule(name=st.sampled_from(sorted(PRICES)), points=st.integers(1, 300))
    def edit_reward(self, name, points):
        self.business.edit_reward(name, points)

    # --- What time and the workers do ---

    @rule(queues=st.permutations(["orders", "deeds", "notices"]), count=st.integers(1, 3))
    def work(self, queues, count):
        self.business.work(*queues[:count])

    @rule(which=WHICH)
    def repeat(self, which):
        self.business.repeat(which)

    @rule(what=st.sampled_from(["look_again", "wait", "seal"]))
    def sometimes(self, what):
        getattr(self.business, what)()

    # --- What must be so ---

    @invariant()
    def it_is_as_the_model_says_and_the_books_are_sound(self):
        if self.business:
            self.is_sound = False
            self.business.check()
            self.is_sound = True
            Programme.steps += 1

    def teardown(self):
        if self.business and self.is_sound:
            self.business.follow()
            self.business.check()
            call_command("check_ledger", store=self.business.store.slug, stdout=StringIO())


@pytest.mark.django_db
def test_any_order_of_steps_ends_as_the_model_says(monkeypatch, capsys):
    monkeypatch.setattr(seals, "SLACK", timedelta(0))
    monkeypatch.setattr(Programme, "steps", 0)
    run_state_machine_as_test(
        Programme,
        settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
    with capsys.disabled():
        print(f"\n{Programme.steps} steps of {Business.number} stores, each compared and proven")
    assert Programme.steps >= RUNS * STEPS // 2
