"""A worker that is killed in the middle of a file: its successor goes on exactly there."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from loyalty.stores.tenancy import acting_for
from loyalty.tests.running import database_url, wait_until
from spending import coupon_imports
from spending.models import CodePool, CouponImport

ROWS, TWICE, INVALID = 20_000, 500, 300
KILLS = int(os.environ.get("KILLS", 2))  # in the check, in the import and in the undo
PART = 1 << 14  # small slices, so that there is a middle to be killed in

# A process of its own, with nothing of the test's but the database.
WORKER = f"""
import django
django.setup()
from spending import coupon_imports, coupon_slices, coupon_steps
coupon_imports.PART = coupon_slices.PART = {PART}
coupon_steps.work(%d)
"""


@pytest.fixture
def loaded(transactional_db, store, monkeypatch):
    monkeypatch.setattr(coupon_imports, "PART", PART)
    codes = [f"CODE-{number:06d}" for number in range(ROWS)]
    lines = codes + [code.lower() for code in codes[:TWICE]] + ["has space"] * INVALID
    random.Random(1).shuffle(lines)
    with acting_for(store.pk):
        pool = CodePool.objects.create(store=store, name="Five off")
        return coupon_imports.start(store, pool, ["\n".join(lines).encode()], "codes.csv", "test")


def now(row: CouponImport) -> CouponImport:
    with acting_for(row.store_id):
        return CouponImport.objects.get(pk=row.pk)


def started(row: CouponImport) -> subprocess.Popen:
    env = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "loyalty.settings", "SECRET_KEY": "x"}
    return subprocess.Popen([sys.executable, "-c", WORKER % row.store_id], env=env)


def work_and_be_killed(row: CouponImport) -> int:
    """Work until nothing is due, killed at random meanwhile. How often it was killed."""
    killed = 0
    while now(row).due_at is not None:
        with acting_for(row.store_id):
            CouponImport.objects.update(claimed_until=None)  # a dead worker's claim ends by itself, some seconds later
        begun, worker = now(row).done, started(row)
        if killed < KILLS:
            wait_until(lambda: now(row).done > begun or worker.poll() is not None, 30, "a slice is done")  # noqa: B023
            time.sleep(random.uniform(0, 0.05))
            killed += worker.poll() is None
            worker.send_signal(signal.SIGKILL)
        worker.wait(60)
    return killed


def test_a_killed_workers_import_is_exact_and_no_code_is_there_twice(loaded):
    killed = work_and_be_killed(loaded)
    row = now(loaded)
    assert (row.state, row.rows) == ("checked", ROWS + TWICE + INVALID)
    assert (row.new, row.duplicate, row.known, row.invalid) == (ROWS, TWICE, 0, INVALID)
    with acting_for(row.store_id):
        coupon_imports.confirm(row)
    killed += work_and_be_killed(loaded)
    row = now(loaded)
    assert (row.state, row.loaded, row.done) == ("done", ROWS, ROWS + TWICE + INVALID)
    with acting_for(row.store_id):
        assert row.codes.count() == row.codes.values("code_key").distinct().count() == ROWS
        coupon_imports.undo(row)
    killed += work_and_be_killed(loaded)
    with acting_for(row.store_id):
        assert (now(row).state, row.codes.count()) == ("undone", 0)
    assert killed >= KILLS
