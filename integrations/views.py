"""Where a store's facts come in: its connections, their credentials, and every call as it came."""

import json
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, FormView, TemplateView

from loyalty.stores import broker
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import ApiKey, Store
from loyalty.stores.paging import page_of

from . import connections, inbox, registry
from .dialects import Dialect
from .forms import STUCK, CallFilter, KeyForm, connection_form, settings_of
from .models import Connection, ConnectionToken, InboundEvent

Outcome = InboundEvent.Outcome
LOOK_BACK = 10_000  # the newest calls that a narrowed list is taken from: bounded, however many there were
DETAIL = "integrations:connection_detail"


# --- Connections --------------------------------------------------------------------------------


class ConnectionListView(StoreMixin, TemplateView):
    template_name = "integrations/connection_list.html"
    title, purpose = "Integrations", "How your shop tells us what customers do."

    def get_context_data(self, **kwargs):
        mine = list(self.store.connections.all())
        dialects = [
            {"dialect": dialect, "connections": [one for one in mine if one.dialect == dialect.key]}
            for dialect in registry.DIALECTS.values()
        ]
        return super().get_context_data(
            dialects=dialects, site_url=settings.SITE_URL, keys=live_keys(self.store),
            needs_look=self.store.inbound_events.filter(pk__in=newest(self.store)).filter(open_calls()).exists(),
            **kwargs,
        )  # fmt: skip


def live_keys(store: Store) -> QuerySet[ApiKey]:
    return store.api_keys.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)


class DialectMixin(StoreMixin):
    """Pages with the dialect's own form."""

    dialect: Dialect

    def get_form_class(self):
        return connection_form(self.dialect)

    def get_context_data(self, **kwargs):
        return super().get_context_data(dialect=self.dialect, **kwargs)


class ConnectionCreateView(DialectMixin, FormView):
    template_name = "integrations/connection_form.html"

    @cached_property
    def dialect(self) -> Dialect:
        try:
            return registry.get(self.kwargs["dialect"])
        except KeyError as error:
            raise Http404 from error

    @property
    def title(self) -> str:
        return f"Connect {self.dialect.label}"

    @property
    def purpose(self) -> str:
        return self.dialect.summary

    def get_initial(self):
        return {"name": self.dialect.label}

    def form_valid(self, form):
        single = self.dialect.is_single and self.store.connections.filter(dialect=self.dialect.key).first()
        if single:
            messages.warning(self.request, f"{single} is connected already.")
            return redirect(DETAIL, self.store.slug, single.public_id)
        chosen = settings_of(form, self.dialect)
        connection, secret = connections.connect(self.store, self.dialect, form.cleaned_data["name"], **chosen)
        messages.success(self.request, f"{connection} is connected. Give your shop the details below.")
        return shown_once(self.request, connection, secret=secret)


class ConnectionMixin(DialectMixin):
    """Pages of one connection."""

    @cached_property
    def connection(self) -> Connection:
        return get_object_or_404(self.store.connections, public_id=self.kwargs["public_id"])

    @cached_property
    def dialect(self) -> Dialect:
        return dialect_of(self.connection)

    def get_context_data(self, **kwargs):
        return super().get_context_data(connection=self.connection, **kwargs)


def dialect_of(connection: Connection) -> Dialect:
    try:
        return registry.get(connection.dialect)
    except KeyError as error:
        raise Http404("This kind of connection is not spoken here any more.") from error


class ConnectionDetailView(ConnectionMixin, TemplateView):
    template_name = "integrations/connection_detail.html"

    @property
    def title(self) -> str:
        return self.connection.name

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | details(self.connection)


def details(connection: Connection, **shown: str) -> dict[str, Any]:
    """What a connection's page shows; `shown` are its secrets in clear, for this once."""
    dialect, store = dialect_of(connection), connection.store
    calls = store.inbound_events.filter(connection=connection).order_by("-id")[:10]
    return {
        "title": connection.name, "store": store, "dialect": dialect, "connection": connection,
        "site_url": settings.SITE_URL, "key_form": KeyForm(), "calls": calls,
        "setup": [f"integrations/setup/{dialect.key}.html", "integrations/setup/other.html"],
        "tokens": connection.tokens.filter(kind=ConnectionToken.Kind.KEY, revoked_at=None).order_by("-pk"),
        "old_secret_until": connection.old_secret_until if len(connection.live_secrets) > 1 else None, **shown,
    }  # fmt: skip


def shown_once(request: HttpRequest, connection: Connection, **shown: str) -> HttpResponse:
    """The connection's page with a secret in clear: in this answer and never again."""
    context = details(connection, **shown) | {"membership": request.membership}
    response = TemplateResponse(request, "integrations/connection_detail.html", context)
    response["Cache-Control"] = "no-store"
    return response


