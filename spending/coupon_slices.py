"""The worker's part of an import: one slice of the file, or of its codes, in the caller's transaction.

Rows go by COPY into a temporary table and from there by one statement where they belong: PostgreSQL refuses COPY
into a table under row-level security.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection

from loyalty.stores.sets import run_set

from .coupon_csv import Flaw, Reader, Row
from .coupons import today
from .csv_layout import Layout
from .models import CouponImport, CouponImportPart

PART = 1 << 20  # bytes of the file in a row of its own; a slice is at least one part long
KEPT_FLAWS = 100
UNDO_SLICE = 20_000

STAGE = """
DROP TABLE IF EXISTS coupon_stage, coupon_fresh;
CREATE TEMPORARY TABLE coupon_stage (line bigint, code text, value numeric(12, 2), expires_on date) ON COMMIT DROP;
"""

# Slices before this one left the hashes of their codes; 64 bits of a million codes collide once in 30 million files,
# and then the report is off by one: what is imported is decided by the unique index, not by this.
FRESH = """
CREATE TEMPORARY TABLE coupon_fresh ON COMMIT DROP AS
WITH seen AS MATERIALIZED (
    SELECT unnest(hashes) AS hash FROM spending_couponimportpart
     WHERE store_id = %(store)s AND coupon_import_id = %(import)s AND hashes IS NOT NULL),
staged AS (
    SELECT DISTINCT lower(code) AS key, hashtextextended(lower(code), 0) AS hash FROM coupon_stage)
SELECT key, hash FROM staged WHERE NOT EXISTS (SELECT FROM seen WHERE seen.hash = staged.hash)
"""
REMEMBER = """
UPDATE spending_couponimportpart SET hashes = (SELECT array_agg(hash) FROM coupon_fresh)
 WHERE store_id = %(store)s AND coupon_import_id = %(import)s AND number = %(part)s
"""
# The next key from the one that is looked for: only the unique index gives keys in their order. For the equal one, on a
# table that the planner knows nothing of yet, it would take any index of the store's and read all its codes each time.
IN_ORDER = "SELECT set_config('enable_sort', %(sorts)s, true)"
KNOWN = """
SELECT count(*), count(found.code_key) FROM coupon_fresh
  LEFT JOIN LATERAL (SELECT code_key FROM spending_couponcode
       WHERE store_id = %(store)s AND code_key >= coupon_fresh.key ORDER BY code_key LIMIT 1) AS found
    ON found.code_key = coupon_fresh.key
"""
# Joins the import, so that no foreign key has to look for each of a million codes (decision 6).
LOAD = """
WITH loaded AS (
    INSERT INTO spending_couponcode (store_id, pool_id, coupon_import_id, code, state, value, expires_on, created_at)
    SELECT file.store_id, file.pool_id, file.id, stage.code, 'free', stage.value, stage.expires_on, now()
      FROM spending_couponimport AS file, coupon_stage AS stage
     WHERE file.store_id = %(store)s AND file.pool_id = %(pool)s AND file.id = %(import)s
     ORDER BY stage.line
    ON CONFLICT (store_id, code_key) DO NOTHING
    RETURNING 1)
SELECT count(*) FROM loaded
"""
UNDO = """
WITH looked AS MATERIALIZED (
    SELECT id FROM spending_couponcode
     WHERE store_id = %(store)s AND pool_id BETWEEN %(pool)s AND %(pool)s AND id >= %(first)s
     ORDER BY pool_id, id LIMIT %(limit)s),
gone AS (
    DELETE FROM spending_couponcode AS code USING looked
     WHERE code.store_id = %(store)s AND code.id = looked.id AND code.coupon_import_id = %(import)s
       AND code.state IN ('free', 'expired')
    RETURNING 1)
SELECT (SELECT count(*) FROM looked), (SELECT max(id) FROM looked), (SELECT count(*) FROM gone)
"""
FIRST = """
SELECT coalesce(max(id), 0) + 1 FROM (
    SELECT id FROM spending_couponcode WHERE store_id = %(store)s AND pool_id BETWEEN %(pool)s AND %(pool)s
     ORDER BY pool_id DESC, id DESC LIMIT 1) AS newest
