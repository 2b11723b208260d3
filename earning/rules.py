"""Saving rules: each change is a new version, and the old ones stay readable."""

import re
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from loyalty.stores import kinds
from loyalty.stores.models import Store

from .actions import KINDS
from .models import EarningRule, EarningRuleVersion

# What a version keeps: everything that changes what a fact is worth or what people are told.
VERSIONED = (
    "name", "text", "icon", "points", "settings", "active_from", "active_until", "limit", "limit_value",
    "limit_period", "tags_any", "tags_none", "approval", "approval_days", "email_subject", "email_text",
)  # fmt: skip
IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,60}")
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no letters or digits that look alike


def clean_settings(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Checked settings of a kind as JSON values. Raises ValidationError with a message per setting."""
    return kinds.clean_settings(KINDS[kind], data, "action")


@transaction.atomic
def create(store: Store, kind: str, *, actor: str, identifier: str = "", **values: Any) -> EarningRule:
    """A new rule. `values` are EarningRule's fields; `identifier` is what a custom action's callers name."""
    rule = EarningRule(store=store, kind=kind, action=kind, **values)
    if kind == "custom":
        rule.action = f"custom:{clean_identifier(store, identifier or slug_of(rule.name))}"
        rule.action_id = new_action_id(store)
    last = store.rules.aggregate(last=Max("position"))["last"]
    rule.position = 0 if last is None else last + 1
    rule.full_clean(exclude=["store"])
    rule.save()
    keep_version(rule, actor)
    return rule


@transaction.atomic
def change(rule: EarningRule, *, actor: str, **values: Any) -> bool:
    """Write what differs as a new version. Returns whether anything did."""
    changed = {name: value for name, value in values.items() if getattr(rule, name) != value}
    if not changed:
        return False
    current = EarningRule.objects.select_for_update().get(pk=rule.pk, store_id=rule.store_id)
    for name, value in changed.items():
        setattr(rule, name, value)
    rule.version = current.version + 1
    rule.full_clean(exclude=["store"])
    rule.save(update_fields=[*changed, "version", "updated_at"])
    keep_version(rule, actor)
    return True


def switch(rule: EarningRule, is_enabled: bool) -> None:
    """Enable or disable. Not a version: it says when the rule runs, not what it pays."""
    EarningRule.objects.filter(pk=rule.pk, store_id=rule.store_id).update(
        is_enabled=is_enabled, updated_at=timezone.now()
    )
    rule.is_enabled = is_enabled


def keep_version(rule: EarningRule, actor: str) -> None:
    EarningRuleVersion.objects.create(
        store_id=rule.store_id, rule=rule, number=rule.version, actor=actor, values=values_of(rule)
    )


def values_of(rule: EarningRule) -> dict[str, Any]:
    """A rule's versioned fields as JSON values."""
    found = {}
    for name in VERSIONED:
        value = getattr(rule, name)
        if name == "points" or name == "limit_value":
            value = None if value is None else str(value)
        elif name.startswith("active_"):
            value = value and value.isoformat()
        found[name] = value
    return found


def clean_identifier(store: Store, identifier: str) -> str:
    if not IDENTIFIER.fullmatch(identifier):
        raise ValidationError({"identifier": "Use 1 to 60 letters, digits, underscores, dots or hyphens."})
    if store.rules.filter(kind="custom", action=f"custom:{identifier}").exists():
        raise ValidationError({"identifier": "Another custom action has this identifier. Choose another."})
    return identifier


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "action"


def new_action_id(store: Store) -> str:
    while True:
        action_id = "".join(secrets.choice(ALPHABET) for _ in range(8))
        if not store.rules.filter(action_id=action_id).exists():
            return action_id


def by_action_id(store: Store, action_id: str) -> EarningRule | None:
    """A custom action by its ActionID, else by its identifier."""
    rules = store.rules.filter(kind="custom")
    return rules.filter(action_id=action_id).first() or rules.filter(action=f"custom:{action_id}").first()
