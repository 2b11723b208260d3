"""Codes from a file: its upload, the check of all of it, the import after a person's yes, and the way back.

The row says what is next and a worker does it, a slice at a time: each slice is one transaction that also moves
`position`, so a killed worker's successor goes on exactly where the last commit was.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from loyalty.stores import broker, facts
from loyalty.stores.models import Store
from loyalty.stores.sets import run_set

from .coupon_slices import PART, check_slice, first_id, layout_of, load_slice, undo_slice
from .coupons import WATCH
from .csv_layout import HEAD, EncodingNeeded, Unreadable, look, refuse_other_files
from .models import CodePool, CouponCode, CouponImport

IMPORT = "spending.tasks.import_codes"
MAX_BYTES = 100 * 1024 * 1024
MAX_ROWS = 1_000_000
FORGOTTEN_AFTER = timedelta(days=7)

State = CouponImport.State
UNANSWERED = (State.ASKING, State.CHECKED)
NOT_LOADED = (State.CHECKING, *UNANSWERED)


class FileTooLarge(Unreadable):
    """More than MAX_BYTES."""

    def __init__(self) -> None:
        super().__init__(f"The file is larger than {MAX_BYTES >> 20} MB. Split it and upload the parts.")


class NotPossible(Exception):
    """The import is not in a state for this; says which and why."""


def start(store: Store, pool: CodePool, chunks: Iterable[bytes], file_name: str, actor: str) -> CouponImport:
    """Keep an uploaded file and have it checked. Nothing is kept of one that raises Unreadable."""
    digest, size = hashlib.sha256(), 0
    with transaction.atomic():
        row = CouponImport.objects.create(
            store=store, pool=pool, file_name=named(file_name), digest=b"", created_by=actor, due_at=None
        )
        for number, part in enumerate(parts_of(chunks)):
            if number == 0:
                refuse_other_files(part)
            digest.update(part)
            size += len(part)
            if size > MAX_BYTES:
                raise FileTooLarge
            run_set(KEEP_PART, {"store": store.pk, "import": row.pk, "number": number, "content": part})
        if not size:
            raise Unreadable("The file is empty.")
        begin(row, State.CHECKING, digest=digest.digest(), size=size)
    return row


def named(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[-255:] or "codes.csv"


KEEP_PART = """
INSERT INTO spending_couponimportpart (store_id, coupon_import_id, number, content)
VALUES (%(store)s, %(import)s, %(number)s, %(content)s)
"""


def parts_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of any size as parts of one size, the last one shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    if buffer:
        yield bytes(buffer)


def begin(row: CouponImport, state: str, **fields: Any) -> None:
    """Make it a worker's: the step `state` from its beginning."""
    now = timezone.now()
    values = {"state": state, "position": {}, "done": 0, "step_started_at": now, "due_at": now, "attempts": 0}
    write(row, values | {"claimed_until": None, "quarantined_at": None, "error": ""} | fields)
    broker.nudge(IMPORT, row.store_id)


def end(row: CouponImport, state: str, **fields: Any) -> None:
    """Nothing is left for a worker; if nothing is left for a person either, the file goes."""
    now = timezone.now()
    values = {"state": state, "position": {}, "due_at": None, "applied_at": now, "quarantined_at": None} | fields
    if state not in UNANSWERED:
        row.parts.filter(store_id=row.store_id).delete()
        values["finished_at"] = now
    write(row, values)


def write(row: CouponImport, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


# --- What a worker does -------------------------------------------------------------------------


def work(store_id: int, seconds: float = 30.0) -> None:
    """Slice after slice, one import at a time, until nothing is due or the time is up."""
    until = time.monotonic() + seconds
    while facts.work(CouponImport, store_id, apply, limit=1):
        if time.monotonic() > until:
            broker.publish(IMPORT, store_id)
            return


def apply(store_id: int, token: object, ids: list[int]) -> None:
    """The next slice of each claimed import; see loyalty.stores.facts.Apply."""
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
    write(row, {"position": row.position, "done": row.done, "due_at": timezone.now(), "attempts": 0,
                "claimed_until": None, "error": ""} | fields)  # fmt: skip


def head_of(row: CouponImport) -> bytes:
    return bytes(row.parts.filter(store_id=row.store_id, number=0).values_list("content", flat=True)[0])[:HEAD]


# --- What a person says -------------------------------------------------------------------------


def locked(row: CouponImport, *states: str) -> CouponImport:
    """The import as it is now, which stays so until the transaction ends. Waits for the slice that runs."""
    found = CouponImport.objects.select_for_update().get(store_id=row.store_id, pk=row.pk)
    if found.state not in states:
        raise NotPossible(f"This import is “{found.get_state_display().lower()}” now, so that cannot be done.")
    return found


@transaction.atomic
def confirm(row: CouponImport) -> CouponImport:
    """Import what was checked. Raises NotPossible."""
    found = locked(row, State.CHECKED)
    if not found.new:
        raise NotPossible("The file has no new code, so there is nothing to import.")
    begin(found, State.LOADING, first_code_id=first_id(found))
    return found


@transaction.atomic
def read_as(row: CouponImport, *, encoding: str = "", delimiter: str = "", **columns: Any) -> CouponImport:
    """Check again, as a person says that the file is to be read. Another encoding or delimiter makes other columns,
    so these are found anew. Raises NotPossible, Unreadable."""
    found = locked(row, *UNANSWERED)
    before = layout_of(found)
    if encoding or delimiter not in ("", before.delimiter):
        encoding = encoding or (before.encoding if before.is_chosen else "")
        layout = look(head_of(found), encoding, delimiter).as_json()
    else:
        layout = before.as_json() | columns
    found.parts.filter(store_id=found.store_id).update(hashes=None)
    begin(found, State.CHECKING, layout=layout, rows=0, new=0, duplicate=0, known=0, invalid=0, problems=[])
    return found


@transaction.atomic
def cancel(row: CouponImport) -> CouponImport:
    """Stop at any time before the end. Codes that are in already are taken back, but for issued ones."""
    found = locked(row, *NOT_LOADED, State.LOADING)
    if found.loaded:
        begin(found, State.UNDOING, position={"end": State.CANCELLED})
    else:
        end(found, State.CANCELLED)
    return found


@transaction.atomic
def undo(row: CouponImport) -> CouponImport:
    """Take all its codes back, while none of them was issued. Raises NotPossible."""
    found = locked(row, State.DONE)
    if has_issued(found):
        raise NotPossible("Some of its codes have been issued, so the import cannot be undone.")
    begin(found, State.UNDOING)
    return found


def has_issued(row: CouponImport) -> bool:
    states = (CouponCode.State.ISSUED, CouponCode.State.USED, CouponCode.State.VOID)
    return row.codes.filter(store_id=row.store_id, pool_id=row.pool_id, state__in=states).exists()


def retry(row: CouponImport) -> None:
    """Go on after an error that stopped it five times."""
    if facts.retry(CouponImport.objects.filter(store_id=row.store_id, pk=row.pk)):
        broker.nudge(IMPORT, row.store_id)


def forget_unanswered(store: Store) -> int:
    """Cancel what nobody answered for a week: its file takes room."""
    old = store.coupon_imports.filter(state__in=UNANSWERED, created_at__lt=timezone.now() - FORGOTTEN_AFTER)
    return sum(cancel(row).state == State.CANCELLED for row in old[:100])
