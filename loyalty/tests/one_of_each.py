"""A store with one object of each kind, the addresses that name them, and whether anything of any store changed."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection

from customers import adjustments
from customers.enrolment import Identity
from earning import activities, orders
from earning.activities import NewActivity
from integrations import connections, registry
from integrations.models import ConnectionToken, InboundEvent, Widget, WidgetSecret
from loyalty.stores.models import ApiKey, StaffMember
from spending import coupon_imports, redemptions, rewarding
from spending.models import CodePool

from .tenancy.objects import FIVE_OFF, changed
from .tenancy.routes import routes

__all__ = ["API_OBJECTS", "FIVE_OFF", "changed", "everything", "page_path", "routes", "theirs"]


@pytest.fixture
def theirs(store, customer, owner, add_rule, work):
    """One object of each kind in `store`, which the stranger must not reach."""
    rule = add_rule(store, name="Read", points=10, approval="by_hand")
    recorded = activities.record(store, NewActivity("custom:read", Identity.of(external_id="c1"), external_id="a1"))
    body = {"status": "completed", "total": "10", "subtotal": "10", "customer": {"external_id": "c1"}}
    orders.record_fact(store, "o1", "status", identity="1", data=body)
    adjustments.adjust(store, customer, Decimal(5), "Sorry", actor="test", identity="1")
    work(store)
    connection_, _ = connections.connect(store, registry.get("lootly"))
    key, _ = ApiKey.issue(store, "theirs")
    token, _ = ConnectionToken.issue(ConnectionToken.Kind.KEY, connection=connection_, name="theirs")
    reward = rewarding.create(store, "fixed_amount", actor="test", name="5 off", points=Decimal(1), **FIVE_OFF)
    redemption = redemptions.redeem(store, customer, reward)
    call = InboundEvent.objects.create(store=store, connection=connection_, event="x", identity="1", body="{}")
    pool = CodePool.objects.create(store=store, name="Five off")
    coupon_import = coupon_imports.start(store, pool, [b"SECRET-1\n"], "codes.csv", "test")
    Widget.objects.create(store=store)
    return SimpleNamespace(
        origin=store.widget_origins.create(origin="https://shop.example"), secret=WidgetSecret.issue(store)[0],
        rule=rule, activity=store.activities.get(pk=recorded.id), customer=customer, connection=connection_, key=key,
        pool=pool, coupon_import=coupon_import, token=token, call=call, reward=reward, redemption=redemption,
        fact=store.order_facts.get(),
        member=StaffMember.objects.get(store=store, user=owner), seq=1,
        item=store.events.create(topic="attention", customer=customer, data={"what": "email_conflict", "other": None}),
    )  # fmt: skip


# What a page's place-holders mean, by the first part of its path.
PAGE_OBJECTS = {
    "earning": "rule",
    "activity": "activity",
    "activity/facts": "fact",
    "attention": "item",
    "customers": "customer",
    "redemptions": "redemption",
    "spending": "reward",
    "spending/codes": "pool",
    "spending/codes/imports": "coupon_import",
    "settings/keys": "key",
    "settings/people": "member",
    "display/domains": "origin",
    "display/install/secrets": "secret",
    "integrations": "connection",
    "integrations/calls": "call",
    "integrations/<uuid:public_id>/keys/<int:pk>": "token",
}


def page_path(route: str, theirs) -> str:
    """The route with a foreign object's id in its place."""
    if "<" not in route:
        return route
    name = next((what for start, what in sorted(PAGE_OBJECTS.items(), reverse=True) if route.startswith(start)), None)
    assert name, f"{route}: say in PAGE_OBJECTS what its place-holder is"
    target = getattr(theirs, name)
    filled = route
    for holder, value in {
        "<uuid:public_id>": (theirs.connection if name == "token" else target).public_id
        if hasattr(target, "public_id") else None, "<int:pk>": target.pk, "<slug:kind>": "custom",
        "<int:seq>": theirs.seq, "<slug:dialect>": "lootly", "<str:dialect>": "lootly",
        "<uuid:customer>": theirs.customer.public_id, "<uuid:reward>": theirs.reward.public_id,
    }.items():  # fmt: skip
        filled = filled.replace(holder, str(value))
    assert "<" not in filled, f"{route}: say what to put in its place-holders"
    return filled


def everything() -> dict[str, int]:
    """Row counts and sums that any change would move."""
    see_all = "SELECT set_config('app.stores', (SELECT string_agg(id::text, ',') FROM stores_store), true)"
    tables = [
        table for table in connection.introspection.table_names()
        if table.startswith(("customers_", "earning_", "spending_", "integrations_", "stores_"))
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(see_all)
        found = {}
        for table in tables:
            cursor.execute(f"SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {table} AS row")
            found[table] = cursor.fetchone()[0]
    return found


API_OBJECTS = {
    "customers/<path:reference>": lambda theirs: f"customers/{theirs.customer.public_id}",
    "activities/<uuid:public_id>": lambda theirs: f"activities/{theirs.activity.public_id}",
    "orders/<path:external_id>": lambda theirs: "orders/o1",
    "rules/<uuid:public_id>": lambda theirs: f"rules/{theirs.rule.public_id}",
    "rewards/<uuid:public_id>": lambda theirs: f"rewards/{theirs.reward.public_id}",
    "redemptions/<uuid:public_id>": lambda theirs: f"redemptions/{theirs.redemption.public_id}",
    "code-pools/<uuid:public_id>": lambda theirs: f"code-pools/{theirs.pool.public_id}",
    "code-imports/<uuid:public_id>": lambda theirs: f"code-imports/{theirs.coupon_import.public_id}",
}
