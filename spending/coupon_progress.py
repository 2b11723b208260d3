"""How far an import is, and when it will be there."""

from dataclasses import dataclass
from datetime import datetime

from .models import CouponImport

State = CouponImport.State


@dataclass(frozen=True, slots=True)
class Progress:
    percent: int
    rows: int
    rate: int | None  # rows a second
    seconds_left: int | None


def progress(row: CouponImport, now: datetime) -> Progress:
    """Of the step that runs. The check does not know yet how many rows there are, so it goes by bytes."""
    share = share_of(row)
    seconds = (now - row.step_started_at).total_seconds() if row.step_started_at else 0
    is_known = seconds >= 1 and share > 0
    left = seconds / share * (1 - share) if is_known else None
    return Progress(
        int(share * 100), row.done, int(row.done / seconds) if is_known else None,
        None if left is None else max(1, round(left)),
    )  # fmt: skip


def share_of(row: CouponImport) -> float:
    if row.state == State.CHECKING:
        return min(row.position.get("offset", 0) / max(row.size, 1), 1)
    whole = row.rows if row.state == State.LOADING else row.done + row.loaded
    return min(row.done / max(whole, 1), 1)
