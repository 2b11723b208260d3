"""The cast, and a database like production's: migrated by the owner, used by the app role."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, ClassVar

import psycopg
import pytest
from allauth.account.internal.userkit import user_id_to_str
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import Client, TransactionTestCase
from rest_framework.test import APIClient

from customers import enrolment
from customers.identities import Identity
from customers.models import Customer, OrderNotice
from earning import applying, orders, rules
from earning.models import Activity, EarningRule, OrderFact
from integrations import applying as inbox_applying
from integrations.models import InboundEvent
from loyalty.local.roles import ensure_roles
from loyalty.stores import clock
from loyalty.stores.batches import drain
from loyalty.stores.models import ApiKey, StaffMember, Store, User
from loyalty.stores.tenancy import act_for, acting_for, store_list
from spending import order_notices

PASSWORD = "correct horse battery"


def sized(quick: int, full: int) -> int:
    """How often an attack or fault is tried: FAULTS=full pytest ... takes the full size."""
    return full if os.environ.get("FAULTS") == "full" else quick


def pytest_configure() -> None:
    # A slow hash is a password's protection, and most of a test's time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Tests travel in time, and the database does not come along.
    connection_created.disconnect(clock.compare)


# --- The database -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_blocker) -> Iterator[None]:
    """Create and migrate the test database as the owner, then become the app role."""
    import environ

    owner = environ.Env.db_url_config(os.environ["DATABASE_OWNER_URL"])
    worker = getattr(request.config, "workerinput", {}).get("workerid", "")
    name = f"test_{settings.DATABASES['default']['NAME']}{'_' + worker if worker else ''}"
    app = dict(connection.settings_dict)
    with django_db_blocker.unblock():
        connection.settings_dict.update(USER=owner["USER"], PASSWORD=owner["PASSWORD"])
        connection.settings_dict["TEST"]["NAME"] = name
        recreate(name)
        connection.close()
        connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
        Owner.dsn = {
            "host": owner["HOST"], "port": owner["PORT"], "user": owner["USER"], "password": owner["PASSWORD"],
            "dbname": name,
        }  # fmt: skip
        ensure_roles(psycopg.conninfo.make_conninfo(**Owner.dsn))
        call_command("migrate", verbosity=0)
        connection.close()
        connection.settings_dict.update(USER=app["USER"], PASSWORD=app["PASSWORD"])
    yield


def recreate(name: str) -> None:
    database = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = "postgres"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    connection.settings_dict["NAME"] = database


class Owner:
    """The tables' owner: what a test may do that the product may not."""

    dsn: ClassVar[dict[str, Any]] = {}
    FENCED = (
        "customers_ledgerentry", "customers_event", "customers_resolution", "customers_ledgerseal",
        "stores_auditrecord", "stores_accountrecord",
    )  # fmt: skip
    KEPT = ("django_migrations", "django_content_type", "auth_permission")

    @classmethod
    def run(cls, *statements: str) -> None:
        with psycopg.connect(**cls.dsn, autocommit=True) as owning:
            for statement in statements:
                owning.execute(statement)

    @classmethod
    def flush(cls, *args: object) -> None:
        """Empty every table after a test that committed; only here is the append-only fence lifted."""
        tables = connection.introspection.django_table_names(only_existing=True)
        cls.run(
            *[f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in cls.FENCED],
            f"TRUNCATE {', '.join(name for name in tables if name not in cls.KEPT)} RESTART IDENTITY CASCADE",
            *[f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in cls.FENCED],
        )


TransactionTestCase._fixture_teardown = Owner.flush  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def fresh_cache(request) -> Iterator[None]:
    """Rate limits and queued marks of one test must not reach the next."""
    yield
    if "django_db" in request.keywords or "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        cache.clear()
        from loyalty.stores import broker

        broker.client.flushdb()


# --- The cast ---------------------------------------------------------------------------------


