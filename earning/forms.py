"""The form of a rule: what all kinds share, and the kind's own settings in the same form."""

import copy
import hashlib
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.utils import pretty_name

from customers.forms import TagsField
from loyalty.stores.fields import ICONS, IconSelect, Moment
from loyalty.stores.kinds import kept
from loyalty.stores.models import Store

from . import rules
from .actions import KINDS
from .engine import plain
from .models import EarningRule


class RuleForm(forms.ModelForm):
    """Checks; it never saves: `rules.create` and `rules.change` write what `values()` says."""

    identifier = forms.RegexField(
        rules.IDENTIFIER.pattern + r"\Z", label="Name in API calls", required=False, max_length=60,
        help_text="Letters, digits, _ . and -. It cannot be changed later. Empty: made from the name.",
        error_messages={"invalid": "Use letters, digits, underscores, dots and hyphens only."},
        widget=forms.TextInput(attrs={"placeholder": "coffee_tasting"}),
    )  # fmt: skip
    icon = forms.ChoiceField(choices=[(name, name.replace("-", " ")) for name in ICONS], widget=IconSelect)
    tags_any = TagsField(label="Only customers with one of these tags", required=False, help_text="vip, wholesale")
    tags_none = TagsField(label="Not customers with one of these tags", required=False, help_text="staff")

    class Meta:
        model = EarningRule
        fields = [
            "name", "points", "text", "icon", "active_from", "active_until", "limit", "limit_value", "limit_period",
            "tags_any", "tags_none", "approval", "approval_days", "email_subject", "email_text",
        ]  # fmt: skip
        labels = {
            "text": "Text for shoppers", "active_from": "From", "active_until": "Until", "limit": "Limit per customer",
            "limit_value": "At most", "limit_period": "In", "approval": "Points count", "approval_days": "Days to wait",
            "email_subject": "Subject", "email_text": "Text",
        }  # fmt: skip
        help_texts = {
            "name": "Shown to you, and to shoppers as the title.",
            "text": "One line below the name, such as “Up to 5 times a month”.",
            "approval_days": "Long enough for a return, often 14 or 30.",
            "limit_period": "Calendar periods in the store's time zone.",
            "email_subject": "Kept with the action for your e-mail tool, which reads it by API.",
        }
        widgets = {
            "active_from": Moment(), "active_until": Moment(), "limit": forms.RadioSelect,
            "approval": forms.RadioSelect, "email_text": forms.Textarea(attrs={"rows": 4}),
        }  # fmt: skip

    def __init__(self, *args, store: Store, rule: EarningRule, **kwargs):
        # A copy: checking a form writes to its instance, and the rule is compared with it afterwards.
        super().__init__(*args, instance=copy.copy(rule), **kwargs)
        self.store, self.kind = store, KINDS[rule.kind]
        self.add_settings(rule)
        points = self.fields["points"]
        points.label, points.unit = self.kind.points_label, store.points_name_plural
        points.widget.attrs["step"] = "any"
        self.fields["limit"].choices = EarningRule.Limit.choices
        self.fields["approval_days"].required = False
        self.fields["approval_days"].unit = "days"
        for name in ("approval_days", "limit_value"):
            self.fields[name].is_conditional = True  # shown, and asked for, only with the choice above it
        for name in ("points", "limit_value"):
            value = getattr(rule, name)
            self.initial[name] = value if value is None else plain(value)
        if rule.icon not in ICONS:
            self.fields["icon"].choices = [(rule.icon, rule.icon), *self.fields["icon"].choices]
        if rule.kind != "custom" or rule.pk:
            del self.fields["identifier"]

    def add_settings(self, rule: EarningRule) -> None:
        """The kind's fields, named as its own form would name them with the prefix "settings"."""
        for name, field in self.kind.Settings.base_fields.items():
            field = copy.deepcopy(field)
            field.label = field.label or pretty_name(name)
            field.initial = rule.settings.get(name, field.initial)
            if isinstance(field, forms.DecimalField):
                field.unit = self.store.currency
            self.fields[f"settings-{name}"] = field

    @property
    def own_settings(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("settings-")]

    def clean(self):
        chosen = super().clean()
        self.settings = self.clean_settings()
        self.check_points(chosen)
        self.check_limit(chosen)
        start, end = chosen.get("active_from"), chosen.get("active_until")
        if start and end and end <= start:
            self.add_error("active_until", "This is before the start. Choose a later moment.")
        if chosen.get("approval") != EarningRule.Approval.AFTER_DAYS:
            chosen["approval_days"] = 0
        elif not chosen.get("approval_days"):
            self.add_error("approval_days", "Say how many days to wait, at least 1.")
        if chosen.get("email_text") and not chosen.get("email_subject"):
            self.add_error("email_subject", "An e-mail needs a subject.")
        return chosen

    def clean_settings(self) -> dict[str, Any]:
        form = self.kind.Settings(self.data, prefix="settings")
        form.is_valid()
        for error in form.non_field_errors():
            self.add_error(None, error)
        return kept(form.cleaned_data)

    def check_points(self, chosen: dict[str, Any]) -> None:
        points = chosen.get("points")
        is_fixed = self.settings.get("pays", "fixed") == "fixed"
        if points is not None and is_fixed and points != points.quantize(self.store.quantum):
            self.add_error("points", f"{self.counted()} Round the number.")

    def counted(self) -> str:
        decimals, name = self.store.points_decimals, self.store.points_name_plural
        return f"This store counts {name} with {decimals} decimals." if decimals else f"This store counts whole {name}."

    def check_limit(self, chosen: dict[str, Any]) -> None:
        if not chosen.get("limit"):
            chosen["limit_value"], chosen["limit_period"] = None, EarningRule.Period.EVER
        elif not chosen.get("limit_value"):
            self.add_error("limit_value", "Say how much a customer may get, more than zero.")

    def values(self) -> dict[str, Any]:
        """EarningRule's fields as chosen, for the verbs."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields} | {"settings": self.settings}

    def result(self) -> EarningRule:
        """The rule as a save would make it."""
        rule = copy.copy(self.instance)
        for name, value in self.values().items():
            setattr(rule, name, value)
        return rule

    def fingerprint(self) -> str:
        """Names these very values, so that what is saved is what was shown as the change."""
        text = json.dumps(rules.values_of(self.result()), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def new_rule(store: Store, kind: str) -> EarningRule:
    """A rule to start from: what most stores would keep."""
    action = KINDS[kind]
    rule = EarningRule(
        store=store, kind=kind, name=action.label, icon=action.icon, points=Decimal(action.suggested),
        settings=action.defaults(),
    )  # fmt: skip
    if action.is_once:
        rule.limit, rule.limit_value, rule.limit_period = "count", Decimal(1), "ever"
    return rule
