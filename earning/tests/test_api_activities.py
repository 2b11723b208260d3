"""Telling what customers did over the native API, and what can be asked of it afterwards."""

import json
from decimal import Decimal
from uuid import UUID

import pytest

from conftest import balance, make_customer
from customers.models import Customer
from loyalty.stores import broker
from loyalty.stores.models import ApiKey

URL = "/api/v1/activities"
FACT = {"action": "read", "external_id": "a1", "customer": {"external_id": "c1"}}


@pytest.fixture
def rule(store, add_rule):
    return add_rule(store, name="Read", points=100, identifier="read")


def test_a_fact_is_stored_answered_and_paid_by_a_worker(api, store, customer, rule, work):
    answer = api.post(URL, FACT)

    assert answer.status_code == 201
    assert answer.json() | {"id": ""} == {
        "id": "", "action": "custom:read", "external_id": "a1", "state": "pending", "points": "0",
    }  # fmt: skip
    assert broker.client.exists(broker.queued_key("earning.tasks.apply_due", store.pk)) == 0  # not before the commit
    work(store)
    shown = api.get(f"{URL}/{answer.json()['id']}").json()
    assert (shown["state"], shown["points"]) == ("approved", "100")
    assert shown["explanation"] == ["“Read” (version 1) paid.", "100 points."]
    assert (shown["rule"]["name"], shown["rule_version"]) == ("Read", 1)
    assert balance(customer) == 100


@pytest.mark.parametrize("word", ["read", "custom:read", "action_id"])
def test_a_custom_action_goes_by_its_identifier_or_its_action_id(api, store, customer, rule, word):
    word = rule.action_id if word == "action_id" else word

    assert api.post(URL, FACT | {"action": word}).json()["action"] == "custom:read"


def test_told_again_it_changes_nothing_and_says_how_it_stands(api, store, customer, rule, work):
    first = api.post(URL, FACT)
    work(store)

    again = api.post(URL, FACT)

    assert again.status_code == 200
    assert again.json() == first.json() | {"state": "approved", "points": "100"}
    work(store)
    assert balance(customer) == 100


@pytest.mark.parametrize(
    "other",
    [
        {"customer": {"external_id": "c2"}},
        {"properties": {"page": "/other"}},
        {"occurred_at": "2026-01-01T00:00:00Z"},
        {"points": 7},
    ],
)
def test_the_same_id_with_another_content_is_a_conflict_and_changes_nothing(api, store, customer, rule, work, other):
    make_customer(store, "c2")
    api.post(URL, FACT | {"properties": {"page": "/guide"}})

    answer = api.post(URL, FACT | {"properties": {"page": "/guide"}} | other)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:activity-conflict"
    work(store)
    assert balance(customer) == 100
    assert store.activities.count() == 1


def test_an_unknown_person_becomes_a_guest(api, store, rule):
    api.post(URL, FACT | {"customer": {"external_id": "new", "email": " Ada@Shop.Example "}})

    made = store.customers.get(external_id="new")
    assert (made.state, made.email) == (Customer.State.GUEST, "ada@shop.example")


def test_a_customer_may_be_named_by_our_id(api, store, customer, rule, work):
    assert api.post(URL, FACT | {"customer": {"id": str(customer.public_id)}}).status_code == 201
    work(store)
    assert balance(customer) == 100


def test_a_foreign_customers_id_is_unknown_and_nothing_is_stored(api, store, other_store, rule):
    foreign = make_customer(other_store, "theirs")

    answer = api.post(URL, FACT | {"customer": {"id": str(foreign.public_id)}})

    assert answer.status_code == 404
    assert store.activities.count() == 0


def test_a_moment_without_an_offset_is_in_the_stores_time_zone(api, store, customer, rule):
    store.timezone = "America/New_York"
    store.save()

    api.post(URL, FACT | {"occurred_at": "2026-01-02T20:00:00"})

    assert store.activities.get().occurred_at.isoformat() == "2026-01-03T01:00:00+00:00"


def test_points_of_the_callers_own_need_the_scope_adjust(store, customer, rule, work, client_with):
    fact = FACT | {"points": "12"}

    refused = client_with("write").post(URL, fact)
    assert refused.status_code == 403
    assert "adjust" in refused.json()["detail"]

    assert client_with("write", "adjust").post(URL, fact).status_code == 201
    work(store)
    assert balance(customer) == 12


