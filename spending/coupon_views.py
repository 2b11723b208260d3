"""Lists of codes, as the people of a store see and manage them. Their imports are in import_views."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.decorators.http import require_GET
from django.views.generic import CreateView, TemplateView, UpdateView

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, refusal, store_view
from loyalty.stores.paging import page_of

from . import coupon_downloads, coupon_stock
from .coupon_forms import PoolForm
from .models import CodePool, CouponCode, code_key

TABS = {"available": "Available", "all": "All", "imports": "Imports"}


class PoolListView(StoreMixin, TemplateView):
    template_name = "spending/pool_list.html"
    title, purpose = "Codes", "Lists of codes that you uploaded. Rewards hand out the oldest free one."

    def get_context_data(self, **kwargs):
        page = page_of(self.store.code_pools.prefetch_related("rewards"), self.request.GET)
        rows = [{"pool": pool, "counts": coupon_stock.counts_of(self.store, pool)} for pool in page]
        return super().get_context_data(page=page, rows=rows, **kwargs)


class PoolDetailView(StoreMixin, TemplateView):
    template_name = "spending/pool_detail.html"

    @cached_property
    def pool(self) -> CodePool:
        pools = self.store.code_pools.select_related("fallback")
        return get_object_or_404(pools, public_id=self.kwargs["public_id"])

    @property
    def title(self) -> str:
        return self.pool.name

    def get_context_data(self, **kwargs):
        tab = self.request.GET.get("tab")
        tab = tab if tab in TABS else "available"
        rows = self.imports() if tab == "imports" else self.codes(tab)
        counts = coupon_stock.counts_of(self.store, self.pool)
        return super().get_context_data(
            pool=self.pool, tab=tab, tabs=TABS, page=page_of(rows, self.request.GET), counts=counts,
            q=self.request.GET.get("q", ""), rewards=self.store.rewards.filter(pool=self.pool), **kwargs,
        )  # fmt: skip

    def codes(self, tab: str) -> QuerySet[CouponCode]:
        codes = self.store.coupon_codes.filter(pool=self.pool)
        if tab == "available":
            return codes.filter(state=CouponCode.State.FREE)
        wanted = self.request.GET.get("q", "").strip()
        return codes.filter(code_key=code_key(wanted)) if wanted else codes

    def imports(self) -> QuerySet:
        return self.store.coupon_imports.filter(pool=self.pool)


class PoolFormView(StoreMixin):
    """What adding and changing a list share."""

    form_class = PoolForm
    template_name = "spending/pool_form.html"

    def get_queryset(self):
        return self.store.code_pools.all()

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"store": self.store}

    def get_success_url(self) -> str:
        return self.url("spending:pool_detail", self.object.public_id)


class PoolCreateView(PoolFormView, CreateView):
    title, purpose = "Add list", "Codes in one list are worth the same, so that a reward can take any of them."

    def form_valid(self, form):
        form.instance.store = self.store
        self.object = audit.made(self.request, form.save())
        messages.success(self.request, f"“{self.object}” is there. Import its codes next.")
        return super().form_valid(form)

    def get_success_url(self):
        return self.url("spending:import_create", self.object.public_id)


class PoolUpdateView(PoolFormView, UpdateView):
    slug_field, slug_url_kwarg = "public_id", "public_id"

    def get_object(self, queryset=None):
        return audit.about(self.request, super().get_object(queryset))

    @property
    def title(self) -> str:
        return f"Settings of “{self.object}”"

    def form_valid(self, form):
        messages.success(self.request, "Saved.")
        return super().form_valid(form)


@require_GET
@store_view
def pool_export(request: HttpRequest, public_id: str) -> HttpResponseBase:
    pool = get_object_or_404(request.store.code_pools, public_id=public_id)
    if not request.membership.can_edit:
        raise PermissionDenied(refusal(request.membership, "can_edit"))
    return exported(request, pool)


@reauthentication_required
def exported(request: HttpRequest, pool: CodePool) -> HttpResponseBase:
    """Codes are worth money, so it asks for the password again if that was some time ago."""
    audit.note(request, pool)
    return coupon_downloads.codes(request.store, pool)
