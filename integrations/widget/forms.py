"""What a merchant may change about the widget. Look and texts end in other people's pages: nothing goes unchecked."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from loyalty.stores.models import Store

from . import origins
from .models import Widget, default_look
from .origins import NotAnOrigin
from .texts import SECTIONS, TEXTS

LONGEST_TEXT = 300
SLOT = re.compile(r"\{(\w+)\}")


class WebAddress(forms.URLField):
    """http and https only, as the widget would follow no other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=500, assume_scheme="https", **kwargs)

    def clean(self, value: Any) -> str:
        address = super().clean(value)
        if address and not address.lower().startswith(("http://", "https://")):
            raise ValidationError("Give an address that begins with https://.")
        return address


class LookForm(forms.ModelForm):
    accent = forms.RegexField(
        r"(?i)^#[0-9a-f]{6}\Z", label="Colour", widget=forms.TextInput(attrs={"type": "color"}),
        error_messages={"invalid": "Give a colour as # and six digits, such as #3b4cca."},
        help_text="Of the button and the panel's head. Text on it is black or white, whichever can be read.",
    )  # fmt: skip
    theme = forms.ChoiceField(
        label="Light or dark", choices=[("auto", "As the shopper's device"), ("light", "Light"), ("dark", "Dark")]
    )
    side = forms.ChoiceField(label="Position", choices=[("right", "Bottom right"), ("left", "Bottom left")])
    launcher = forms.ChoiceField(label="Button", choices=[("label", "Icon and text"), ("icon", "Icon only")])
    icon = forms.ChoiceField(
        label="Icon", choices=[(name, name.capitalize()) for name in ("gift", "star", "heart", "crown", "trophy")]
    )
    sections = forms.MultipleChoiceField(
        label="Sections", required=False, choices=list(SECTIONS.items()), widget=forms.CheckboxSelectMultiple
    )
    login_url = WebAddress(label="Sign-in page of your shop", help_text="Empty: the page says it, or no link is shown.")
    register_url = WebAddress(label="Join page of your shop")

    LOOK = tuple(default_look())

    class Meta:
        model = Widget
        fields = ["is_enabled", "birthday_order", "login_url", "register_url"]
        labels = {"birthday_order": "Birthdays are typed as"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.instance.full_look.items():
            self.initial[name] = value
        self.initial["sections"] = [name for name in SECTIONS if name not in self.instance.hidden_sections]

    def clean_accent(self) -> str:
        return self.cleaned_data["accent"].lower()

    def save(self, commit: bool = True) -> Any:
        chosen = self.cleaned_data
        self.instance.look = {name: chosen[name] for name in self.LOOK}
        self.instance.hidden_sections = [name for name in SECTIONS if name not in chosen["sections"]]
        self.instance.save(update_fields=["look", "hidden_sections", *self.Meta.fields])
        return self.instance


class TextsForm(forms.Form):
    """A field for each text; empty is ours."""

    def __init__(self, *args: Any, widget: Widget, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.widget = widget
        for name, text in TEXTS.items():
            field = forms.CharField(
                label=text.label, required=False, max_length=LONGEST_TEXT, initial=widget.texts.get(name, ""),
                widget=forms.TextInput(attrs={"placeholder": text.default}),
            )  # fmt: skip
            field.is_conditional = True  # each may stay empty: saying so sixty times helps nobody
            if slots := SLOT.findall(text.default):
                field.help_text = f"Filled in: {', '.join('{' + slot + '}' for slot in slots)}"
            self.fields[name] = field

    @property
    def groups(self) -> dict[str, list[forms.BoundField]]:
        found: dict[str, list[forms.BoundField]] = {}
        for name, text in TEXTS.items():
            found.setdefault(text.group, []).append(self[name])
        return found

    @property
    def written(self) -> dict[str, str]:
        return {name: text for name in TEXTS if (text := self.cleaned_data[name].strip())}

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        for name, text in list(chosen.items()):
            known = {*SLOT.findall(TEXTS[name].default), "points_name"}
            if unknown := set(SLOT.findall(text)) - known:
                self.add_error(name, f"{{{sorted(unknown)[0]}}} is not filled in here. Remove it.")
        return chosen

    def save(self) -> None:
        self.widget.texts = self.written
        self.widget.save(update_fields=["texts"])


class OriginForm(forms.Form):
    origin = forms.CharField(
        label="Address", max_length=253,
        help_text="Of the shop's pages, such as https://shop.example. Each name is added by itself.",
        widget=forms.TextInput(attrs={"placeholder": "https://shop.example", "inputmode": "url"}),
    )  # fmt: skip

    def __init__(self, *args: Any, store: Store, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.store = store

    def clean_origin(self) -> str:
        try:
            return origins.origin_of(self.cleaned_data["origin"], is_local_fine=origins.may_be_local(self.store))
        except NotAnOrigin as error:
            raise ValidationError(str(error)) from error


class LegacyForm(forms.ModelForm):
    class Meta:
        model = Widget
        fields = ["legacy", "legacy_daily"]
        labels = {"legacy": "Shoppers with an old signature", "legacy_daily": "Rewards a day"}
        help_texts = {"legacy_daily": "Per customer. Each is told by mail to the customer."}
        widgets = {"legacy": forms.RadioSelect}

    def __init__(self, *args: Any, instance: Model, **kwargs: Any) -> None:
        super().__init__(*args, instance=instance, **kwargs)
        self.fields["legacy"].choices = Widget.Legacy.choices
        self.fields["legacy_daily"].is_conditional = True
