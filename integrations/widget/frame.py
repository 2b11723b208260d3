"""What browsers fetch for the widget before any call: the loader, its files, the panel's document."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import files, origins, sessions
from .models import Widget
from .texts import SECTIONS

FIVE_MINUTES = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
@transaction.non_atomic_requests
def script(request: HttpRequest, integration: str) -> HttpResponse:
    """The seed on a shop's page, at the address that older shops know, whatever their query says."""
    response = HttpResponse(files.loader(files_path()), content_type=files.TYPES["js"])
    response["Cache-Control"] = FIVE_MINUTES
    return readable_anywhere(response)


def files_path() -> str:
    return reverse("widget:file", args=["-", "widget.js"]).removesuffix("-/widget.js")


@require_safe
@transaction.non_atomic_requests
def file(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """A page that still names the version before gets this one, unless it insists by the integrity value."""
    if name not in files.NAMES:
        raise Http404
    found = files.file(name)
    is_zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(found.zipped if is_zipped else found.content, content_type=found.content_type)
    if is_zipped:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["Cache-Control"] = FOR_EVER if digest == found.digest else FIVE_MINUTES
    return readable_anywhere(response)


def readable_anywhere(response: HttpResponse) -> HttpResponse:
    """Code that is the same for everybody; without cookies there is nothing else to read."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
@transaction.non_atomic_requests
def frame(request: HttpRequest) -> HttpResponse:
    """The panel's document: the merchant's look and texts, nobody's data. Only verified pages may embed it."""
    door = sessions.door_of(request.GET.get("key", ""))
    if door is None or not door.widget.is_enabled:
        raise Http404
    with acting_for(door.store.pk):
        allowed = origins.verified(door.store, request)
    response = HttpResponse(document(door.store, door.widget, origins=allowed))
    response["Cache-Control"] = "private, max-age=60"
    return embeddable(response, " ".join(allowed) or "'none'")


def document(store: Store, widget: Widget, *, script: str = "frame.js", **more: Any) -> str:
    settings = {
        "look": widget.full_look, "texts": widget.all_texts, "birthday_order": widget.birthday_order,
        "sections": [name for name in SECTIONS if name not in widget.hidden_sections],
        "points_name": store.points_name_plural, "api": reverse("widget:home").removesuffix("home"),
        "icons": static("vendor/tabler-icons/icons.svg"),
        "login_url": widget.login_url, "register_url": widget.register_url,
    } | more  # fmt: skip
    return render_to_string("widget/frame.html", {
        "title": widget.text("title"), "settings": settings, "loading": widget.text("loading"),
        "script": address_of(script), "style": address_of("frame.css"),
    })  # fmt: skip


def address_of(name: str) -> str:
    return reverse("widget:file", args=[files.file(name).digest, name])


def embeddable(response: HttpResponse, ancestors: str) -> HttpResponse:
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}"
    )
    response["Referrer-Policy"] = "no-referrer"
    response.xframe_options_exempt = True
    return response
