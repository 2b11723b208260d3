"""The reader alone: whatever bytes come, it ends with rows, flaws, a question or a refusal, and knows where it is."""

import csv
import io
from datetime import date
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.stores.csv_export import guarded, stream
from spending.coupon_csv import Flaw, Reader, Row, wrong_with
from spending.csv_layout import HEAD, EncodingNeeded, Layout, Unreadable, look, previews

TODAY = date(2026, 6, 1)
CODES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf", "Co", "Cn"), exclude_characters=",\ufeff"),
    min_size=1,
    max_size=40,
).filter(lambda code: wrong_with(code) == "")


def read(content: bytes, layout: Layout | None = None, size: int = 7) -> list[Row | Flaw]:
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    return list(Reader(chunks, layout or look(content[:HEAD]), today=TODAY))


def quoted(code: str) -> str:
    return '"' + code.replace('"', '""') + '"'


@given(st.lists(CODES, max_size=30), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans())
def test_codes_come_back_as_they_were_written(codes, ending, has_mark, is_quoted):
    cells = [quoted(code) if is_quoted or '"' in code else code for code in codes]
    content = ("code" + ending + "".join(cell + ending for cell in cells)).encode("utf-8-sig" if has_mark else "utf-8")
    found = read(content)
    assert [row.code for row in found] == codes
    assert [row.line for row in found] == list(range(2, len(codes) + 2))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_make_it_fail(content, size):
    try:
        found = read(content, size=size)
    except (Unreadable, EncodingNeeded):
        return
    assert all(isinstance(row, Row | Flaw) for row in found)
    assert all(wrong_with(row.code) == "" for row in found if isinstance(row, Row))


@given(
    st.lists(st.sampled_from(["A1", "B 2", '"C3"', '"D\n4"', "Ä5", "", "x" * 400, '"un"closed']), max_size=20),
    st.data(),
)
def test_reading_in_two_goes_finds_the_same_as_in_one(lines, data):
    content = "\n".join(["code", *lines, ""]).encode()
    layout = look(content)
    whole = read(content, layout)
    stop = data.draw(st.integers(0, len(whole)))
    first = Reader([content], layout, today=TODAY)
    begun = list(islice(first, stop))
    second = Reader([content[first.offset :]], layout, today=TODAY, line=first.line)
    assert [*begun, *second] == whole


@given(st.lists(CODES, min_size=1, max_size=10), st.sampled_from(["cp1252", "utf-16-le", "utf-16-be", "mac_roman"]))
def test_a_chosen_encoding_reads_what_was_written_in_it(codes, encoding):
    try:
        content = "\n".join(["code", *map(quoted, codes)]).encode(encoding)
    except UnicodeEncodeError:
        return
    assert [row.code for row in read(content, look(content, encoding))] == codes


@pytest.mark.parametrize(
    "content, delimiter, columns",
    [
        (b"A1\nA2\n", ",", (0, None, None)),
        (b"code;value\nA1;5\n", ";", (0, 1, None)),
        (b"id\tCoupon Code\tExpires on\n1\tA1\t2027-01-01\n", "\t", (1, None, 2)),
        (b"A1|x\nA2|y\n", "|", (0, None, None)),
        (b"A1\nA2,x\nA3\n", ",", (0, None, None)),
    ],
)
def test_delimiter_header_and_columns_are_found(content, delimiter, columns):
    layout = look(content)
    assert layout.delimiter == delimiter
    assert (layout.code, layout.value, layout.expires_on) == columns


@pytest.mark.parametrize(
    "line, why",
    [
        (b"A1,B1", "It has 2 columns; we expected 1. Remove the comma, or read the file differently."),
        (b"A 1", "The code has a space in it."),
        (b'"A,1"', "The code has a comma in it."),
        (b'""', "The code is empty."),
        (b"A" * 316, "The code has 316 characters; at most 315 are possible."),
        (b"A\x7f1", "The code has a character that cannot be printed."),
        ("A\u200b1".encode(), "The code has a character that cannot be printed."),
        (b'"A"1', "Its quotation marks do not match. Write a quotation mark in a code twice."),
    ],
)
def test_a_flaw_says_what_is_wrong_with_its_line(line, why):
    found = read(b"code\nOK1\n" + line + b"\nOK2\n")
    assert found[1].line == 3 and found[1].why == why
    assert [found[0].code, found[2].code] == ["OK1", "OK2"]


def test_line_numbers_are_those_of_the_file():
    found = read(b'code,note\nA1,"two\nlines"\n\nA 2,\nA3,\n')
    assert [row.line for row in found] == [2, 5, 6]


@pytest.mark.parametrize("encoding, letters", [("cp1252", "ÄÖ"), ("cp1251", "Привет"), ("utf-16-le", "A1ÄÖ")])
def test_the_previews_hold_what_was_meant(encoding, letters):
    with pytest.raises(EncodingNeeded) as asked:
        look(f"{letters}\n".encode(encoding))
    assert {"encoding": encoding, "text": letters}.items() <= {
        key: value for one in previews(asked.value.sample) if one["encoding"] == encoding for key, value in one.items()
    }.items()


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), min_size=1, max_size=20))
def test_no_exported_cell_is_a_formula_and_every_cell_comes_back(cells):
    content = b"".join(stream(["text"], [[cell] for cell in cells])).decode()
    rows = [row[0] if row else "" for row in csv.reader(io.StringIO(content, newline=""))][1:]
    assert rows == [guarded(cell) for cell in cells]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")) for cell in rows)
