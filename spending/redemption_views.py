"""Redemptions, as the people of a store see them, take them back and hand them over."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, TemplateView

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store
from loyalty.stores.numbers import points
from loyalty.stores.paging import page_of
from loyalty.stores.referrer import came_from
from loyalty.stores.retrying import retried_page

from . import explaining, outcomes, redemptions, rewarding, searching
from .code_sources import SOURCES
from .forms import ReasonForm
from .models import Redemption

State = Redemption.State
OPEN = (State.ISSUED, State.EXPIRED)


class RedemptionListView(StoreMixin, TemplateView):
    template_name = "spending/redemption_list.html"
    title, purpose = "Redemptions", "Which rewards were taken, by whom, and what became of their codes."

    def get_context_data(self, **kwargs):
        query = searching.RedemptionFilter(self.request.GET, store=self.store)
        chosen = query.chosen
        page = page_of(searching.find(self.store, chosen), self.request.GET)
        has_rewards = bool(page) or self.store.rewards.exists()
        return super().get_context_data(
            filter=query, is_narrowed=bool(chosen), page=page, has_rewards=has_rewards, **kwargs
        )


class RedemptionDetailView(StoreMixin, DetailView):
    """Why it was allowed, what it moved and what became of it. A drawer over a list, or a page of its own."""

    slug_field, slug_url_kwarg = "public_id", "public_id"
    context_object_name = "redemption"

    def get_template_names(self):
        return ["spending/_redemption.html" if self.request.htmx else "spending/redemption_detail.html"]

    def get_queryset(self):
        return self.store.redemptions.select_related("customer", "reward", "coupon__pool", "replaced_by")

    def get_context_data(self, **kwargs):
        redemption, store = self.object, self.store
        return super().get_context_data(**told(redemption, store), raw=raw(redemption), **kwargs)


def told(redemption: Redemption, store: Store) -> dict[str, Any]:
    """All that its page says."""
    reward, is_open = redemption.reward, redemption.state in OPEN
    entries = store.entries.filter(customer=redemption.customer_id, source=redemption.ledger_source)
    balance = store.wallets.values_list("balance", flat=True).get(customer=redemption.customer_id, unit="points")
    return {
        "title": reward.name, "gives": gives(redemption, store),
        "sentences": explaining.explain(redemption.decision, store), "entries": entries.order_by("seq"),
        "replaces": store.redemptions.filter(replaced_by=redemption).first(), "is_open": is_open,
        "may_reissue": is_open and bool(redemption.code) and not SOURCES[reward.code_source].is_remote,
        "balance": balance, "balance_after": balance + redemption.points, "cancelling": ReasonForm(auto_id="cancel_%s"),
        "reissuing": ReasonForm(auto_id="reissue_%s"),
    }  # fmt: skip


def gives(redemption: Redemption, store: Store) -> str:
    """What it gave, by the version it was taken with."""
    reward = redemption.reward
    version = reward.versions.filter(store=store, number=redemption.reward_version).first()
    as_taken = rewarding.as_it_was(reward, version) if version else reward
    return reward.reward_kind.gives(as_taken.settings, store.currency, redemption.multiplier)


def raw(redemption: Redemption) -> str:
    """For developers: what was decided, and what the code's maker noted."""
    found = {"decision": redemption.decision, "details": redemption.details, "identity": redemption.identity}
    return json.dumps(found, indent=2, ensure_ascii=False)


Verb = Callable[[HttpRequest, Redemption, str], str]


def with_reason(verb: Verb) -> Callable[..., HttpResponse]:
    """A page that does something to a redemption. The verb says what it did, or raises with why it did not."""

    @require_POST
    @retried_page
    @store_view(needs="can_support")
    def page(request: HttpRequest, public_id: str) -> HttpResponse:
        redemption, form = find(request, public_id), ReasonForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Nothing was changed. Give a reason: it is shown wherever the points are.")
            return redirect(back(request, redemption))
        try:
            messages.success(request, verb(request, redemption, form.cleaned_data["reason"]))
        except (outcomes.CannotCancel, redemptions.Refused) as error:
            messages.error(request, f"Nothing was changed. {error}")
        return redirect(back(request, redemption))

    return page


def find(request: HttpRequest, public_id: str) -> Redemption:
    redemptions = request.store.redemptions.select_related("customer", "reward")
    return audit.about(request, get_object_or_404(redemptions, public_id=public_id))


def back(request: HttpRequest, redemption: Redemption) -> str:
    own = reverse("spending:redemption_detail", args=[request.store.slug, redemption.public_id])
    return came_from(request) or own


@with_reason
def redemption_cancel(request: HttpRequest, redemption: Redemption, reason: str) -> str:
    store = request.store
    if not outcomes.cancel(store, redemption, reason=reason, actor=request.user.email):
        return "It was cancelled before."
    return f"Cancelled: {points(redemption.points, store)} went back to {redemption.customer}."


@with_reason
def redemption_reissue(request: HttpRequest, redemption: Redemption, reason: str) -> str:
    new = redemptions.reissue(request.store, redemption, reason=reason, actor=request.user.email)
    return f"{redemption.customer} has the code {new.code} now; {redemption.code} is void."


@require_POST
@retried_page
@store_view(needs="can_support")
def redemption_use(request: HttpRequest, public_id: str) -> HttpResponse:
    """Handed over, or used where no order tells of it."""
    redemption = find(request, public_id)
    if outcomes.hand_over(request.store, redemption):
        messages.success(request, f"“{redemption.reward}” of {redemption.customer} is done.")
    else:
        messages.warning(request, f"It was {redemption.get_state_display().lower()} before.")
    return redirect(back(request, redemption))
