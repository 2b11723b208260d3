"""Codes in bulk: a file of a million imported, against PostgreSQL's own COPY of that file into a plain table with the
same indexes; and taking a code from a list of a thousand and of ten million.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.db import transaction

from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending import coupon_imports, coupon_steps, coupons
from spending.models import CodePool, CouponImport

from .report import line, per_call, per_second
from .stock import owner

ROWS = 1_000_000
SMALL, LARGE = 1_000, 10_000_000
TAKEN = 300  # codes for one round
MOST_MEMORY = 150  # MB above idle

FLOOR = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.code (LIKE spending_couponcode INCLUDING ALL);
ALTER TABLE floor.code ALTER store_id SET DEFAULT 1, ALTER pool_id SET DEFAULT 1, ALTER coupon_import_id SET DEFAULT 1,
    ALTER state SET DEFAULT 'free', ALTER created_at SET DEFAULT now();
"""
# Planted at once: importing ten million would prove no more about taking one.
PLANT = """
INSERT INTO spending_couponcode (store_id, pool_id, coupon_import_id, code, state, created_at)
SELECT %(store)s, %(pool)s, %(import)s, 'P' || %(pool)s || '-' || n, 'free', now()
  FROM generate_series(1, %(count)s) AS n
"""


def run(rounds: int) -> Iterator[str]:
    yield from importing(min(rounds, 2))
    yield from taking(rounds)


def importing(rounds: int) -> Iterator[str]:
    store = Store.objects.create(slug="codes", name="codes")
    ours, whole, floor, memory = [], [], [], 0.0
    with owner() as owning:
        for number in range(rounds):
            content = file_of(number)
            owning.execute(FLOOR)
            floor.append(ROWS / copied(owning, content))
            before = reset_peak()
            with acting_for(store.pk):
                pool = CodePool.objects.create(store=store, name=f"Bench {number}")
            started = time.perf_counter()
            row = checked(store, pool, content)
            confirmed = time.perf_counter()
            with acting_for(store.pk):
                coupon_imports.confirm(row)
            worked(row, "done")
            ended = time.perf_counter()
            memory = max(memory, peak() - before)
            ours.append(ROWS / (ended - confirmed))
            whole.append(ROWS / (ended - started))
    yield per_second("import: a million codes / COPY of the file", ours, floor, 0.4)
    yield per_second("import: with upload and dry run / COPY", whole, floor, 0.2)
    yield line("import: a worker's memory above idle", f"{memory:.0f} MB", "", memory / MOST_MEMORY, "<= 1")


def file_of(number: int) -> bytes:
    """Codes in no order, as shops export them."""
    return b"".join(b"R%d-%08X-%06d\n" % (number, n * 2_654_435_761 & 0xFFFFFFFF, n) for n in range(ROWS))


def copied(owning: psycopg.Connection, content: bytes) -> float:
    started = time.perf_counter()
    with owning.cursor() as cursor, cursor.copy("COPY floor.code (code) FROM STDIN (FORMAT csv)") as copy:
        for start in range(0, len(content), 1 << 20):
            copy.write(content[start : start + (1 << 20)])
    return time.perf_counter() - started


def checked(store: Store, pool: CodePool, content: bytes) -> CouponImport:
    with acting_for(store.pk):
        row = coupon_imports.start(store, pool, [content], "bench.csv", "bench")
    return worked(row, "checked")


def worked(row: CouponImport, state: str) -> CouponImport:
    while True:
        coupon_steps.work(row.store_id)
        with acting_for(row.store_id):
            row.refresh_from_db()
        if row.due_at is None:
            break
    if row.state != state or row.new != ROWS:
        raise AssertionError(f"{row.state} {row.new} {row.refusal} {row.error}")
    return row


def reset_peak() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """The most memory that this process had at once, in MB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def taking(rounds: int) -> Iterator[str]:
    store = Store.objects.create(slug="taking", name="taking")
    few, many = planted(store, SMALL), planted(store, LARGE)
    ours, floor = [], []
    for _ in range(rounds):
        ours.append(seconds(store, many))
        floor.append(seconds(store, few))
    yield per_call(f"take: a code of {LARGE:,} / of {SMALL:,}", ours, floor, 1.3)


def planted(store: Store, count: int) -> CodePool:
    with acting_for(store.pk):
        pool = CodePool.objects.create(store=store, name=f"{count:,} codes")
        batch = CouponImport.objects.create(
            store=store, pool=pool, state="done", file_name="bench.csv", digest=b"", due_at=None
        )
    with owner() as owning:
        owning.execute("ALTER TABLE spending_couponcode NO FORCE ROW LEVEL SECURITY")
        owning.execute(PLANT, {"store": store.pk, "pool": pool.pk, "import": batch.pk, "count": count})
        owning.execute("ALTER TABLE spending_couponcode FORCE ROW LEVEL SECURITY")
        owning.execute("VACUUM ANALYZE spending_couponcode")
    return pool


def seconds(store: Store, pool: CodePool) -> float:
    """For one code; what is taken stays free, so that each round finds the same list."""
    with acting_for(store.pk):
        started = time.perf_counter()
        for _ in range(TAKEN):
            coupons.take(store, pool)
        taken = time.perf_counter() - started
        transaction.set_rollback(True)
    return taken / TAKEN
