"""The Getting Started guide, step by step, as a client written for Open Loyalty walks it."""

from decimal import Decimal

import pytest

from conftest import PASSWORD, balance
from customers.models import Customer
from earning.models import Activity
from integrations.dialects.openloyalty import credentials

from .conftest import Caller, errors, payload


def log_in(nobody: Caller, user) -> Caller:
    """Step 1."""
    told = {"username": user.email, "password": PASSWORD}
    assert nobody.post("/api/admin/login_check", told | {"password": "wrong"}).status_code == 401
    assert nobody.get("/api/store").status_code == 401
    first = nobody.post("/api/admin/login_check", told).told
    again = nobody.post("/api/token/refresh", {"refresh_token": first["refresh_token"]})
    assert again.status_code == 200
    assert set(again.told) == {"token", "refresh_token"}
    assert again.told["refresh_token"] != first["refresh_token"]
    return Caller(user.staff_memberships.get().store.slug, Authorization=f"Bearer {again.told['token']}")


def walk(caller: Caller, store, work) -> None:
    """Steps 2, 4, 7 and 9; the rule is what the merchant adds in the dashboard."""
    stores = caller.get("/api/store").told
    assert stores["items"][0]["code"] == store.slug
    refuse_without_phone(caller)

    created = caller.post("member", payload("member"))
    assert created.status_code == 200
    assert created.told["email"] == "john.smith@example.com"
    member = caller.get("member/email=john.smith@example.com").told
    assert member["customerId"] == created.told["customerId"]
    assert (member["active"], member["gender"], member["firstName"]) == (True, "male", "John")
    assert errors(caller.post("member", payload("member"))) == [("email", "duplicate")]

    assert caller.post("customEvent/schema", payload("event-schema")).status_code == 204
    assert errors(caller.post("customEvent/schema", payload("event-schema"))) == [("eventType", "duplicate")]

    told = payload("event")
    event = caller.post("customEvent", told)
    assert event.status_code == 200
    shown = caller.get(f"customEvent/{event.told['customEventId']}").told
    assert (shown["customerId"], shown["eventName"]) == (created.told["customerId"], "User Logged In")
    for refused, path, code in (({"body": {"x": 1}}, "body.x", "extra_field"), ({"type": "nope"}, "type", "unknown")):
        assert errors(caller.post("customEvent", {"event": told["event"] | refused})) == [(path, code)]

    work(store)
    [wallet] = caller.get(f"member/{created.told['customerId']}/wallet").told["items"]
    assert wallet["account"]["activeUnits"] == 25
    assert wallet["walletType"]["code"] == "default"


def refuse_without_phone(caller: Caller) -> None:
    """The trap of step 2: with another identification method, step 4 must fail."""
    shown = caller.patch("settings", {"settings": {"identificationMethod": "phone"}})
    assert shown.status_code == 200
    assert shown.told["settings"]["identificationMethod"] == "phone"
    refused = caller.post("member", payload("member"))
    assert errors(refused) == [("phone", "blank")]
    assert refused.told["errors"][0]["message"] == "This value should not be blank."
    assert errors(caller.patch("settings", {"settings": {"identificationMethod": "fax"}})) == [
        ("identificationMethod", "invalid")
    ]
    assert caller.patch("settings", payload("settings")).status_code == 200
    assert caller.get("settings").told["settings"]["identificationMethod"] == "email"


@pytest.mark.parametrize("by", ["token", "key", "bare key", "other case"])
def test_the_guide_works_with_every_credential_and_any_case_of_the_store_code(store, owner, nobody, add_rule, work, by):
    add_rule(store, points=25, identifier="app_login", name="Log in")
    _, key = credentials.issue_key(owner, "guide")
    caller = log_in(nobody, owner)
    callers = {
        "token": caller,
        "key": Caller(store.slug, **{"X-AUTH-TOKEN": key}),
        "bare key": Caller(store.slug, Authorization=key),
        "other case": Caller(store.slug.upper(), **caller.headers),
    }
    walk(callers[by], store, work)


def test_an_event_is_an_activity_that_says_why_it_paid(store, caller, add_rule, work):
    rule = add_rule(store, points=25, identifier="app_login", name="Log in")
    caller.post("member", payload("member"))
    caller.post("customEvent/schema", payload("event-schema"))
    event = caller.post("customEvent", payload("event")).told
    work(store)
    customer = Customer.objects.get(store=store)
    activity = Activity.objects.get(store=store, action="custom:app_login")
    assert (activity.state, activity.points, activity.rule) == ("approved", Decimal(25), rule)
    assert activity.external_id == event["customEventId"]
    assert activity.decision and activity.decision["rules"][0]["name"] == "Log in"
    assert customer.entries.get().reason == "Log in"
    assert balance(customer) == 25


def test_joining_pays_the_joining_rule_once(store, caller, add_rule, work):
    add_rule(store, "sign_up", points=250)
    caller.post("member", payload("member"))
    caller.post("member", payload("member"))
    work(store)
    assert caller.get("member/email=john.smith@example.com").told["defaultAccount"]["activePoints"] == 250


def test_an_event_without_a_rule_is_kept_and_pays_nothing(store, caller, work):
    caller.post("member", payload("member"))
    caller.post("customEvent/schema", payload("event-schema"))
    assert caller.post("customEvent", payload("event")).status_code == 200
    work(store)
    assert not store.rules.exists()
    assert balance(Customer.objects.get(store=store)) == 0


def test_a_store_met_first_over_this_wire_counts_six_decimals(store, caller, add_rule, work):
    caller.get("settings")
    store.refresh_from_db()
    assert (store.points_decimals, store.points_rounding) == (6, "half_up")
    add_rule(store, points="42.5", identifier="app_login", name="Log in")
    caller.post("member", payload("member"))
    caller.post("customEvent/schema", payload("event-schema"))
    caller.post("customEvent", payload("event"))
    work(store)
    assert b'"activePoints":42.5,' in caller.get("member/email=john.smith@example.com").content


def test_a_store_in_use_keeps_its_decimals(store, caller, add_rule):
    add_rule(store)
    caller.get("settings")
    store.refresh_from_db()
    assert (store.points_decimals, store.points_rounding) == (0, "floor")
