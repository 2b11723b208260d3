"""What a merchant chooses for a kind of action or of reward: an ordinary form, kept as JSON."""

from typing import Any, Protocol

from django import forms
from django.core.exceptions import ValidationError


class Configurable(Protocol):
    @property
    def Settings(self) -> type[forms.Form]: ...

    def defaults(self) -> dict[str, Any]: ...


def clean_settings(kind: Configurable, data: dict[str, Any], noun: str) -> dict[str, Any]:
    """Checked settings as JSON values. Raises ValidationError with a message per setting."""
    form = kind.Settings({**kind.defaults(), **data})
    if unknown := sorted(set(data) - set(form.fields)):
        raise ValidationError(f"“{unknown[0]}” is not a setting of this {noun}.")
    if not form.is_valid():
        raise ValidationError([f"{name}: {' '.join(map(str, messages))}" for name, messages in form.errors.items()])
    return kept(form.cleaned_data)


def kept(values: dict[str, Any]) -> dict[str, Any]:
    """A form's values as JSON keeps them."""
    return {name: as_json(value) for name, value in values.items()}


def as_json(value: Any) -> Any:
    """A field's value as JSON keeps it: numbers with a point and moments as text."""
    if value is None or isinstance(value, bool | int | str | list | dict):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
