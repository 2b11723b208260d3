"""What the support admin does over all apps: erasing a customer."""

from allauth.account.decorators import reauthentication_required
from django.contrib import admin, messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from customers.models import Customer
from earning.admin import CustomerWithActivitiesAdmin
from loyalty.stores import audit

from . import erasing
from .erasing_views import EraseForm

admin.site.unregister(Customer)


class SupportEraseForm(EraseForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget = UnfoldAdminSelectWidget(choices=self.fields["reason"].choices)
        self.fields["word"].widget = UnfoldAdminTextInputWidget()


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
