import threading
from decimal import Decimal

import pytest
from django.db import connection

from conftest import balance, make_customer
from earning.models import Activity
from integrations.models import CustomEvent
from loyalty.stores.tenancy import acting_for

from .conftest import errors, payload, sign_in


@pytest.fixture
def member(store):
    return make_customer(store, "c1", "john.smith@example.com", phone="+48600", card_number="AB-1")


@pytest.fixture
def declared(caller):
    """Both recorded schemas."""
    for name in ("event-schema", "event-schema-fields"):
        assert caller.post("customEvent/schema", payload(name)).status_code == 204


def tell(caller, **fields):
    return caller.post("customEvent", {"event": payload("event")["event"] | fields})


def declare(caller, **fields):
    return caller.post(
        "customEvent/schema", {"customEventSchema": payload("event-schema")["customEventSchema"] | fields}
    )


# --- Schemas ----------------------------------------------------------------------------------


def test_a_schema_is_shown_as_declared(caller, declared):
    told = payload("event-schema-fields")["customEventSchema"]
    shown = caller.get("customEvent/schema/workout").told
    assert shown.pop("createdAt")
    assert shown == {"eventType": "workout", "name": "Workout", "schema": told["schema"], "active": True}
    assert caller.get("customEvent/schema/app_login").told["schema"] == {"fields": []}
    found = caller.get("customEvent/schema?_orderBy[eventType]=asc").told
    assert [one["eventType"] for one in found["items"]] == ["app_login", "workout"]
    assert found["total"] == {"all": 2, "filtered": 2, "estimated": False}
    assert caller.get("customEvent/schema/App_Login").status_code == 404
    assert caller.get("customEvent/schema/%00").status_code == 404


def test_a_schema_can_be_changed_and_switched_off(caller, declared, member):
    changed = {"name": "Run", "schema": {"fields": [{"name": "km", "type": "number"}]}}
    assert caller.put("customEvent/schema/workout", {"customEventSchema": changed}).status_code == 204
    shown = caller.get("customEvent/schema/workout").told
    assert (shown["name"], shown["schema"], shown["active"]) == ("Run", changed["schema"], True)
    assert errors(caller.put("customEvent/schema/workout", {"customEventSchema": changed | {"eventType": "x"}})) == [
        ("eventType", "extra_field")
    ]
    assert caller.put("customEvent/schema/nope", {"customEventSchema": changed}).status_code == 404

    assert caller.post("customEvent/schema/app_login/active", {"active": False}).status_code == 204
    assert errors(tell(caller)) == [("type", "unknown")]
    assert caller.get("customEvent/schema?active=false").told["items"][0]["eventType"] == "app_login"
    assert errors(caller.post("customEvent/schema/app_login/active", {"active": "no"})) == [("active", "invalid")]
    assert caller.post("customEvent/schema/nope/active", {"active": True}).status_code == 404
    assert caller.post("customEvent/schema/app_login/active", {"active": True}).status_code == 204
    assert tell(caller).status_code == 200


def test_an_empty_object_as_php_writes_it_declares_no_fields(caller, member):
    assert declare(caller, schema=[]).status_code == 204
    assert tell(caller, body=[]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"eventType": ""}, ("eventType", "blank")),
        ({"eventType": None}, ("eventType", "blank")),
        ({"eventType": "a/b"}, ("eventType", "invalid")),
        ({"eventType": "x" * 74}, ("eventType", "too_long")),
        ({"eventType": ["x"]}, ("eventType", "invalid")),
        ({"name": ""}, ("name", "blank")),
        ({"schema": None}, ("schema", "blank")),
        ({"schema": "x"}, ("schema", "invalid")),
        ({"schema": {"columns": []}}, ("schema.columns", "extra_field")),
        ({"schema": {"fields": [{"name": "a", "type": "money"}]}}, ("schema.fields.0.type", "invalid")),
        ({"schema": {"fields": [{"type": "text"}]}}, ("schema.fields.0.name", "blank")),
        ({"schema": {"fields": [{"name": "a", "type": "text"}] * 2}}, ("schema.fields.1.name", "duplicate")),
        ({"active": True}, ("active", "invalid")),
        ({"active": {}}, ("active.isActive", "blank")),
        ({"active": {"isActive": "yes"}}, ("active.isActive", "invalid")),
        ({"colour": 1}, ("colour", "extra_field")),
    ],
    ids=str,
)
def test_a_bad_schema_is_refused(store, caller, fields, problem):
    assert errors(declare(caller, **fields)) == [problem]
    assert not store.event_schemas.exists()


