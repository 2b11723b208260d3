"""What the support admin does over all apps: erasing a customer, and reading who changed what."""

from allauth.account.decorators import reauthentication_required
from django.contrib import admin, messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from customers.models import Customer
from earning.admin import CustomerWithActivitiesAdmin
from loyalty.stores import audit
from loyalty.stores.admin import ReadOnlyAdmin, StoreRowAdmin
from loyalty.stores.models import AccountRecord, AuditRecord

from . import audit_phrases, erasing
from .erasing_views import EraseForm

admin.site.unregister(Customer)


class SupportEraseForm(EraseForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget = UnfoldAdminSelectWidget(choices=self.fields["reason"].choices)
        self.fields["word"].widget = UnfoldAdminTextInputWidget()


@admin.register(AuditRecord)
class AuditRecordAdmin(StoreRowAdmin):
    """Who changed what in the stores that the person may support."""

    list_display = ["created_at", "actor", "what", "reason", "of_store"]
    list_filter = ["object_type"]
    fields = [
        "of_store", "created_at", "actor", "view_as", "what", "object_type", "object_id", "reason", "changes",
        "address", "request_id",
    ]  # fmt: skip

    @admin.display(description="What")
    def what(self, record):
        return audit_phrases.sentence(record)


@admin.register(AccountRecord)
class AccountRecordAdmin(ReadOnlyAdmin):
    """What was done to accounts: of no store, so for superusers."""

    list_display = ["created_at", "actor", "what", "address"]
    fields = [
        "created_at",
        "actor",
        "what",
        "object_type",
        "object_id",
        "object_name",
        "changes",
        "address",
        "request_id",
    ]
    ordering = ["-id"]
    paginator = InfinitePaginator
    show_full_result_count = False

    def has_view_permission(self, request, obj=None):
        return request.user.is_superuser

    has_module_permission = has_view_permission

    @admin.display(description="What")
    def what(self, record):
        return audit_phrases.sentence(record)


@admin.register(Customer)
class ErasableCustomerAdmin(CustomerWithActivitiesAdmin):
    actions_detail = [*CustomerWithActivitiesAdmin.actions_detail, "erase_customer"]

    def has_erase_permission(self, request, object_id=None):
        """Owners and managers of the customer's store, and superusers."""
        customer = self.get_object(request, object_id) if object_id else None
        if customer is None or request.user.is_superuser:
            return True  # the page itself says that there is no such customer
        return any(role.can_edit for role in request.user.staff_memberships.filter(store=customer.store_id))

    @action(description="Erase", url_path="erase", permissions=["erase"], icon="person_off")
    def erase_customer(self, request, object_id):
        customer = self.get_object(request, object_id)
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = SupportEraseForm(request.POST or None)
        if form.is_valid():
            return self.erased(request, customer, form.cleaned_data["reason"])
        context = self.admin_site.each_context(request)
        context |= {"title": "Erase customer", "customer": customer, "form": form, "opts": self.opts}
        return TemplateResponse(request, "customers/admin_erase.html", context)

    def erased(self, request, customer: Customer, reason: str):
        @reauthentication_required
        def erase(request):
            if erasing.erase(customer, reason, actor=request.user.email):
                audit.note(request, customer, str(erasing.Reason(reason).label))

        erase(request)
        customer.refresh_from_db()
        self.log_change(request, customer, f"Erased: {erasing.Reason(reason).label}")
        self.message_user(request, "The customer is erased. What stays names nobody.", messages.SUCCESS)
        return redirect("admin:customers_customer_change", customer.pk)
