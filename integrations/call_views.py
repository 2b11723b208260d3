"""Every call as it came, and what became of it."""

import json
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, TemplateView

from loyalty.stores import audit, broker
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store
from loyalty.stores.paging import page_of

from . import inbox
from .forms import STUCK, CallFilter


class CallListView(StoreMixin, TemplateView):
    template_name = "integrations/call_list.html"
    title, purpose = "Calls", "What came in, as it came, and what became of it."

    def get_context_data(self, **kwargs):
        query = CallFilter(self.request.GET)
        chosen = query.chosen
        rows = self.store.inbound_events.select_related("connection").defer("body", "answer")
        page = page_of(rows.filter(matching(self.store, chosen)), self.request.GET)
        return super().get_context_data(page=page, filter=query, is_narrowed=bool(chosen), **kwargs)


def matching(store: Store, chosen: dict[str, Any]) -> Q:
    found = Q()
    if outcome := chosen.get("outcome"):
        found &= Q(quarantined_at__isnull=False) if outcome == STUCK else Q(outcome=outcome)
    if connection := chosen.get("connection"):
        found &= Q(connection=store.connections.filter(public_id=connection).values("pk")[:1])
    return found


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
        may_apply = self.store.inbound_events.open().filter(pk=self.object.pk).exists()
        answer = json.dumps(self.object.answer, indent=2, ensure_ascii=False)
        digest = bytes(self.object.body_digest or b"").hex()
        return super().get_context_data(answer=answer, digest=digest, may_apply=may_apply, **kwargs)


@require_POST
@store_view(needs="can_support")
def call_apply(request: HttpRequest, pk: int) -> HttpResponse:
    call = audit.about(request, get_object_or_404(request.store.inbound_events, pk=pk))
    if inbox.reconsider(request.store.inbound_events.open().filter(pk=call.pk)):
        broker.nudge(inbox.APPLY, request.store.pk)
        messages.success(request, "It is being applied again. Look at it in a moment.")
    else:
        messages.warning(request, "There is nothing left to apply.")
    return redirect("integrations:call_detail", request.store.slug, call.pk)