@pytest.fixture
def client_with(store, api):
    def made(*scopes):
        _, key = ApiKey.issue(store, "some", scopes=list(scopes))
        client = type(api)()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return made


# --- Prefer: wait -----------------------------------------------------------------------------


def test_prefer_wait_answers_with_points_and_reasons(api, customer, rule):
    answer = api.post(URL, FACT, headers={"Prefer": "respond-async, wait=5"})

    assert answer.status_code == 201
    assert answer["Preference-Applied"] == "wait"
    assert (answer.json()["state"], answer.json()["points"]) == ("approved", "100")
    assert answer.json()["explanation"][-1] == "100 points."
    assert balance(customer) == 100


def test_prefer_wait_on_a_repeat_shows_what_it_is_worth(api, customer, rule):
    api.post(URL, FACT, headers={"Prefer": "wait=5"})

    again = api.post(URL, FACT, headers={"Prefer": "wait=5"})

    assert (again.status_code, again.json()["points"]) == (200, "100")
    assert balance(customer) == 100


def test_a_fact_that_cannot_be_applied_in_time_is_stored_all_the_same(api, store, customer, rule, monkeypatch, work):
    def fails(*args):
        raise RuntimeError("poison")

    with monkeypatch.context() as broken:
        broken.setattr("earning.applying.apply_now", fails)
        answer = api.post(URL, FACT, headers={"Prefer": "wait=5"})

    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    assert "Preference-Applied" not in answer
    work(store)
    assert balance(customer) == 100


# --- Batch ------------------------------------------------------------------------------------


def test_each_item_of_a_batch_has_its_own_result_in_order(api, store, customer, rule, work):
    api.post(URL, FACT)
    make_customer(store, "c2")
    items = [
        FACT | {"external_id": "b1"},
        FACT,
        FACT | {"external_id": "b2", "action": "nothing"},
        FACT | {"customer": {"external_id": "c2"}},
        FACT | {"external_id": "b3", "customer": {"external_id": "new"}},
        "not an object",
        FACT | {"external_id": "b1"},
    ]

    answer = api.post(f"{URL}/batch", {"activities": items})

    assert answer.status_code == 200
    results = answer.json()["data"]
    assert [item["status"] for item in results] == [201, 200, 400, 409, 201, 400, 200]
    assert results[6]["activity"]["id"] == results[0]["activity"]["id"]
    assert "no action “nothing”" in results[2]["problem"]["detail"]
    work(store)
    assert balance(customer) == 200
    assert balance(store.customers.get(external_id="new")) == 100


@pytest.mark.parametrize("body", [[], {}, {"activities": []}, {"activities": {}}, {"activities": [FACT] * 1001}])
def test_a_batch_holds_1_to_1000_activities(api, store, body):
    assert api.post(f"{URL}/batch", body).status_code == 400
    assert store.activities.count() == 0


def test_a_thousand_known_and_unknown_customers_fit_a_batch(api, store, customer, rule, work):
    items = [FACT | {"external_id": f"b{n}", "customer": {"external_id": f"c{n % 5}"}} for n in range(1000)]

    results = api.post(f"{URL}/batch", {"activities": items}).json()["data"]

    assert {item["status"] for item in results} == {201}
    work(store)
    assert balance(customer) == 200 * 100


# --- Verdicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "state", "points"), [("approve", "approved", 100), ("decline", "declined", 0), ("void", "void", 0)]
)
def test_what_waits_for_a_word_gets_one(api, store, customer, add_rule, work, verdict, state, points):
    add_rule(store, name="Read", points=100, identifier="read", approval="by_hand")
    activity = api.post(URL, FACT).json()
    work(store)

    answer = api.post(f"{URL}/{activity['id']}/{verdict}")

    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert balance(customer) == points


def test_a_voided_activity_takes_its_points_back_once(api, store, customer, rule, work):
    activity = api.post(URL, FACT).json()
    work(store)

    for _ in range(2):
        assert api.post(f"{URL}/{activity['id']}/void").json()["state"] == "void"

    assert balance(customer) == 0


# --- Looking ----------------------------------------------------------------------------------


def test_a_filter_narrows_the_list_and_pages_lead_through_all_of_it(api, store, customer, rule, monkeypatch):
    monkeypatch.setattr("loyalty.stores.api.CursorPages.scan", 10)
    for number in range(30):
        api.post(URL, FACT | {"external_id": f"a{number}", "action": "visit" if number % 7 else "read"})

    seen, address = [], f"{URL}?action=read&limit=3"
    while address:
        page = api.get(address).json()
        seen += [row["external_id"] for row in page["data"]]
        address = page["next"]

    assert seen == ["a28", "a21", "a14", "a7", "a0"]


