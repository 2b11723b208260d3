"""Pages over all apps: the first page of a store, the two a load balancer reads, and the one for a failure."""

import sys
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.views.defaults import server_error
from django.views.generic import TemplateView

from earning.figures import last_week, waiting
from earning.searching import find
from earning.views import told
from loyalty import attention
from loyalty.stores.mixins import StoreMixin
from loyalty.stores.models import AuditRecord, Store
from loyalty.stores.problems import RETRY_AFTER
from spending import figures

REWARDS_SHOWN = 8
VISIT = "admin:stores_store_visit"
VISITS_SHOWN = timedelta(days=7)


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the store this person worked in last, or the only one; else they choose."""
    slugs = list(request.user.staff_memberships.values_list("store__slug", flat=True)[:100])
    last = request.session.get("last_store")
    if last in slugs or len(slugs) == 1:
        return redirect("overview", last if last in slugs else slugs[0])
    return redirect("stores:store_list")


class OverviewView(StoreMixin, TemplateView):
    template_name = "overview.html"
    title = "Home"
    LATEST = 8

    def get_context_data(self, **kwargs):
        store = self.store
        latest = told(find(store, {}).order_by("-id")[: self.LATEST], store, {})
        steps = first_steps(store, has_activity=bool(latest))
        return super().get_context_data(
            steps=steps, is_set_up=all(step["is_done"] for step in steps), latest=latest, week=last_week(store),
            needs_look=attention.count(store), waiting=waiting(store), visits=self.visits(),
            **spending(store), **kwargs,
        )  # fmt: skip

    def visits(self) -> QuerySet[AuditRecord] | list[AuditRecord]:
        """When support looked at the store lately: told to those who may read all that was done."""
        if not self.membership.can_edit:
            return []
        records = self.store.audit_records.filter(action=VISIT, created_at__gt=timezone.now() - VISITS_SHOWN)
        return records.order_by("-id")[:3]


def spending(store: Store) -> dict[str, Any]:
    """What points bought lately, and the lists of codes that run low."""
    results = figures.results(store)
    rewards = store.rewards.select_related("image").in_bulk(list(results)[:REWARDS_SHOWN])
    low = store.code_pools.filter(low_since__isnull=False, rewards__is_enabled=True).distinct().order_by("name")
    return {
        "spent": figures.last_week(store) if results else None, "days": figures.DAYS,
        "results": [(rewards[pk], result) for pk, result in results.items() if pk in rewards],
        "low_pools": [(pool, figures.stock(store, pool)) for pool in low[:5]],
    }  # fmt: skip


def first_steps(store: Store, has_activity: bool) -> list[dict]:
    """What a new store does first, and which of it is done."""

    def step(label: str, help: str, url_name: str, is_done: bool) -> dict:
        return {"label": label, "help": help, "href": reverse(url_name, args=[store.slug]), "is_done": is_done}

    is_connected = store.connections.exists() or store.api_keys.filter(revoked_at=None).exists()
    return [
        step("Add an action", "What customers are rewarded for. Most start with purchases.",
             "earning:rule_kinds", store.rules.exists()),
        step("Connect your shop", "Through a connection it knows already, or with an API key.",
             "integrations:connection_list", is_connected),
        step("See the first activity", "It appears within seconds of the first call.",
             "earning:activity_list", has_activity),
    ]  # fmt: skip


@transaction.non_atomic_requests
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@transaction.non_atomic_requests
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready when facts can be stored. The broker only makes it fast, so it is not asked."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return HttpResponse("database away", content_type="text/plain", status=503)
    return HttpResponse("ok", content_type="text/plain")


def failed(request: HttpRequest) -> HttpResponse:
    """A page that failed. Where only the database did not answer, another try will do."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        page = loader.render_to_string("503.html")  # without the request: who it is may be what cannot be read
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    return server_error(request)
