"""Adding and describing a customer, and giving or taking points."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.models import Store
from loyalty.stores.numbers import points

from . import approvals, identities
from .adjustments import LIMIT
from .approvals import Wish
from .identities import BadIdentity, Identity
from .models import Customer, LedgerEntry

TAG_LENGTH = 64


class TagsField(forms.CharField):
    """Words separated by commas."""

    def prepare_value(self, value):
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        return list(dict.fromkeys(tag.strip() for tag in super().to_python(value).split(",") if tag.strip()))

    def validate(self, value):
        super().validate(value)
        ProhibitNullCharactersValidator()("".join(value))  # CharField's own does not look into a list
        if any(len(tag) > TAG_LENGTH for tag in value):
            raise ValidationError(f"A tag has at most {TAG_LENGTH} characters. Put a comma between tags.")

    def has_changed(self, initial, data):
        return sorted(initial or []) != sorted(self.to_python(data))


class CustomerFilter(forms.Form):
    """What the list is narrowed to. Anything wrong in the address is the same as not asked."""

    q = forms.CharField(required=False, max_length=255)
    state = forms.ChoiceField(
        choices=[("", "Any state"), *Customer.State.choices], required=False,
        widget=forms.Select(attrs={"aria-label": "State", "data-submits": True}),
    )  # fmt: skip

    @property
    def chosen(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class ProfileForm(forms.ModelForm):
    """What a person may change by hand; how shops name the customer comes from the shops."""

    tags = TagsField(required=False, help_text="Separated by commas, such as: vip, wholesale. Rules can ask for a tag.")

    class Meta:
        model = Customer
        fields = ["first_name", "last_name", "birthday", "tags"]
        widgets = {"birthday": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
        help_texts = {"birthday": "A birthday entered less than 30 days before it earns nothing this year."}

    def clean_birthday(self):
        birthday = self.cleaned_data["birthday"]
        if birthday and birthday > timezone.localdate():
            raise ValidationError("A birthday is in the past. Check the year.")
        return birthday

    def values(self) -> dict:
        """The fields that differ, as they shall be stored."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data if name in self.Meta.fields}
        if "birthday" in changed:
            changed["birthday_set_at"] = timezone.now() if changed["birthday"] else None
        return changed


class CustomerForm(ProfileForm):
    """A new customer: at least one way to recognise them, and whether they join now."""

    joins = forms.BooleanField(label="Joins the programme now", required=False, initial=True)
    field_order = ["email", "external_id", "first_name", "last_name", "birthday", "tags", "joins"]

    class Meta(ProfileForm.Meta):
        fields = ["email", "external_id", *ProfileForm.Meta.fields]
        labels = {"email": "E-mail", "external_id": "Id in your shop"}
        widgets = ProfileForm.Meta.widgets | {"email": forms.EmailInput}
        help_texts = ProfileForm.Meta.help_texts | {
            "external_id": "As your shop numbers its customers. It may also be learned from the first order."
        }

    def __init__(self, *args, store: Store, **kwargs):
        super().__init__(*args, **kwargs)
        self.store = store

    def clean_email(self):
        try:
            return identities.normal_email(self.cleaned_data["email"])
        except BadIdentity as error:
            raise ValidationError(str(error)) from error

    def clean(self):
        chosen = super().clean()
        if self.errors:
            return chosen
        if not (chosen["email"] or chosen["external_id"]):
            raise ValidationError("Give an e-mail address or the id in your shop.")
        self.identity = Identity.of(external_id=chosen["external_id"], email=chosen["email"])
        for name in ("email", "external_id"):
            given = getattr(self.identity, name)
            if given and (known := identities.find(self.store, Identity(**{name: given}))):
                self.known = known
                self.add_error(name, f"This is {known} already. Open that customer instead.")
        return chosen

    def profile(self) -> dict:
        """What is known of them besides how they are recognised."""
        return {name: self.cleaned_data[name] for name in ProfileForm.Meta.fields}


class AdjustForm(forms.Form):
    """Points given or taken by hand. `identity` makes a second click count once."""

    GIVE, TAKE = "give", "take"

    direction = forms.ChoiceField(
        label="Do you want to", choices=[(GIVE, "Give"), (TAKE, "Take")], initial=GIVE, widget=forms.RadioSelect
    )
    points = forms.DecimalField(max_value=LIMIT, max_digits=16, decimal_places=6)
    code = forms.ChoiceField(label="What for", choices=LedgerEntry.Code)
    reason = forms.CharField(
        max_length=255, help_text="Kept with the entry for ever. The customer may see it.",
        widget=forms.TextInput(attrs={"placeholder": "The parcel arrived late"}),
    )  # fmt: skip
    identity = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args, customer: Customer, balance: Decimal, **kwargs):
        super().__init__(*args, **kwargs)
        self.customer, self.balance, store = customer, balance, customer.store
        self.fields["identity"].initial = uuid7
        field = self.fields["points"]
        field.label, field.unit = store.points_name_plural.capitalize(), store.points_name_plural
        least = str(store.quantum)
        field.widget.attrs |= {"step": least, "min": least, "inputmode": "decimal", "autofocus": True}

    def clean_points(self):
        number, store = self.cleaned_data["points"], self.customer.store
        if number <= 0:
            raise ValidationError("Give a number above zero, and choose whether to give or to take.")
        if number != number.quantize(store.quantum):
            raise ValidationError(f"This store counts with {store.points_decimals} decimals. Round the number.")
        return number

    def clean(self):
        chosen = super().clean()
        if "points" in chosen and "direction" in chosen:
            self.amount = chosen["points"]
            self.change = self.amount if chosen["direction"] == self.GIVE else -self.amount
            self.after = self.balance + self.change
            self.waits = approvals.needs_second(self.customer.store, self.change)
            if self.change < 0 and self.after < 0:
                self.add_error("points", overdraw(self.customer, self.balance))
        return chosen

    def wish(self, actor: str) -> Wish:
        chosen = self.cleaned_data
        return Wish(self.customer, self.change, chosen["reason"], actor, str(chosen["identity"]), chosen["code"])


def overdraw(customer: Customer, balance: Decimal) -> str:
    """Why so many points cannot be taken, and how many can."""
    if balance <= 0:
        return f"{customer} has {points(balance, customer.store)} to spend, so nothing can be taken."
    return f"{customer} has {points(balance, customer.store)} to spend. Take at most that many."
