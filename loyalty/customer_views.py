"""A customer's own page: what every app knows of them, and joining, which more than one app takes part in."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import FormView, TemplateView

from customers import enrolment
from customers.attention import Item, open_events
from customers.forms import CustomerForm
from customers.identities import BadIdentity, Identity
from customers.models import Customer, LedgerEntry, Topic
from customers.views import DETAIL, CustomerMixin
from earning import activities
from earning.models import Activity
from earning.views import told
from loyalty import attention
from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store
from loyalty.stores.paging import Page, page_of, row_id
from spending import explaining, phrases
from spending.catalogue import offers_for

PAGE = 25
DETAILS = {"activity": "earning:activity_detail", "redemption": "spending:redemption_detail"}
LOOK_BACK = 500  # the newest rows that are searched for the few to show: bounded, however long the history
SOURCE = re.compile(r"(activity|redemption):(\d+)")


class CustomerDetailView(CustomerMixin, TemplateView):
    """Figures, and one of several lists. The page asks again and again, and is told only of change."""

    template_name = "customers/customer_detail.html"

    @cached_property
    def tab(self) -> str:
        asked = self.request.GET.get("tab")
        return asked if asked in TABS else "statement"

    @property
    def title(self) -> str:
        return str(self.customer)

    def get_template_names(self):
        return ["customers/_live.html" if self.request.htmx else self.template_name]

    def get(self, request, *args, **kwargs):
        seen = request.GET.get("seen")
        if request.htmx and seen == self.pulse:
            return HttpResponse(status=204)  # nothing new: htmx leaves the page as it is
        return super().get(request, *args, **kwargs)

    @cached_property
    def newest(self) -> Activity | None:
        return activities_of(self.store, self.customer).order_by("-id").first()

    @cached_property
    def pulse(self) -> str:
        """Changes when anything that the live part shows may have changed."""
        newest = self.newest and f"{self.newest.pk}{self.newest.state}{bool(self.newest.decision)}"
        taken = self.store.redemptions.filter(customer=self.customer).order_by("-id").values_list("pk", "state").first()
        return f"{self.wallet.last_seq}-{newest}-{taken}"

    def get_context_data(self, **kwargs):
        store, customer = self.store, self.customer
        return super().get_context_data(
            wallet=self.wallet, tab=self.tab, pulse=self.pulse, **TABS[self.tab](self),
            waiting=waiting(store, customer),
            attention=needs_look(store, customer),
            aliases=customer.aliases.filter(store=store)[:10], **kwargs,
        )  # fmt: skip

    @cached_property
    def seen_seq(self) -> int | None:
        """The newest entry that the page shows already, when it asks again."""
        return row_id(self.request.GET.get("seen", "").partition("-")[0])


def activities_of(store: Store, customer: Customer) -> QuerySet[Activity]:
    return store.activities.filter(customer=customer).select_related("rule", "order", "customer")


def needs_look(store: Store, customer: Customer) -> list[Item]:
    """What waits for a person to decide about this customer."""
    events = open_events(store).filter(customer=customer).select_related("customer", "store")
    return [attention.item_of(event) for event in events.order_by("-id")[:3]]


def waiting(store: Store, customer: Customer) -> list[dict[str, Any]]:
    """The newest activities whose points wait."""
    recent = store.activities.filter(customer=customer).order_by("-id").values("pk")[:LOOK_BACK]
    rows = activities_of(store, customer).filter(pk__in=recent, state=Activity.State.PENDING, decision__isnull=False)
    return told(Page(list(rows.order_by("-id")[:5])), store, QueryDict())


def statement(view: CustomerDetailView) -> dict[str, Any]:
    entries = view.wallet.entries.filter(store=view.store)
    page = page_of(entries, view.request.GET, PAGE, key="seq")
    links = reasons_behind(view.store, page)
    lines = [
        {"entry": entry, "why": links.get(entry.source), "at": dated(entry),
         "is_fresh": view.seen_seq is not None and entry.seq > view.seen_seq}
        for entry in page
    ]  # fmt: skip
    return {"page": page, "lines": lines}


def dated(entry: LedgerEntry) -> datetime:
    """A first entry is of the day its cause happened, a correction of the day it was made."""
    return entry.effective_at if entry.revision == 1 else entry.created_at


def reasons_behind(store: Store, entries: Page) -> dict[str, str]:
    """The address of the activity or the redemption that each entry's source names."""
    found: dict[str, list[int]] = {"activity": [], "redemption": []}
    for entry in entries:
        if named := SOURCE.fullmatch(entry.source):
            found[named[1]].append(int(named[2]))
    rows = {"activity": store.activities, "redemption": store.redemptions}
    return {
        f"{what}:{pk}": reverse(DETAILS[what], args=[store.slug, public_id])
        for what, ids in found.items() if ids
        for pk, public_id in rows[what].filter(pk__in=ids).values_list("pk", "public_id")
    }  # fmt: skip


