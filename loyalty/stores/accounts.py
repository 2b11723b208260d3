"""Signing in and the account's own pages, in the words of the rest of the product."""

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    record_authentication,
)
from allauth.account.utils import filter_users_by_email
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as passkey_forms
from django.forms import Field
from django.http import HttpRequest, HttpResponse

from . import guessing, known_browsers, secrets
from .models import User
from .proxies import client_address

LABELS = {
    "email": "E-mail",
    "login": "E-mail",
    "password": "Password",
    "oldpassword": "Present password",
    "password1": "New password",
    "password2": "New password again",
    "code": "Code",
    "name": "Name",
}
PASSWORD_RULE = "At least 10 characters."  # noqa: S105


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is wrong. Check both and try again.",
    }

    def get_reauthentication_methods(self, user: User) -> list[dict]:
        words = {"mfa_reauthenticate": "Use a code", "mfa_reauthenticate:webauthn": "Use a passkey"}
        found = super().get_reauthentication_methods(user)
        return [way | {"description": words.get(way["id"], "Use your password")} for way in found]

    def get_client_ip(self, request: HttpRequest) -> str:
        """By which requests for mails and the like are counted."""
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials) -> User | None:
        """Looks at a password, at the pace that guessing allows. A right one is not counted."""
        guesses = known_browsers.guesses_at(request, account_of(credentials.get("email", "")))
        guessing.take(*guesses)
        user = super().authenticate(request, **credentials)
        if user:
            guessing.give_back(*guesses)
        return user

    def post_login(self, request: HttpRequest, user: User, **kwargs) -> HttpResponse:
        """Whoever signs in now need not say a moment later that it is them."""
        response = super().post_login(request, user, **kwargs)
        if kwargs["signup"]:
            record_authentication(request, user, method="password")
        records = get_authentication_records(request, user)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [{**one, "reauthenticated": True} for one in records]
        known_browsers.remember(request, response, name_of(user))
        return response


def account_of(email: str) -> str:
    """Whose account the address is; of nobody's, the address. Both are then treated alike."""
    users = filter_users_by_email(email, prefer_verified=True)
    return min(map(name_of, users)) if users else f"nobody {email.lower()}"


def name_of(user: User) -> str:
    return f"user {user.pk}"


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "unverified_email": "Confirm your e-mail address first, then turn on two-step sign-in.",
        "incorrect_code": "That is not right, or it took too long. Try again.",
    }

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def encrypt(self, text: str) -> str:
        return secrets.encrypt_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.decrypt_text(encrypted_text)


class PlainFields:
    """Labels in our words, and no placeholder that repeats them."""

    fields: dict[str, Field]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name in LABELS:
                field.label = LABELS[name]
                field.widget.attrs.pop("placeholder", None)
        if "password1" in self.fields:
            self.fields["password1"].help_text = PASSWORD_RULE


class LoginForm(PlainFields, forms.LoginForm):
    pass


class AddEmailForm(PlainFields, forms.AddEmailForm):
    pass


class ChangePasswordForm(PlainFields, forms.ChangePasswordForm):
    pass


class ResetPasswordForm(PlainFields, forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(PlainFields, forms.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(PlainFields, forms.ReauthenticateForm):
    pass


class PacedCode:
    """Codes are guessed at the pace of passwords."""

    user: User

    def clean_code(self) -> str:
        with guessing.counted(*known_browsers.guesses_at(context.request, name_of(self.user), "code")):
            return super().clean_code()  # type: ignore[misc]


class EnterCodeForm(PacedCode, PlainFields, mfa_forms.AuthenticateForm):
    pass


class EnterCodeAgainForm(PacedCode, PlainFields, mfa_forms.ReauthenticateForm):
    pass


class TurnOnForm(PlainFields, totp_forms.ActivateTOTPForm):
    pass


class AddPasskeyForm(PlainFields, passkey_forms.AddWebAuthnForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "So that you know it among others: where it is kept."
        self.fields["passwordless"].label = "It signs me in by itself, without the password"
        self.fields["passwordless"].help_text = "Turn this off for a security key without a PIN."
        self.fields["passwordless"].initial = True


class RenamePasskeyForm(PlainFields, passkey_forms.EditWebAuthnForm):
    pass
