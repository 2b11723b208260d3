"""Whoever must sign in with two steps and does not is led to where it is set up, before anything of the store is shown.

Nobody is locked out by it: the page works with the password alone, and setting it up gives recovery codes.
"""

from collections.abc import Callable
from functools import wraps

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from .models import User

STEPS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]  # recovery codes alone are none


def has_two_steps(user: User | AnonymousUser) -> bool:
    return is_mfa_enabled(user, types=STEPS)


def of_person(user: str = "user") -> Exists:
    """The same, as a column of a list of people."""
    return Exists(Authenticator.objects.filter(user=OuterRef(user), type__in=STEPS))


def demand(request: HttpRequest) -> None:
    """Go on only with two steps."""
    if not has_two_steps(request.user):
        raise ImmediateHttpResponse(lead_to_setting_up(request))


def lead_to_setting_up(request: HttpRequest) -> HttpResponse:
    url = f"{reverse('stores:two_steps')}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}"
    return HttpResponseClientRedirect(url) if getattr(request, "htmx", False) else redirect(url)


def guard(admin_view: Callable) -> Callable:
    """For the support admin's door, through which each of its pages goes. Who may do what is changed there only by
    somebody who said just now that it is them."""

    def guarded(view: Callable, cacheable: bool = False) -> Callable:
        @wraps(view)
        def inside(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if settings.SUPPORT_NEEDS_TWO_STEPS:
                demand(request)
            return reauthentication_required(view, enabled=changes_access)(request, *args, **kwargs)

        return admin_view(inside, cacheable)

    return guarded


def changes_access(request: HttpRequest) -> bool:
    """Whether the support admin is asked to change people, their roles, addresses or keys."""
    admin = reverse("admin:index")
    return request.method == "POST" and request.path.startswith((f"{admin}stores/", f"{admin}account/"))
