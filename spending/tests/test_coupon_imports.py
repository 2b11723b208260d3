"""Codes by CSV: the dry run counts all of the file, the import adds each new code once, and both can be taken back."""

from datetime import date, timedelta

import pytest

from loyalty.stores import batches
from loyalty.stores.tenancy import acting_for
from spending import coupon_downloads, coupon_imports, coupon_slices, coupon_steps
from spending.coupon_imports import NotPossible
from spending.csv_layout import Unreadable
from spending.models import CodePool, CouponCode, CouponImport, CouponImportPart


@pytest.fixture
def pool(store) -> CodePool:
    return CodePool.objects.create(store=store, name="Five off")


def upload(pool: CodePool, content: bytes | str, name: str = "codes.csv") -> CouponImport:
    content = content.encode() if isinstance(content, str) else content
    return coupon_imports.start(pool.store, pool, [content], name, "owner@acme.example")


def worked(row: CouponImport) -> CouponImport:
    coupon_steps.work(row.store_id)
    row.refresh_from_db()
    assert row.error == ""
    return row


def checked(pool: CodePool, content: bytes | str) -> CouponImport:
    return worked(upload(pool, content))


def imported(pool: CodePool, content: bytes | str) -> CouponImport:
    return worked(coupon_imports.confirm(checked(pool, content)))


def codes(pool: CodePool) -> list[str]:
    return list(pool.codes.order_by("id").values_list("code", flat=True))


def test_before_a_file_is_read_nothing_is_said_to_be_wrong_with_it(pool):
    row = upload(pool, "A-1\n\x00\n")
    assert b"".join(coupon_downloads.flaws(row).streaming_content).count(b"\n") == 1


def figures(row: CouponImport) -> tuple[int, ...]:
    return row.rows, row.new, row.duplicate, row.known, row.invalid


def test_nothing_is_imported_before_the_person_says_so(pool):
    row = checked(pool, "A1\nA2\n")
    assert (row.state, figures(row)) == ("checked", (2, 2, 0, 0, 0))
    assert codes(pool) == []
    row = worked(coupon_imports.confirm(row))
    assert (row.state, row.loaded, codes(pool)) == ("done", 2, ["A1", "A2"])
    assert not row.parts.exists()


def test_the_dry_run_counts_new_twice_known_and_invalid(pool):
    imported(pool, "OLD1\nOLD2\n")
    row = checked(pool, "code\r\nNEW1\r\nnew1\r\nold1\r\nhas space\r\n\r\nNEW2\r\nOLD1\r\n")
    assert figures(row) == (6, 2, 2, 1, 1)
    assert row.problems == [[5, "has space", "The code has a space in it."]]
    row = worked(coupon_imports.confirm(row))
    assert (row.loaded, codes(pool)) == (2, ["OLD1", "OLD2", "NEW1", "NEW2"])


def test_duplicates_are_found_across_slices(pool, monkeypatch):
    monkeypatch.setattr(coupon_slices, "PART", 64)
    monkeypatch.setattr(coupon_imports, "PART", 64)
    lines = [f"CODE-{n}" for n in range(100)] + [f"code-{n}" for n in range(0, 100, 2)] + ["", "X Y"]
    row = checked(pool, "\n".join(lines))
    assert figures(row) == (151, 100, 50, 0, 1)
    row = worked(coupon_imports.confirm(row))
    assert (row.loaded, row.done, row.rows) == (100, 151, 151)
    assert codes(pool) == lines[:100]


def test_the_same_file_again_inserts_nothing(pool):
    imported(pool, "A1\nA2\n")
    again = checked(pool, "A1\nA2\n")
    assert figures(again) == (2, 0, 0, 2, 0)
    with pytest.raises(NotPossible, match="no new code"):
        coupon_imports.confirm(again)


def test_a_code_that_came_between_check_and_import_is_not_imported_twice(pool, store):
    waiting = checked(pool, "A1\nA2\n")
    imported(CodePool.objects.create(store=store, name="Other"), "a2\n")
    assert worked(coupon_imports.confirm(waiting)).loaded == 1


def test_values_and_last_days_come_along(pool):
    soon = date.today() + timedelta(days=30)
    row = imported(pool, f"voucher code;value;expires_on\nA1;7,50;{soon}\nA2;;\nA3;free;\nA4;5;2001-01-01\n")
    assert list(pool.codes.order_by("id").values_list("code", "value", "expires_on")) == [
        ("A1", 7.5, soon), ("A2", None, None),
    ]  # fmt: skip
    assert [problem[0] for problem in row.problems] == [4, 5]


def test_another_encoding_is_asked_for_and_never_guessed(pool):
    row = checked(pool, "ÄPFEL-1\nBIRNE-1\n".encode("cp1252"))
    assert (row.state, codes(pool)) == ("asking", [])
    row = worked(coupon_imports.read_as(row, encoding="cp1252"))
    assert (row.state, figures(row)) == ("checked", (2, 2, 0, 0, 0))
    worked(coupon_imports.confirm(row))
    assert codes(pool) == ["ÄPFEL-1", "BIRNE-1"]


def test_a_letter_that_is_not_utf8_late_in_the_file_is_asked_about_too(pool, monkeypatch):
    monkeypatch.setattr(coupon_slices, "PART", 1 << 17)
    monkeypatch.setattr(coupon_imports, "PART", 1 << 17)
    content = b"".join(b"CODE-%06d\n" % n for n in range(20_000)) + b"\xc4PFEL\n"
    row = checked(pool, content)
    assert (row.state, row.layout["asked"]["line"]) == ("asking", 20_001)
    row = worked(coupon_imports.read_as(row, encoding="utf-8"))  # leave such lines out
    assert figures(row) == (20_001, 20_000, 0, 0, 1)


