"""What people change about their own signing in, written down in the transaction that changes it."""

from collections.abc import Callable
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.webauthn.views import EditWebAuthnView
from allauth.usersessions.views import ListUserSessionsView
from django.dispatch import Signal
from django.http import HttpRequest

from loyalty.stores import audit
from loyalty.stores.models import User

SIGNALS: dict[str, Signal] = {
    "account:password_changed": account.password_changed,
    "account:password_set": account.password_set,
    "account:password_reset": account.password_reset,
    "account:email_added": account.email_added,
    "account:email_confirmed": account.email_confirmed,
    "account:email_changed": account.email_changed,
    "account:email_removed": account.email_removed,
    "account:two_steps_added": mfa.authenticator_added,
    "account:two_steps_removed": mfa.authenticator_removed,
    "account:two_steps_reset": mfa.authenticator_reset,
}


def noting(action: str) -> Callable[..., None]:
    def note(request: HttpRequest, user: User, **told: Any) -> None:
        authenticator = told.get("authenticator")
        audit.of_account(request, user, action, kind=authenticator.get_type_display() if authenticator else "")

    return note


def connect() -> None:
    for action, signal in SIGNALS.items():
        signal.connect(noting(action), weak=False, dispatch_uid=action)


class SessionsView(ListUserSessionsView):
    """Allauth's own, which tells nobody."""

    def form_valid(self, form: Any) -> Any:
        audit.of_account(self.request, self.request.user, "account:sessions_ended")
        return super().form_valid(form)


class RenamePasskeyView(EditWebAuthnView):
    """Allauth's own, which tells nobody either."""

    def form_valid(self, form: Any) -> Any:
        audit.of_account(self.request, self.request.user, "account:passkey_renamed", kind=form.cleaned_data["name"])
        return super().form_valid(form)
