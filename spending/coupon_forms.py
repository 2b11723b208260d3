"""Forms about pools of codes and the files they come from."""

from typing import Any

from django import forms

from loyalty.stores.models import Store

from .coupons import chain
from .csv_layout import DELIMITERS, ENCODINGS, MOST_COLUMNS
from .models import CodePool

NONE = ""


class PoolForm(forms.ModelForm):
    class Meta:
        model = CodePool
        fields = ["name", "low_stock_at", "when_empty", "fallback"]
        labels = {
            "name": "Name", "low_stock_at": "Warn when this many are left", "when_empty": "When it is empty",
            "fallback": "The other list",
        }  # fmt: skip
        help_texts = {
            "name": "For you only. Shoppers never see it.",
            "low_stock_at": "Owners and managers get one e-mail for each shortage. 0 warns when it is empty.",
        }

    def __init__(self, *args: Any, store: Store, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fallback"].queryset = store.code_pools.exclude(pk=self.instance.pk)
        self.fields["fallback"].to_field_name = "public_id"
        self.fields["fallback"].empty_label = "Choose a list"
        self.fields["fallback"].is_conditional = True
        if self.instance.fallback:
            self.initial["fallback"] = self.instance.fallback.public_id

    def clean(self):
        found = super().clean()
        other = found.get("fallback")
        if found.get("when_empty") != CodePool.WhenEmpty.FALLBACK:
            found["fallback"] = None
        elif not other:
            self.add_error("fallback", "Choose the list to take codes from.")
        elif self.instance.pk and any(pool.pk == self.instance.pk for pool in chain(other)):
            self.add_error("fallback", f"“{other}” takes codes from this list itself when it is empty. Choose another.")
        return found


class EncodingForm(forms.Form):
    encoding = forms.ChoiceField(choices=list(ENCODINGS.items()))


class LayoutForm(forms.Form):
    """How the columns of a file are read. Another delimiter makes other columns, so these are found anew."""

    delimiter = forms.ChoiceField(
        label="Columns are separated by", choices=[(k, v.capitalize()) for k, v in DELIMITERS.items()]
    )
    has_header = forms.BooleanField(label="The first line names the columns", required=False)
    code = forms.TypedChoiceField(label="The code is in", coerce=int)
    value = forms.TypedChoiceField(label="What it is worth is in", coerce=int, empty_value=None, required=False)
    expires_on = forms.TypedChoiceField(label="Its last day is in", coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, layout: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, initial=layout, **kwargs)
        columns: list[tuple[Any, str]] = [(at, f"Column {at + 1}") for at in range(min(layout["width"], MOST_COLUMNS))]
        self.fields["code"].choices = columns
        for name in ("value", "expires_on"):
            self.fields[name].choices = [(NONE, "No column"), *columns]

    def clean(self):
        found = super().clean()
        chosen = [found.get(name) for name in ("code", "value", "expires_on") if found.get(name) is not None]
        if len(chosen) != len(set(chosen)):
            self.add_error("code", "Two things cannot be in one column. Choose another.")
        return found
