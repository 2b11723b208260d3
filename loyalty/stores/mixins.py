"""The door to a store's pages: whose store is it, and may this person change it?

A stranger gets 404. Looking needs any role; changing needs `can_edit`, or `can_support` where a view says so.
Support looks as an owner, see visits.py. Whatever a page changes is written down as it ends, see audit.py.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from . import audit, two_steps, visits
from .models import StaffMember
from .tenancy import act_for

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
WHO_MAY = {"can_edit": "owners and managers", "can_support": "owners, managers and support"}


def enter(request: HttpRequest, slug: str, needs: str = "can_edit") -> StaffMember:
    """Find the store through the person's own membership and act for it until the request ends."""
    audit.begin(request)
    # All of them, for the page's list of stores: once a store is named, those of others are not seen.
    memberships = list(request.user.memberships.order_by("store__name"))
    membership = next((one for one in memberships if one.store.slug == slug), None)
    visit = visits.current(request)
    request.visit = visit if visit and visit.store.slug == slug else None
    if request.visit:
        visits.change_nothing(request)
        membership = request.visit.membership(request.user)
    if membership is None:
        raise Http404
    if membership.store.needs_two_steps:
        two_steps.demand(request)
    if request.method not in SAFE_METHODS and not getattr(membership, needs):
        raise PermissionDenied(refusal(membership, needs))
    act_for(membership.store_id)
    request.store, request.membership, request.memberships = membership.store, membership, memberships
    if request.visit is None and request.session.get("last_store") != slug:
        request.session["last_store"] = slug
    return membership


def leave(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """What every page of a store ends with."""
    if request.visit:
        visits.refuse_files(response)
    audit.finish(request, request.store)
    return rendered(response)


def refusal(membership: StaffMember, needs: str) -> str:
    owners = membership.store.staff.filter(role=StaffMember.Role.OWNER).select_related("user")
    ask = ", ".join(owner.user.email for owner in owners[:3])
    return (
        f"Your role in {membership.store} is {membership.get_role_display().lower()}. "
        f"Only {WHO_MAY[needs]} may do this. You can ask {ask}."
    )


def sign_in_first(request: HttpRequest) -> HttpResponse:
    answer = redirect_to_login(request.get_full_path())
    # An htmx request would put the sign-in page into the middle of this one.
    return HttpResponseClientRedirect(answer.url) if request.htmx else answer


def rendered(response: HttpResponse) -> HttpResponse:
    """Render now: Django would render after the transaction that may read the store has ended."""
    return response.render() if isinstance(response, TemplateResponse) and not response.is_rendered else response


class StoreMixin:
    """For class-based pages of a store; goes left of the generic view."""

    unsafe_needs = "can_edit"
    title = ""
    purpose = ""  # one line below the title

    def dispatch(self, request, *args, **kwargs):
        if not request.user.is_authenticated:
            return sign_in_first(request)
        # Taken out, so that a detail view does not look for an object by the store's slug.
        slug = self.kwargs.pop("slug")
        kwargs.pop("slug")
        self.membership = enter(request, slug, self.unsafe_needs)
        self.store = self.membership.store
        with timezone.override(self.store.tz):  # forms and dates speak the store's time
            return leave(request, super().dispatch(request, *args, **kwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = {"store": self.store, "membership": self.membership, "title": self.title, "purpose": self.purpose}
        return super().get_context_data(**(base | kwargs))

    def url(self, name: str, *args: Any) -> str:
        return reverse(name, args=[self.store.slug, *args])


def store_view(view: Callable | None = None, *, needs: str = "can_edit") -> Callable:
    """The same for a function: `view(request, ...)` with `request.store` and `request.membership`."""
    if view is None:
        return partial(store_view, needs=needs)

    @wraps(view)
    def wrapped(request, slug, *args, **kwargs):
        if not request.user.is_authenticated:
            return sign_in_first(request)
        store = enter(request, slug, needs).store
        with timezone.override(store.tz):
            return leave(request, view(request, *args, **kwargs))

    return wrapped
