"""How a CSV of codes is written: its encoding, delimiter, header and columns, found in its first bytes.

UTF-8 is taken as such; any other encoding has to be chosen by a person, from `previews` (EncodingNeeded). What
makes the file as a whole unusable raises Unreadable. All pure.
"""

import codecs
import csv
import io
import re
from dataclasses import asdict, dataclass
from typing import Any

HEAD = 64 * 1024
MOST_COLUMNS = 20  # that a person sees and may choose from
SHOWN = 100  # characters of a row that a flaw quotes
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
HEADERS = {
    "code": {"code", "codes", "coupon", "coupons", "coupon_code", "voucher", "voucher_code", "discount_code"},
    "value": {"value", "amount", "worth"},
    "expires_on": {"expires_on", "expires", "expires_at", "expiry", "expiry_date", "valid_until"},
}
ENCODINGS = {
    "cp1252": "Western European (Windows)",
    "iso-8859-15": "Western European (ISO)",
    "cp1250": "Central European (Windows)",
    "cp1251": "Cyrillic (Windows)",
    "mac_roman": "Western European (old Mac)",
    "utf-16-le": "Unicode text (UTF-16)",
    "utf-16-be": "Unicode text (UTF-16, other byte order)",
    "utf-8": "UTF-8, and leave out the lines that are not",
}
MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"Rar!": "a RAR archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF",
}


class Unreadable(Exception):
    """The file as a whole cannot be taken; says why and what to do."""


class EncodingNeeded(Exception):
    """A line is not UTF-8, so a person has to say what the file is in. `sample` is that line, as it is."""

    def __init__(self, line: int, sample: bytes) -> None:
        super().__init__(f"Line {line} is not UTF-8.")
        self.line, self.sample = line, sample[:400]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written. Columns are counted from 0; None: the file has no such column."""

    encoding: str = "utf-8"
    is_chosen: bool = False  # the encoding, by a person: what is not in it is a flaw, no more a question
    starts_at: int = 0  # bytes of the mark before the first letter
    delimiter: str = ","
    has_header: bool = False
    width: int = 1
    code: int = 0
    value: int | None = None
    expires_on: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def errors(self) -> str:
        """Keeps what cannot be decoded, so that lines can be measured in bytes and told apart."""
        return "surrogatepass" if self.encoding.startswith("utf-16") else "surrogateescape"


def look(head: bytes, encoding: str = "", delimiter: str = "") -> Layout:
    """The layout, found in a file's first HEAD bytes but for what is given. Raises Unreadable, EncodingNeeded."""
    refuse_other_files(head)
    starts_at = 0
    if encoding in ("", "utf-8") and head.startswith(codecs.BOM_UTF8):
        starts_at = 3
    elif head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        starts_at = 2 if encoding.startswith("utf-16") else 0
    if not encoding:
        require_utf8(head)
    layout = Layout(encoding or "utf-8", bool(encoding), starts_at)
    lines = first_lines(head[starts_at:], layout)
    if not any(line.strip() for line in lines):
        raise Unreadable("The file is empty.")
    return with_columns(layout, lines, delimiter)


def first_rows(head: bytes, layout: Layout, count: int = 4) -> list[list[str]]:
    """The beginning of the file in its columns, for people to look at."""
    lines = [line for line in first_lines(head[layout.starts_at :], layout)[: count * 2] if line.strip()]
    rows = csv.reader(lines, delimiter=layout.delimiter)
    return [[shown(cell) for cell in row[:MOST_COLUMNS]] for row in rows][:count]


def refuse_other_files(head: bytes) -> None:
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise Unreadable(f"This is {what}, not a CSV file. Save the codes as CSV (UTF-8) and upload that.")


def require_utf8(head: bytes) -> None:
    if b"\0" in head or head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if not any(is_utf16(head, order) for order in ("le", "be")):
            raise Unreadable("The file has NUL bytes, which no text has. Save the codes as CSV (UTF-8).")
        raise EncodingNeeded(1, head[:400])
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError as error:
        start = head.rfind(b"\n", 0, error.start) + 1
        raise EncodingNeeded(head.count(b"\n", 0, start) + 1, head[start:].split(b"\n", 1)[0]) from error


def is_utf16(head: bytes, order: str) -> bool:
    """Mostly plain letters when read as such."""
    text = head[: len(head) // 2 * 2][:2000].decode(f"utf-16-{order}", "replace").lstrip("\ufeff")
    plain = sum(letter < "\u2000" and letter != "\0" for letter in text)
    return bool(text) and plain * 10 > len(text) * 9


def previews(sample: bytes) -> list[dict[str, str]]:
    """What the sample reads like in each encoding that it may be in."""
    found: list[dict[str, str]] = []
    has_nul = b"\0" in sample or sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding, label in ENCODINGS.items():
        wide = encoding.startswith("utf-16")
        if wide != has_nul or (wide and not is_utf16(sample, encoding[-2:])):
            continue
        text = sample[: len(sample) // 2 * 2 if wide else None].decode(encoding, "replace")
        found.append({"encoding": encoding, "label": label, "text": shown(text.lstrip("\ufeff"))})
    return found


def first_lines(head: bytes, layout: Layout) -> list[str]:
    """The complete lines of the head, or the only one."""
    text = codecs.getincrementaldecoder(layout.encoding)(layout.errors).decode(head)
    lines = list(io.StringIO(text, newline=""))
    return lines[:-1] if len(lines) > 1 and len(head) >= HEAD - 3 else lines


def with_columns(layout: Layout, lines: list[str], delimiter: str) -> Layout:
    """Delimiter, header and columns."""
    sample = [line for line in lines[:100] if line.strip()]
    delimiter = delimiter or max(DELIMITERS, key=lambda one: columns_agree(sample, one))
    first = next(filter(None, csv.reader(sample, delimiter=delimiter)), [""])
    names = [re.sub(r"[\s-]+", "_", cell.strip().strip("\ufeff").lower()) for cell in first]
    found = {field: next((at for at, name in enumerate(names) if name in HEADERS[field]), None) for field in HEADERS}
    has_header = found["code"] is not None
    columns = found if has_header else {"code": 0, "value": None, "expires_on": None}
    return Layout(
        layout.encoding, layout.is_chosen, layout.starts_at, delimiter, has_header, len(first),
        columns["code"] or 0, columns["value"], columns["expires_on"],
    )  # fmt: skip


def columns_agree(lines: list[str], delimiter: str) -> int:
    """How many of the lines have as many columns as the first; 0 if that has one, or if too many differ."""
    widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    agreeing = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
    return agreeing if agreeing * 10 >= len(widths) * 8 else 0


def shown(text: str) -> str:
    """The beginning of a text, with what cannot be seen written out."""
    text = text.rstrip("\r\n")
    cut = text[:SHOWN] + ("…" if len(text) > SHOWN else "")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)
