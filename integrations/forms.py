"""Connecting a dialect and choosing what only it can do; keys for its callers; looking through the calls."""

from typing import Any

from django import forms

from .dialects import Dialect
from .models import InboundEvent

STUCK = "stuck"


def connection_form(dialect: Dialect) -> type[forms.Form]:
    """A name for the connection, and the dialect's own settings."""
    name = forms.CharField(max_length=100, help_text="Which shop it is, so that you know it among several.")
    fields = {"name": name, "field_order": ["name"]}
    return type("ConnectionForm", (dialect.settings_form,), fields)


def settings_of(form: forms.Form, dialect: Dialect) -> dict[str, Any]:
    """What Connection.settings shall hold."""
    return {name: form.cleaned_data[name] for name in dialect.settings_form.base_fields}


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=100, help_text="Which program uses it, so that you know what stops when you revoke it.",
        widget=forms.TextInput(attrs={"placeholder": "Web shop"}),
    )  # fmt: skip


class CallFilter(forms.Form):
    """What the list of calls is narrowed to. Anything wrong in the address is the same as not asked."""

    outcome = forms.ChoiceField(
        required=False, choices=[("", "All calls"), *InboundEvent.Outcome.choices, (STUCK, "Failed again and again")],
        widget=forms.Select(attrs={"aria-label": "Outcome", "data-submits": True}),
    )  # fmt: skip
    connection = forms.UUIDField(required=False)

    @property
    def chosen(self) -> dict[str, Any]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
