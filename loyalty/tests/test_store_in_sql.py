"""What is done all the time names its store in every statement, so that PostgreSQL asks one index, or one machine."""

import re
from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest
from django.db import connection
from django.urls import reverse
from psycopg import sql

from conftest import see
from customers import adjustments
from earning import applying
from earning.models import Activity
from loyalty.stores import authentication, batches
from loyalty.stores.tenancy import LOOKUP_TABLES, acting_for
from spending import rewarding

# A condition on the store, or a row that is written with it. A column of a result is not enough.
BY_STORE = re.compile(r"""store_id"?\s*(=|IN\b)|INSERT\s+INTO\s+"?\w+"?\s*\([^)]*\bstore_id\b""", re.IGNORECASE)


@pytest.fixture
def tenant_tables(store) -> re.Pattern[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'store_id' AND table_schema = 'public'"
        )
        names = {name for (name,) in cursor.fetchall()} - LOOKUP_TABLES
    assert "customers_wallet" in names
    return re.compile(rf"\b({'|'.join(sorted(names))})\b")


@pytest.fixture
def statements(monkeypatch) -> list[str]:
    """Whatever is sent to PostgreSQL, by Django or past it."""
    sent: list[str] = []

    def listening(name: str) -> Callable:
        original = getattr(psycopg.Cursor, name)

        def listen(cursor, query, *args, **kwargs):
            is_composed = isinstance(query, sql.Composable)
            sent.append(query.as_string(cursor) if is_composed else query if isinstance(query, str) else query.decode())
            return original(cursor, query, *args, **kwargs)

        return listen

    for name in ("execute", "executemany"):
        monkeypatch.setattr(psycopg.Cursor, name, listening(name))
    return sent


@pytest.fixture
def named(statements, tenant_tables) -> Callable[[Callable], set[str]]:
    """Do something; every statement of it must name the store. Returns the tables that were touched."""

    def check(act: Callable) -> set[str]:
        statements.clear()
        act()
        touching = [text for text in statements if tenant_tables.search(text)]
        assert [text for text in touching if not BY_STORE.search(text)] == []
        return {table for text in touching for table in tenant_tables.findall(text)}

    return check


@pytest.fixture
def rule(store, add_rule):
    return add_rule(
        store, "custom", 10, name="Read", identifier="read", limit="count", limit_value=5, limit_period="day"
    )


TOLD = {"action": "custom:read", "customer": {"external_id": "c1"}}


def test_accepting_an_activity(api, customer, rule, named):
    for _ in "first", "repeat":
        touched = named(lambda: api.post("/api/v1/activities", TOLD | {"external_id": "a1"}))
        assert touched >= {"earning_activity", "customers_customer"}
    batch = {"activities": [TOLD | {"external_id": f"b{number}"} for number in range(3)]}
    assert named(lambda: api.post("/api/v1/activities/batch", batch)) >= {"earning_activity"}
    stranger = {"action": "custom:read", "customer": {"external_id": "new", "email": "new@shop.example"}}
    assert named(lambda: api.post("/api/v1/activities", stranger)) >= {"customers_customer", "customers_wallet"}


def test_accepting_with_a_key_that_was_just_seen(transactional_db, request):
    store, api = request.getfixturevalue("store"), request.getfixturevalue("api")
    request.getfixturevalue("customer"), request.getfixturevalue("rule")
    authentication._seen.clear()
    api.post("/api/v1/activities", TOLD | {"external_id": "a1"})
    touched = request.getfixturevalue("named")(lambda: api.post("/api/v1/activities", TOLD | {"external_id": "a2"}))
    assert touched == {"earning_activity", "customers_customer"}
    see(store)
    assert store.activities.count() == 2


def test_applying_a_batch(store, api, customer, rule, named):
    for number in range(7):
        api.post("/api/v1/activities", TOLD | {"external_id": f"a{number}"})

    def apply():
        with acting_for():
            assert batches.work(Activity, store.pk, applying.apply) == 7

    assert named(apply) >= {"earning_activity", "customers_ledgerentry", "customers_wallet", "customers_event"}


def test_redeeming(store, api, customer, named):
    adjustments.adjust(store, customer, Decimal(100), "Welcome", actor="test")
    reward = rewarding.create(
        store, "fixed_amount", actor="test", name="5 off", points=Decimal(10), settings={"value": "5"},
        code_source="generated", customer_limit=5,
    )  # fmt: skip
    body = {"customer": {"external_id": "c1"}, "reward": str(reward.public_id)}
    answers = []
    touched = named(lambda: answers.append(api.post("/api/v1/redemptions", body)))
    assert answers[0].status_code == 201, answers[0].content
    assert touched >= {"spending_redemption", "spending_reward", "customers_ledgerentry", "customers_wallet"}


def test_reading_a_balance(api, customer, named):
    assert "customers_wallet" in named(lambda: api.get("/api/v1/customers/external_id:c1/balance"))
    assert "customers_wallet" in named(lambda: api.get("/api/v1/balances?ids=external_id:c1,external_id:nobody"))


def test_a_page_of_a_statement(store, api, customer, named, sign_in, viewer):
    for number in range(3):
        adjustments.adjust(store, customer, Decimal(10), f"Gift {number}", actor="test")
    assert "customers_ledgerentry" in named(lambda: api.get("/api/v1/customers/external_id:c1/entries?limit=2"))
    client = sign_in(viewer)
    page = reverse("customers:customer_detail", args=[store.slug, customer.public_id])
    assert "customers_ledgerentry" in named(lambda: client.get(page))
