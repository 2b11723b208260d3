"""One-defect builds of what moves points, and who must notice each.

A mutant is the module's source with one text replaced. Its functions' code and its texts are swapped in this process
while a test runs, so that whoever imported them gets the changed ones.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType, ModuleType
from typing import Any

PROJECT = ("loyalty", "customers", "earning", "spending")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`noticed_by`: the id of an invariant, "model" (the balances are not what the model says), "export" (a stranger
    cannot verify it), or the name of the exception that stops it."""

    module: str
    old: str
    new: str
    noticed_by: str

    def __str__(self) -> str:
        return f"{self.module}: {' '.join(self.old.split())[:60]} -> {' '.join(self.new.split())[:60]}"


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """The product with this defect. A text that is not there, once, is an error: the table must stay true."""
    module = import_module(mutant.module)
    source = inspect.getsource(module)
    if source.count(mutant.old) != 1:
        raise LookupError(f"{mutant.module} holds this {source.count(mutant.old)} times: {mutant.old}")
    changed = source.replace(mutant.old, mutant.new)
    codes = dict(code_of(module, compile(changed, str(module.__file__), "exec")))
    values = list(holders(module, values_of(module, source, changed)))
    before = {function: function.__code__ for function in codes}
    try:
        for function, code in codes.items():
            function.__code__ = code
        for holder, name, _, value in values:
            setattr(holder, name, value)
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code
        for holder, name, value, _ in values:
            setattr(holder, name, value)


def code_of(holder: Any, code: CodeType) -> Iterator[tuple[FunctionType, CodeType]]:
    """Each function that the module or class defines, with its code in the changed source."""
    for const in code.co_consts:
        if isinstance(const, CodeType) and (found := vars(holder).get(const.co_name)) is not None:
            if isinstance(found, type):
                yield from code_of(found, const)
            elif isinstance(function := bare(found), FunctionType):
                yield function, const


def bare(found: Any) -> Any:
    """The function below decorators."""
    inner: Any = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    return inspect.unwrap(inner)


def values_of(module: ModuleType, source: str, changed: str) -> dict[str, Any]:
    """The module's own texts and tables that the change makes different, and those made of them."""
    values: dict[str, Any] = {}
    was = {name: ast.dump(value) for name, value in assigned(source)}
    for name, value in assigned(changed):
        used = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        if ast.dump(value) != was[name] or not used.isdisjoint(values):
            code = compile(ast.Expression(value), str(module.__file__), "eval")
            values[name] = eval(code, vars(module) | values)
    return values


def assigned(source: str) -> Iterator[tuple[str, ast.expr]]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield statement.targets[0].id, statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            yield statement.target.id, statement.value


def holders(module: ModuleType, values: dict[str, Any]) -> Iterator[tuple[ModuleType, str, Any, Any]]:
    """Wherever these are known, under whatever name: the module, the name, the value that is and the one to be."""
    for name, value in values.items():
        was = getattr(module, name)
        for holder in [one for one in sys.modules.values() if (one.__name__ or "").split(".")[0] in PROJECT]:
            for alias in [alias for alias, held in vars(holder).items() if held is was]:
                yield holder, alias, was, value


L, BOOKS, A = "customers.ledger", "customers.bookkeeping", "customers.adjustments"
ENGINE, APPLYING, FOLDING, ORDERS = "earning.engine", "earning.applying", "earning.folding", "earning.orders"
REDEMPTIONS, OUTCOMES, SEALS = "spending.redemptions", "spending.outcomes", "customers.seals"

