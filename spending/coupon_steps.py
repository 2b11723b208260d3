"""What a worker does for an import: the next slice of the step that it is in.

The row says what is next. Each slice is one transaction that also moves `position`, so a killed worker's successor
goes on exactly where the last commit was.
"""

import time
from typing import Any

from loyalty.stores import batches, broker, clock

from .coupon_slices import check_slice, load_slice, undo_slice
from .coupons import WATCH
from .csv_layout import HEAD, EncodingNeeded, Unreadable, look
from .models import CouponImport

IMPORT = "spending.tasks.import_codes"
MAX_ROWS = 1_000_000

State = CouponImport.State
UNANSWERED = (State.ASKING, State.CHECKED)


def work(store_id: int, seconds: float = 30.0) -> None:
    """Slice after slice, one import at a time, until nothing is due or the time is up."""
    until = time.monotonic() + seconds
    while batches.work(CouponImport, store_id, apply, limit=1):
        if time.monotonic() > until:
            broker.publish(IMPORT, store_id)
            return


def apply(store_id: int, token: object, ids: list[int]) -> None:
    """The next slice of each claimed import; see loyalty.stores.batches.Apply."""
    rows = CouponImport.objects.filter(store_id=store_id, pk__in=ids, claim_token=token, due_at__isnull=False)
    for row in rows.select_for_update().select_related(None).order_by("id"):
        STEPS[State(row.state)](row)


def check(row: CouponImport) -> None:
    try:
        if not row.layout:
            row.layout = look(head_of(row)).as_json()
        is_last = check_slice(row)
        if row.rows > MAX_ROWS:
            raise Unreadable(f"The file has more than {MAX_ROWS:,} rows. Split it and upload the parts.")
        if is_last and not row.rows:
            raise Unreadable("The file has no rows besides its header.")
    except Unreadable as error:
        end(row, State.REFUSED, refusal=str(error)[:255], layout=row.layout)
    except EncodingNeeded as error:
        asked = {"line": error.line, "sample": error.sample.hex()}
        end(row, State.ASKING, layout=row.layout | {"asked": asked})
    else:
        counts = {name: getattr(row, name) for name in ("rows", "new", "duplicate", "known", "invalid", "problems")}
        go_on(row, is_last, State.CHECKED, layout=row.layout, **counts)


def load(row: CouponImport) -> None:
    is_last = load_slice(row)
    go_on(row, is_last, State.DONE, loaded=row.loaded)
    if is_last:
        broker.nudge(WATCH, row.store_id)


def take_back(row: CouponImport) -> None:
    is_last = undo_slice(row)
    go_on(row, is_last, State(row.position.get("end", State.UNDONE)), loaded=row.loaded)
    if is_last:
        broker.nudge(WATCH, row.store_id)


STEPS = {State.CHECKING: check, State.LOADING: load, State.UNDOING: take_back}


def go_on(row: CouponImport, is_last: bool, then: str, **fields: Any) -> None:
    """Keep how far a slice came. A slice that went well wipes out the tries before it."""
    if is_last:
        return end(row, then, done=row.done, **fields)
    write(row, {"position": row.position, "done": row.done, "due_at": clock.now(), "attempts": 0,
                "claimed_until": None, "error": ""} | fields)  # fmt: skip


def head_of(row: CouponImport) -> bytes:
    return bytes(row.parts.filter(store_id=row.store_id, number=0).values_list("content", flat=True)[0])[:HEAD]


def begin(row: CouponImport, state: str, **fields: Any) -> None:
    """Make it a worker's: the step `state` from its beginning."""
    now = clock.now()
    values = {"state": state, "position": {}, "done": 0, "step_started_at": now, "due_at": now, "attempts": 0}
    write(row, values | {"claimed_until": None, "quarantined_at": None, "error": ""} | fields)
    broker.nudge(IMPORT, row.store_id)


def end(row: CouponImport, state: str, **fields: Any) -> None:
    """Nothing is left for a worker; if nothing is left for a person either, the file goes."""
    now = clock.now()
    values = {"state": state, "position": {}, "due_at": None, "applied_at": now, "quarantined_at": None} | fields
    if state not in UNANSWERED:
        row.parts.filter(store_id=row.store_id).delete()
        values["finished_at"] = now
    write(row, values)


def write(row: CouponImport, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
