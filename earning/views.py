"""Activities, as the people of a store see and decide them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, TemplateView

from loyalty.stores import audit, broker
from loyalty.stores.facts import retry
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store
from loyalty.stores.paging import PAGE, page_of, row_id
from loyalty.stores.referrer import came_from
from loyalty.stores.retrying import retried_page

from . import activities, applying, explaining, searching
from .models import Activity, OrderFact


class ActivityListView(StoreMixin, TemplateView):
    """The list, and alone the rows for the poll that keeps its newest page fresh."""

    template_name = "earning/activity_list.html"
    title, purpose = "Activity", "What customers did, what came of it, and why."

    def get(self, request, *args, **kwargs):
        context = self.get_context_data()
        if not request.htmx or request.htmx.boosted:
            return self.render_to_response(context)
        if request.GET.get("seen") == context["seen"]:
            return HttpResponse(status=204)  # nothing new: htmx leaves the page as it is
        return render(request, "earning/_activity_rows.html", context)

    def get_context_data(self, **kwargs):
        query = searching.ActivityFilter(self.request.GET or None, store=self.store)
        chosen = query.chosen if query.is_bound else {}
        page = page_of(searching.find(self.store, chosen), self.request.GET)
        return super().get_context_data(
            filter=query, is_narrowed=bool(chosen), page=page, rows=told(page, self.store, self.request.GET),
            seen=searching.fingerprint(page), is_newest=page.newer is None,
            stuck_orders=self.stuck_orders() if chosen.get("state") == "stuck" else [], **kwargs,
        )  # fmt: skip

    def stuck_orders(self) -> list[OrderFact]:
        """What shops said of orders and could not be folded; an activity comes only of what was."""
        return list(self.store.order_facts.filter(quarantined_at__isnull=False).order_by("-id")[:PAGE])

    def has_stuck(self) -> bool:
        """Asked by the page; a poll of the rows has no need of it."""
        is_shown = self.request.GET.get("state") == "stuck"
        return not is_shown and searching.is_stuck(self.store)


def told(rows: Iterable[Activity], store: Store, params: Mapping[str, str]) -> list[dict[str, Any]]:
    """The lines of a list. `newest` in the address is the newest row that a poll has shown already."""
    newest = row_id(params.get("newest"))
    return [
        {
            "activity": row, "title": row.title, "headline": explaining.headline(row.decision, store),
            "is_fresh": newest is not None and row.pk > newest, "may_decide": may_decide(row),
        }
        for row in rows
    ]  # fmt: skip


def may_decide(activity: Activity) -> bool:
    """A person may approve or decline what a rule has valued and nothing else holds back."""
    is_pending = activity.state == Activity.State.PENDING and activity.rule_id is not None
    return is_pending and (activity.order is None or activity.order.is_awardable)


class ActivityDetailView(StoreMixin, DetailView):
    """Why: the decision in sentences. A drawer over the list, or a page of its own."""

    slug_field, slug_url_kwarg = "public_id", "public_id"
    context_object_name = "activity"

    def get_template_names(self):
        return ["earning/_why.html" if self.request.htmx else "earning/activity_detail.html"]

    def get_queryset(self):
        return self.store.activities.select_related("customer", "rule", "order")

    def get_context_data(self, **kwargs):
        activity, store = self.object, self.store
        is_stuck = activity.quarantined_at is not None and not activity.decision
        sentences = [] if is_stuck else explaining.explain(activity.decision, store)
        entries = store.entries.filter(customer=activity.customer_id, source=activity.ledger_source)
        return super().get_context_data(
            title=activity.title, sentences=sentences, entries=entries.order_by("seq"),
            may_decide=may_decide(activity), raw=raw(activity), **kwargs,
        )  # fmt: skip


def raw(activity: Activity) -> str:
    """For developers: what was told and what was decided."""
    found = {"properties": activity.properties, "decision": activity.decision}
    return json.dumps(found, indent=2, ensure_ascii=False)


@require_POST
@retried_page
@store_view(needs="can_support")
def activity_decide(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve or decline by hand."""
    store, state = request.store, request.POST.get("state")
    activity = get_object_or_404(store.activities.select_related("order", "customer", "rule"), public_id=public_id)
    if state not in ("approved", "declined"):
        raise Http404
    if not may_decide(activity):
        messages.warning(request, "This was decided already.")
    else:
        audit.about(request, activity)
        activities.ask(activity, state)
        applying.apply_now(store, [activity.pk])
        messages.success(request, f"{activity.title} of {activity.customer} is {state}.")
    return redirect(came_from(request) or reverse("earning:activity_detail", args=[store.slug, activity.public_id]))


@require_POST
@store_view(needs="can_support")
def activity_retry(request: HttpRequest, public_id: str) -> HttpResponse:
    activity = audit.about(request, get_object_or_404(request.store.activities, public_id=public_id))
    return try_again(request, retry(request.store.activities.filter(pk=activity.pk)))


@require_POST
@store_view(needs="can_support")
def order_fact_retry(request: HttpRequest, pk: int) -> HttpResponse:
    fact = audit.about(request, get_object_or_404(request.store.order_facts, pk=pk))
    return try_again(request, retry(request.store.order_facts.filter(pk=fact.pk)))


@require_POST
@store_view(needs="can_support")
def stuck_retry(request: HttpRequest) -> HttpResponse:
    if tried := retry(request.store.order_facts.all()) + retry(request.store.activities.all()):
        audit.note(request, rows=[None, tried])
    return try_again(request, tried)


def try_again(request: HttpRequest, tried: int) -> HttpResponse:
    """What could not be applied is back at work."""
    broker.nudge(activities.APPLY, request.store.pk)
    messages.success(request, "Being tried again." if tried else "There was nothing to try again.")
    return redirect(came_from(request) or reverse("earning:activity_list", args=[request.store.slug]))
