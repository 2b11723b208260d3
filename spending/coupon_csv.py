"""Reading codes from a CSV: bytes in, rows and flaws out. Pure, and never more than a row in memory.

A Flaw is what is wrong with one row; what makes the file as a whole unusable raises csv_layout.Unreadable.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from .csv_layout import DELIMITERS, ENCODINGS, HEAD, EncodingNeeded, Layout, Unreadable, shown
from .models import CODE_LENGTH

ROW_LIMIT = 64 * 1024  # characters of a row


class Row(NamedTuple):
    line: int
    code: str
    value: Decimal | None
    expires_on: date | None


class Flaw(NamedTuple):
    line: int
    text: str
    why: str


class Reader:
    """Goes through a file from the row that begins at its chunks' start; `offset` and `line` say how far it is."""

    def __init__(self, chunks: Iterable[bytes], layout: Layout, *, today: date, line: int = 0) -> None:
        self.layout, self.today = layout, today
        self.offset, self.line = 0, line
        self.row_line, self.row_size = line + 1, 0
        buffer = io.BufferedReader(ChunkIO(iter(chunks)), HEAD)
        self.text = io.TextIOWrapper(buffer, layout.encoding, layout.errors, newline="")

    def __iter__(self) -> Iterator[Row | Flaw]:
        rows = csv.reader(self.lines(), delimiter=self.layout.delimiter, strict=True)
        while True:
            self.row_line, self.row_size = self.line + 1, 0
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield self.broken(error)
                continue
            if cells and not (self.row_line == 1 and self.layout.has_header):
                yield self.row_of(cells)

    def lines(self) -> Iterator[str]:
        """Pulled by the CSV reader one by one, so that after each row `offset` is its exact end."""
        layout, read, limit = self.layout, self.text.readline, ROW_LIMIT + 1
        while line := self.next_line(read, limit):
            self.line += 1
            self.row_size += len(line)
            if self.row_size > ROW_LIMIT:
                raise Unreadable(self.too_long())
            try:
                self.offset += len(line.encode(layout.encoding))
            except UnicodeEncodeError as error:
                raw = line.encode(layout.encoding, layout.errors)
                if not layout.is_chosen:
                    raise EncodingNeeded(self.line, raw) from error
                self.offset += len(raw)
            if "\0" in line:
                raise Unreadable(
                    f"Line {self.line:,} has a NUL byte, which no text has. Save the codes as CSV (UTF-8)."
                )
            yield line

    def next_line(self, read: Any, limit: int) -> str:
        try:
            return read(limit)
        except UnicodeDecodeError as error:
            label = ENCODINGS[self.layout.encoding]
            raise Unreadable(f"After line {self.line:,} the file is not {label}. Choose another encoding.") from error

    def too_long(self) -> str:
        if self.line == self.row_line:
            return f"Line {self.line:,} is longer than {ROW_LIMIT // 1024} KiB. No row of codes is: check the file."
        return (
            f"The quotation mark in line {self.row_line:,} is not closed within {ROW_LIMIT // 1024} KiB. "
            "Close it or remove it, and upload the file again."
        )

    def broken(self, error: csv.Error) -> Flaw:
        if "unexpected end of data" in str(error):
            raise Unreadable(
                f"The quotation mark in line {self.row_line:,} is never closed. "
                "Close it or remove it, and upload the file again."
            ) from error
        return Flaw(self.row_line, "", "Its quotation marks do not match. Write a quotation mark in a code twice.")

    def row_of(self, cells: list[str]) -> Row | Flaw:
        layout = self.layout
        if len(cells) != layout.width and (why := self.wrong_width(cells)):
            return self.flaw(cells, why)
        code = cells[layout.code].strip()
        if why := wrong_with(code):
            return self.flaw(cells, why)
        if layout.value is None and layout.expires_on is None:
            return Row(self.row_line, code, None, None)
        try:
            value = value_of(cell(cells, layout.value))
            expires_on = self.day_of(cell(cells, layout.expires_on))
        except ValueError as error:
            return self.flaw(cells, str(error))
        return Row(self.row_line, code, value, expires_on)

    def wrong_width(self, cells: list[str]) -> str:
        """Empty cells at the end may be missing or too many."""
        expected, width = self.layout.width, len(cells)
        if len(cells) > expected and any(text.strip() for text in cells[expected:]):
            mark = DELIMITERS[self.layout.delimiter]
            return f"It has {width} columns; we expected {expected}. Remove the {mark}, or read the file differently."
        if len(cells) <= self.layout.code:
            return f"It has {width} columns; the code is in column {self.layout.code + 1}."
        return ""

    def day_of(self, text: str) -> date | None:
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError("Write the date like 2027-12-31.")
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise ValueError("There is no such date.") from error
        if day < self.today:
            raise ValueError("It has expired already.")
        return day

    def flaw(self, cells: list[str], why: str) -> Flaw:
        return Flaw(self.row_line, shown(self.layout.delimiter.join(cells)), why)


class ChunkIO(io.RawIOBase):
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks, self.rest = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest:
            chunk = next(self.chunks, None)
            if chunk is None:
                return 0
            self.rest = memoryview(chunk)
        size = min(len(buffer), len(self.rest))
        buffer[:size] = self.rest[:size]
        self.rest = self.rest[size:]
        return size


def wrong_with(code: str) -> str:
    """Why this cannot be a code; "" if it can."""
    if code.isprintable() and " " not in code and "," not in code and 0 < len(code) <= CODE_LENGTH:
        # Some letters become two in lower case.
        return "" if code.isascii() or len(code.lower()) <= CODE_LENGTH else "The code is too long."
    if not code:
        return "The code is empty."
    if len(code) > CODE_LENGTH:
        return f"The code has {len(code):,} characters; at most {CODE_LENGTH} are possible."
    if " " in code or "," in code:
        return f"The code has a {'space' if ' ' in code else 'comma'} in it."
    if any("\udc80" <= letter <= "\udcff" for letter in code):
        return "The code has letters that are not in the file's encoding."
    return "The code has a character that cannot be printed."


def cell(cells: list[str], column: int | None) -> str:
    return cells[column].strip() if column is not None and column < len(cells) else ""


def value_of(text: str) -> Decimal | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,10}([.,][0-9]{1,2})?", text):
        raise ValueError("Write the value as a number like 5 or 7.50, without a currency.")
    return Decimal(text.replace(",", "."))