class ConnectionUpdateView(ConnectionMixin, FormView):
    template_name = "integrations/connection_form.html"
    title = "Settings of the connection"

    def get_initial(self):
        return self.connection.settings | {"name": self.connection.name}

    def form_valid(self, form):
        connections.configure(self.connection, **settings_of(form, self.dialect))
        self.store.connections.filter(pk=self.connection.pk).update(name=form.cleaned_data["name"])
        messages.success(self.request, "Saved. It holds for calls from now on.")
        return redirect(DETAIL, self.store.slug, self.connection.public_id)


@require_POST
@store_view
def connection_rotate(request: HttpRequest, public_id: str) -> HttpResponse:
    return rotated(request, get_object_or_404(request.store.connections, public_id=public_id))


@reauthentication_required
def rotated(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Asks for the password again if that was some time ago, then goes on by itself."""
    return shown_once(request, connection, secret=connections.rotate(connection))


@require_POST
@store_view
def connection_switch(request: HttpRequest, public_id: str) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    is_enabled = request.POST.get("is_enabled") == "1"
    request.store.connections.filter(pk=connection.pk).update(is_enabled=is_enabled)
    what = "takes calls again." if is_enabled else "is off: its calls are refused from now on."
    messages.success(request, f"{connection} {what}")
    return redirect(DETAIL, request.store.slug, connection.public_id)


@require_POST
@store_view
def token_create(request: HttpRequest, public_id: str) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    dialect, form = dialect_of(connection), KeyForm(request.POST)
    if not dialect.issues_keys:
        raise Http404
    if not form.is_valid():
        messages.error(request, "Give the key a name of at most 100 characters.")
        return redirect(DETAIL, request.store.slug, connection.public_id)
    token, clear = dialect.issue_key(connection, form.cleaned_data["name"], request.user)
    return shown_once(request, connection, new_key=clear, new_key_name=token.name)


@require_POST
@store_view
def token_revoke(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    token = get_object_or_404(connection.tokens, pk=pk, kind=ConnectionToken.Kind.KEY)
    connection.tokens.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    messages.success(request, f"“{token.name}” is revoked. Calls with it are refused from now on.")
    return redirect(DETAIL, request.store.slug, connection.public_id)


# --- Calls --------------------------------------------------------------------------------------


class CallListView(StoreMixin, TemplateView):
    template_name = "integrations/call_list.html"
    title, purpose = "Calls", "What came in, as it came, and what became of it."

    def get_context_data(self, **kwargs):
        query = CallFilter(self.request.GET)
        chosen = query.chosen
        rows = self.store.inbound_events.select_related("connection").defer("body", "answer")
        if chosen:
            rows = rows.filter(pk__in=newest(self.store)).filter(matching(chosen))
        return super().get_context_data(
            page=page_of(rows, self.request.GET), filter=query, is_narrowed=bool(chosen), look_back=LOOK_BACK, **kwargs
        )


def newest(store: Store) -> QuerySet:
    return store.inbound_events.order_by("-id").values("pk")[:LOOK_BACK]


def matching(chosen: dict[str, Any]) -> Q:
    found = Q()
    if outcome := chosen.get("outcome"):
        found &= Q(quarantined_at__isnull=False) if outcome == STUCK else Q(outcome=outcome)
    if connection := chosen.get("connection"):
        found &= Q(connection__public_id=connection)
    return found


def open_calls() -> Q:
    """Calls that may be applied once more. One that was refused in its own answer stays refused."""
    is_open = Q(quarantined_at__isnull=False) | Q(outcome__in=[Outcome.REJECTED, Outcome.UNKNOWN])
    return is_open & Q(answer__isnull=True, due_at__isnull=True)


class CallDetailView(StoreMixin, DetailView):
    """One call: the evidence, and applying it again. A drawer over the list, or a page of its own."""

    context_object_name = "call"

    @property
    def title(self) -> str:
        return self.object.event

    def get_template_names(self):
        return ["integrations/_call.html" if self.request.htmx else "integrations/call_detail.html"]

    def get_queryset(self):
        return self.store.inbound_events.select_related("connection")

    def get_context_data(self, **kwargs):
        may_apply = self.store.inbound_events.filter(pk=self.object.pk).filter(open_calls()).exists()
        answer = json.dumps(self.object.answer, indent=2, ensure_ascii=False)
        return super().get_context_data(answer=answer, may_apply=may_apply, **kwargs)


@require_POST
@store_view(needs="can_support")
def call_apply(request: HttpRequest, pk: int) -> HttpResponse:
    call = get_object_or_404(request.store.inbound_events, pk=pk)
    if inbox.reconsider(request.store.inbound_events.filter(pk=call.pk).filter(open_calls())):
        broker.nudge(inbox.APPLY, request.store.pk)
        messages.success(request, "It is being applied again. Look at it in a moment.")
    else:
        messages.warning(request, "There is nothing left to apply.")
    return redirect("integrations:call_detail", request.store.slug, call.pk)
