"""Codes and their flaws as CSV, streamed: nothing is kept in memory, and no transaction is open in between."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from loyalty.stores.csv_export import stream
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .coupon_csv import Flaw, Reader
from .coupon_slices import chunks, layout_of
from .coupons import today
from .models import CodePool, CouponCode, CouponImport

PAGE = 5_000
COLUMNS = ["code", "state", "value", "expires_on", "created_at"]
UNREAD = (CouponImport.State.CHECKING, CouponImport.State.ASKING)


def codes(store: Store, pool: CodePool) -> StreamingHttpResponse:
    return answer(f"codes-{slugify(pool.name) or 'list'}.csv", COLUMNS, rows_of(store, pool))


def rows_of(store: Store, pool: CodePool) -> Iterator[tuple]:
    last = 0
    while True:
        with acting_for(store.pk):
            codes = CouponCode.objects.filter(store=store, pool__id__range=(pool.pk, pool.pk), id__gt=last)
            page = list(codes.order_by("pool_id", "id").values_list("id", *COLUMNS)[:PAGE])
        for _, code, state, value, expires_on, created_at in page:
            yield code, state, value, expires_on, store.local(created_at).isoformat(timespec="seconds")
        if len(page) < PAGE:
            return
        last = page[-1][0]


def flaws(row: CouponImport) -> StreamingHttpResponse:
    """All of them while the file is kept, then the first hundred. Before it was read to its end, those found so far:
    nobody knows yet whether the rest can be read as it begins."""
    is_read = row.state not in UNREAD and row.parts.filter(store_id=row.store_id).exists()
    found = all_flaws(row) if is_read else iter(row.problems)
    return answer(f"not-usable-{slugify(row.file_name) or 'codes'}.csv", ["line", "text", "why"], found)


def all_flaws(row: CouponImport) -> Iterator[Flaw]:
    """Every row that cannot be taken, read anew. Outside of a transaction: a download outlives its request's."""

    def parts() -> Iterator[bytes]:
        found = chunks(row, row.layout["starts_at"])
        while True:
            with acting_for(row.store_id):
                part = next(found, b"")
            if not part:
                return
            yield part

    for found in Reader(parts(), layout_of(row), today=today(row.store)):
        if isinstance(found, Flaw):
            yield found


def answer(name: str, header: list[str], rows: Iterator) -> StreamingHttpResponse:
    response = StreamingHttpResponse(stream(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
