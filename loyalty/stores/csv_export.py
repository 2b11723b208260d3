"""Tables as CSV for people who open them in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

# What makes a spreadsheet run a text as a formula, in full-width forms too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
BATCH = 500


def guarded(text: object) -> str:
    """A text that no spreadsheet takes for a formula: a dangerous one gets a leading apostrophe."""
    text = "" if text is None else str(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def stream(header: list[str], rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Every cell guarded, quoted as RFC 4180 says, a few hundred rows at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow([guarded(cell) for cell in row])
        if number % BATCH == 0:
            yield taken(buffer)
    yield taken(buffer)


def taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
