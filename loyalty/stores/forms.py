"""Signing up, opening a store, its settings, its keys, its people."""

import re
import zoneinfo
from functools import cache
from urllib.parse import urlsplit

from allauth.account.forms import SignupForm as AccountSignupForm
from babel.core import get_global
from babel.numbers import get_currency_name, get_territory_currencies
from django import forms

from .accounts import PlainFields
from .models import ApiKey, StaffMember, Store, User
from .opening import open_store

OFTEN_USED = ["EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "JPY", "INR", "BRL"]
REGIONS = ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"]
# What an order passes through; the words of each shop system are folded into these before they get here.
AWARD_STATUSES = [
    ("pending", "Placed"),
    ("processing", "Being prepared"),
    ("paid", "Paid"),
    ("fulfilled", "Sent"),
    ("completed", "Completed"),
]


@cache
def currency_choices() -> list:
    """The world's money of today, the usual ones first."""
    in_use = {code for place in get_global("territory_currencies") for code in get_territory_currencies(place)}
    rest = sorted(in_use - set(OFTEN_USED))
    return [("Often used", [_named(code) for code in OFTEN_USED]), ("All others", [_named(code) for code in rest])]


def _named(code: str) -> tuple[str, str]:
    return code, f"{code} – {get_currency_name(code, locale='en')}"


@cache
def timezone_choices() -> list:
    """By region; typing the city's first letters finds it."""
    zones = sorted(zoneinfo.available_timezones())
    cities = {region: [zone for zone in zones if zone.startswith(f"{region}/")] for region in REGIONS}
    groups = [(region, [(zone, _city(zone)) for zone in found]) for region, found in cities.items()]
    return [("Everywhere", [("UTC", "UTC")]), *groups]


def _city(zone: str) -> str:
    return zone.split("/", 1)[1].replace("_", " ")


def clean_domain(text: str) -> str:
    """The host of whatever was pasted: "https://www.Shop.example/cart" is "www.shop.example"."""
    text = text.strip().lower()
    if not text:
        return ""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:  # "http://[::"
        host = ""
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
        raise forms.ValidationError("Write the address your shop is reached at, such as shop.example.com.")
    return host


class StoreFields(forms.Form):
    """What a store needs to start; the rest has defaults that most keep."""

    store_name = forms.CharField(label="Store name", max_length=100, help_text="As your customers know it.")
    domain = forms.CharField(
        label="Shop address", max_length=253, required=False,
        widget=forms.TextInput(attrs={"placeholder": "shop.example.com"}),
    )  # fmt: skip
    currency = forms.ChoiceField(choices=currency_choices, initial="EUR")
    timezone = forms.ChoiceField(
        label="Time zone", choices=timezone_choices, initial="UTC",
        help_text="Days, limits and birthdays begin at midnight here.",
    )  # fmt: skip

    def clean_domain(self):
        return clean_domain(self.cleaned_data["domain"])

    def ask_browser_for_timezone(self) -> None:
        if not self.is_bound:
            self.fields["timezone"].widget.attrs["data-guess-timezone"] = True

    def open_for(self, user: User) -> Store:
        chosen = {name: self.cleaned_data[name] for name in ("domain", "currency", "timezone")}
        return open_store(user, self.cleaned_data["store_name"], **chosen)


class StoreCreateForm(StoreFields):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ask_browser_for_timezone()


class SignupForm(PlainFields, AccountSignupForm, StoreFields):
    """A person and their first store, in one go."""

    field_order = ["email", "password1", "store_name", "domain", "currency", "timezone"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ask_browser_for_timezone()
        self.fields["password1"].label = "Password"

    def try_save(self, request):
        if self.account_already_exists:  # known by the time it takes as little as by the answer
            User().set_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def save(self, request):
        user = super().save(request)
        self.open_for(user)
        return user


class StoreForm(forms.ModelForm):
    award_status = forms.ChoiceField(
        label="Purchases earn when the order is", choices=AWARD_STATUSES,
        help_text="Until then the points are shown to the customer as pending.",
    )  # fmt: skip
    currency = forms.ChoiceField(choices=currency_choices)
    timezone = forms.ChoiceField(
        label="Time zone", choices=timezone_choices, help_text="Days, limits and birthdays begin at midnight here."
    )

    class Meta:
        model = Store
        fields = [
            "name", "domain", "currency", "timezone", "points_name", "points_name_plural", "points_decimals",
            "points_rounding", "award_status", "negative_balance", "refunds_return_points",
            "adjustment_daily_cap", "adjustment_approval_above",
        ]  # fmt: skip
        labels = {
            "name": "Store name",
            "domain": "Shop address",
            "points_name": "One",
            "points_name_plural": "Several",
            "points_decimals": "Decimals",
            "points_rounding": "Round earned points",
            "negative_balance": "When a refund takes back points that were already spent",
            "refunds_return_points": "A full refund of an order gives back the points spent on its code",
            "adjustment_daily_cap": "One person of support gives and takes at most, a day",
            "adjustment_approval_above": "A second person approves more than",
        }
        help_texts = {
            "points_decimals": "0 for whole points. It can be raised later, never lowered.",
            "refunds_return_points": "So does a cancelled order. A gift code keeps its worth: its points stay spent.",
            "adjustment_daily_cap": "Days begin at midnight in the store's time zone. Owners and managers have no cap.",
            "adjustment_approval_above": "It waits under “Needs a look” until somebody else approves it. This also "
            "holds for your own programs with an API key, not for what a connected shop system adjusts.",
        }
        widgets = {"negative_balance": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.entries.exists():
            self.fields["points_decimals"].widget.attrs["min"] = self.instance.points_decimals
            self.fields["points_decimals"].help_text = "It can be raised, never lowered: points have been given."
        for name in ("adjustment_daily_cap", "adjustment_approval_above"):
            self.fields[name].unit = self.instance.points_name_plural
            if limit := getattr(self.instance, name):
                self.initial[name] = limit.quantize(self.instance.quantum)
            self.fields[name].widget.attrs |= {"step": str(self.instance.quantum), "inputmode": "decimal"}
        self.decimals_before = self.instance.points_decimals

    def clean_domain(self):
        return clean_domain(self.cleaned_data["domain"])

    def clean_points_decimals(self):
        decimals = self.cleaned_data["points_decimals"]
        if decimals < self.decimals_before and self.instance.entries.exists():
            raise forms.ValidationError(
                f"Points were given with {self.decimals_before} decimals, so fewer would lose parts of them. "
                f"Choose {self.decimals_before} or more."
            )
        return decimals


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        max_length=100, help_text="Where it is used, so that you know what stops when you revoke it.",
        widget=forms.TextInput(attrs={"placeholder": "Web shop"}),
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        label="It may", choices=ApiKey.Scope, initial=[ApiKey.Scope.READ, ApiKey.Scope.WRITE],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip


class StaffForm(forms.Form):
    """Gives a role to someone who already has an account here."""

    email = forms.EmailField(label="E-mail", help_text="They need to have signed up already.")
    role = forms.ChoiceField(choices=StaffMember.Role, initial=StaffMember.Role.SUPPORT)

    def __init__(self, *args, membership: StaffMember, **kwargs):
        super().__init__(*args, **kwargs)
        self.store = membership.store
        if membership.role != StaffMember.Role.OWNER:  # only an owner makes owners
            self.fields["role"].choices = [choice for choice in StaffMember.Role.choices if choice[0] != "owner"]

    def clean_email(self):
        self.user = User.objects.filter(email__iexact=self.cleaned_data["email"], is_active=True).first()
        if self.user is None:
            raise forms.ValidationError("Nobody has signed up with this address. Ask them to sign up, then add them.")
        if self.store.staff.filter(user=self.user).exists():
            raise forms.ValidationError("This person is already on the list below.")
        return self.cleaned_data["email"]

    def save(self) -> StaffMember:
        return self.store.staff.create(user=self.user, role=self.cleaned_data["role"])
