"""Importing codes: upload, dry run, confirm, progress, and the ways back."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from loyalty.stores import audit
from loyalty.stores.mixins import sign_in_first, store_view

from . import coupon_downloads, coupon_imports, coupon_steps
from .coupon_forms import EncodingForm, LayoutForm
from .coupon_imports import FileTooLarge, NotPossible
from .coupon_progress import progress
from .coupon_slices import layout_of
from .coupon_steps import State
from .csv_layout import DELIMITERS, ENCODINGS, MOST_COLUMNS, Unreadable, first_rows, previews
from .models import CodePool, CouponImport
from .uploads import AROUND, LimitedUpload, only_file

WORKING = (State.CHECKING, State.LOADING, State.UNDOING)


@csrf_exempt  # and protected below, once it is said how the file is read
@transaction.non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
def import_create(request: HttpRequest, slug: str, public_id: str) -> HttpResponseBase:
    """The file is read before the transaction begins: a slow upload holds nothing in the database."""
    if not request.user.is_authenticated:
        return sign_in_first(request)
    if int(request.META.get("CONTENT_LENGTH") or 0) > coupon_imports.MAX_BYTES + AROUND:
        return upload(request, slug, public_id, is_too_large=True)
    handler = LimitedUpload(request)
    request.upload_handlers = [handler]
    _ = request.FILES  # read now
    return csrf_protect(upload)(request, slug, public_id, is_too_large=handler.is_too_large)


@transaction.atomic
@store_view
def upload(request: HttpRequest, public_id: str, is_too_large: bool) -> HttpResponseBase:
    pool = get_object_or_404(request.store.code_pools, public_id=public_id)
    try:
        if is_too_large:
            raise FileTooLarge
        if request.method == "POST":
            return started(request, pool)
    except Unreadable as error:
        return upload_page(request, pool, str(error), 413 if isinstance(error, FileTooLarge) else 400)
    return upload_page(request, pool)


def started(request: HttpRequest, pool: CodePool) -> HttpResponse:
    file = only_file(request)
    if file is None:
        raise Unreadable("Choose one file.")
    actor = f"user:{request.user.email}"
    row = audit.made(request, coupon_imports.start(request.store, pool, file.chunks(), file.name or "", actor))
    return redirect("spending:import_detail", request.store.slug, row.public_id)


def upload_page(request: HttpRequest, pool: CodePool, wrong: str = "", status: int = 200) -> TemplateResponse:
    context = shared(request) | {
        "title": "Import codes", "pool": pool, "wrong": wrong, "max_mb": coupon_imports.MAX_BYTES >> 20,
        "max_rows": coupon_steps.MAX_ROWS,
    }  # fmt: skip
    return TemplateResponse(request, "spending/import_create.html", context, status=status)


def shared(request: HttpRequest) -> dict[str, Any]:
    return {"store": request.store, "membership": request.membership}


@require_GET
@store_view
def import_detail(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """A page for each state; while a worker is at it, the progress polls and reloads the page when that changes."""
    row = find(request, public_id)
    context = shared(request) | {"row": row, "pool": row.pool, "progress": progress(row, timezone.now())}
    if request.htmx:
        if row.state != request.GET.get("state") or row.quarantined_at:
            return HttpResponseClientRefresh()
        return TemplateResponse(request, "spending/_import_progress.html", context)
    return TemplateResponse(request, "spending/import_detail.html", context | told(row))


def told(row: CouponImport) -> dict[str, Any]:
    """All that its page says besides the progress."""
    context: dict[str, Any] = {"title": row.file_name, "is_working": row.state in WORKING and not row.quarantined_at}
    if row.state == State.ASKING:
        asked = row.layout["asked"]
        context |= {"asked": asked, "previews": previews(bytes.fromhex(asked["sample"]))}
    elif row.state == State.CHECKED:
        layout = layout_of(row)
        context |= {
            "layout": layout, "encoding": ENCODINGS[layout.encoding] if layout.is_chosen else "UTF-8",
            "delimiter": DELIMITERS[layout.delimiter], "form": LayoutForm(layout=row.layout),
            "first_rows": first_rows(coupon_steps.head_of(row), layout),
            "columns": range(1, min(layout.width, MOST_COLUMNS) + 1),
        }  # fmt: skip
    elif row.state == State.DONE:
        context["may_undo"] = bool(row.loaded) and not coupon_imports.has_issued(row)
    return context


def find(request: HttpRequest, public_id: str) -> CouponImport:
    imports = request.store.coupon_imports.select_related("pool", "store")
    return audit.about(request, get_object_or_404(imports, public_id=public_id))


@require_GET
@store_view
def import_flaws(request: HttpRequest, public_id: str) -> HttpResponseBase:
    return coupon_downloads.flaws(find(request, public_id))


Verb = Callable[[HttpRequest, CouponImport], object]


def saying(verb: Verb) -> Callable[..., HttpResponseBase]:
    """A button: does it, or says why it cannot be done, and shows the import as it is then."""

    @require_POST
    @store_view
    def page(request: HttpRequest, public_id: str) -> HttpResponse:
        row = find(request, public_id)
        try:
            verb(request, row)
        except (NotPossible, Unreadable) as error:
            messages.error(request, str(error))
        return redirect("spending:import_detail", request.store.slug, row.public_id)

    return page


@saying
def import_confirm(request: HttpRequest, row: CouponImport) -> None:
    coupon_imports.confirm(row)


@saying
def import_cancel(request: HttpRequest, row: CouponImport) -> None:
    coupon_imports.cancel(row)


@saying
def import_undo(request: HttpRequest, row: CouponImport) -> None:
    coupon_imports.undo(row)


@saying
def import_retry(request: HttpRequest, row: CouponImport) -> None:
    coupon_imports.retry(row)


@saying
def import_encoding(request: HttpRequest, row: CouponImport) -> None:
    form = EncodingForm(request.POST)
    if not form.is_valid():
        raise NotPossible("Choose how the file's letters are written.")
    coupon_imports.read_as(row, **form.cleaned_data)


@saying
def import_layout(request: HttpRequest, row: CouponImport) -> None:
    if row.state != State.CHECKED:
        raise NotPossible("The file is read already, or not checked yet.")
    form = LayoutForm(request.POST, layout=row.layout)
    if not form.is_valid():
        raise NotPossible(next(iter(form.errors.values()))[0])
    coupon_imports.read_as(row, **form.cleaned_data)
