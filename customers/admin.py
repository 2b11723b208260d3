"""Customers and their ledger in the support admin: looked at, and adjusted with a reason; never edited."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.stores import audit
from loyalty.stores.admin import STATE_TONES, StoreRowAdmin
from loyalty.stores.numbers import money, number, points, signed

from . import approvals
from .adjustments import BadAdjustment
from .forms import AdjustForm, overdraw
from .ledger import InsufficientPoints
from .models import Customer, Event, LedgerEntry, Wallet
from .search import search

SHOWN = 25  # the newest lines that a customer's page shows


def list_of(model: type, **narrowed: object) -> str:
    """The address of a model's list in the admin, narrowed to the given values."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return f"{reverse(name)}?{urlencode({f'{field}__id__exact': value for field, value in narrowed.items()})}"


def link_to(row: Any, text: object) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    href = reverse(name, args=[row.pk])
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', href, text)


class SupportAdjustForm(AdjustForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["direction"].widget = UnfoldAdminRadioSelectWidget(choices=self.fields["direction"].choices)
        self.fields["points"].widget = UnfoldAdminDecimalFieldWidget()
        self.fields["reason"].widget = UnfoldAdminTextInputWidget()
        self.fields["code"].widget = UnfoldAdminSelectWidget(choices=self.fields["code"].choices)


@admin.register(Customer)
class CustomerAdmin(StoreRowAdmin):
    list_display = ["who", "email", "external_id", "shown_state", "balance", "of_store", "created_at"]
    list_filter = ["state"]
    search_fields = ["email"]  # shows the box; get_search_results looks further
    search_help_text = "The beginning of an e-mail address, a name or a shop's id"
    fieldsets = [
        (None, {"fields": ["of_store", "state", "balance", "pending", "totals"]}),
        ("Person", {"fields": ["who", "email", "external_id", "known_as", "phone", "card_number", "birthday", "tags"]}),
        ("History", {"fields": ["created_at", "enrolled_at", "first_order_at", "orders_count", "spent"]}),
    ]
    change_form_outer_after_template = "customers/admin_sections.html"
    actions_detail = ["adjust_points"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related(Prefetch("wallets", Wallet.objects.filter(unit="points")))

    def get_search_results(self, request, queryset, search_term):
        return search(queryset, search_term, request.user.supported_stores), False

    def change_view(self, request, object_id, form_url="", extra_context=None):
        customer = self.get_object(request, object_id)
        sections = self.sections(customer) if customer else []
        return super().change_view(request, object_id, form_url, (extra_context or {}) | {"sections": sections})

    def sections(self, customer: Customer) -> list[dict[str, Any]]:
        """Tables below the facts. An app above this one adds its own."""
        wallet, store = wallet_of(customer), customer.store
        rows = [
            [
                link_to(entry, f"{store.local(entry.created_at):%-d %b %Y, %H:%M}"), entry.get_kind_display(),
                entry.reason, signed(entry.points, store), signed(entry.pending, store) if entry.pending else "",
                number(entry.balance_after, store), entry.actor,
            ]
            for entry in wallet.entries.filter(store=store).order_by("-seq")[:SHOWN]
        ]  # fmt: skip
        headers = ["When", "Kind", "Reason", "Moved", "Pending", "Balance after", "By"]
        href = list_of(LedgerEntry, store=store.pk, wallet=wallet.pk)
        return [{"title": "Newest ledger entries", "table": {"headers": headers, "rows": rows}, "href": href}]

    # --- Adjusting ------------------------------------------------------------------------------

    def has_adjust_permission(self, request, object_id=None):
        """Whoever may support the customer's store, and superusers."""
        customer = self.get_object(request, object_id) if object_id else None
        if customer is None or request.user.is_superuser:
            return True  # the page itself says that there is no such customer
        return any(role.can_support for role in request.user.staff_memberships.filter(store=customer.store_id))

    @action(description="Adjust points", url_path="adjust", permissions=["adjust"], icon="exposure")
    def adjust_points(self, request, object_id):
        customer = self.get_object(request, object_id)
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        wallet = wallet_of(customer)
        form = SupportAdjustForm(request.POST or None, customer=customer, balance=wallet.balance)
        if form.is_valid() and self.adjusted(request, customer, form):
            return redirect("admin:customers_customer_change", customer.pk)
        context = self.admin_site.each_context(request)
        context |= {"title": "Adjust points", "customer": customer, "wallet": wallet, "form": form, "opts": self.opts}
        return TemplateResponse(request, "customers/admin_adjust.html", context)

    def adjusted(self, request, customer: Customer, form: AdjustForm) -> bool:
        wish, roles = form.wish(request.user.email), request.user.staff_memberships.filter(store=customer.store_id)
        try:
            posted = approvals.ask(customer.store, wish, is_capped=not any(role.can_edit for role in roles))
        except InsufficientPoints as error:  # spent since the form was checked
            form.add_error("points", overdraw(customer, error.balance))
            return False
        except BadAdjustment as error:
            form.add_error(None, str(error))
            return False
        audit.note(request, customer, points=[None, form.change], code=[None, wish.code])
        told = f"{signed(form.change, customer.store)}: {wish.reason}"
        if isinstance(posted, Event):
            told += " (waits until somebody of the store approves it)"
        self.log_change(request, customer, told)
        self.message_user(request, told, messages.SUCCESS)
        return True

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="Customer")
    def who(self, customer):
        return str(customer)

    @display(description="State", label=STATE_TONES)
    def shown_state(self, customer):
        return customer.state, customer.get_state_display()

    @admin.display(description="Balance")
    def balance(self, customer):
        return points(wallet_of(customer).balance, customer.store)

    @admin.display(description="Pending, not part of the balance")
    def pending(self, customer):
        return points(wallet_of(customer).pending, customer.store)

    @admin.display(description="Earned / spent / expired")
    def totals(self, customer):
        wallet = wallet_of(customer)
        return " / ".join(number(total, customer.store) for total in (wallet.earned, wallet.spent, wallet.expired))

    @admin.display(description="Orders total")
    def spent(self, customer):
        return money(customer.orders_total, customer.store.currency)

    @admin.display(description="Also known as")
    def known_as(self, customer):
        linked = customer.aliases.filter(store=customer.store_id)[:10]
        return ", ".join(alias.external_id for alias in linked) or "–"


def wallet_of(customer: Customer) -> Wallet:
    return customer.wallets.all()[0]  # prefetched


@admin.register(LedgerEntry)
class LedgerEntryAdmin(StoreRowAdmin):
    """A statement, reached from its customer. The ledger has no page that changes it."""

    list_display = ["created_at", "customer", "kind", "moved", "waits", "after", "reason", "actor"]
    list_select_related = ["store", "customer"]
    list_filter = ["kind"]
    fields = [
        "of_store", "customer", "seq", "kind", "code", "moved", "waits", "after", "source", "revision", "reason",
        "actor", "effective_at", "created_at", "expires_at",
    ]  # fmt: skip

    @admin.display(description="Moved")
    def moved(self, entry):
        return signed(entry.points, entry.store)

    @admin.display(description="Pending")
    def waits(self, entry):
        return signed(entry.pending, entry.store) if entry.pending else "–"

    @admin.display(description="Balance after")
    def after(self, entry):
        return number(entry.balance_after, entry.store)
