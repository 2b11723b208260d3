"""Balances, the ledger and adjustments over the native API."""

from decimal import Decimal

import pytest

from conftest import balance, make_customer
from customers import adjustments
from customers.tests.factories import CustomerFactory
from loyalty.stores.models import ApiKey

GIFT = {"customer": {"external_id": "c1"}, "points": "50", "reason": "Sorry for the delay", "external_id": "t-91"}


def test_an_adjustment_posts_an_entry_with_its_reason_and_its_key(api, store, customer):
    answer = api.post("/api/v1/adjustments", GIFT)

    assert answer.status_code == 201
    entry = answer.json()
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("adjust", "50", "50")
    assert entry["reason"] == "Sorry for the delay"
    assert entry["actor"].startswith("key:lk_")
    assert balance(customer) == 50


def test_with_the_same_id_it_counts_once(api, store, customer):
    first = api.post("/api/v1/adjustments", GIFT)
    again = api.post("/api/v1/adjustments", GIFT)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert api.post("/api/v1/adjustments", GIFT | {"points": "51"}).status_code == 409
    assert balance(customer) == 50


def test_more_than_the_balance_is_refused(api, customer):
    answer = api.post("/api/v1/adjustments", GIFT | {"points": -1})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:insufficient-points"
    assert balance(customer) == 0


def test_adjusting_needs_its_scope(store, api, customer):
    _, key = ApiKey.issue(store, "facts only", scopes=["read", "write"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert api.post("/api/v1/adjustments", GIFT).status_code == 403
    assert balance(customer) == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"points": 0}, 400), ({"points": "0.5"}, 400), ({"points": 10**10}, 400), ({"points": None}, 400),
        ({"points": "1e5"}, 400), ({"points": [5]}, 400), ({"points": "-0"}, 400), ({"reason": ""}, 400),
        ({"reason": "  "}, 400), ({"reason": None}, 400), ({"reason": "x" * 256}, 400), ({"customer": {}}, 400),
        ({"customer": {"external_id": "nobody"}}, 404),
        ({"customer": {"id": "01890000-0000-7000-8000-000000000000"}}, 404), ({"external_id": "x" * 81}, 400),
    ],
)  # fmt: skip
def test_a_bad_adjustment_posts_nothing(api, store, customer, change, status):
    assert api.post("/api/v1/adjustments", GIFT | change).status_code == status
    assert store.entries.count() == 0


def test_another_stores_customer_cannot_be_adjusted(api, store, other_store):
    foreign = make_customer(other_store, "theirs")

    for who in ({"id": str(foreign.public_id)}, {"external_id": "theirs"}):
        assert api.post("/api/v1/adjustments", GIFT | {"customer": who}).status_code == 404
    assert balance(foreign) == 0


def test_a_balance_tells_what_is_there_and_what_waits(api, store, customer, add_rule, work):
    add_rule(store, identifier="read", approval="by_hand")
    adjustments.adjust(store, customer, Decimal(30), "A gift", actor="test")
    api.post("/api/v1/activities", {"action": "read", "customer": {"external_id": "c1"}})
    work(store)

    shown = api.get("/api/v1/customers/external_id:c1/balance").json()

    assert (shown["balance"], shown["pending"], shown["earned"]) == ("30", "100", "0")
    assert shown["customer"]["email"] == "james@shop.example"


def test_many_balances_come_in_a_few_statements(api, store, customer, django_assert_max_num_queries):
    many = CustomerFactory.create_batch(28, store=store)
    adjustments.adjust(store, customer, Decimal(30), "A gift", actor="test")
    strangers = [f"external_id:nobody-{number}" for number in range(10)]
    ids = [f"external_id:{one.external_id}" for one in (customer, *many)] + strangers
    ids += ["email:james@shop.example", str(customer.public_id)]

    with django_assert_max_num_queries(16):  # six of them are the test client's
        answer = api.get("/api/v1/balances", {"ids": ",".join(ids)})

    shown = answer.json()
    found = {row["asked"]: row["balance"]["balance"] for row in shown["data"]}
    assert len(found) == 31
    assert found["external_id:c1"] == found["email:james@shop.example"] == found[str(customer.public_id)] == "30"
    assert shown["unknown"] == strangers


@pytest.mark.parametrize("ids", ["", ",", ",".join(f"external_id:c{n}" for n in range(251))])
def test_balances_are_asked_for_1_to_250_customers(api, store, ids):
    assert api.get("/api/v1/balances", {"ids": ids}).status_code == 400


def test_the_ledger_is_paged_newest_first(api, store, customer):
    other = make_customer(store, "c2")
    for number in range(1, 6):
        adjustments.adjust(store, customer, Decimal(number), f"Gift {number}", actor="test")
    adjustments.adjust(store, other, Decimal(9), "Other", actor="test")

    first = api.get("/api/v1/customers/external_id:c1/entries?limit=2")
    second = api.get(first.json()["next"])

    assert [row["reason"] for row in first.json()["data"] + second.json()["data"]] == [
        "Gift 5", "Gift 4", "Gift 3", "Gift 2",
    ]  # fmt: skip
    assert first["Link"] == f'<{first.json()["next"]}>; rel="next"'
    last = api.get(second.json()["next"])
    assert ([row["reason"] for row in last.json()["data"]], last.json()["next"]) == (["Gift 1"], None)
    assert api.get("/api/v1/ledger-entries").json()["data"][0]["customer"]["external_id"] == "c2"
    assert len(api.get("/api/v1/ledger-entries?customer=external_id:c2").json()["data"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-1",
        "limit=9999999999999",
        "cursor=x",
        "cursor=é",
        "&".join(f"q{n}" for n in range(1_001)),
    ],
)
def test_a_bad_page_is_refused(api, store, query):
    assert api.get(f"/api/v1/ledger-entries?{query}").status_code == 400
