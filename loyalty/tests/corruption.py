"""What somebody who may do everything in the database could do to the books: a change to plant, at random.

Each column of these tables is either guarded by an invariant, or named as free.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection

ENTRY, WALLET, EVENT, SEAL = "customers_ledgerentry", "customers_wallet", "customers_event", "customers_ledgerseal"
TAKEN, CODE = "spending_redemption", "spending_couponcode"
DEED, ORDER, TOLD, CUSTOMER = "earning_activity", "earning_order", "earning_orderfact", "customers_customer"

# Rows that prove something. A code that nobody took, a body that is not believed: nothing follows from those.
SEALED = "id <= (SELECT max(last_entry_id) FROM customers_ledgerseal)"
OF_ENTRY, OF_STEP = "entry_id IS NOT NULL", "topic IN ('reward.redeemed', 'redemption.used', 'redemption.cancelled')"
NOT_LAST = "number < (SELECT max(number) FROM customers_ledgerseal)"  # its digest is known to nobody but auditors
EARNED = "state IN ('approved', 'pending') AND points <> 0"
COUNTS = "counted IS NOT NULL"
WITH_BODY = "status <> ''"
# An adjustment follows from nothing but itself: once it is sealed it cannot be another.
FOLLOWS = f"source LIKE 'activity:%' OR source LIKE 'redemption:%' OR {SEALED}"
DECIDES = """kind IN ('refund', 'cancelled') AND NOT EXISTS (SELECT FROM earning_orderfact AS other
    WHERE other.order_external_id = earning_orderfact.order_external_id AND other.kind IN ('closed', 'reopened'))"""
ALONE = """kind = 'status' AND data ->> 'total' <> '0.01' AND 1 = (SELECT count(*) FROM earning_orderfact AS other
    WHERE other.order_external_id = earning_orderfact.order_external_id AND other.kind = 'status')"""

# Of which rows a column is guarded.
GUARDED: dict[str, dict[str, str]] = {
    ENTRY: dict.fromkeys(
        ["id", "wallet_id", "customer_id", "public_id", "seq", "kind", "points", "pending", "balance_after",
         "pending_after", "revision", "created_at", "store_id"], "true",
    ) | dict.fromkeys(["effective_at", "expires_at"], SEALED) | {"source": FOLLOWS},
    WALLET: dict.fromkeys(
        ["id", "store_id", "customer_id", "unit", "balance", "pending", "earned", "spent", "expired", "last_seq"],
        "last_seq > 0",
    ),
    EVENT: dict.fromkeys(["store_id", "customer_id", "public_id", "topic", "entry_id", "created_at"], OF_ENTRY)
    | {"data": OF_STEP},
    SEAL: dict.fromkeys(["number", "last_entry_id", "count", "root", "digest"], "true") | {"store_id": NOT_LAST},
    TAKEN: dict.fromkeys(
        ["id", "store_id", "customer_id", "reward_id", "reward_version", "state", "points", "multiplier", "issued_at",
         "public_id"], "true",
    ) | {"coupon_id": "coupon_id IS NOT NULL", "code": "coupon_id IS NOT NULL", "used_at": "state <> 'cancelled'",
         "cancelled_at": "true", "expires_at": "state = 'expired'", "replaced_by_id": "replaced_by_id IS NOT NULL"},
    CODE: dict.fromkeys(["id", "store_id", "code", "state"], "state <> 'free'")
    | dict.fromkeys(["pool_id", "coupon_import_id"], "true"),
    DEED: dict.fromkeys(
        ["id", "store_id", "customer_id", "state", "points", "rule_id", "rule_version", "decision"], EARNED
    ) | {"order_id": "order_id IS NOT NULL", "action": "order_id IS NOT NULL", "applied_at": "due_at IS NULL"},
    ORDER: dict.fromkeys(
        ["id", "store_id", "customer_id", "external_id", "status", "is_cancelled", "has_refund", "refunded", "total",
         "subtotal", "tax", "shipping", "discount", "counted"], WITH_BODY,
    ) | {"is_awardable": COUNTS},
    TOLD: dict.fromkeys(["store_id", "order_external_id", "kind"], DECIDES)
    | {"data": f"({DECIDES} AND kind = 'refund') OR ({ALONE})", "applied_at": "due_at IS NULL"},
    CUSTOMER: dict.fromkeys(["orders_count", "orders_total"], "true"),
}  # fmt: skip
# What people read, how a fact came in, when it is looked at next: no points follow from these.
FREE: dict[str, set[str]] = {
    ENTRY: {"reason", "actor", "code"},
    WALLET: set(),
    EVENT: {"id", "entryless_customer_id"},
    SEAL: {"id", "created_at"},
    TAKEN: {"identity", "value", "code_key", "decision", "source", "actor", "details", "order_external_id",
            "order_total", "order_discount", "cancel_reason", "cancelled_by"},
    CODE: {"code_key", "value", "expires_on", "created_at"},
    DEED: {"public_id", "external_id", "source", "occurred_at", "properties", "asked_state", "asked_points",
           "asked_rule_id", "received_at", "due_at", "attempts", "claimed_until", "claim_token", "quarantined_at",
           "error"},
    ORDER: {"public_id", "number", "awardable_at", "discount_codes", "items", "placed_at", "created_at", "updated_at"},
    TOLD: {"id", "identity", "source", "received_at", "due_at", "attempts", "claimed_until", "claim_token",
           "quarantined_at", "error"},
}  # fmt: skip

# A wrong value by the column's type; {} is the column.
ANY_OTHER = {
    "numeric": ["COALESCE({}, 0) + 1", "COALESCE({}, 0) - 1", "COALESCE({}, 0) + 0.01", "COALESCE({}, 0) + 500"],
    "bigint": ["{} + 1", "{} - 1", "{} + 1000000", "-{}"],
    "integer": ["{} + 1", "{} - 1", "{} + 1000000"],
    "boolean": ["NOT {}"],
    "character varying": ["{} || 'x'", "'x' || {}", "''"],
    "text": ["{} || 'x'", "''"],
    "uuid": ["gen_random_uuid()"],
    "bytea": ["set_byte({0}, 0, (get_byte({0}, 0) + 1) % 256)", "{0} || '\\x00'", "substr({0}, 2)"],
    "timestamp with time zone": [
        "COALESCE({}, now()) + interval '1 second'",
        "COALESCE({}, now()) - interval '1 year'",
    ],
}
# Where only some wrong values are wrong: a moment that is there or not, a state that leads elsewhere.
ONLY: dict[Any, list[str]] = {
    "id": ["-{}", "{} + 1000000"],
    "expires_at": ["now() + interval '1 year'"],
    "used_at": ["CASE WHEN {} IS NULL THEN now() END"],
    "cancelled_at": ["CASE WHEN {} IS NULL THEN now() END"],
    "applied_at": ["NULL"],
    "order_id": ["NULL", "{} + 1000"],
    (ENTRY, "expires_at"): ["now()"],
    (EVENT, "data"): ["'{{}}'", "jsonb_set({}, '{{redemption}}', '\"x\"')"],
    (DEED, "decision"): ["'{{}}'", "jsonb_set({}, '{{state}}', '\"void\"')", "jsonb_set({}, '{{rules}}', '[]')"],
    (TOLD, "data"): ["'{{}}'", '{} || \'{{"amount": "0.01", "total": "0.01"}}\''],
    (TAKEN, "replaced_by_id"): ["id", "-{}", "{} + 1000000"],
    (TOLD, "kind"): ["'reopened'", "'status'"],
    (WALLET, "unit"): ["'stars'"],
    (ENTRY, "source"): ["'activity:x'", "{} || '0'", "'adjust:0'", "'redemption:0'"],
}
STATES = {
    (ENTRY, "kind"): ["earn", "redeem", "adjust", "expire", "hold", "import", "write_off"],
    (EVENT, "topic"): ["points.moved", "attention", "reward.redeemed"],
    (TAKEN, "state"): ["pending", "issued", "used", "cancelled", "expired"],
    (CODE, "state"): ["free", "issued", "used", "expired", "void"],
    (DEED, "state"): ["pending", "approved", "declined", "void"],
    (ORDER, "status"): ["pending", "processing", "paid", "completed"],
}
# Deleted or doubled, these rows are missed or too many.
WHOLE_ROWS = {
    ENTRY: "true", WALLET: "last_seq > 0", EVENT: OF_ENTRY, TAKEN: "true", CODE: "state <> 'free'", DEED: EARNED,
    ORDER: WITH_BODY, TOLD: DECIDES, SEAL: NOT_LAST,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plant:
    says: str
    statement: str


Recipe = Callable[[random.Random], Plant | None]


def recipes() -> Iterator[Recipe]:
    """Every way of lying that is known; a plant is one of them with its row and value chosen. None: no such row."""
    for table, columns in GUARDED.items():
        for column, where in columns.items():
            yield lambda dice, it=(table, column, where): flip(dice, *it)
    for table, where in WHOLE_ROWS.items():
        yield lambda dice, it=(table, where): delete(dice, *it)
        if table != TOLD:  # told twice is told once
            yield lambda dice, it=(table, where): double(dice, *it)
    for column in ("wallet_id", "seq", "points", "balance_after", "source", "created_at"):
        yield lambda dice, column=column: swap(dice, ENTRY, column)
    for table, column in ((WALLET, "balance"), (WALLET, "customer_id"), (TAKEN, "customer_id"), (DEED, "customer_id")):
        yield lambda dice, it=(table, column): swap(dice, *it)
    yield move_points
    yield rewrite


def flip(dice: random.Random, table: str, column: str, where: str) -> Plant | None:
    """One value is another."""
    if (table, column) in STATES:
        wrong = f"'{dice.choice(STATES[table, column])}'"
    else:
        values = ONLY.get((table, column)) or ONLY.get(column) or ANY_OTHER[type_of(table, column)]
        wrong = dice.choice(values).format(column)
    row = choose(dice, table, f"({where}) AND ({wrong}) IS DISTINCT FROM {column}")
    changed = f"UPDATE {table} SET {column} = {wrong} WHERE id = {row}"
    return Plant(f"{table} {row}: {column} = {wrong}", changed) if row else None


def delete(dice: random.Random, table: str, where: str) -> Plant | None:
    row = choose(dice, table, where)
    return Plant(f"{table} {row} is gone", f"DELETE FROM {table} WHERE id = {row}") if row else None


def double(dice: random.Random, table: str, where: str) -> Plant | None:
    """The row once more, under an id of its own."""
    row, names = choose(dice, table, where), ", ".join(own_columns(table))
    copied = f"INSERT INTO {table} (id, {names}) SELECT id + 1000000, {names} FROM {table} WHERE id = {row}"
    return Plant(f"{table} {row} is there twice", copied) if row else None


def swap(dice: random.Random, table: str, column: str) -> Plant | None:
    """Two rows have each other's value."""
    found = rows(f"SELECT id, {column} FROM {table} WHERE {GUARDED[table][column]} ORDER BY id")
    pairs = [(one, other) for one, mine in found for other, theirs in found if one < other and mine != theirs]
    if not pairs:
        return None
    one, other = dice.choice(pairs)
    return Plant(
        f"{table} {one} and {other} swap their {column}",
        f"UPDATE {table} AS one SET {column} = other.{column} FROM {table} AS other"
        f" WHERE (one.id, other.id) IN (({one}, {other}), ({other}, {one}))",
    )