@pytest.mark.parametrize("wanted", ["customer=external_id:c2", "external_id=a2", "state=declined", "source=elsewhere"])
def test_the_list_can_be_asked_for(api, store, customer, rule, work, wanted):
    make_customer(store, "c2")
    api.post(URL, FACT)
    answer = api.post(URL, FACT | {"external_id": "a2", "customer": {"external_id": "c2"}}).json()
    store.activities.filter(public_id=UUID(answer["id"])).update(state="declined", source="elsewhere")

    assert [row["external_id"] for row in api.get(f"{URL}?{wanted}").json()["data"]] == ["a2"]


def test_an_unknown_state_or_action_in_a_filter_is_named(api, store):
    assert api.get(f"{URL}?state=nope").status_code == 400
    assert api.get(f"{URL}?action=nope").status_code == 400
    assert api.get(f"{URL}?external_id=%00").status_code == 400


def test_another_stores_activity_is_not_there(api, store, other_store, rule, add_rule):
    make_customer(other_store, "c1")
    add_rule(other_store, name="Read", identifier="read")
    _, key = ApiKey.issue(other_store, "theirs")
    theirs = type(api)()
    theirs.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    activity = theirs.post(URL, FACT).json()

    for address in (f"{URL}/{activity['id']}",):
        assert api.get(address).status_code == 404
    for verdict in ("approve", "decline", "void"):
        assert api.post(f"{URL}/{activity['id']}/{verdict}").status_code == 404
    assert api.get(URL).json()["data"] == []


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("action", "nope", "no action"),
        ("action", "purchase", "not reported by callers"),
        ("action", "custom", "no action"),
        ("action", None, "null"),
        ("action", ["read"], "string"),
        ("action", "x" * 81, "80"),
        ("customer", {}, "Say who"),
        ("customer", "c1", "dictionary"),
        ("customer", None, "null"),
        ("customer", {"email": "nobody"}, "e-mail"),
        ("customer", {"id": "c1"}, "UUID"),
        ("customer", {"name": "Ada"}, "not known"),
        ("external_id", "x" * 256, "255"),
        ("external_id", {"a": 1}, "string"),
        ("occurred_at", "yesterday", "ISO 8601"),
        ("occurred_at", 1700000000, "ISO 8601"),
        ("occurred_at", "0000-01-01T00:00:00Z", "ISO 8601"),
        ("occurred_at", "0001-01-01T00:00:00+14:00", "too long ago"),
        ("occurred_at", "9999-12-31T23:59:59Z", "too far ahead"),
        ("occurred_at", "2026-02-30T00:00:00Z", "ISO 8601"),
        ("points", -1, "less than 0"),
        ("points", "1e3", "number"),
        ("points", "NaN", "number"),
        ("points", "١٢", "number"),
        ("points", 10**15, "number"),
        ("points", 2_000_000_000, "more than"),
        ("points", Decimal("0.5"), "decimals"),
        ("points", True, "number"),
        ("properties", [], "object"),
        ("properties", {str(n): n for n in range(101)}, "100"),
        ("state", "void", "valid choice"),
        ("points_", 5, "not known"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_stored(api, store, rule, field, value, says):
    body = json.dumps(FACT | {field: value}, default=float)

    answer = api.post(URL, body, content_type="application/json")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert says in answer.json()["detail"], answer.json()
    assert store.activities.count() == 0 and store.customers.count() == 0


ODD = """{"deep": {"list": [1, 2.5, true, null, "é"]}, "big": 123456789012345678901234567890,
         "exact": 0.1, "long": 1.00000000000000000001}"""


def test_an_odd_properties_object_comes_back_as_it_was(api, store, customer, rule):
    body = f'{{"action": "read", "customer": {{"external_id": "c1"}}, "properties": {ODD}}}'

    answer = api.post(URL, body, content_type="application/json")

    shown = api.get(f"{URL}/{answer.json()['id']}").json()["properties"]
    assert shown["deep"] == {"list": [1, 2.5, True, None, "é"]}
    assert shown["big"] == 123456789012345678901234567890
    assert (shown["exact"], shown["long"]) == (0.1, "1.00000000000000000001")
