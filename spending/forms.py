"""The form of a reward: what all kinds share, and the kind's own settings; taking one, and taking one back."""

import copy
import hashlib
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import pretty_name
from uuid_utils.compat import uuid7

from customers.forms import TagsField
from loyalty.stores.fields import ICONS, IconSelect, Moment
from loyalty.stores.kinds import kept
from loyalty.stores.models import Store

from . import images, rewarding
from .models import Reward, RewardImage
from .rewards import GENERATED, KINDS, POOL

POOLS_SHOWN = 500


class RewardForm(forms.ModelForm):
    """Checks; it never saves: `rewarding.create` and `rewarding.change` write what `values()` says."""

    icon = forms.ChoiceField(choices=[(name, name.replace("-", " ")) for name in ICONS], widget=IconSelect)
    image = forms.UUIDField(required=False, widget=forms.HiddenInput)  # of a picture that was uploaded already
    pool = forms.ChoiceField(
        label="List of codes", required=False,
        help_text="The oldest free code of the list is handed out. A new list is filled in the next step.",
    )  # fmt: skip
    tags_any = TagsField(label="Only customers with one of these tags", required=False, help_text="vip, wholesale")
    tags_none = TagsField(label="Not customers with one of these tags", required=False, help_text="staff")

    class Meta:
        model = Reward
        fields = [
            "name", "points", "text", "icon", "minimum_order", "code_source", "code_prefix", "validity",
            "validity_count", "validity_until", "customer_limit", "customer_limit_period", "total_limit",
            "total_limit_period", "active_from", "active_until", "tags_any", "tags_none", "email_subject",
            "email_text",
        ]  # fmt: skip
        labels = {
            "points": "Cost", "text": "Text for shoppers", "minimum_order": "Minimum order",
            "code_source": "Where the code comes from", "code_prefix": "Codes begin with",
            "validity": "A code is good for", "validity_count": "How many", "validity_until": "Last day",
            "customer_limit": "Per customer, at most", "customer_limit_period": "Period",
            "total_limit": "By all customers, at most", "total_limit_period": "Period", "active_from": "From",
            "active_until": "Until", "email_subject": "Subject", "email_text": "Text",
        }  # fmt: skip
        help_texts = {
            "name": "Shoppers see it as the title.",
            "text": "One line below the name, such as “For your next order of 20 EUR or more”.",
            "minimum_order": "Your shop must hold its code to this too.",
            "code_prefix": "So that you recognise them, such as “LOYAL-”. Empty: nothing.",
            "customer_limit": "Times. Empty: as often as they can pay.",
            "total_limit": "Times. Empty: as long as there are codes.",
            "customer_limit_period": "Calendar periods in the store's time zone.",
            "email_subject": "Kept with the reward for your e-mail tool, which reads it by API.",
        }
        widgets = {
            "code_source": forms.RadioSelect,
            "validity_until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "active_from": Moment(), "active_until": Moment(), "email_text": forms.Textarea(attrs={"rows": 4}),
        }  # fmt: skip

    def __init__(self, *args, store: Store, reward: Reward, **kwargs):
        # A copy: checking a form writes to its instance, and the reward is compared with it afterwards.
        super().__init__(*args, instance=copy.copy(reward), **kwargs)
        self.store, self.kind = store, KINDS[reward.kind]
        self.add_settings(reward)
        self.offer_codes(reward)
        self.add_units()
        for name in ("points", "minimum_order"):
            if (value := getattr(reward, name)) is not None:
                self.initial[name] = plain_number(value)
        self.initial["image"] = reward.image.public_id if reward.image else None
        if reward.icon not in ICONS:
            self.fields["icon"].choices = [(reward.icon, reward.icon), *self.fields["icon"].choices]
        if not self.kind.has_minimum_order:
            del self.fields["minimum_order"]

    def add_settings(self, reward: Reward) -> None:
        """The kind's fields, named as its own form would name them with the prefix "settings"."""
        for name, field in self.kind.Settings.base_fields.items():
            field = copy.deepcopy(field)
            field.label = field.label or pretty_name(name)
            field.initial = reward.settings.get(name, field.initial)
            if isinstance(field, forms.DecimalField):
                field.unit = self.kind.unit or self.store.currency
                field.widget.attrs["step"] = "any"
            self.fields[f"settings-{name}"] = field

    def offer_codes(self, reward: Reward) -> None:
        """Only the sources that fit the kind, and the lists that there are."""
        source, pools = self.fields["code_source"], self.store.code_pools.order_by("name")[:POOLS_SHOWN]
        source.choices = [choice for choice in Reward.CodeSource.choices if choice[0] in self.kind.code_sources]
        if len(source.choices) == 1:
            source.widget = forms.HiddenInput()
        fresh = f"A new list for this reward{f', besides “{reward.pool}”' if reward.pool else ''}"
        self.fields["pool"].choices = [("", fresh), *((str(pool.public_id), pool.name) for pool in pools)]
        self.initial["pool"] = str(reward.pool.public_id) if reward.pool else ""

    def add_units(self) -> None:
        points = self.fields["points"]
        points.unit = self.store.points_name_plural
        points.widget.attrs["step"] = "any"
        if self.kind.takes_multiplier:
            points.label = "Cost of each step"
        if "minimum_order" in self.fields:
            self.fields["minimum_order"].unit = self.store.currency
            self.fields["minimum_order"].widget.attrs["step"] = "any"
        for name in ("validity", "validity_count", "validity_until", "pool", "code_prefix"):
            self.fields[name].is_conditional = True  # shown, and asked for, only with the choice above it
        for name in ("customer_limit", "total_limit", "validity_count"):
            self.fields[name].widget.attrs["min"] = 1

    @property
    def own_settings(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("settings-")]

    def clean(self):
        chosen = super().clean()
        form = self.kind.Settings(self.data, prefix="settings")
        form.is_valid()
        for error in form.non_field_errors():
            self.add_error(None, error)
        for name in form.errors:  # what the settings' own form found besides what each field says itself
            if name != forms.forms.NON_FIELD_ERRORS and f"settings-{name}" not in self.errors:
                self.add_error(f"settings-{name}", form.errors[name])
        self.settings = kept(form.cleaned_data)
        self.clear_what_does_not_matter(chosen)
        if chosen.get("email_text") and not chosen.get("email_subject"):
            self.add_error("email_subject", "An e-mail needs a subject.")
        if not self.errors:
            for name, text in rewarding.conflicts(self.result()).items():
                self.add_error(name, text)
        return chosen

    def clear_what_does_not_matter(self, chosen: dict[str, Any]) -> None:
        """Values of fields that the choices above them have hidden."""
        if chosen.get("validity") not in ("days", "weeks", "months"):
            chosen["validity_count"] = None
        if chosen.get("validity") != "date":
            chosen["validity_until"] = None
        if chosen.get("code_source") != GENERATED:
            chosen["code_prefix"] = ""
        if chosen.get("code_source") != POOL:
            chosen["pool"] = None

    def clean_pool(self):
        found = self.cleaned_data["pool"]
        return self.store.code_pools.get(public_id=found) if found else None

    def clean_image(self) -> RewardImage | None:
        found = self.cleaned_data["image"]
        image = images.find(self.store, found)
        if found and image is None:
            raise ValidationError("The picture is gone. Upload it again.")
        return image

    def values(self) -> dict[str, Any]:
        """Reward's fields as chosen, for the verbs."""
        names = [name for name in self.Meta.fields if name in self.fields]
        return {name: self.cleaned_data[name] for name in [*names, "pool", "image"]} | {"settings": self.settings}

    def result(self) -> Reward:
        """The reward as a save would make it."""
        reward = copy.copy(self.instance)
        for name, value in self.values().items():
            setattr(reward, name, value)
        return reward

    def fingerprint(self) -> str:
        """Names these very values, so that what is saved is what was shown as the change."""
        result = self.result()
        seen = rewarding.values_of(result) | {"image": result.image_id, "pool": result.pool_id}
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def plain_number(value: Decimal) -> str:
    """Without the zeros that a column's decimals add."""
    return f"{value.normalize():f}"


