"""Every route that names a store or an object of one, asked by somebody from another store: 404, no change.

The tables below say what stands in each route's place-holders. A new route without a row fails the build.
"""

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.urls import get_resolver
from rest_framework.test import APIClient

from conftest import StrangerAPIClient, make_customer
from customers import adjustments
from customers.enrolment import Identity
from earning import activities, orders
from earning.activities import NewActivity
from integrations import connections, registry
from integrations.models import ConnectionToken, InboundEvent, Widget, WidgetSecret
from loyalty.stores.models import ApiKey, StaffMember
from spending import coupon_imports, redemptions, rewarding
from spending.models import CodePool


def routes(resolver=None, prefix: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, path)
        else:
            yield path


def below(prefix: str) -> list[str]:
    return sorted(path.removeprefix(prefix) for path in routes() if path.startswith(prefix))


FIVE_OFF = {"settings": {"value": "5"}, "code_source": "generated"}


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


def changed(before: dict, after: dict) -> set[str]:
    return {table for table in before if before[table] != after[table]}


def test_pages_of_another_store(store, other_store, stranger, theirs, sign_in):
    client = sign_in(stranger)
    before, reached = everything(), []
    for route in below("s/<slug:slug>/"):
        path = page_path(route, theirs)
        for method in (client.get, client.post):
            if (status := method(f"/s/{store.slug}/{path}").status_code) not in (404, 405):
                reached.append((method.__name__, route, status))
            if path != route and not route.startswith(("earning/add", "spending/add", "integrations/connect")):
                # By way of the stranger's own store: their slug, our object.
                if (status := method(f"/s/{other_store.slug}/{path}").status_code) not in (404, 405):
                    reached.append((method.__name__, "own/" + route, status))
    assert reached == []
    assert changed(before, everything()) == set()


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


def test_api_objects_of_another_store(store, other_store, theirs):
    _, key = ApiKey.issue(other_store, "stranger")
    client = StrangerAPIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    before, reached = everything(), []
    for route in [route for route in below("api/v1/") if "<" in route]:
        start, name = next(
            ((start, name) for start, name in API_OBJECTS.items() if route.startswith(start)), ("", None)
        )
        assert name, f"{route}: say in API_OBJECTS what its place-holder is"
        path = "/api/v1/" + route.replace(start, name(theirs))
        for method, body in (("get", None), ("post", {"amount": "1", "external_id": "r9"}), ("patch", {"name": "Eve"})):
            status = getattr(client, method)(path, body).status_code
            # Facts about an order that is not known here wait for it, in the stranger's own store.
            is_waiting = route.startswith("orders/") and method == "post" and status in (200, 201, 202)
            if status not in (404, 405) and not is_waiting:
                reached.append((method, route, status))
    assert reached == []
    assert changed(before, everything()) <= {"earning_orderfact", "stores_apikey"}
    assert store.order_facts.count() == 1


def test_lists_show_the_own_store_only(store, other_store, theirs):
    mine = make_customer(other_store, "x1")
    _, key = ApiKey.issue(other_store, "stranger")
    client: APIClient = StrangerAPIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    for route in [route for route in below("api/v1/") if "<" not in route]:
        answer = client.get(f"/api/v1/{route}")
        text = answer.content.decode()
        assert answer.status_code < 500
        for foreign in (
            theirs.customer.public_id, theirs.activity.public_id, theirs.rule.public_id, theirs.reward.public_id,
            theirs.redemption.public_id, theirs.redemption.code, theirs.pool.public_id, "james@shop",
        ):  # fmt: skip
            assert str(foreign) not in text, route
    assert client.get("/api/v1/customers").json()["data"][0]["id"] == str(mine.public_id)


def test_roles_without_the_right_change_nothing(store, theirs, sign_in, viewer, support):
    clients = sign_in(viewer), sign_in(support)
    before = everything()
    for client in clients:
        post_everywhere(client, store, theirs)
    assert changed(before, everything()) == set()


def post_everywhere(client, store, theirs):
    for route in below("s/<slug:slug>/"):
        if not route.startswith(("earning", "spending", "settings", "integrations", "attention", "display")):
            continue
        answer = client.post(f"/s/{store.slug}/{page_path(route, theirs)}")
        assert answer.status_code in (302, 403, 404, 405), (route, answer.status_code)
