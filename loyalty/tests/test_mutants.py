"""The proofs prove something: each planted defect is noticed by the check that should; without one all is silent.

Every second one is lived through; all of them: FAULTS=full pytest loyalty/tests/test_mutants.py
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from conftest import sized
from customers import exporting, seals

from .business import Business
from .mutants import MUTANTS, Mutant, planted

VERIFIER = Path(__file__).resolve().parents[2] / "bin" / "verify-ledger"


def life(shop: Business) -> Iterator[None]:
    """Something of everything; the books are looked at where it pauses."""
    yield from earning(shop)
    yield from ordering(shop)
    yield from redeeming(shop)
    yield from correcting(shop)


def earning(shop: Business) -> Iterator[None]:
    shop.seal()
    for kind in ("visit", "read", "review"):
        shop.do(kind, "ann")
        shop.do(kind, "bob")
    shop.do("visit", "gus", "enrolled")
    shop.follow()
    shop.seal()
    yield
    shop.repeat(0)
    shop.ask(2, "approved")
    shop.switch_rule("review", False)
    shop.edit_rule("read", 25)
    shop.wait()
    shop.follow()
    yield
    for _ in range(5):  # at once: more than the limit allows
        shop.do("visit", "ann")
    shop.join("gus")
    shop.block("bob", True)
    shop.do("read", "bob", "approved")
    shop.follow()
    yield
    shop.block("bob", False)
    shop.ask(2, "void")
    shop.follow()
    shop.ask(2, "approved")
    shop.follow()
    shop.seal()
    yield


def ordering(shop: Business) -> Iterator[None]:
    shop.tell(99, "ann", "status", status="processing", total=10_033)
    shop.follow()
    yield
    shop.edit_rule("purchase", 5)
    shop.tell(0, "ann", "status", status="completed", total=10_033)
    shop.follow()
    shop.tell(0, "ann", "refund", amount=1_234)
    shop.follow()
    yield
    shop.tell(0, "ann", "status", status="completed", total=9_000)
    shop.tell(0, "ann", "refund", amount=3_333)
    shop.follow()
    shop.tell(99, "bob", "refund", amount=99_999)
    shop.follow()
    shop.tell(1, "bob", "status", status="completed", total=20_000)
    shop.follow()
    yield
    shop.tell(99, "bob", "status", status="completed", total=20_000)
    shop.tell(99, "bob", "status", status="completed", total=7_777)
    shop.follow()
    shop.tell(2, "bob", "cancelled")
    shop.tell(3, "bob", "closed")
    shop.follow()
    yield
    shop.tell(2, "bob", "reopened")
    shop.follow()
    shop.look_again()
    shop.follow()
    yield


def redeeming(shop: Business) -> Iterator[None]:
    shop.adjust("ann", 150 - shop.model.people["ann"].balance)
    shop.redeem("ann", "pooled")  # all that she has
    shop.redeem("ann", "pooled")  # and no more
    shop.adjust("ann", 1_000)
    yield
    for reward in ("pooled", "endless", "endless", "endless", "pooled", "endless"):
        shop.redeem("ann", reward)
    shop.repeat(-1)
    shop.cancel(0)
    shop.cancel(0)
    yield
    shop.hand_over(1)
    shop.cancel(1)
    shop.hand_over(0)
    shop.expire(2)
    shop.expire(5)
    yield
    shop.edit_reward("endless", 120)
    shop.reissue(3)
    yield
    for place in (4, 7):  # 7 is what the reissue brought
        shop.tell(99, "ann", "status", status="completed", total=5_000, code=shop.code(place))
    shop.follow()
    yield
    shop.tell(4, "ann", "cancelled")
    shop.follow()
    yield


def correcting(shop: Business) -> Iterator[None]:
    shop.adjust("bob", 40)
    shop.undo(-1)
    shop.undo(-1)
    shop.repeat(-1)
    yield
    shop.adjust("bob", -10_000)
    shop.tell(99, "bob", "status", status="completed", total=20_500)
    shop.follow()
    while not shop.model.refusal(shop.model.people["bob"], "endless"):
        shop.redeem("bob", "endless")
    shop.tell(6, "bob", "refund", amount=15_000)
    shop.follow()
    yield
    shop.tell(6, "bob", "closed")
    shop.follow()
    shop.adjust("bob", -1)
    shop.look_again()
    shop.follow()
    shop.seal()
    yield
    shop.tell(99, "bob", "status", status="completed", total=2_000)
    shop.follow()
    shop.adjust("bob", 30 - shop.model.people["bob"].balance)  # less than the order gave
    shop.tell(7, "bob", "cancelled")
    shop.follow()
    shop.tell(7, "bob", "reopened")
    shop.follow()
    yield


def noticed(wanted: str, tmp_path: Path) -> set[str]:
    """Who complains of a life in this build, in a store of each policy. It ends when the wanted one has."""
    found: set[str] = set()
    for writes_off in (True, False):
        with transaction.atomic():
            try:
                shop = Business(writes_off=writes_off)
                for _ in life(shop):
                    found |= complaints(shop)
                    if wanted in found:
                        break
                found |= told_outside(shop, tmp_path) if wanted in ("export", "") else set()
            except AssertionError:
                found |= {"model"} | complaints(shop)
            except Exception as error:
                found.add(type(error).__name__)
            transaction.set_rollback(True)
        if wanted in found:
            break
    return found


def complaints(shop: Business) -> set[str]:
    found = {name for name, _ in shop.broken()} | {"L10" for _ in seals.broken(shop.store)}
    try:
        shop.compare()
    except AssertionError:
        found.add("model")
    return found


def told_outside(shop: Business, tmp_path: Path) -> set[str]:
    """A part of the ledger as an auditor would verify it."""
    file, wallet = tmp_path / "export.jsonl", shop.customers["ann"].wallets.get()
    file.write_text("".join(f"{json.dumps(row)}\n" for row in exporting.ledger(shop.store, {wallet.pk})))
    told = subprocess.run([sys.executable, "-I", str(VERIFIER), str(file)], capture_output=True, check=False)
    return {"export"} if told.returncode else set()


@pytest.fixture
def sealed_at_once(monkeypatch):
    monkeypatch.setattr(seals, "SLACK", timedelta(0))


@pytest.mark.django_db
def test_without_a_defect_nobody_complains(sealed_at_once, tmp_path):
    assert noticed("", tmp_path) == set()


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_table_of_defects_is_true(mutant: Mutant):
    with planted(mutant):
        pass


@pytest.mark.django_db
@pytest.mark.parametrize("mutant", MUTANTS[:: sized(2, 1)], ids=str)
def test_a_planted_defect_is_noticed(mutant: Mutant, sealed_at_once, tmp_path):
    with planted(mutant):
        assert mutant.noticed_by in noticed(mutant.noticed_by, tmp_path)
