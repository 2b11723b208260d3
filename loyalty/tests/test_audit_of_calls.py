"""Every call that changes something besides facts leaves one row of which key did it."""

from django.urls import get_resolver

from earning import rules
from loyalty.audit_phrases import PHRASES
from loyalty.stores.api import StoreViewSet

from .audited import REASON, asking, csv, imported, off, records, undone

# What shops tell all day: facts, kept as such.
FACTS = {
    "api:joining.create", "api:joining.enrol", "api:activity.create", "api:activity.batch", "api:order.create",
    "api:order.refund", "api:order.cancel", "api:redemption.create", "api:redemption.check", "api:redemption.use",
}  # fmt: skip

API_CHANGES = {
    "api:rule.create": ("post", "rules", {"kind": "custom", "name": "Page", "points": "5", "identifier": "page"}),
    "api:rule.partial_update": ("patch", "rules/{rule}", {"points": "6"}),
    "api:rule.enable": ("post", "rules/{rule}/enable", {}, lambda theirs: rules.switch(theirs.rule, False)),
    "api:rule.disable": ("post", "rules/{rule}/disable", {}),
    "api:reward.create": ("post", "rewards", {
        "kind": "fixed_amount", "name": "Ten", "points": "5", "settings": {"value": "5"}, "code_source": "generated"}),
    "api:reward.partial_update": ("patch", "rewards/{reward}", {"points": "6"}),
    "api:reward.enable": ("post", "rewards/{reward}/enable", {}, lambda theirs: off(theirs.reward)),
    "api:reward.disable": ("post", "rewards/{reward}/disable", {}),
    "api:pool.create": ("post", "code-pools", {"name": "More"}),
    "api:pool.partial_update": ("patch", "code-pools/{pool}", {"name": "Renamed"}),
    "api:import.create": ("post", "code-pools/{pool}/imports", None),
    "api:import.confirm": ("post", "code-imports/{coupon_import}/confirm", {}),
    "api:import.cancel": ("post", "code-imports/{coupon_import}/cancel", {}),
    "api:import.undo": ("post", "code-imports/{coupon_import}/undo", {}, imported),
    "api:import.read_as": ("post", "code-imports/{coupon_import}/read-as", {"encoding": "cp1252"}, asking),
    "api:activity.approve": ("post", "activities/{activity}/approve", {}),
    "api:activity.decline": ("post", "activities/{activity}/decline", {}),
    "api:activity.void": ("post", "activities/{activity}/void", {}),
    "api:redemption.cancel": ("post", "redemptions/{redemption}/cancel", REASON),
    "api:adjustment.create": ("post", "adjustments", {
        "customer": {"external_id": "c1"}, "points": "5", "reason": "Sorry", "code": "goodwill"}),
    "api:joining.partial_update": ("patch", "customers/{customer}", {"is_blocked": True}),
    "api:erasing.erase": ("post", "customers/{customer}/erase", {"reason": "asked"}),
    "api:erasing.export": ("get", "customers/{customer}/export", None),
    "api:code.export": ("get", "code-pools/{pool}/codes.csv", None),
}  # fmt: skip


def calls():
    for pattern in get_resolver("loyalty.api").url_patterns:
        viewset = getattr(pattern.callback, "cls", None)
        if viewset and issubclass(viewset, StoreViewSet):
            for method, action in pattern.callback.actions.items():
                yield method, f"api:{viewset.kind()}.{action}"


def test_every_call_that_writes_is_a_fact_or_leaves_a_row():
    writing = {action for method, action in calls() if method not in ("get", "head")}
    assert writing == FACTS | {name for name, (method, *_) in API_CHANGES.items() if method != "get"}
    assert FACTS & set(API_CHANGES) == set()


def test_every_change_by_a_call_leaves_one_row(store, theirs, api):
    wrong = {}
    for action, (method, address, body, *before) in API_CHANGES.items():
        with undone():
            for prepare in before:
                prepare(theirs)
            known = len(records(store))
            names = {name: getattr(row, "public_id", "") for name, row in vars(theirs).items()}
            path = f"/api/v1/{address.format(**names)}"
            if action == "api:import.create":
                answer = api.post(path, {"file": csv()}, format="multipart")
            else:
                answer = getattr(api, method)(path, body)
            rows = records(store)[known:]
            if answer.status_code >= 300 or [row.action for row in rows] != [action]:
                wrong[action] = (answer.status_code, [row.action for row in rows], answer.content[:300])
                continue
            assert rows[0].actor.startswith("key:lk_") and rows[0].user_id is None
            assert action in PHRASES
    assert wrong == {}


def test_facts_of_a_shop_leave_none(store, customer, api, add_rule):
    add_rule(store, identifier="read")
    api.post("/api/v1/activities", {"action": "read", "customer": {"external_id": "c1"}})
    api.patch("/api/v1/customers/external_id:c1", {"first_name": "Ada"})
    assert records(store) == []
