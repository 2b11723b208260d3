"""Codes from a file: its upload, the check of all of it, the import after a person's yes, and the way back.

These are a person's verbs; what a worker does then is in coupon_steps.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction

from loyalty.stores import broker, clock, facts
from loyalty.stores.models import Store
from loyalty.stores.sets import run_set

from .coupon_slices import PART, first_id, layout_of
from .coupon_steps import IMPORT, UNANSWERED, State, begin, end, head_of
from .csv_layout import Unreadable, look, refuse_other_files
from .models import CodePool, CouponCode, CouponImport

MAX_BYTES = 100 * 1024 * 1024
FORGOTTEN_AFTER = timedelta(days=7)

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
    old = store.coupon_imports.filter(state__in=UNANSWERED, created_at__lt=clock.now() - FORGOTTEN_AFTER)
    return sum(cancel(row).state == State.CANCELLED for row in old[:100])
