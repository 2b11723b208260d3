"""Files that no honest list of codes looks like, and what a person is told of each."""

import io
import lzma
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

REFUSED, ASKING, CHECKED = "refused", "asking", "checked"


@dataclass(frozen=True)
class File:
    name: str
    content: bytes
    state: str  # in which its import ends: refused as a whole, asking for the encoding, or checked line by line
    said: str = ""  # among what is said of it, or of each line that is not usable
    lines: tuple[int, ...] = ()  # that are not usable
    codes: tuple[str, ...] = ()  # that are, and that come in when somebody says so


def refused(said: str, content: bytes) -> tuple[bytes, str, str]:
    return content, REFUSED, said


def asked(content: bytes) -> tuple[bytes, str]:
    return content, ASKING


def checked(content: bytes, codes: tuple[str, ...], lines: tuple[int, ...] = (), said: str = "") -> tuple:
    return content, CHECKED, said, lines, codes


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("codes.csv", b"A1\n" * 1_000_000)
    return made.getvalue()


# --- Files as a whole -------------------------------------------------------------------------

FAR = b"".join(b"CODE-%06d\n" % number for number in range(10_000))  # beyond what is looked at first
MANY = tuple(f"CODE-{number:06d}" for number in range(10_000))
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
WIDE = b",".join(b"c%d" % number for number in range(10_000))

