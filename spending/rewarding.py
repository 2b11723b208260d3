"""Saving rewards: each change is a new version, and the old ones stay readable."""

import copy
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from loyalty.stores import kinds
from loyalty.stores.kinds import as_json
from loyalty.stores.models import Store

from .models import CodePool, Reward, RewardVersion
from .rewards import KINDS

# What a version keeps: everything that changes what is given, to whom, and what people are told.
VERSIONED = (
    "name", "text", "icon", "points", "settings", "minimum_order", "code_source", "code_prefix", "validity",
    "validity_count", "validity_until", "customer_limit", "customer_limit_period", "total_limit",
    "total_limit_period", "active_from", "active_until", "tags_any", "tags_none", "email_subject", "email_text",
)  # fmt: skip


def clean_settings(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Checked settings of a kind as JSON values. Raises ValidationError with a message per setting."""
    return kinds.clean_settings(KINDS[kind], data, "reward")


@transaction.atomic
def create(store: Store, kind: str, *, actor: str, **values: Any) -> Reward:
    """A new reward, last in the order of display. `values` are Reward's fields.

    Its codes come from a pool of its own unless one is given. Raises ValidationError.
    """
    usual = {"code_source": KINDS[kind].code_sources[0], "icon": KINDS[kind].icon}
    reward = Reward(store=store, kind=kind, **(usual | values))
    last = store.rewards.aggregate(last=Max("position"))["last"]
    reward.position = 0 if last is None else last + 1
    give_pool(reward)
    check(reward)
    reward.save()
    keep_version(reward, actor)
    return reward


@transaction.atomic
def change(reward: Reward, *, actor: str, **values: Any) -> bool:
    """Write what differs as a new version. Returns whether anything did. Raises ValidationError."""
    changed = {name: value for name, value in values.items() if getattr(reward, name) != value}
    if not changed:
        return False
    current = Reward.objects.select_for_update().get(pk=reward.pk, store_id=reward.store_id)
    for name, value in changed.items():
        setattr(reward, name, value)
    reward.version = current.version + 1
    give_pool(reward)
    check(reward)
    reward.save(update_fields=[*changed, "pool", "version", "updated_at"])
    keep_version(reward, actor)
    return True


def give_pool(reward: Reward) -> None:
    """A pool of its own, if it takes codes from one and has none. What is refused afterwards undoes it."""
    if reward.code_source == Reward.CodeSource.POOL and reward.pool is None:
        reward.pool = CodePool.objects.create(store_id=reward.store_id, name=reward.name[:100])


def check(reward: Reward) -> None:
    """Raises ValidationError."""
    if wrong := conflicts(reward):
        raise ValidationError(wrong)
    reward.full_clean(exclude=["store"])


def conflicts(reward: Reward) -> dict[str, str]:
    """What the fields cannot tell one by one, by field."""
    wrong: dict[str, str] = {}
    if reward.code_source not in reward.reward_kind.code_sources:
        wrong["code_source"] = f"{reward.reward_kind.label} cannot take its codes from there."
    if reward.validity in ("days", "weeks", "months") and not reward.validity_count:
        wrong["validity_count"] = "Say how many."
    if reward.validity == "date" and reward.validity_until is None:
        wrong["validity_until"] = "Choose the last day."
    if reward.active_from and reward.active_until and reward.active_until <= reward.active_from:
        wrong["active_until"] = "This is before the start. Choose a later end."
    if reward.points is not None and reward.points != reward.points.quantize(reward.store.quantum):
        wrong["points"] = f"This store counts points with {reward.store.points_decimals} decimals."
    return wrong


def switch(reward: Reward, is_enabled: bool) -> None:
    """Enable or disable. Not a version: it says when the reward is on offer, not what it gives."""
    Reward.objects.filter(pk=reward.pk, store_id=reward.store_id).update(
        is_enabled=is_enabled, updated_at=timezone.now()
    )
    reward.is_enabled = is_enabled


@transaction.atomic
def move(store: Store, reward: Reward, by: int) -> None:
    """Move it up (-1) or down (+1) in the order of display."""
    order = list(store.rewards.select_for_update().order_by("position", "id"))
    place = next(place for place, other in enumerate(order) if other.pk == reward.pk)
    order.insert(min(max(place + by, 0), len(order) - 1), order.pop(place))
    for position, other in enumerate(order):
        other.position = position
    Reward.objects.bulk_update(order, ["position"])


def keep_version(reward: Reward, actor: str) -> None:
    RewardVersion.objects.create(
        store_id=reward.store_id, reward=reward, number=reward.version, actor=actor, values=values_of(reward)
    )


def values_of(reward: Reward) -> dict[str, Any]:
    """A reward's versioned fields as JSON values."""
    return {
        name: str(value) if isinstance(value := getattr(reward, name), Decimal) else as_json(value)
        for name in VERSIONED
    }


def as_it_was(reward: Reward, version: RewardVersion) -> Reward:
    """The reward with the values of one of its versions, to read; what a version does not keep is as it is now."""
    was = copy.copy(reward)
    for name, value in version.values.items():
        field: Any = Reward._meta.get_field(name)
        setattr(was, name, field.to_python(value))
    return was