def move_points(dice: random.Random) -> Plant | None:
    """From one wallet to another, without an entry."""
    one, other = dice.sample([pk for (pk,) in rows(f"SELECT id FROM {WALLET} ORDER BY id")], 2)
    moved = f"UPDATE {WALLET} SET balance = balance + CASE id WHEN {one} THEN 10 ELSE -10 END"
    return Plant(f"10 points move from wallet {other} to {one}", f"{moved} WHERE id IN ({one}, {other})")


def rewrite(dice: random.Random) -> Plant | None:
    """An entry is of more points, and all that follows from it is made to fit."""
    row = choose(dice, ENTRY, f"points <> 0 AND ({FOLLOWS})")
    fitted = f"""
    WITH one AS (SELECT * FROM {ENTRY} WHERE id = {row}), later AS (
         UPDATE {ENTRY} AS entry SET balance_after = entry.balance_after + 10,
                points = entry.points + CASE WHEN entry.id = one.id THEN 10 ELSE 0 END
           FROM one WHERE entry.wallet_id = one.wallet_id AND entry.seq >= one.seq)
    UPDATE {WALLET} AS wallet SET balance = balance + 10,
           earned = earned + CASE WHEN one.kind = 'earn' THEN 10 ELSE 0 END,
           spent = spent - CASE WHEN one.kind = 'redeem' THEN 10 ELSE 0 END
      FROM one WHERE wallet.id = one.wallet_id
    """
    return Plant(f"entry {row} is of 10 points more, and its wallet too", fitted) if row else None


def choose(dice: random.Random, table: str, where: str) -> int | None:
    found = rows(f"SELECT id FROM {table} WHERE {where} ORDER BY id")
    return dice.choice(found)[0] if found else None


def rows(statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


@cache
def columns(table: str) -> dict[str, tuple[str, bool]]:
    """Of each column the type, and whether the database computes it."""
    found = rows(
        "SELECT column_name, data_type, is_generated = 'ALWAYS' FROM information_schema.columns"
        f" WHERE table_name = '{table}'"
    )
    return {name: (kind, is_computed) for name, kind, is_computed in found}


def type_of(table: str, column: str) -> str:
    return columns(table)[column][0]


def own_columns(table: str) -> list[str]:
    return [name for name, (_, is_computed) in columns(table).items() if name != "id" and not is_computed]