def new_reward(store: Store, kind: str) -> Reward:
    """A reward to start from: what most stores would keep."""
    made = KINDS[kind]
    reward = Reward(
        store=store, kind=kind, icon=made.icon, points=Decimal(made.suggested), settings=made.defaults(),
        code_source=made.code_sources[0],
    )  # fmt: skip
    reward.name = made.label if made.takes_multiplier else made.gives(reward.settings, store.currency)
    return reward


class ReasonForm(forms.Form):
    """Why something is taken back."""

    reason = forms.CharField(
        max_length=255, help_text="Kept with the points for ever. The customer may see it.",
        widget=forms.TextInput(attrs={"placeholder": "Ordered by mistake"}),
    )  # fmt: skip


class TakeForm(forms.Form):
    """A reward taken on a customer's behalf. `identity` makes a second click count once."""

    multiplier = forms.IntegerField(label="How many steps", min_value=1, max_value=10_000)
    identity = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args, reward: Reward, affordable: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["identity"].initial = uuid7
        least, most = reward.reward_kind.bounds(reward.settings)
        field = self.fields["multiplier"]
        field.initial, most = least, max(least, min(most, affordable))
        field.help_text = f"From {least} to {most}: what the reward allows and the balance pays for."
        field.widget.attrs |= {"min": least, "max": most, "autofocus": True}
        if not reward.reward_kind.takes_multiplier:
            field.widget = forms.HiddenInput()