def activity(view: CustomerDetailView) -> dict[str, Any]:
    page = page_of(activities_of(view.store, view.customer), view.request.GET, PAGE)
    return {"page": page, "rows": told(page, view.store, view.request.GET)}


def orders(view: CustomerDetailView) -> dict[str, Any]:
    return {"page": page_of(view.store.orders.filter(customer=view.customer), view.request.GET, PAGE)}


def timeline(view: CustomerDetailView) -> dict[str, Any]:
    events = view.store.events.filter(customer=view.customer).select_related("entry")
    page = page_of(events, view.request.GET, PAGE)
    lines = [(event, attention.item_of(event) if event.topic == Topic.ATTENTION else None) for event in page]
    return {"page": page, "lines": lines}


def rewards(view: CustomerDetailView) -> dict[str, Any]:
    """What they took, and what they could take now or why not."""
    store, customer = view.store, view.customer
    taken = store.redemptions.filter(customer=customer).select_related("reward")
    offers = [
        {"reward": offer.reward, "cost": phrases.cost(offer.reward, store), "gives": phrases.gives(offer.reward, store),
         "is_ok": offer.verdict.is_ok, "why_not": explaining.refusal(offer.verdict, store)}
        for offer in offers_for(store, customer)
    ]  # fmt: skip
    return {"page": page_of(taken, view.request.GET, PAGE), "offers": offers}


TABS: dict[str, Callable[[CustomerDetailView], dict[str, Any]]] = {
    "statement": statement, "activity": activity, "rewards": rewards, "orders": orders, "timeline": timeline,
}  # fmt: skip


class CustomerCreateView(StoreMixin, FormView):
    template_name = "customers/customer_create.html"
    form_class = CustomerForm
    title, purpose = "Add customer", "For someone your shop has not told us of yet."
    unsafe_needs = "can_support"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"store": self.store}

    def form_valid(self, form):
        customer = enrolment.identify(self.store, form.identity)
        enrolment.update_profile(customer, **form.profile())
        audit.made(self.request, customer)
        if form.cleaned_data["joins"]:
            activities.join(self.store, form.identity, source="dashboard")
        messages.success(self.request, f"{customer} is added.")
        return redirect(DETAIL, self.store.slug, customer.public_id)


@require_POST
@store_view(needs="can_support")
def customer_enrol(request: HttpRequest, public_id: str) -> HttpResponse:
    customer = get_object_or_404(request.store.customers, public_id=public_id)
    if customer.state != Customer.State.GUEST:
        messages.warning(request, f"{customer} is {customer.get_state_display().lower()} already.")
        return redirect(DETAIL, request.store.slug, customer.public_id)
    try:
        known_as = Identity.of(customer.external_id, customer.email, customer.phone, customer.card_number)
    except BadIdentity:
        messages.error(request, "Nothing names this person any more, so they cannot join.")
    else:
        activities.join(request.store, known_as, source="dashboard")
        audit.note(request, customer)
        messages.success(request, f"{customer} has joined.")
    return redirect(DETAIL, request.store.slug, customer.public_id)
