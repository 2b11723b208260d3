"""Finding customers, describing them, and moving their points by hand. Their page is `loyalty.customer_views`."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, FormView, TemplateView, UpdateView
from django_htmx.http import HttpResponseClientRedirect

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.numbers import signed
from loyalty.stores.paging import page_of

from . import adjustments, approvals, enrolment
from .forms import AdjustForm, CustomerFilter, ProfileForm, overdraw
from .ledger import InsufficientPoints
from .models import Customer, Event, Wallet
from .search import search

DETAIL = "customers:customer_detail"


class CustomerListView(StoreMixin, TemplateView):
    template_name = "customers/customer_list.html"
    title, purpose = "Customers", "Who takes part, and what they own."

    def get_context_data(self, **kwargs):
        query = CustomerFilter(self.request.GET)
        chosen = query.chosen
        found = search(self.store.customers, chosen.get("q", ""), [self.store])
        if state := chosen.get("state"):
            found = found.filter(state=state)
        wallets = Prefetch("wallets", Wallet.objects.filter(store=self.store, unit="points"))
        page = page_of(found.prefetch_related(wallets), self.request.GET)
        return super().get_context_data(page=page, filter=query, is_narrowed=bool(chosen), **kwargs)


class CustomerMixin(StoreMixin):
    """Pages of one customer; whoever may support may change them."""

    unsafe_needs = "can_support"

    @cached_property
    def customer(self) -> Customer:
        customer = get_object_or_404(self.store.customers.select_related("store"), public_id=self.kwargs["public_id"])
        if self.request.method == "POST":
            refuse_if_erased(customer)
        return audit.about(self.request, customer)

    @cached_property
    def wallet(self) -> Wallet:
        return self.store.wallets.get(customer=self.customer, unit="points")

    def get_context_data(self, **kwargs):
        return super().get_context_data(customer=self.customer, **kwargs)

    def customer_url(self) -> str:
        return self.url(DETAIL, self.customer.public_id)


class CustomerUpdateView(CustomerMixin, UpdateView):
    template_name = "customers/customer_update.html"
    form_class = ProfileForm
    title = "Edit customer"

    def get_object(self, queryset=None):
        # Its own copy: a rejected form must not change the customer that the page's frame shows.
        return self.store.customers.get(pk=self.customer.pk)

    def form_valid(self, form):
        if changed := form.values():
            enrolment.change(self.customer, **changed)
        messages.success(self.request, "Saved." if changed else "Nothing was changed.")
        return redirect(self.customer_url())


class CustomerAdjustView(CustomerMixin, FormView):
    """Asks, then shows what would happen, then does it. A drawer over the customer, or a page of its own."""

    form_class = AdjustForm
    title = "Adjust points"

    def get_template_names(self):
        return ["customers/_adjust.html" if self.request.htmx else "customers/customer_adjust.html"]

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"customer": self.customer, "balance": self.wallet.balance}

    def get_context_data(self, **kwargs):
        return super().get_context_data(wallet=self.wallet, **kwargs)

    def form_valid(self, form):
        if "confirmed" not in self.request.POST:
            is_review = "back" not in self.request.POST
            return self.render_to_response(self.get_context_data(form=form, is_review=is_review))
        wish = form.wish(self.request.user.email)
        try:
            posted = approvals.ask(self.store, wish, is_capped=not self.membership.can_edit)
        except InsufficientPoints as error:  # spent since the form was checked
            form.add_error("points", overdraw(self.customer, error.balance))
            return self.form_invalid(form)
        except adjustments.BadAdjustment as error:
            form.add_error(None, str(error))
            return self.form_invalid(form)
        audit.note(self.request, self.customer, points=[None, form.change], code=[None, wish.code])
        if isinstance(posted, Event):
            messages.warning(self.request, f"{signed(form.change, self.store)} wait until somebody else approves it.")
        else:
            messages.success(self.request, f"{signed(form.change, self.store)} for {self.customer}.")
        return go_to(self.request, self.customer_url())


class EntryDetailView(CustomerMixin, DetailView):
    """A ledger entry that no activity stands behind: who, why, and what followed."""

    context_object_name = "entry"

    def get_template_names(self):
        return ["customers/_entry.html" if self.request.htmx else "customers/entry_detail.html"]

    def get_object(self, queryset=None):
        return get_object_or_404(self.wallet.entries.filter(store=self.store), seq=self.kwargs["seq"])

    def get_context_data(self, **kwargs):
        same = self.wallet.entries.filter(store=self.store, source=self.object.source).order_by("revision")
        worth = sum(entry.points for entry in same)
        may_undo = self.object.kind == "adjust" and worth != 0 and self.membership.can_support
        first, *undone = same if self.object.kind == "adjust" else [None]
        return super().get_context_data(
            undoes=first if first != self.object else None,
            undone_by=undone[0] if undone and first == self.object else None,
            title=self.object.reason or self.object.get_kind_display(), entries=same, wallet=self.wallet,
            approved_by=approvals.approver_of(self.store, self.object), may_undo=may_undo, worth=worth,
            after=self.wallet.balance - worth, **kwargs,
        )  # fmt: skip


@require_POST
@store_view(needs="can_support")
def entry_undo(request: HttpRequest, public_id: str, seq: int) -> HttpResponse:
    store = request.store
    customer = get_object_or_404(store.customers.select_related("store"), public_id=public_id)
    entry = get_object_or_404(store.entries.filter(customer=customer, wallet__unit="points"), seq=seq)
    try:
        opposite = adjustments.undo(store, entry, actor=request.user.email)
    except InsufficientPoints as error:
        messages.error(request, f"Not undone: {overdraw(customer, error.balance)}")
    except adjustments.BadAdjustment as error:
        messages.error(request, str(error))
    else:
        if opposite:
            audit.note(request, customer, points=[None, opposite.points])
        told = f"Undone: {signed(opposite.points, store)}." if opposite else "It was undone before."
        messages.success(request, told)
    return redirect(DETAIL, store.slug, customer.public_id)


@require_POST
@store_view(needs="can_support")
def customer_block(request: HttpRequest, public_id: str) -> HttpResponse:
    customer = audit.about(request, get_object_or_404(request.store.customers, public_id=public_id))
    refuse_if_erased(customer)
    is_blocked = request.POST.get("is_blocked") == "1"
    enrolment.block(customer, is_blocked)
    what = "is blocked: nothing is earned or spent." if is_blocked else "is no longer blocked."
    messages.success(request, f"{customer} {what}")
    return redirect(DETAIL, request.store.slug, customer.public_id)


def refuse_if_erased(customer: Customer) -> None:
    if customer.is_erased:
        raise PermissionDenied("This customer was erased, which cannot be undone.")


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect of the whole page, also from a drawer."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