def test_event_types_differ_by_case(caller):
    assert declare(caller).status_code == declare(caller, eventType="APP_LOGIN").status_code == 204


# --- Events -----------------------------------------------------------------------------------


def test_an_event_is_shown_as_told_digit_for_digit(store, caller, declared, member):
    told = caller.post("customEvent", payload("event-body"))
    shown = caller.get(f"customEvent/{told.told['customEventId']}")
    body = payload("event-body")["event"]["body"]
    assert b'"km":12.345678,' in shown.content
    assert shown.told["body"] == body | {"km": 12.345678}
    assert shown.told == shown.told | {
        "customerId": str(member.public_id), "type": "workout", "eventName": "Workout", "eventId": "w-1",
        "eventDate": "2024-05-01T16:30:00+00:00",
        "customerData": {
            "customerId": None, "email": "John.Smith@example.com", "phone": None, "loyaltyCardNumber": None,
        },
    }  # fmt: skip
    activity = Activity.objects.get(store=store)
    assert (activity.external_id, activity.action) == ("w-1", "custom:workout")
    assert activity.properties["km"] == "12.345678"


@pytest.mark.parametrize(
    "who",
    [{"email": "JOHN.smith@example.com"}, {"phone": "+48 600"}, {"loyaltyCardNumber": "AB-1"}, "customerId",
     {"customerId": "nonsense", "phone": "+48600"}, {"loyaltyCardNumber": "nope", "email": "john.smith@example.com"}],
    ids=str,
)  # fmt: skip
def test_an_event_finds_its_member(store, caller, declared, member, who):
    who = {"customerId": str(member.public_id).upper()} if who == "customerId" else who
    told = tell(caller, customerData=who).told["customEventId"]
    assert caller.get(f"customEvent/{told}").told["customerId"] == str(member.public_id)
    assert Activity.objects.get(store=store).customer == member


def test_the_stores_order_decides_between_two_members(store, caller, declared, member):
    other = make_customer(store, "c2", "other@example.com")
    who = {"email": "other@example.com", "loyaltyCardNumber": "AB-1"}
    for first, expected in (("loyaltyCardNumber", member), ("email", other)):
        order = [{"field": name, "priority": 1 if name == first else 2} for name in ("email", "loyaltyCardNumber")]
        caller.patch("settings", {"settings": {"customersIdentificationConfigurations": order}})
        told = tell(caller, customerData=who).told["customEventId"]
        assert caller.get(f"customEvent/{told}").told["customerId"] == str(expected.public_id)


@pytest.mark.parametrize("who", [{"email": "later@example.com"}, {}, None, [], {"email": "not an address"}], ids=str)
def test_an_event_of_nobody_known_is_kept_and_never_matched(store, caller, declared, add_rule, work, who):
    add_rule(store, identifier="app_login")
    told = tell(caller, customerData=who, eventId="e1")
    assert told.status_code == 200
    make_customer(store, "c1", "later@example.com")
    work(store)
    assert caller.get(f"customEvent/{told.told['customEventId']}").told["customerId"] is None
    assert errors(tell(caller, customerData={"email": "later@example.com"}, eventId="e1")) == [("eventId", "duplicate")]
    assert not store.activities.exists()


def test_a_repeated_event_id_is_refused_and_pays_once(store, caller, declared, member, add_rule, work):
    add_rule(store, identifier="app_login")
    first = tell(caller, eventId=77)
    assert first.status_code == 200
    for again in ({"eventId": "77"}, {"eventId": 77, "type": "workout"}):
        refused = tell(caller, **again)
        assert errors(refused) == [("eventId", "duplicate")]
        assert refused.told["errors"][0]["parameters"] == first.told
    work(store)
    assert balance(member) == 100
    assert CustomEvent.objects.filter(store=store).count() == 1


def test_events_without_an_id_each_count(store, caller, declared, member, add_rule, work):
    add_rule(store, identifier="app_login")
    for blank in ({}, {"eventId": None}, {"eventId": ""}):
        assert tell(caller, **blank).status_code == 200
    work(store)
    assert balance(member) == 300


def test_an_event_id_told_over_another_wire_pays_once(store, caller, declared, member, add_rule, work, api):
    add_rule(store, identifier="app_login")
    store.activities.create(customer=member, action="custom:app_login", external_id="e1")
    assert errors(tell(caller, eventId="e1")) == [("eventId", "duplicate")]
    work(store)
    assert balance(member) == 100
    assert not CustomEvent.objects.filter(store=store).exists()


