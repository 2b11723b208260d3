"""Signing in and the account's own pages, in the words of the rest of the product."""

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from django.forms import Field
from django.http import HttpRequest

from . import secrets
from .proxies import client_address

LABELS = {
    "email": "E-mail",
    "login": "E-mail",
    "password": "Password",
    "oldpassword": "Present password",
    "password1": "New password",
    "password2": "New password again",
    "code": "Code",
}
PASSWORD_RULE = "At least 10 characters."  # noqa: S105


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is wrong. Check both and try again.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """By which tries to sign in are counted."""
        return client_address(request)


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "unverified_email": "Confirm your e-mail address first, then turn on two-step sign-in.",
    }

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


class EnterCodeForm(PlainFields, mfa_forms.AuthenticateForm):
    pass


class EnterCodeAgainForm(PlainFields, mfa_forms.ReauthenticateForm):
    pass


class TurnOnForm(PlainFields, totp_forms.ActivateTOTPForm):
    pass
