"""Form fields that pages of several apps share."""

from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

ICONS = [
    "star", "gift", "heart", "coin", "trophy", "award", "crown", "diamond", "shopping-cart", "shopping-bag", "package",
    "cake", "calendar", "calendar-heart", "user-plus", "mail", "message-star", "thumb-up", "share", "book",
    "door-enter", "target", "rocket", "confetti", "eye", "click", "world", "news", "mood-smile", "api",
    "brand-facebook", "brand-instagram", "brand-x", "brand-tiktok", "brand-youtube",
]  # fmt: skip


class IconSelect(forms.RadioSelect):
    template_name = "_icons.html"


class Moment(forms.DateTimeInput):
    def __init__(self):
        super().__init__(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class Day(forms.DateField):
    """A day as far from the ends of the calendar as its midnights are in any time zone."""

    def __init__(self):
        super().__init__(
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}),
            validators=[MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2100, 1, 1))],
        )


def tell(form: forms.BaseForm, error: ValidationError) -> None:
    """Say what a verb refused at the field it is about, else above the form."""
    told = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    for name, texts in told.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, text)