def test_a_limit_counts_an_event_on_its_own_date(store, caller, declared, member, add_rule, work):
    add_rule(store, identifier="app_login", limit="count", limit_value=Decimal(1), limit_period="day")
    for day in ("2024-05-01T23:00:00", "2024-05-01", "2024-05-02", "2030-01-01 10:00+02:00"):
        assert tell(caller, eventDate=day).status_code == 200
        work(store)
    assert balance(member) == 300


def test_a_time_without_an_offset_is_the_stores(store, caller, declared, member):
    store.timezone = "Europe/Warsaw"
    store.save()
    told = tell(caller, eventDate="2024-05-01T00:00:00.5").told["customEventId"]
    assert caller.get(f"customEvent/{told}").told["eventDate"] == "2024-05-01T00:00:00+02:00"
    assert CustomEvent.objects.get(store=store).occurred_at.isoformat() == "2024-04-30T22:00:00.500000+00:00"


BAD_BODIES: dict[str, list] = {
    "sport": [["run"], {}, True, "x" * 256],
    "km": ["fast", True, "NaN", "Infinity", "1e999", 1.2345678, "1.0000001", [1], "", "٣"],
    "ended": ["later", 5, "2024-02-30", "0000-01-01", "9999-12-31T23:59:59-10:00", {}],
    "outdoors": ["true", 1, "yes"],
    "device": ["phone", [1], 5],
    "laps": [{}, "1,2", 5],
    "colour": ["red", None],
}


@pytest.mark.parametrize("field", BAD_BODIES)
def test_a_body_that_does_not_fit_its_schema_is_refused(store, caller, declared, member, field):
    for value in BAD_BODIES[field]:
        refused = tell(caller, type="workout", body={"sport": "run", field: value})
        assert errors(refused) == [(f"body.{field}", "extra_field" if field == "colour" else "invalid")], value
    assert not CustomEvent.objects.filter(store=store).exists()


def test_declared_fields_are_optional_and_numbers_may_be_texts(store, caller, declared, member):
    told = tell(caller, type="workout", body={"sport": 5, "km": "7.50", "ended": None}).told["customEventId"]
    shown = caller.get(f"customEvent/{told}")
    assert shown.told["body"] == {"sport": "5", "km": 7.5, "ended": None}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"type": None}, ("type", "blank")),
        ({"type": "App_Login"}, ("type", "unknown")),
        ({"type": {}}, ("type", "invalid")),
        ({"eventDate": None}, ("eventDate", "blank")),
        ({"eventDate": "2024-02-30"}, ("eventDate", "invalid")),
        ({"eventDate": 1714521600}, ("eventDate", "invalid")),
        ({"eventDate": "٢٠٢٤-٠٥-٠١"}, ("eventDate", "invalid")),
        ({"customerData": "john"}, ("customerData", "invalid")),
        ({"customerData": {"name": "J"}}, ("customerData.name", "extra_field")),
        ({"customerData": {"email": ["j"]}}, ("customerData.email", "invalid")),
        ({"body": "x"}, ("body", "invalid")),
        ({"body": [1]}, ("body", "invalid")),
        ({"eventId": "x" * 256}, ("eventId", "too_long")),
        ({"eventId": {}}, ("eventId", "invalid")),
        ({"points": 5}, ("points", "extra_field")),
    ],
    ids=str,
)
def test_a_bad_event_is_refused(store, caller, declared, member, fields, problem):
    assert errors(tell(caller, **fields)) == [problem]
    assert not CustomEvent.objects.filter(store=store).exists()


def test_events_of_another_store_are_not_there(store, other_store, caller, declared):
    schema = other_store.event_schemas.create(event_type="secret", name="Secret")
    event = CustomEvent.objects.create(
        store=other_store, schema=schema, external_id="e1", occurred_at="2024-05-01T00:00:00Z"
    )
    assert caller.get(f"customEvent/{event.public_id}").status_code == 404
    assert caller.get("customEvent/schema/secret").status_code == 404
    assert errors(tell(caller, type="secret")) == [("type", "unknown")]
    assert tell(caller, eventId="e1").status_code == 200
    assert caller.get("customEvent").told["total"]["all"] == 1


@pytest.mark.django_db(transaction=True)
def test_of_equal_events_at_once_one_succeeds(store, owner, add_rule, work):
    with acting_for(store.pk):
        member = make_customer(store, "c1", "john.smith@example.com")
        add_rule(store, identifier="app_login")
    caller = sign_in(store, owner)
    caller.post("customEvent/schema", payload("event-schema"))
    answers = []

    def call() -> None:
        answers.append(tell(caller, eventId="e1").status_code)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(store)
    assert sorted(answers) == [200, 400, 400, 400, 400, 400]
    with acting_for(store.pk):
        assert balance(member) == 100