def see(*stores: Store) -> None:
    """Let the test itself look into these stores. Requests start from nothing: see StrangerMixin."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.stores', true)")
        seen = set(filter(None, (cursor.fetchone()[0] or "").split(",")))
        cursor.execute(
            "SELECT set_config('app.stores', %s, %s)",
            [store_list(*seen, *(store.pk for store in stores)), connection.in_atomic_block],
        )


class StrangerMixin:
    """A client whose requests see no store until the product itself says which."""

    def request(self, **request):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.stores', true)")
            seen = cursor.fetchone()[0] or ""
        act_for()
        try:
            return super().request(**request)
        finally:
            if not connection.needs_rollback:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('app.stores', %s, %s)", [seen, connection.in_atomic_block])


class StrangerClient(StrangerMixin, Client):
    pass


class StrangerAPIClient(StrangerMixin, APIClient):
    pass


def open_store(slug: str, **fields) -> Store:
    store = Store.objects.create(slug=slug, name=slug.title(), currency="EUR", domain=f"{slug}.example", **fields)
    see(store)
    return store


@pytest.fixture
def store(db) -> Store:
    return open_store("acme")


@pytest.fixture
def other_store(db) -> Store:
    return open_store("rival")


def staff(store: Store, role: str, email: str = "") -> User:
    user = User.objects.create_user(email or f"{role}@{store.slug}.example", PASSWORD)
    StaffMember.objects.create(store=store, user=user, role=role)
    return user


@pytest.fixture
def owner(store) -> User:
    return staff(store, "owner")


@pytest.fixture
def manager(store) -> User:
    return staff(store, "manager")


@pytest.fixture
def support(store) -> User:
    return staff(store, "support")


@pytest.fixture
def viewer(store) -> User:
    return staff(store, "viewer")


@pytest.fixture
def stranger(other_store) -> User:
    """Owner of another store."""
    return staff(other_store, "owner")


@pytest.fixture
def customer(store) -> Customer:
    return make_customer(store, "c1", "james@shop.example")


def make_customer(store: Store, external_id: str, email: str | None = None, **fields) -> Customer:
    made = enrolment.identify(store, Identity.of(external_id=external_id, email=email), is_registered=True)
    enrolment.enrol(made)
    if fields:
        Customer.objects.filter(pk=made.pk).update(**fields)
        made.refresh_from_db()
    return made


@pytest.fixture
def client() -> StrangerClient:
    return StrangerClient()


@pytest.fixture
def sign_in() -> Callable[..., StrangerClient]:
    """A person's client. Who signed in long ago is asked again before what is protected."""

    def signed_in(user: User, long_ago: bool = False) -> StrangerClient:
        client = StrangerClient()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        if not long_ago:
            session = client.session
            session["account_authentication_methods_user"] = user_id_to_str(user)
            session["account_authentication_methods"] = [
                {"method": "password", "at": time.time(), "reauthenticated": True}
            ]
            session.save()
        return client

    return signed_in


@pytest.fixture
def api(store) -> StrangerAPIClient:
    """An API client with a key of `store` that may do everything."""
    _, key = ApiKey.issue(store, "test")
    client = StrangerAPIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def add_rule() -> Callable[..., EarningRule]:
    def add(store: Store, kind: str = "custom", points: object = 100, **values) -> EarningRule:
        values.setdefault("name", f"{kind} rule")
        return rules.create(store, kind, actor="test", points=Decimal(str(points)), **values)

    return add


def apply_all(store: Store) -> None:
    """What a worker does when nudged, in this process."""
    with acting_for():
        drain(InboundEvent, store.pk, inbox_applying.apply, seconds=30)
        drain(OrderFact, store.pk, orders.apply, seconds=30)
        drain(Activity, store.pk, applying.apply, seconds=30)
        drain(OrderNotice, store.pk, order_notices.apply, seconds=30)


@pytest.fixture
def work() -> Callable[[Store], None]:
    return apply_all


def balance(customer: Customer) -> Decimal:
    return customer.wallets.get().balance


if sys.platform == "darwin":  # the browser tests' event loop and Django's guard against it
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