"""


def check_slice(row: CouponImport) -> bool:
    """Count what the next slice would bring. Whether it was the last one."""
    part = offset_of(row) // PART
    staged, flaws, is_last = stage_slice(row, keep=KEPT_FLAWS - len(row.problems))
    names = named(row) | {"part": part}
    run_set(FRESH, names)
    run_set(REMEMBER, names)
    run_set(IN_ORDER, {"sorts": "off"})
    [(fresh, known)] = run_set(KNOWN, names)
    run_set(IN_ORDER, {"sorts": "on"})
    row.rows += staged + flaws.count
    row.new += fresh - known
    row.known += known
    row.duplicate += staged - fresh
    row.invalid += flaws.count
    row.problems += [list(flaw) for flaw in flaws.kept]
    return is_last


def load_slice(row: CouponImport) -> bool:
    """Add the codes of the next slice. Whether it was the last one."""
    _, _, is_last = stage_slice(row)
    [(loaded,)] = run_set(LOAD, named(row))
    row.loaded += loaded
    return is_last


def undo_slice(row: CouponImport) -> bool:
    """Delete codes that are not issued. Whether there are no more."""
    first = row.position.get("id", row.first_code_id)
    [(looked, last, gone)] = run_set(UNDO, named(row) | {"first": first, "limit": UNDO_SLICE})
    row.loaded -= gone
    row.done += gone
    row.position["id"] = (last or 0) + 1
    return looked < UNDO_SLICE


def first_id(row: CouponImport) -> int:
    """No code that this import will add has a lower id."""
    return run_set(FIRST, named(row))[0][0]


def named(row: CouponImport) -> dict[str, Any]:
    return {"store": row.store_id, "pool": row.pool_id, "import": row.pk}


class Flaws:
    """Counts them all and keeps the first."""

    def __init__(self, keep: int) -> None:
        self.keep, self.count = keep, 0
        self.kept: list[Flaw] = []

    def add(self, flaw: Flaw) -> None:
        self.count += 1
        if len(self.kept) < self.keep:
            self.kept.append(flaw)


def stage_slice(row: CouponImport, keep: int = 0) -> tuple[int, Flaws, bool]:
    """Read the file from `position` on into the temporary table: rows staged, flaws, and was it the last slice?"""
    rows, flaws = bytearray(), Flaws(keep)
    reader = reader_of(row, offset_of(row), row.position.get("line", 0))
    count, is_last = 0, True
    for found in reader:
        if isinstance(found, Row):
            rows += copy_line(found)
            count += 1
        else:
            flaws.add(found)
        if reader.offset >= PART:
            is_last = False
            break
    row.position = {"offset": offset_of(row) + reader.offset, "line": reader.line}
    row.done += count + flaws.count
    copy(rows)
    return count, flaws, is_last


def copy(rows: bytearray) -> None:
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(STAGE)
        with cursor.copy("COPY coupon_stage FROM STDIN") as staging:
            staging.write(bytes(rows))


def copy_line(row: Row) -> bytes:
    r"""In COPY's text form: a backslash is the only letter of a printable code to escape."""
    code = row.code.replace("\\", "\\\\") if "\\" in row.code else row.code
    value = r"\N" if row.value is None else row.value
    return f"{row.line}\t{code}\t{value}\t{row.expires_on or chr(92) + 'N'}\n".encode()


def offset_of(row: CouponImport) -> int:
    return row.position.get("offset", row.layout["starts_at"])


def reader_of(row: CouponImport, offset: int, line: int) -> Reader:
    return Reader(chunks(row, offset), layout_of(row), today=today(row.store), line=line)


def layout_of(row: CouponImport) -> Layout:
    return Layout(**{name: value for name, value in row.layout.items() if name != "asked"})


def chunks(row: CouponImport, offset: int) -> Iterator[bytes]:
    """The file from this byte on, a part at a time."""
    number, skip = divmod(offset, PART)
    while part := one_part(row, number):
        yield part[skip:]
        number, skip = number + 1, 0


def one_part(row: CouponImport, number: int) -> bytes:
    parts = CouponImportPart.objects.filter(store_id=row.store_id, coupon_import_id=row.pk, number=number)
    return bytes(parts.values_list("content", flat=True).first() or b"")
