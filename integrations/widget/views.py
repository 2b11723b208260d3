"""The dashboard's pages of the widget: look, texts, domains, and putting it into the shop."""

from datetime import timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.db.models import Max, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import FormView, TemplateView, UpdateView

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store

from . import frame, identity, origins, previewing, samples, sessions, verifying
from .forms import LegacyForm, LookForm, OriginForm, TextsForm
from .models import LIVE_SECRETS, Widget, WidgetOrigin, WidgetSecret
from .texts import TEXTS

LOOK_BACK = timedelta(days=30)
INSTALL, DOMAINS = "display:install", "display:domains"


class WidgetMixin(StoreMixin):
    """Pages of a widget that is set up; the first page sets it up."""

    purpose = "What shoppers see of the programme inside your shop."

    @cached_property
    def widget(self) -> Widget:
        return audit.about(self.request, get_object_or_404(Widget, store=self.store))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(widget=Widget.of(self.store), **kwargs)


@method_decorator(csp_update({"frame-src": [SELF]}), name="dispatch")
class LookView(WidgetMixin, UpdateView):
    template_name, form_class, title = "widget/look.html", LookForm, "Widget"

    def get_object(self, queryset=None) -> Widget:
        return audit.about(self.request, Widget.of(self.store))

    def form_valid(self, form):
        if form.instance.pk is None:
            raise Http404
        form.save()
        messages.success(self.request, "Saved. Shoppers see it within a minute.")
        return redirect("display:look", self.store.slug)


@require_POST
@store_view
def set_up(request: HttpRequest) -> HttpResponse:
    widget, is_new = Widget.objects.get_or_create(store=request.store)
    if is_new:
        audit.made(request, widget)
    messages.success(request, "The widget is ready. Choose how it looks, then put it into your shop.")
    return redirect("display:look", request.store.slug)


@method_decorator(csp_update({"frame-src": [SELF]}), name="dispatch")
class TextsView(WidgetMixin, FormView):
    template_name, form_class, title = "widget/texts.html", TextsForm, "Widget"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"widget": self.widget}

    def form_valid(self, form):
        form.save()
        messages.success(self.request, "Saved. Shoppers see it within a minute.")
        return redirect("display:texts", self.store.slug)


@require_safe
@store_view
def preview(request: HttpRequest) -> HttpResponse:
    """The panel with invented data, inside the look page, which tells it of changes as they are typed."""
    document = frame.document(
        request.store, Widget.of(request.store), script="preview.js", sample=previewing.invented(request.store),
        defaults={name: text.default for name, text in TEXTS.items()},
    )  # fmt: skip
    return frame.embeddable(HttpResponse(document), "'self'")


# --- Domains ------------------------------------------------------------------------------------


class DomainsView(WidgetMixin, FormView):
    template_name, form_class, title = "widget/domains.html", OriginForm, "Widget"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"store": self.store}

    def get_context_data(self, **kwargs):
        added = list(self.store.widget_origins.all())
        known = {row.origin for row in added}
        given = [origin for origin in origins.verified(self.store, self.request) if origin not in known]
        return super().get_context_data(
            added=added, given=given, meta=verifying.META, file=verifying.FILE, **kwargs
        )  # fmt: skip

    def form_valid(self, form):
        row, is_new = WidgetOrigin.objects.get_or_create(store=self.store, origin=form.cleaned_data["origin"])
        if verifying.is_local(row.origin):
            verifying.stamp(row, "local")
        if is_new:
            audit.made(self.request, row)
        messages.success(self.request, f"{row.origin} is added.")
        return redirect(DOMAINS, self.store.slug)


@require_POST
@store_view
def origin_verify(request: HttpRequest, pk: int) -> HttpResponse:
    row = audit.about(request, get_object_or_404(request.store.widget_origins, pk=pk))
    try:
        verifying.stamp(row, verifying.verify(row, request.store))
        messages.success(request, f"{row.origin} is verified. The widget shows there from now on.")
    except verifying.NotProven as error:
        messages.error(request, str(error))
    return redirect(DOMAINS, request.store.slug)


@require_POST
@store_view
def origin_remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = audit.about(request, get_object_or_404(request.store.widget_origins, pk=pk))
    row.delete()
    messages.success(request, f"{row.origin} is removed. The widget does not show there any more.")
    return redirect(DOMAINS, request.store.slug)


# --- Putting it into the shop -------------------------------------------------------------------


class InstallView(WidgetMixin, TemplateView):
    template_name, title = "widget/install.html", "Widget"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | details(self.store)


def details(store: Store, **shown: str) -> dict[str, Any]:
    """What the page shows; `shown` is a secret in clear, for this once."""
    widget = get_object_or_404(Widget, store=store)
    live = WidgetSecret.live(store)
    connections = store.connections.filter(dialect__in=sessions.LEGACY_DIALECTS, is_enabled=True)
    return {
        "store": store, "title": "Widget", "purpose": WidgetMixin.purpose, "widget": widget, "secrets": live,
        "is_full": len(live) == LIVE_SECRETS, "snippet": samples.snippet(store, widget),
        "samples": samples.SERVERS, "legacy_form": LegacyForm(instance=widget), "connections": connections,
        "faults": faults(store), **shown,
    }  # fmt: skip


def faults(store: Store) -> list[dict[str, Any]]:
    """Why pages made guests of their shoppers in the last 30 days."""
    since = store.local(timezone.now() - LOOK_BACK).date()
    rows = store.widget_faults.filter(day__gte=since).values("reason")
    return [
        row | {"text": identity.REASONS.get(row["reason"], row["reason"])}
        for row in rows.annotate(times=Sum("count"), last_at=Max("last_at")).order_by("-times")
    ]


@require_POST
@store_view
def secret_create(request: HttpRequest) -> HttpResponse:
    return shown_once(request)


@reauthentication_required
def shown_once(request: HttpRequest) -> HttpResponse:
    """Asks for the password again if that was some time ago; the secret stands in this answer and never again."""
    secret, clear = WidgetSecret.issue(request.store)
    audit.made(request, secret)
    context = details(request.store, secret=clear, secret_id=secret.key_id) | {"membership": request.membership}
    response = TemplateResponse(request, "widget/install.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@store_view
def secret_retire(request: HttpRequest, pk: int) -> HttpResponse:
    secret = audit.about(request, get_object_or_404(request.store.widget_secrets, pk=pk))
    request.store.widget_secrets.filter(pk=secret.pk, retired_at=None).update(retired_at=timezone.now())
    messages.success(request, f"{secret.key_id} is retired. Pages signed with it make guests from now on.")
    return redirect(INSTALL, request.store.slug)


@require_POST
@store_view
def legacy_update(request: HttpRequest) -> HttpResponse:
    widget = audit.about(request, get_object_or_404(Widget, store=request.store))
    form = LegacyForm(request.POST, instance=widget)
    if form.is_valid():
        form.instance.save(update_fields=["legacy", "legacy_daily"])
        messages.success(request, "Saved. It holds from now on, for open pages too.")
    else:
        messages.error(request, "Choose one of the three, and 1 to 100 rewards a day.")
    return redirect(INSTALL, request.store.slug)
