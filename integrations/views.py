"""Where a store's facts come in: its connections."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import FormView, TemplateView

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import ApiKey, Store

from . import connections, registry
from .dialects import Dialect
from .forms import KeyForm, connection_form, settings_of
from .models import Connection, ConnectionToken

DETAIL = "integrations:connection_detail"


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
            has_fulfilments=has_fulfilments(self.store), needs_look=self.store.inbound_events.open().exists(), **kwargs,
        )  # fmt: skip


def has_fulfilments(store: Store) -> bool:
    """Whether a reward is, or ever was, handed over by the store's own system."""
    return store.rewards.filter(settings__fulfilment="webhook").exists() or store.fulfilments.exists()


def live_keys(store: Store) -> QuerySet[ApiKey]:
    return store.api_keys.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)


class DialectMixin(StoreMixin):
    """Pages with the dialect's own form."""

    dialect: Dialect

    def get_form_class(self):
        return connection_form(self.dialect)

    def get_context_data(self, **kwargs):
        return super().get_context_data(dialect=self.dialect, **kwargs)


@method_decorator(reauthentication_required, name="post")  # its secret is shown
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
        audit.made(self.request, connection)
        messages.success(self.request, f"{connection} is connected. Give your shop the details below.")
        return shown_once(self.request, connection, secret=secret)


class ConnectionMixin(DialectMixin):
    """Pages of one connection."""

    @cached_property
    def connection(self) -> Connection:
        connection = get_object_or_404(self.store.connections, public_id=self.kwargs["public_id"])
        return audit.about(self.request, connection)

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
def connection_switch(request: HttpRequest, public_id: str) -> HttpResponse:
    connection = audit.about(request, get_object_or_404(request.store.connections, public_id=public_id))
    is_enabled = request.POST.get("is_enabled") == "1"
    request.store.connections.filter(pk=connection.pk).update(is_enabled=is_enabled)
    what = "takes calls again." if is_enabled else "is off: its calls are refused from now on."
    messages.success(request, f"{connection} {what}")
    return redirect(DETAIL, request.store.slug, connection.public_id)
