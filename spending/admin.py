"""Rewards, redemptions and codes in the support admin: read, and a redemption cancelled or reissued with a reason."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from customers.search import search
from loyalty.stores.admin import STATE_TONES, StoreRowAdmin
from loyalty.stores.numbers import money, points

from . import explaining, outcomes, phrases, redemptions
from .forms import ReasonForm
from .models import CouponCode, Redemption, Reward, code_key

TONES = STATE_TONES | {"issued": "info", "used": "success", "free": "success", "cancelled": "danger"}


class SupportReasonForm(ReasonForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget = UnfoldAdminTextInputWidget()


@admin.register(Redemption)
class RedemptionAdmin(StoreRowAdmin):
    list_display = ["issued_at", "customer", "reward", "code", "shown_state", "cost", "order_external_id", "of_store"]
    list_select_related = ["store", "customer", "reward"]
    list_filter = ["state"]
    search_fields = ["code"]  # shows the box; get_search_results looks further
    search_help_text = "A code as a whole, or the beginning of a customer's e-mail address or name"
    fieldsets = [
        (None, {"fields": ["of_store", "customer", "reward", "reward_version", "code", "state", "cost", "why"]}),
        ("Taken", {"fields": ["issued_at", "source", "actor", "identity", "expires_at"]}),
        ("Used", {"fields": ["used_at", "order_external_id", "total", "discount"]}),
        ("Cancelled", {"fields": ["cancelled_at", "cancelled_by", "cancel_reason", "replaced_by"]}),
        ("As data", {"classes": ["collapse"], "fields": ["decision", "details"]}),
    ]
    actions_detail = ["cancel_redemption", "reissue_redemption"]

    def get_search_results(self, request, queryset, search_term):
        text = search_term.strip()
        if not text:
            return queryset, False
        found = search(self.customers(request), text, request.user.supported_stores).values_list("pk", flat=True)[:50]
        return queryset.filter(Q(customer_id__in=list(found)) | Q(code_key=code_key(text)) & ~Q(code="")), False

    def customers(self, request):
        model = Redemption._meta.get_field("customer").related_model
        return model.objects.filter(store__in=request.user.supported_stores)

    # --- Cancelling and reissuing -----------------------------------------------------------------

    def has_support_permission(self, request, object_id=None):
        """Whoever may support the store of the redemption, and superusers."""
        redemption = self.get_object(request, object_id) if object_id else None
        if redemption is None or request.user.is_superuser:
            return True  # the page itself says that there is no such redemption
        return any(role.can_support for role in request.user.staff_memberships.filter(store=redemption.store_id))

    @action(description="Cancel redemption", url_path="cancel", permissions=["support"], icon="undo")
    def cancel_redemption(self, request, object_id):
        return self.ask(request, object_id, "Cancel and give the points back", cancelled)

    @action(description="Reissue code", url_path="reissue", permissions=["support"], icon="autorenew")
    def reissue_redemption(self, request, object_id):
        return self.ask(request, object_id, "Reissue the code", reissued)

    def ask(self, request: HttpRequest, object_id: str, title: str, verb: Callable[..., str]) -> HttpResponse:
        """Ask for a reason, then do it."""
        redemption = self.get_object(request, object_id)
        if redemption is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = SupportReasonForm(request.POST or None)
        if form.is_valid():
            try:
                told = verb(redemption, form.cleaned_data["reason"], request.user.email)
            except (outcomes.CannotCancel, redemptions.Refused) as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, redemption, told)
                self.message_user(request, told, messages.SUCCESS)
                return redirect("admin:spending_redemption_change", redemption.pk)
        context = self.admin_site.each_context(request) | {
            "title": title, "redemption": redemption, "store": redemption.store, "form": form, "opts": self.opts,
            "consequence": consequence(redemption, verb),
        }  # fmt: skip
        return TemplateResponse(request, "spending/admin_reason.html", context)

    # --- Columns ----------------------------------------------------------------------------------

    @display(description="State", label=TONES)
    def shown_state(self, redemption):
        return redemption.state, redemption.get_state_display()

    @admin.display(description="Cost")
    def cost(self, redemption):
        return points(redemption.points, redemption.store)

    @admin.display(description="Why it was allowed")
    def why(self, redemption):
        sentences = explaining.explain(redemption.decision, redemption.store)
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in sentences))

    @admin.display(description="Order total")
    def total(self, redemption):
        return money(redemption.order_total, redemption.store.currency)

    @admin.display(description="Discount")
    def discount(self, redemption):
        return money(redemption.order_discount, redemption.store.currency)


def consequence(redemption: Redemption, verb: Callable[..., str]) -> str:
    cost = points(redemption.points, redemption.store)
    if verb is cancelled:
        return f"{cost} go back to {redemption.customer}. The code is void for ever here; the shop may still know it."
    return f"{redemption.customer} gets another code for the same points. The code they have is void for ever."


def cancelled(redemption: Redemption, reason: str, actor: str) -> str:
    if not outcomes.cancel(redemption.store, redemption, reason=reason, actor=actor):
        return "It was cancelled before."
    return f"Cancelled: {points(redemption.points, redemption.store)} went back to {redemption.customer}."


def reissued(redemption: Redemption, reason: str, actor: str) -> str:
    new = redemptions.reissue(redemption.store, redemption, reason=reason, actor=actor)
    return f"{redemption.customer} has the code {new.code} now."


@admin.register(Reward)
class RewardAdmin(StoreRowAdmin):
    list_display = ["name", "gives", "cost", "limit", "is_enabled", "version", "of_store"]
    list_filter = ["kind", "is_enabled"]
    search_fields = ["name"]
    fields = [
        "of_store", "kind", "name", "text", "sentence", "gives", "cost", "codes", "good_for", "limit", "who",
        "dates", "is_enabled", "settings", "version", "created_at", "updated_at",
    ]  # fmt: skip

    @admin.display(description="In one sentence")
    def sentence(self, reward):
        return phrases.sentence(reward, reward.store)

    @admin.display(description="Gives")
    def gives(self, reward):
        return phrases.gives(reward, reward.store)

    @admin.display(description="Costs")
    def cost(self, reward):
        return phrases.cost(reward, reward.store)

    @admin.display(description="Codes")
    def codes(self, reward):
        return phrases.codes(reward, reward.store)

    @admin.display(description="A code is good for")
    def good_for(self, reward):
        return phrases.validity(reward, reward.store)

    @admin.display(description="Limit")
    def limit(self, reward):
        return phrases.limit(reward, reward.store)

    @admin.display(description="For")
    def who(self, reward):
        return phrases.who(reward, reward.store)

    @admin.display(description="On offer")
    def dates(self, reward):
        return phrases.dates(reward, reward.store)


@admin.register(CouponCode)
class CouponCodeAdmin(StoreRowAdmin):
    list_display = ["code", "shown_state", "pool", "expires_on", "of_store"]
    list_select_related = ["store", "pool"]
    list_filter = ["state"]
    search_fields = ["code"]
    search_help_text = "A code as a whole"
    fields = ["of_store", "code", "state", "pool", "coupon_import", "value", "expires_on", "created_at", "taken_by"]

    def get_search_results(self, request, queryset, search_term):
        text = search_term.strip()
        return (queryset.filter(code_key=code_key(text)) if text else queryset), False

    @display(description="State", label=TONES)
    def shown_state(self, code):
        return code.state, code.get_state_display()

    @admin.display(description="Redemption")
    def taken_by(self, code):
        redemption = Redemption.objects.filter(store=code.store_id, coupon=code).select_related("customer").first()
        return f"{redemption.customer}, {redemption.get_state_display().lower()}" if redemption else "–"