WHOLE = {
    "empty": refused("empty", b""),
    "only a mark": refused("empty", b"\xef\xbb\xbf"),
    "only a wide mark": refused("", b"\xff\xfe"),
    "half a wide mark": asked(b"\xff"),
    "blank lines": refused("empty", b"\r\n \r\n\t\n\n"),
    "10,000 blank lines": refused("empty", b"\n" * 10_000),
    "only a header": refused("no rows", b"code,value,expires_on\r\n"),
    "only a header, without an end": refused("no rows", b"code"),
    "only a mark and a header": refused("no rows", b"\xef\xbb\xbfcode\n"),
    "a zip": refused("zip archive", zipped()),
    "an empty zip": refused("zip archive", b"PK\x05\x06" + b"\0" * 18),
    "gzip": refused("gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
    "bzip2": refused("bzip2", b"BZh91AY&SY"),
    "xz": refused("xz", lzma.compress(b"A1\n" * 1000)),
    "7-Zip": refused("7-Zip", b"7z\xbc\xaf\x27\x1c\0\x04"),
    "zstd": refused("zstd", b"\x28\xb5\x2f\xfd\x04\x58"),
    "RAR": refused("RAR", b"Rar!\x1a\x07\x01\0"),
    "an old workbook": refused("Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    "a PDF": refused("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"),
    "a picture": refused("NUL", PICTURE),
    "a NUL": refused("NUL", b"A1\nA\x002\n"),
    "a NUL in the header": refused("NUL", b"co\x00de\nA1\n"),
    "a NUL further on": refused("Line 10,001 has a NUL", FAR + b"A\x001\n"),
    "only NULs": refused("NUL", b"\0" * 1000),
    "a quote unclosed in the first line": refused("line 1 is never closed", b'"A1\nA2\nA3\n'),
    "a quote unclosed in the last line": refused("line 3 is never closed", b'A1\nA2\n"A3'),
    "a quote unclosed in another column": refused("line 2 is never closed", b'code,value\nA1,"5\nA2,5\n'),
    "a quote unclosed for long": refused("line 2 is not closed", b'A1\n"A2\n' + b"CODE\n" * 20_000),
    "a field of 200 kB": refused("Line 2 is longer", b"A1\n" + b"x" * 200_000 + b"\nA2\n"),
    "a quoted field of 200 kB": refused("Line 2 is longer", b'A1\n"' + b"x" * 200_000 + b'"\nA2\n'),
    "a header of 200 kB": refused("Line 1 is longer", b"x" * 200_000),
    "a field of 200 kB far on": refused("Line 10,001 is longer", FAR + b"x" * 200_000),
    "100,000 columns": refused("Line 2 is longer", b"code\n" + b"," * 100_000 + b"\n"),
    "bad UTF-8": asked(b"A1\nA\xe9\n"),
    "bad UTF-8 further on": asked(FAR + b"A\xe9\n"),
    "half a letter at the end": asked(b"A1\nA\xc3"),
    "a long form of a slash": asked(b"A1\nA\xc0\xaf\n"),
    "a raw surrogate": asked(b"A1\nA\xed\xa0\x80\n"),
    "above the last letter": asked(b"A1\nA\xf4\x90\x80\x80\n"),
    "UTF-16": asked("code\nA1\n".encode("utf-16")),
    "UTF-16, the other order": asked(b"\xfe\xff" + "code\nA1\n".encode("utf-16-be")),
    "UTF-16 without a mark": asked("code\nA1\n".encode("utf-16-le")),
    "UTF-16 and a byte": asked("code\nA1\n".encode("utf-16") + b"\n"),
    "10,000 columns": checked(WIDE + b"\n" + WIDE + b"\n", ("c0",), (), ""),
    "one row of 10,000 columns": checked(b"code\nA1\n" + WIDE + b"\nA2\n", ("A1", "A2"), (3,), "10000 columns"),
    "10,000 headers": checked(b"code" + b"," * 9_999 + b"\nA1\n", ("A1",)),
    "a header twice": checked(b"code,code\nA1,B1\n", ("A1",)),
    "one code 10,000 times": checked(b"A1\n" * 10_000, ("A1",)),
    "10,000 bad lines": checked(b"A1\n" + b"a b\n" * 10_000, ("A1",), tuple(range(2, 10_002)), "space"),
    "every ending": checked(b"A1\rA2\r\nA3\nA4", ("A1", "A2", "A3", "A4")),
    "a mark in the middle": checked(b"A1\n\xef\xbb\xbfA2\n", ("A1",), (2,), "cannot be printed"),
    "quotes in disorder": checked(b'A1\n"A"2\nA3\n', ("A1", "A3"), (2,), "do not match"),
    "only quotes": checked(b'""\nA1\n', ("A1",), (1,), "empty"),
    "only delimiters": checked(b"code,value\n,,,\nA1,\n", ("A1",), (2,), "empty"),
    "a row too short": checked(b"value,code\n5,A1\n5\n", ("A1",), (3,), "column 2"),
    "a page": checked(b"<html>\n<body onload=alert(1)>\n</html>\n", ("<html>", "</html>"), (2,), "space"),
    "10,001 lines": checked(FAR + b"a b\n", MANY, (10_001,), "space"),
}  # fmt: skip


# --- One bad cell among good ones -------------------------------------------------------------

NUMBER, DAY = "Write the value as a number", "Write the date like"
UNPRINTABLE = "cannot be printed"
CELLS = {
    "code": {
        "nothing": ("", "empty"), "a space within": ("A 1", "space"), "a comma": ("A,1", "comma"),
        "316 letters": ("x" * 316, "316"), "60,000 letters": ("x" * 60_000, "60,000"),
        "316 once in lower case": ("\u0130" * 300, "too long"), "a tab": ("A\t1", UNPRINTABLE),
        "a line break": ("A\n1", UNPRINTABLE), "a bell": ("A\a1", UNPRINTABLE), "an escape": ("\x1b[31mA", UNPRINTABLE),
        "a delete": ("A\x7f", UNPRINTABLE), "a C1 control": ("A\x851", UNPRINTABLE),
        "right to left": ("A\u202eB", UNPRINTABLE), "no width": ("A\u200b1", UNPRINTABLE),
        "a soft hyphen": ("A\xad1", UNPRINTABLE), "a hard space": ("A\xa01", UNPRINTABLE),
        "a line separator": ("A\u20281", UNPRINTABLE), "no character": ("A\uffff", UNPRINTABLE),
        "private use": ("A\ue000", UNPRINTABLE), "a formula": ('=HYPERLINK("http://x.example", "y")', "space"),
        "a query": ("'; DROP TABLE spending_couponcode; --", "space"),
    },
    "value": {
        "negative": ("-5", NUMBER), "a plus": ("+5", NUMBER), "over-precise": ("5.001", NUMBER),
        "11 digits": ("12345678901", NUMBER), "5,000 digits": ("9" * 5_000, NUMBER), "an exponent": ("1e3", NUMBER),
        "NaN": ("NaN", NUMBER), "Infinity": ("Infinity", NUMBER), "hexadecimal": ("0x10", NUMBER),
        "digits of another script": ("\u0661\u0662", NUMBER), "a wide digit": ("\uff15", NUMBER),
        "a raised digit": ("5\xb2", NUMBER), "a currency": ("5 \u20ac", NUMBER), "thousands": ("1.000,00", NUMBER),
        "a bare point": ("5.", NUMBER), "a line break": ("5\n5", NUMBER), "a formula": ("=1+4", NUMBER),
        "a word": ("free", NUMBER), "True": ("True", NUMBER), "an underscore": ("1_0", NUMBER),
    },
    "expires_on": {
        "year 0": ("0000-00-00", "no such date"), "year 0, a day": ("0000-01-01", "no such date"),
        "30 February": ("2090-02-30", "no such date"), "29 February": ("2090-02-29", "no such date"),
        "month 13": ("2090-13-01", "no such date"), "day 0": ("2090-01-00", "no such date"),
        "year 1": ("0001-01-01", "expired"), "long ago": ("2001-01-01", "expired"), "year 10,000": ("10000-01-01", DAY),
        "a moment": ("2090-01-01T00:00:00Z", DAY), "as others write it": ("31.12.2090", DAY),
        "a short month": ("2090-1-01", DAY), "a week": ("2090-W01-1", DAY), "without dashes": ("20900101", DAY),
        "digits of another script": ("\u0662\u0660\u0669\u0660-01-01", DAY),
        "wide dashes": ("2090\uff0d01\uff0d01", DAY),
        "negative": ("-2090-01-01", DAY), "a number of days": ("46022", DAY), "never": ("never", DAY),
        "a line break": ("2090-01-01\n1", DAY), "a formula": ("=TODAY()", DAY),
    },
}  # fmt: skip
COLUMNS = tuple(CELLS)
GOOD = {"code": "", "value": "7.50", "expires_on": "9999-12-31"}

# Odd, and codes all the same: shops have such ones. What they would do in a spreadsheet is up to the export.
TAKEN = (
    "=1+1", "+1", "-1", "@SUM(1)", "＝1+1", "＋1", "－1", "＠x", "'=1", "0", "-0", "1e400", "NaN", "Infinity", "null",
    "None", "true", "0000-00-00", "<script>alert(1)</script>", "../../etc/passwd", "%00", "%s%n", "{{7*7}}", "${7*7}",
    "\\", "\\.", "\\N", "\\x41", "$1", "|", ";", "x" * 315, "\u0661\u0662", "\uff11", "ß", "\u0130", "\u212a", "\u0301",
    "💥", "code-1", "N'", "--", "/**/",
)  # fmt: skip


def with_cells(column: str, cell: str, delimiter: str = ",", ending: str = "\n", mark: bool = False) -> bytes:
    """The cell in the first, the middle and the last of five rows."""
    rows = [
        GOOD | {"code": f"BAD-{number}" if number % 2 else f"GOOD-{number}"} | ({column: cell} if number % 2 else {})
        for number in range(1, 6)
    ]
    lines = [delimiter.join(COLUMNS), *(delimiter.join(quoted(row[name]) for name in COLUMNS) for row in rows)]
    return ("\ufeff" * mark + "".join(line + ending for line in lines)).encode()


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def lines_of(cell: str) -> tuple[int, ...]:
    """Where the rows stand whose cell it is: a line break in one moves those after it."""
    breaks = cell.count("\n")
    return (2, 4 + breaks, 6 + 2 * breaks)


def of_cells(**written: object) -> Iterator[File]:
    for column, cells in CELLS.items():
        for what, (cell, said) in cells.items():
            name = " ".join([f"{column}: {what}", *map(repr, written.values())])
            yield File(name, with_cells(column, cell, **written), CHECKED, said, lines_of(cell), ("GOOD-2", "GOOD-4"))


def of_wholes() -> Iterator[File]:
    for name, told in WHOLE.items():
        yield File(name, *told)
    yield File("odd codes", "\n".join(["code", *map(quoted, TAKEN)]).encode(), CHECKED, codes=TAKEN)


def every() -> list[File]:
    written = [
        dict(zip(("delimiter", "ending", "mark"), one, strict=True))
        for one in product(",;\t|", ("\n", "\r\n", "\r"), (False, True))
    ]
    return [*of_wholes(), *(file for one in written for file in of_cells(**one))]
