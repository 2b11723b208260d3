"""The rules a batch may need, as the plain values that the engine takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django.utils.dateparse import parse_datetime

from loyalty.stores.models import Store

from .engine import Rule
from .models import EarningRule, EarningRuleVersion


class Asks(Protocol):
    """What a row must tell for its rules to be found."""

    action: str
    asked_rule_id: int | None
    rule_id: int | None
    rule_version: int | None


def snapshot(rule: EarningRule) -> Rule:
    """A rule as it is now."""
    return Rule(
        id=rule.pk, public_id=str(rule.public_id), version=rule.version, kind=rule.kind, action=rule.action,
        name=rule.name, points=rule.points, settings=rule.settings, is_enabled=rule.is_enabled,
        active_from=rule.active_from, active_until=rule.active_until, limit=rule.limit, limit_value=rule.limit_value,
        limit_period=rule.limit_period, tags_any=rule.tags_any, tags_none=rule.tags_none, approval=rule.approval,
        approval_days=rule.approval_days,
    )  # fmt: skip


def restored(rule: EarningRule, version: EarningRuleVersion) -> Rule:
    """A rule as it was."""
    values: Mapping[str, Any] = version.values
    return Rule(
        id=rule.pk, public_id=str(rule.public_id), version=version.number, kind=rule.kind, action=rule.action,
        name=values["name"], points=Decimal(values["points"]), settings=values["settings"],
        is_enabled=True, active_from=moment(values["active_from"]), active_until=moment(values["active_until"]),
        limit=values["limit"], limit_value=Decimal(values["limit_value"]) if values["limit_value"] else None,
        limit_period=values["limit_period"], tags_any=values["tags_any"], tags_none=values["tags_none"],
        approval=values["approval"], approval_days=values["approval_days"],
    )  # fmt: skip


def moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


class Rulebook:
    def __init__(self, rules: Iterable[EarningRule], versions: Iterable[EarningRuleVersion]) -> None:
        self.by_action: dict[str, list[Rule]] = defaultdict(list)
        self.by_id: dict[int, Rule] = {}
        self.by_version: dict[tuple[int, int], Rule] = {}
        models = {}
        for rule in rules:
            current = snapshot(rule)
            models[rule.pk] = rule
            self.by_action[rule.action].append(current)
            self.by_id[rule.pk] = self.by_version[rule.pk, rule.version] = current
        for version in versions:
            self.by_version[version.rule_id, version.number] = restored(models[version.rule_id], version)

    @classmethod
    def of(cls, store: Store, rows: Iterable[Asks]) -> "Rulebook":
        actions = {row.action for row in rows}
        rules = list(store.rules.filter(action__in=actions).order_by("position", "id"))
        current = {(rule.pk, rule.version) for rule in rules}
        asked = {(row.rule_id, row.rule_version) for row in rows if row.rule_id} - current
        versions: Iterable[EarningRuleVersion] = []
        if asked:
            numbers = {number for _, number in asked}
            found = EarningRuleVersion.objects.filter(
                store=store, rule_id__in={rule_id for rule_id, _ in asked}, number__in=numbers
            )
            versions = [version for version in found if (version.rule_id, version.number) in asked]
        return cls(rules, versions)

    def candidates(self, row: Asks) -> list[Rule]:
        """The rules that may pay for it, in the merchant's order."""
        if row.asked_rule_id:
            rule = self.by_id.get(row.asked_rule_id)
            return [rule] if rule else []
        return self.by_action.get(row.action, [])

    def granted(self, row: Asks) -> Rule | None:
        """The version that paid before: an activity keeps its rate."""
        return self.by_version.get((row.rule_id, row.rule_version)) if row.rule_id and row.rule_version else None
