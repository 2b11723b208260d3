"""A large file with flaws in it: every row counted, every good code in once."""

import time

import pytest

from conftest import sized
from spending import coupon_imports, coupon_steps
from spending.models import CodePool, CouponCode, CouponImport

pytestmark = pytest.mark.django_db
GOOD, BAD, TWICE = sized(20_000, 999_500), sized(50, 200), sized(50, 200)  # a file has a million lines at most
SECONDS = 60  # for the large one, from the file to the last code
FLAWS = [b"A B\n", b"X" * 400 + b"\n", b"BELL\x07\n"]


def lines() -> list[bytes]:
    """Flaws and repetitions lie between the good ones."""
    step = GOOD // BAD
    flaws = [FLAWS[number % 3] for number in range(BAD)]
    made = []
    for number in range(GOOD):
        made.append(b"CODE-%07d\n" % number)
        if number % step == step - 1 and flaws:
            made.append(flaws.pop())
            made.append(b"code-%07d\n" % (number // 2))
    return made


def imported(pool: CodePool, content: list[bytes]) -> CouponImport:
    row = coupon_imports.start(pool.store, pool, [b"".join(content)], "codes.csv", "test")
    coupon_steps.work(pool.store_id)
    row.refresh_from_db()
    assert (row.state, row.refusal, row.error) == ("checked", "", "")
    coupon_imports.confirm(row)
    coupon_steps.work(pool.store_id)
    row.refresh_from_db()
    return row


def test_a_large_file_with_flaws_is_counted_to_the_row_and_loaded_once(store):
    pool, content = CodePool.objects.create(store=store, name="Large"), lines()
    started = time.monotonic()
    row = imported(pool, content)
    assert time.monotonic() - started < SECONDS
    assert (row.state, row.new, row.duplicate, row.known, row.invalid) == ("done", GOOD, TWICE, 0, BAD)
    assert row.loaded == GOOD == CouponCode.objects.filter(store=store, pool=pool).count()
    assert len(row.problems) == min(BAD, 100)
    again = coupon_imports.start(store, pool, [b"".join([*content, b"ANOTHER\n"])], "again.csv", "test")
    coupon_steps.work(store.pk)
    again.refresh_from_db()
    assert (again.state, again.error) == ("checked", "")
    assert (again.new, again.duplicate, again.known, again.invalid) == (1, TWICE, GOOD, BAD)
