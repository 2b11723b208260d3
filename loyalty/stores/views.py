"""Choosing a store, its settings, its API keys, its people."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django.views.generic import FormView, ListView, UpdateView

from . import audit, two_steps
from .forms import ApiKeyForm, StaffForm, StoreCreateForm, StoreForm
from .mixins import StoreMixin, store_view
from .models import ApiKey, StaffMember
from .tenancy import acting_for


class StoreListView(LoginRequiredMixin, ListView):
    template_name = "stores/store_list.html"
    context_object_name = "memberships"

    def get_queryset(self):
        return self.request.user.memberships.order_by("store__name")


class StoreCreateView(LoginRequiredMixin, FormView):
    template_name = "stores/store_create.html"
    form_class = StoreCreateForm

    def form_valid(self, form):
        store = form.open_for(self.request.user)
        with acting_for(store.pk):
            audit.made(self.request, store)
            audit.finish(self.request, store)
        messages.success(self.request, f"{store} is open.")
        return redirect("overview", store.slug)


class StoreUpdateView(StoreMixin, UpdateView):
    template_name = "stores/store_update.html"
    form_class = StoreForm
    title, purpose = "Settings", "What your programme is called and how it counts."

    def get_object(self, queryset=None):
        # Its own copy: a rejected form must not change the store that the page's frame shows.
        return audit.about(self.request, type(self.store).objects.get(pk=self.store.pk))

    def form_valid(self, form):
        form.instance.save(update_fields=form.changed_data)
        messages.success(self.request, "Settings saved.")
        return redirect("stores:store_update", self.store.slug)


@method_decorator(reauthentication_required, name="post")
class KeyListView(StoreMixin, FormView):
    template_name = "stores/key_list.html"
    form_class = ApiKeyForm
    title, purpose = "API keys", "Your shop's own programs use a key to send facts and read balances."

    def get_context_data(self, **kwargs):
        keys = self.store.api_keys.select_related("created_by").order_by("revoked_at", "-created_at")
        return super().get_context_data(keys=keys, **kwargs)

    def form_valid(self, form):
        chosen = form.cleaned_data
        key, clear = ApiKey.issue(self.store, chosen["name"], chosen["scopes"], self.request.user)
        audit.made(self.request, key)
        # Shown by this answer and never again, so no redirect and nothing kept.
        response = self.render_to_response(self.get_context_data(form=self.form_class(), new_key=key, clear=clear))
        response["Cache-Control"] = "no-store"
        return response


@require_POST
@store_view
def key_revoke(request, pk):
    key = audit.about(request, get_object_or_404(request.store.api_keys, pk=pk))
    request.store.api_keys.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    messages.success(request, f"“{key.name}” is revoked. Calls with it are refused from now on.")
    return redirect("stores:key_list", request.store.slug)


@method_decorator(reauthentication_required, name="post")
class StaffListView(StoreMixin, FormView):
    template_name = "stores/staff_list.html"
    form_class = StaffForm
    title, purpose = "People", "Who may see this store, and what they may change."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"membership": self.membership}

    def get_context_data(self, **kwargs):
        staff = self.store.staff.select_related("user").order_by("created_at")
        return super().get_context_data(staff=staff.annotate(has_two_steps=two_steps.of_person()), **kwargs)

    def form_valid(self, form):
        member = audit.made(self.request, form.save())
        messages.success(self.request, f"{member.user} is now {member.get_role_display().lower()}.")
        return redirect("stores:staff_list", self.store.slug)


@require_POST
@store_view
@reauthentication_required
def staff_remove(request, pk):
    store, owner = request.store, StaffMember.Role.OWNER
    staff = {member.pk: member for member in store.staff.select_for_update(of=["self"]).select_related("user")}
    if pk not in staff:
        raise Http404
    member = audit.about(request, staff.pop(pk))
    if member.role == owner and request.membership.role != owner:
        raise PermissionDenied("Only an owner may remove an owner.")
    if member.role == owner and not any(other.role == owner for other in staff.values()):
        messages.error(request, "A store needs an owner. Make someone else owner first.")
    else:
        member.delete()
        messages.success(request, f"{member.user} no longer has access.")
    return redirect("home" if member.user == request.user else reverse("stores:staff_list", args=[store.slug]))
