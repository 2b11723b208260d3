"""The table that a run prints, and that `--write` puts into docs/reliability.md."""

from loyalty.local.state import ROOT

from .outcome import Outcome
from .rows import Row

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- bin/faults -->", "<!-- /bin/faults -->"
HEAD = ["row", "fault", "faults", "requests", "acknowledged", "lost", "doubled", "5xx", "recovery", "compared", "well"]


def line(row: Row, times: int, outcome: Outcome) -> list[str]:
    """`12 of 300` faults: the row had to stop before its time was over."""
    faults = f"{outcome.faults:,}" if outcome.faults >= times else f"{outcome.faults:,} of {times:,}"
    return [
        row.id, row.what, faults, f"{outcome.requests:,}", f"{outcome.acknowledged:,}", str(outcome.lost),
        str(outcome.doubled), str(outcome.unexpected), f"{outcome.worst_recovery:.1f} s",
        f"{outcome.comparisons:,}", verdict(outcome),
    ]  # fmt: skip


def verdict(outcome: Outcome) -> str:
    if outcome.skipped:
        return f"skipped: {outcome.skipped}"
    return "yes" if outcome.is_well else "NO"


def table(lines: list[list[str]]) -> str:
    """Markdown, aligned to be read as it is too."""
    rows = [HEAD, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([drawn[0], rule, *drawn[1:]])


def remarks(row: Row, outcome: Outcome) -> list[str]:
    return [f"  {row.id}: {text}" for text in outcome.notes] + [
        f"  {row.id} FAILED: {text}" for text in outcome.failures
    ]


def write(text: str) -> None:
    """Put the table between the page's markers."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
