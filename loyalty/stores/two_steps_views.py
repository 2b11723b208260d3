"""Two-step sign-in where it is asked for: the page one is led to, and an owner's switch for a store's people."""

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from . import audit
from .mixins import store_view
from .models import StaffMember, Store
from .two_steps import has_two_steps


class TwoStepsView(LoginRequiredMixin, TemplateView):
    """Says who asks for it, and how it is set up. Whoever has it goes where they wanted to."""

    template_name = "account/two_steps.html"

    def get(self, request, *args, **kwargs):
        if has_two_steps(request.user):
            return redirect(get_next_redirect_url(request) or "home")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        user = self.request.user
        asking = [role.store.name for role in user.memberships.filter(store__needs_two_steps=True)]
        if user.is_staff and settings.SUPPORT_NEEDS_TWO_STEPS:
            asking.append("The support admin")
        unconfirmed = EmailAddress.objects.filter(user=user, verified=False)
        return super().get_context_data(asking=asking, unconfirmed=unconfirmed, **kwargs)


@require_POST
@store_view
def two_steps_switch(request: HttpRequest) -> HttpResponse:
    if request.membership.role != StaffMember.Role.OWNER:
        raise PermissionDenied("Only an owner decides how the people of a store sign in.")
    return switched(request, request.POST.get("needs") == "yes")


@reauthentication_required
def switched(request: HttpRequest, needs: bool) -> HttpResponse:
    if needs and not has_two_steps(request.user):
        messages.error(request, "Set it up for yourself first, so that you do not shut yourself out.")
        return redirect("mfa_index")
    audit.about(request, request.store)
    Store.objects.filter(pk=request.store.pk).update(needs_two_steps=needs)
    said = "asks its people for two-step sign-in" if needs else "no longer asks for two-step sign-in"
    messages.success(request, f"{request.store} {said}.")
    return redirect("stores:staff_list", request.store.slug)
