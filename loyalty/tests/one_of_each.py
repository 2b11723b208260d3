"""A store with one object of each kind, and whether anything of any store changed."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from conftest import apply_all
from customers import adjustments
from customers.identities import Identity
from customers.models import Customer
from earning import activities, orders, rules
from earning.activities import NewActivity
from integrations import connections, registry
from integrations.dialects.openloyalty import credentials
from integrations.models import ConnectionToken, CustomEvent, EventSchema, InboundEvent, Widget, WidgetSecret
from loyalty.stores.models import AccountRecord, ApiKey, AuditRecord, Store, User
from loyalty.stores.tenancy import acting_for
from spending import coupon_imports, coupon_steps, redemptions, rewarding
from spending.models import CodePool, CouponCode, RewardImage

from .tenancy.routes import routes

__all__ = [
    "API_OBJECTS", "FIVE_OFF", "changed", "everything", "fingerprint", "objects_of", "routes", "theirs",
]  # fmt: skip

FIVE_OFF = {"settings": {"value": "5"}, "code_source": "generated"}
TABLES = "SELECT table_name FROM information_schema.columns WHERE column_name = 'store_id' AND table_schema = 'public'"
OF_ALL = "SELECT set_config('app.stores', (SELECT string_agg(id::text, ',') FROM stores_store), true)"
APPS = ("customers_", "earning_", "spending_", "integrations_", "stores_")
PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"


@pytest.fixture
def theirs(store, customer, owner) -> SimpleNamespace:
    """One object of each kind in `store`, which the stranger must not reach."""
    return objects_of(store, customer, owner, "theirs")


def objects_of(store: Store, customer: Customer, user: User, word: str) -> SimpleNamespace:
    """Whatever can be named by an address, a field or a column. Each text holds the word."""
    made = SimpleNamespace(store=store, customer=customer, word=word, member=user.staff_memberships.get(store=store))
    earned(made)
    spent(made)
    connected(made)
    apply_all(store)
    coupon_steps.work(store.pk)
    made.coupon_import.refresh_from_db()
    made.activity, made.fact = store.activities.get(pk=made.activity_id), store.order_facts.get()
    made.item = store.events.create(
        topic="attention", customer=customer, data={"what": "email_conflict", "other": None}
    )  # fmt: skip
    made.newcomer = User.objects.create(email=f"newcomer@{word}.example")
    made.key, made.clear_key = ApiKey.issue(store, f"{word} key")
    EmailAddress.objects.get_or_create(user=user, email=user.email)
    told = {"user": user, "actor": f"{word}@staff.example", "action": "stores:store_update", "request_id": uuid7()}
    AuditRecord.objects.create(store=store, **told)
    AccountRecord.objects.create(**told)
    return made


def earned(made: SimpleNamespace) -> None:
    store, word = made.store, made.word
    identity = Identity.of(external_id=made.customer.external_id)
    made.rule = rules.create(
        store, "custom", actor="test", name=f"Read {word}", identifier="read", points=Decimal(10), approval="by_hand"
    )
    made.activity_id = activities.record(store, NewActivity("custom:read", identity, external_id=f"{word}-a1")).id
    made.order_id = f"{word}-o1"
    body = {
        "status": "completed",
        "total": "10",
        "subtotal": "10",
        "customer": {"external_id": made.customer.external_id},
    }
    orders.record_fact(store, made.order_id, "status", identity="1", data=body)
    adjustments.adjust(store, made.customer, Decimal(500), f"Sorry {word}", actor="test", identity="1")
    made.wallet = made.customer.wallets.get()


def spent(made: SimpleNamespace) -> None:
    store, word = made.store, made.word
    made.pool = CodePool.objects.create(store=store, name=f"{word} codes")
    made.coupon_import = coupon_imports.start(store, made.pool, [f"{word}-CODE-1\n".encode()], f"{word}.csv", "test")
    made.code = CouponCode.objects.create(
        store=store, pool=made.pool, coupon_import=made.coupon_import, code=f"{word}-FREE"
    )
    made.image = RewardImage.objects.create(store=store, content=PIXEL, content_type="image/gif")
    made.reward = rewarding.create(
        store, "fixed_amount", actor="test", name=f"5 off {word}", points=Decimal(1), image=made.image, **FIVE_OFF
    )
    made.redemption = redemptions.redeem(store, made.customer, made.reward)


def connected(made: SimpleNamespace) -> None:
    store, user = made.store, made.member.user
    made.connections = {dialect.key: connections.connect(store, dialect) for dialect in registry.DIALECTS.values()}
    made.connection, made.connection_secret = made.connections["lootly"]
    made.token, _ = ConnectionToken.issue(ConnectionToken.Kind.KEY, connection=made.connection, name=made.word)
    made.call = InboundEvent.objects.create(
        store=store, connection=made.connection, event="x", identity="1", body=f'{{"id": "{made.word}"}}'
    )
    made.widget = Widget.objects.create(store=store)
    made.origin = store.widget_origins.create(origin=f"https://{made.word}.example")
    made.secret, made.clear_secret = WidgetSecret.issue(store)
    made.schema = EventSchema.objects.create(store=store, event_type=f"{made.word}_run", name=made.word)
    made.event = CustomEvent.objects.create(
        store=store, schema=made.schema, customer=made.customer, occurred_at=timezone.now()
    )
    made.admin_id = credentials.admin_id(user)


def fingerprint(store: Store) -> dict[str, str]:
    """Of every row that belongs to the store. Any change moves it."""
    with acting_for(store.pk), connection.cursor() as cursor:
        cursor.execute(TABLES)
        of_store = {table: f"store_id = {store.pk}" for (table,) in cursor.fetchall()}
    with acting_for(store.pk):
        return digests(of_store | {"stores_store": f"id = {store.pk}"})


def everything() -> dict[str, str]:
    """The same of every row of the product, whosever it is."""
    with connection.cursor() as cursor:
        cursor.execute(OF_ALL)
    return digests({table: "true" for table in connection.introspection.table_names() if table.startswith(APPS)})


def digests(tables: dict[str, str]) -> dict[str, str]:
    """By table, of the rows for which the condition holds."""
    one_each = [
        f"SELECT '{table}', md5(string_agg(one::text, ',' ORDER BY one::text)) FROM {table} AS one WHERE {condition}"
        for table, condition in tables.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(one_each))
        return dict(cursor.fetchall())


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {table for table in before if before[table] != after[table]}


API_OBJECTS = {
    "customers/<path:reference>": lambda theirs: f"customers/{theirs.customer.public_id}",
    "activities/<uuid:public_id>": lambda theirs: f"activities/{theirs.activity.public_id}",
    "orders/<path:external_id>": lambda theirs: f"orders/{theirs.order_id}",
    "rules/<uuid:public_id>": lambda theirs: f"rules/{theirs.rule.public_id}",
    "rewards/<uuid:public_id>": lambda theirs: f"rewards/{theirs.reward.public_id}",
    "redemptions/<uuid:public_id>": lambda theirs: f"redemptions/{theirs.redemption.public_id}",
    "code-pools/<uuid:public_id>": lambda theirs: f"code-pools/{theirs.pool.public_id}",
    "code-imports/<uuid:public_id>": lambda theirs: f"code-imports/{theirs.coupon_import.public_id}",
}
