"""Exporting and erasing a customer from their page. Both ask for the password again."""

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST
from django.views.generic import FormView
from rest_framework.renderers import JSONRenderer

from customers.models import Customer
from customers.views import DETAIL, CustomerMixin
from loyalty.stores import audit
from loyalty.stores.mixins import refusal, store_view

from . import erasing

WORD = "erase"


class EraseForm(forms.Form):
    """Why, and the word that says it is meant."""

    reason = forms.ChoiceField(choices=erasing.Reason, help_text="Kept for ever beside who did it.")
    word = forms.CharField(label=f"Type “{WORD}” to confirm", max_length=20, widget=forms.TextInput)

    def clean_word(self) -> str:
        if self.cleaned_data["word"].strip().lower() != WORD:
            raise forms.ValidationError(f"Type “{WORD}”. Nothing was erased.")
        return WORD


@require_POST
@store_view
def customer_export(request: HttpRequest, public_id: str) -> HttpResponse:
    customer = get_object_or_404(request.store.customers.select_related("store"), public_id=public_id)
    return exported(request, customer)


@reauthentication_required
def exported(request: HttpRequest, customer: Customer) -> HttpResponse:
    audit.note(request, customer)
    content = JSONRenderer().render(erasing.export(customer), "application/json; indent=2")
    name = f"customer-{customer.public_id}.json"
    return HttpResponse(content, "application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'})


class CustomerEraseView(CustomerMixin, FormView):
    """Names what will be gone and what stays, then asks for the word."""

    template_name = "customers/customer_erase.html"
    form_class = EraseForm
    title = "Erase customer"
    unsafe_needs = "can_edit"

    def get(self, request, *args, **kwargs):
        if not self.membership.can_edit:
            raise PermissionDenied(refusal(self.membership, "can_edit"))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(wallet=self.wallet, word=WORD, **kwargs)

    def form_valid(self, form):
        return erased(self.request, self.customer, form.cleaned_data["reason"])


@reauthentication_required
def erased(request: HttpRequest, customer: Customer, reason: str) -> HttpResponse:
    if erasing.erase(customer, reason, actor=request.user.email):
        audit.note(request, customer, str(erasing.Reason(reason).label))
    messages.success(request, "The customer is erased. What stays names nobody.")
    return redirect(DETAIL, request.store.slug, customer.public_id)