MUTANTS = [
    # The ledger: what is posted, and what wallets remember of it.
    Mutant(BOOKS, "points, pending = one.points - before.points,", "points, pending = one.points,", "L7"),
    Mutant(BOOKS, "one.pending - before.pending\n", "one.pending\n", "L7"),
    Mutant(BOOKS, "if not points and not pending:", "if not points:", "L7"),
    Mutant(BOOKS, "purse.balance += points", "purse.balance += abs(points)", "L10"),
    Mutant(BOOKS, "purse.pending += pending", "purse.pending -= pending", "L10"),
    Mutant(BOOKS, "purse.seq += 1", "purse.seq += 2", "L10"),
    Mutant(BOOKS, "before.revision += 1", "before.revision += 2", "L3"),
    Mutant(BOOKS, 'Kind.REDEEM: ("spent", -1)', 'Kind.REDEEM: ("spent", 1)', "L1"),
    Mutant(BOOKS, 'Kind.WRITE_OFF: ("earned", 1)', 'Kind.WRITE_OFF: ("spent", -1)', "L1"),
    Mutant(BOOKS, "if points < 0 and one.kind != Kind.EARN and purse.balance + points < 0:",
           "if False:", "IntegrityError"),
    Mutant(BOOKS, "and purse.balance + points < 0:", "and purse.balance + points <= 0:", "InsufficientPoints"),
    Mutant(BOOKS, "rest, -purse.balance, ZERO, now", "rest, 1 - purse.balance, ZERO, now", "L6"),
    Mutant(BOOKS, "min(points, forgiven.points, purse.balance)", "min(points, purse.balance)", "L6"),
    Mutant(BOOKS, "if points < 0 and purse.balance < 0:", "if False:", "model"),
    Mutant(L, "if not one.is_first]", "if one.is_first]", "model"),
    Mutant(L, "if purse.id in changed", "if purse.id not in changed", "L1"),
    Mutant(L, "'{}', created_at FROM entry\n", "'{}', created_at FROM entry WHERE false\n", "L15"),
    Mutant(L, "balance = row.balance, pending = row.pending,", "balance = row.balance,", "L1"),
    Mutant(L, "last_seq = row.seq,", "last_seq = wallet.last_seq + 1,", "L1"),
    Mutant(L, "spent = wallet.spent + row.spent", "spent = row.spent", "L1"),
    Mutant(L, "sum(entry.points), sum(entry.pending)", "max(entry.points), sum(entry.pending)", "L7"),
    Mutant(L, "max(entry.revision)", "min(entry.revision)", "model"),
    # Adjustments.
    Mutant(A, "if identity and (first := posted.first()):", "if False and (first := posted.first()):", "L3"),
    Mutant(A, "ledger.Kind.ADJUST, reason=reason,", "ledger.Kind.ADJUST, -entry.points, reason=reason,", "L3"),
    # What a fact is worth.
    Mutant(ENGINE, 'refunded / total).quantize(scale.quantum, "ROUND_FLOOR")',
           'refunded / total).quantize(scale.quantum, "ROUND_CEILING")', "L7"),
    Mutant(ENGINE, "kept = points - clawback(points, fact.order, scale) if fact.order else points",
           "kept = points", "L7"),
    Mutant(ENGINE, 'if fact.order["is_cancelled"] or fact.order["is_refunded"]:',
           'if fact.order["is_refunded"]:', "L7"),
    Mutant(ENGINE, 'if not fact.order["is_awardable"] and', "if False and", "L7"),
    Mutant(ENGINE, "points = raw.quantize(scale.quantum, scale.rounding)",
           'points = raw.quantize(scale.quantum, "ROUND_CEILING")', "model"),
    Mutant(ENGINE, '"ok": so_far < (', '"ok": so_far <= (', "model"),
    Mutant(ENGINE, 'if person.state == "blocked":', 'if person.state == "guest":', "model"),
    Mutant(ENGINE, "for rule in [granted] if granted else rules:", "for rule in rules:", "model"),
    Mutant(ENGINE, "checks = [] if granted else circumstances", "checks = circumstances", "model"),
    Mutant(ENGINE, 'if rule.approval == "by_hand":', "if False:", "model"),
    Mutant(ENGINE, "timedelta(days=rule.approval_days)", "timedelta(days=0)", "model"),
    Mutant(ENGINE, 'return ("pending" if fact.asked_state == "enrolled" else fact.asked_state), None',
           'return "approved", None', "model"),
    # Applying it.
    Mutant(APPLYING, "settlement.pending = decision.points", "settlement.points = decision.points", "L7"),
    Mutant(APPLYING, "decision.approve_at > now:", "decision.approve_at < now:", "model"),
    Mutant(APPLYING, "ledger.settle(store, settlements, purses)",
           "ledger.settle(store, settlements[1:], purses)", "L7"),
    Mutant(APPLYING, "SET state = row.state, points = row.points,", "SET state = row.state,", "L7"),
    Mutant(APPLYING, "points = decision.points if decision.state in",
           "points = decision.granted if decision.state in", "L7"),
    Mutant(APPLYING, 'if asked == "enrolled" and row.customer_state != "guest":', "if False:", "model"),
    Mutant("earning.usage", "Usage(used.times + 1,", "Usage(used.times,", "model"),
    Mutant("earning.activities", "state=Activity.State.PENDING, asked_state",
           "state=Activity.State.VOID, asked_state", "model"),
    Mutant("earning.rules", "keep_version(rule, actor)\n    return True", "return True", "L12"),
    # Orders.
    Mutant(FOLDING, '"cancelled" in kinds and "reopened" not in kinds', '"cancelled" in kinds', "L11"),
    Mutant(FOLDING, "min(refunded, folded.total) if bodies else refunded", "refunded", "L11"),
    Mutant(FOLDING, 'refunded = folded.total if "closed" in kinds else sum', "refunded = sum", "L11"),
    Mutant(FOLDING, 'has_refund = "closed" in kinds or bool(refunds)', "has_refund = bool(refunds)", "L11"),
    Mutant(FOLDING, "return self.total - self.refunded", "return self.total", "L11"),
    Mutant(FOLDING, "folded.status = max(", "folded.status = min(", "L11"),
    Mutant(FOLDING, '-money(data.get("total")),', 'money(data.get("total")),', "model"),
    Mutant(FOLDING, "return told", "return dict(sorted(told.items())[:3])", "model"),
    Mutant("earning.order_customers", "(folded.counted or ZERO) - (order.counted or ZERO)",
           "(folded.counted or ZERO)", "L11"),
    Mutant(ORDERS, "discount = row.discount, refunded = row.refunded,", "discount = row.discount,", "L11"),
    Mutant(ORDERS, "store.activities.filter(pk__in=locked)",
           "store.activities.filter(pk__in=locked, applied_at=None)", "model"),
    # Rewards and codes.
    Mutant(REDEMPTIONS, "    ledger.settle(store, [spent], purses)\n", "", "L8"),
    Mutant(REDEMPTIONS, "return first and as_it_ended(first)", "return None", "IntegrityError"),
    Mutant(REDEMPTIONS, "coupon_id=handed.coupon and handed.coupon.pk", "coupon_id=None", "L8"),
    Mutant(REDEMPTIONS, "spent.effective_at = now", "spent.effective_at = None", "L8"),
    Mutant(REDEMPTIONS, "update(replaced_by=new)", "update(replaced_by=redemption)", "L12"),
    Mutant(OUTCOMES, "ledger.Kind.REDEEM, -points,", "ledger.Kind.REDEEM, -points / 2,", "L8"),
    Mutant(OUTCOMES, "ledger.Kind.REDEEM, -points,", "ledger.Kind.ADJUST, -points,", "L3"),
    Mutant(OUTCOMES, "if row.state == State.CANCELLED:", "if False:", "L15"),
    Mutant(OUTCOMES, "if row.state == State.USED and not is_refund:", "if False:", "model"),
    Mutant(OUTCOMES, "mark_coupons([row], CouponCode.State.VOID)", "mark_coupons([row], CouponCode.State.FREE)", "L9"),
    Mutant(OUTCOMES, "[spending_of(row, Decimal(0), reason, actor)]",
           "[spending_of(row, row.points, reason, actor)]", "L9"),
    Mutant(OUTCOMES, "    record(row, Topic.REDEMPTION_CANCELLED)", "    pass", "L15"),
    Mutant(OUTCOMES, "if row.state not in (State.ISSUED, State.EXPIRED):", "if row.state == State.USED:", "L8"),
    Mutant(OUTCOMES, "mark_coupons([row], CouponCode.State.USED)", "pass", "L8"),
    Mutant(OUTCOMES, "mark_coupons(rows, CouponCode.State.EXPIRED)", "pass", "L8"),
    Mutant("spending.coupons", "SET state = 'issued' FROM", "SET state = 'free' FROM", "L8"),
    Mutant("spending.issuing", "FROM made WHERE state = 'issued'", "FROM made WHERE state = 'used'", "L15"),
    Mutant("spending.order_notices", "if is_undone and row.state", "if row.state", "model"),
    Mutant("spending.order_notices", "row.order_external_id == order and",
           "row.order_external_id != order and", "model"),
    Mutant("spending.offers", '"ok": shopper.balance >= cost', '"ok": shopper.balance > cost', "model"),
    Mutant("spending.offers", '"ok": shopper.balance >= cost', '"ok": True', "InsufficientPoints"),
    Mutant("spending.rewarding", "keep_version(reward, actor)\n    return True", "return True", "L8"),
    # Seals.
    Mutant(SEALS, "for _, _, line in rows])\n    new =", "for _, _, line in rows[1:]])\n    new =", "L10"),
    Mutant(SEALS, "before.number + 1 if before else 1", "before.number + 2 if before else 1", "L10"),
    Mutant(SEALS, "count=len(rows), root", "count=len(rows) + 1, root", "L10"),
    Mutant(SEALS, "last_entry_id=rows[-1][0]", "last_entry_id=rows[0][0]", "L10"),
    Mutant(SEALS, '{previous.hex()} {store.public_id}', "{NOTHING.hex()} {store.public_id}", "export"),
    Mutant("customers.merkle", 'b"\\x00"', 'b"\\x01"', "export"),
    Mutant("customers.merkle", "sha256(b\"\\x01\" + left + right)", "sha256(b\"\\x01\" + right + left)", "export"),
]  # fmt: skip