def test_utf16_is_asked_for_and_then_read(pool):
    row = checked(pool, "code\nA1\nA2\n".encode("utf-16"))
    assert row.state == "asking"
    worked(coupon_imports.confirm(worked(coupon_imports.read_as(row, encoding="utf-16-le"))))
    assert codes(pool) == ["A1", "A2"]


def test_a_person_may_choose_the_column(pool):
    row = checked(pool, "1,A1\n2,A2\n")
    assert row.layout["width"] == 2
    row = worked(coupon_imports.read_as(row, code=1))
    worked(coupon_imports.confirm(row))
    assert codes(pool) == ["A1", "A2"]


BAD = {
    "empty": (b"", "empty"),
    "blank": (b"\n \n\r\n", "empty"),
    "only a header": (b"code\n", "no rows"),
    "zip": (b"PK\x03\x04rest", "zip archive or an Excel"),
    "gzip": (b"\x1f\x8b\x08rest", "gzip"),
    "old Excel": (b"\xd0\xcf\x11\xe0rest", "Excel"),
    "NUL": (b"A1\nA\x002\n", "NUL"),
    "unclosed quote": (b'A1\n"A2\nA3\n', "line 2 is never closed"),
    "long unclosed quote": (b'A1\n"A2\n' + b"CODE\n" * 50_000, "line 2 is not closed within"),
    "200 kB field": (b"A1\n" + b"x" * 200_000 + b"\nA2\n", "Line 2 is longer"),
}


@pytest.mark.parametrize("content, why", BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_taken_is_refused_with_nothing_loaded(pool, content, why):
    try:
        row = checked(pool, content)
    except Unreadable as error:
        assert why in str(error)
        assert not CouponImport.objects.exists()
    else:
        assert row.state == "refused" and why in row.refusal
    assert not CouponImportPart.objects.exists()
    assert not CouponCode.objects.exists()


def test_a_file_over_the_limit_is_refused_while_it_comes(pool):
    came = 0

    def endless():
        nonlocal came
        while True:
            came += 1
            yield b"CODE-1\n" * 10_000

    with pytest.raises(Unreadable, match="larger than 100 MB"):
        coupon_imports.start(pool.store, pool, endless(), "big.csv", "owner")
    assert came * 70_000 < 110 * 1024 * 1024
    assert not CouponImport.objects.exists()


def test_too_many_rows_are_refused(pool, monkeypatch):
    monkeypatch.setattr(coupon_steps, "MAX_ROWS", 3)
    row = checked(pool, "A\nB\nC\nD\n")
    assert row.state == "refused" and "more than 3 rows" in row.refusal


def test_an_import_is_undone_while_none_of_its_codes_is_issued(pool):
    first = imported(pool, "A1\nA2\n")
    second = imported(pool, "B1\nB2\n")
    row = worked(coupon_imports.undo(first))
    assert (row.state, row.loaded, codes(pool)) == ("undone", 0, ["B1", "B2"])
    pool.codes.filter(code="B1").update(state="issued")
    with pytest.raises(NotPossible, match="have been issued"):
        coupon_imports.undo(second)


def test_cancelling_in_the_middle_takes_back_what_is_in_but_not_what_is_issued(pool, monkeypatch):
    monkeypatch.setattr(coupon_slices, "PART", 64)
    monkeypatch.setattr(coupon_imports, "PART", 64)
    row = coupon_imports.confirm(checked(pool, "\n".join(f"CODE-{n}" for n in range(50))))
    with acting_for(row.store_id):
        batches.work(CouponImport, row.store_id, coupon_steps.apply, limit=1)
    row.refresh_from_db()
    assert row.state == "loading" and 0 < row.loaded < 50
    pool.codes.filter(code="CODE-1").update(state="issued")
    row = worked(coupon_imports.cancel(row))
    assert (row.state, row.loaded, codes(pool)) == ("cancelled", 1, ["CODE-1"])


@pytest.mark.parametrize("content", ["A1\n", b"\xc4\n"])
def test_an_import_that_waits_for_a_person_is_cancelled_at_once(pool, content):
    row = coupon_imports.cancel(checked(pool, content))
    assert row.state == "cancelled"
    assert not row.parts.exists()
    with pytest.raises(NotPossible, match="cancelled"):
        coupon_imports.cancel(row)


def test_what_nobody_answers_for_a_week_is_forgotten(pool, store):
    row = checked(pool, "A1\n")
    assert coupon_imports.forget_unanswered(store) == 0
    CouponImport.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(days=8))
    assert coupon_imports.forget_unanswered(store) == 1


def test_every_invalid_row_can_be_had_not_only_the_first_hundred(pool):
    row = checked(pool, "\n".join(["A1", *("has space" for _ in range(150))]))
    assert (row.invalid, len(row.problems)) == (150, 100)
    flaws = list(coupon_downloads.all_flaws(row))
    assert [flaw.line for flaw in flaws] == list(range(2, 152))


def test_an_error_that_stays_is_shown_and_can_be_tried_again(pool, monkeypatch):
    row = upload(pool, "A1\n")
    monkeypatch.setitem(coupon_steps.STEPS, "checking", lambda row: 1 / 0)
    for _ in range(6):
        CouponImport.objects.update(claimed_until=None)
        coupon_steps.work(row.store_id)
    row.refresh_from_db()
    assert row.quarantined_at and "ZeroDivisionError" in row.error
    monkeypatch.undo()
    coupon_imports.retry(row)
    assert worked(row).state == "checked"
