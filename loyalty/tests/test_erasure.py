"""A person is exported whole and erased whole: no table, log or broker key names them, and the books still fit."""

import json
import logging
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from conftest import PASSWORD, balance, make_customer, see
from customers import adjustments, enrolment, exporting, identities, seals
from customers.identities import Identity
from customers.models import Customer
from customers.tests.test_seals import verify
from earning import activities, orders
from earning.activities import NewActivity
from integrations import connections, inbox, registry
from integrations.dialects.lootly.tests.conftest import Shop as SigningShop
from integrations.dialects.lootly.tests.conftest import connect as connect_signing
from integrations.dialects.loyaltylion.tests.conftest import connect as connect_telling
from integrations.dialects.openloyalty.tests.conftest import sign_in as sign_in_member_wire
from integrations.models import InboundEvent
from loyalty import erasing
from loyalty.stores.models import ApiKey
from loyalty.tests.canaries import contents, in_broker
from spending import redemptions, rewarding

MAIL = "kanarie@birds.example"
WHO = {"external_id": "kanarie-id", "email": MAIL, "phone": "kanarie-phone", "card_number": "kanarie-card"}


def naming(word: str = "kanarie") -> list[str]:
    return sorted(table for table, text in contents().items() if word in text)


@pytest.fixture
def canary(store, owner, api, client, add_rule, work) -> Customer:
    """A person whose every field says so, told of over all four wires."""
    add_rule(store, "custom", 10, name="Tip", identifier="leave_a_tip", tags_none=["banned"])
    add_rule(store, "purchase", 1, name="Purchase")
    tell_by_api(api)
    tell_signed(store, client)
    tell_of_activities(store)
    tell_of_events(store, owner)
    work(store)
    see(store)
    found = identities.find(store, Identity(email=MAIL))
    enrolment.link(found, "kanarie-alias")
    make_customer(store, "other", "other@birds.example")
    enrolment.show_conflict(store.customers.get(external_id="other"), "email", MAIL)
    adjustments.adjust(store, found, Decimal(500), "A gift", actor="test")
    take_two_rewards(store, found)
    LogEntry.objects.create(
        user=owner, content_type=ContentType.objects.get_for_model(Customer), object_id=str(found.pk),
        object_repr="Kanarie", action_flag=2, change_message="kanarie",
    )  # fmt: skip
    return found


def tell_by_api(api) -> None:
    api.post("/api/v1/customers", WHO | {
        "first_name": "Kanarie", "last_name": "Kanarie-Bird", "birthday": "1990-02-28", "tags": ["kanarie-tag"],
        "properties": {"cage": "kanarie-cage"},
    }, HTTP_IDEMPOTENCY_KEY="k1")  # fmt: skip
    api.post("/api/v1/activities", {
        "action": "custom:leave_a_tip", "customer": {"email": MAIL}, "external_id": f"tip:{MAIL}",
        "properties": {"note": "kanarie-note"},
    })  # fmt: skip
    api.post("/api/v1/orders", {
        "external_id": "o1", "status": "completed", "total": "50", "subtotal": "50",
        "customer": {"external_id": "kanarie-id", "email": MAIL, "first_name": "Kanarie"},
    })  # fmt: skip


def tell_signed(store, client) -> None:
    signing = SigningShop(client)
    connect_signing(store)
    signing.sends("customers-create", id="kanarie-id", email=MAIL.upper(), first_name="Kanarie", last_name="Zoé")
    signing.sends("orders-completed", id="o2", total_price="20", subtotal_price="20",
                  customer={"id": "kanarie-id", "email": MAIL, "first_name": "Kanarie"})  # fmt: skip
    signing.sends("orders-completed", id="o3", total_price="20", customer={"id": "kanarie-id", "last_name": "Kanarie"})


def tell_of_activities(store) -> None:
    connect_telling(store).post({"name": "leave_a_tip", "customer_id": "kanarie-id", "customer_email": MAIL,
                                 "merchant_id": "tip-9", "properties": {"said": "kanarie-said"}})  # fmt: skip


def tell_of_events(store, owner) -> None:
    caller = sign_in_member_wire(store, owner)
    fields = [{"name": "song", "type": "text", "description": "What"}]
    sang = {"eventType": "sang", "name": "Sang", "schema": {"fields": fields}}
    caller.post("customEvent/schema", {"customEventSchema": sang})
    caller.post("customEvent", {"event": {
        "type": "sang", "eventDate": "2024-05-01T00:00:00", "customerData": {"email": MAIL},
        "body": {"song": "kanarie-song"},
    }})  # fmt: skip


def take_two_rewards(store, customer: Customer) -> None:
    """And give one back."""
    reward = rewarding.create(
        store, "fixed_amount", actor="test", name="5 off", points=Decimal(1), settings={"value": "5"},
        code_source="generated", tags_none=["banned"],
    )  # fmt: skip
    taken = redemptions.redeem(store, customer, reward)
    redemptions.redeem(store, customer, reward)
    redemptions.cancel(store, taken, reason="Kanarie asked", actor="test")


HOLDING = {
    "customers_customer", "customers_customeralias", "django_admin_log", "earning_activity", "earning_orderfact",
    "integrations_customevent", "integrations_inboundevent", "spending_redemption", "stores_idempotencyrecord",
}  # fmt: skip


def test_nothing_names_an_erased_person(store, canary, caplog):
    # The staff's own words about points stay in the ledger; they are the one text that cannot be changed.
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM customers_ledgerentry WHERE reason ILIKE '%%kanarie%%'")
        assert cursor.fetchone() == (1,)
    assert set(naming()) >= HOLDING
    caplog.set_level(logging.DEBUG)
    assert erasing.erase(canary, "asked", actor="owner@acme.example")
    assert naming() == ["customers_ledgerentry"]
    assert "kanarie" not in caplog.text.lower()
    assert b"kanarie" not in in_broker()
    canary.refresh_from_db()
    assert (str(canary), canary.state, canary.external_id) == ("Erased customer", "blocked", canary.tombstone)
    [event] = store.events.filter(topic="customer.erased")
    assert event.data == {"reason": "asked", "actor": "owner@acme.example"}


def test_the_books_stay_as_they_were(store, canary, monkeypatch, tmp_path):
    monkeypatch.setattr(seals, "SLACK", seals.timedelta(0))
    seals.seal(store)
    see(store)
    before = balance(canary), [list(row) for row in store.entries.order_by("pk").values_list()]
    erasing.erase(canary, "asked", actor="test")
    assert before == (balance(canary), [list(row) for row in store.entries.order_by("pk").values_list()])
    call_command("check_ledger")
    assert list(seals.broken(store)) == []
    assert verify(tmp_path / "ledger.jsonl", list(exporting.ledger(store))).returncode == 0


def test_the_same_address_is_somebody_new_and_old_facts_are_nobodys(store, canary, work):
    connection_ = store.connections.get(dialect="lootly")
    body = json.dumps({"id": "kanarie-id", "email": MAIL})
    InboundEvent.objects.create(store=store, connection=connection_, event="customers/create", identity="w", body=body)
    orders.record_fact(store, "o9", "status", identity="1", data={
        "status": "completed", "total": "10", "subtotal": "10", "customer": {"email": MAIL}})  # fmt: skip
    erasing.erase(canary, "asked", actor="test")
    work(store)
    see(store)
    assert identities.find(store, Identity(email=MAIL)) is None
    assert store.orders.get(external_id="o9").customer is None
    new = enrolment.identify(store, Identity(external_id="kanarie-id", email=MAIL))
    assert new.pk != canary.pk
    assert balance(new) == 0
    with pytest.raises(activities.ActivityConflict):
        activities.record(store, NewActivity("custom:leave_a_tip", Identity(email=MAIL), external_id="tip-9"))


def test_others_calls_are_left_alone(store, canary):
    connection_ = store.connections.get(dialect="lootly")
    body = '{"customer":{"id":"7","email":"other@birds.example"},"note":"kanarie"}'
    inbox.accept(connection_, "orders/completed", "others", body)
    see(store)
    erasing.erase(canary, "asked", actor="test")
    call = store.inbound_events.get(identity="others")
    assert (call.body, call.outcome) == (body, "waiting")


def test_a_number_counts_as_an_id_only_where_a_person_is_meant(store):
    customer = make_customer(store, "7", "seven@birds.example")
    connection_, _ = connections.connect(store, registry.get("lootly"))
    bodies = {"theirs": '{"id": 1, "customer": {"id": 7}}', "form": "customer_id=7&x=1", "other": '{"quantity": 7}'}
    for identity, body in bodies.items():
        inbox.accept(connection_, "orders/completed", identity, body)
    see(store)
    erasing.erase(customer, "asked", actor="test")
    assert dict(store.inbound_events.values_list("identity", "body")) == {
        "theirs": "",
        "form": "",
        "other": '{"quantity": 7}',
    }


def test_erasing_twice_is_erasing_once(store, canary):
    assert erasing.erase(canary, "asked", actor="test")
    assert not erasing.erase(canary, "asked", actor="test")
    assert store.events.filter(topic="customer.erased").count() == 1
    with pytest.raises(identities.Erased):
        enrolment.update_profile(store.customers.get(pk=canary.pk), first_name="Ann")


# --- Over the wire, on the page, in the admin ----------------------------------------------------


def test_the_api_exports_and_erases(store, api, canary):
    told = api.get("/api/v1/customers/external_id:kanarie-alias/export").json()
    assert told["customer"]["email"] == MAIL
    assert [alias["external_id"] for alias in told["aliases"]] == ["kanarie-alias"]
    assert {row["source"].partition(":")[0] for row in told["entries"]} == {"activity", "adjust", "redemption"}
    assert any("“Tip” (version 1) paid." in row["explanation"] for row in told["activities"])
    assert {row["external_id"] for row in told["orders"]} == {"o1", "o2", "o3"}
    assert len(told["redemptions"]) == 2
    assert len(told["calls"]) == 3 and len(told["custom_events"]) == 1 and told["order_facts"]
    address = f"/api/v1/customers/email:{MAIL}/erase"
    assert api.post(address, {}).status_code == 400
    answer = api.post(address, {"reason": "asked"})
    assert (answer.status_code, answer.json()["email"], answer.json()["state"]) == (200, None, "blocked")
    assert api.get(f"/api/v1/customers/email:{MAIL}").status_code == 404
    renamed = api.patch(f"/api/v1/customers/{canary.public_id}", {"first_name": "Ann"})
    assert (renamed.status_code, renamed.json()["type"]) == (409, "urn:problem-type:erased")


def test_a_key_without_the_scope_may_not(store, canary, api):
    _, key = ApiKey.issue(store, "narrow", ["read", "write", "adjust"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert api.get(f"/api/v1/customers/{canary.public_id}/export").status_code == 403
    assert api.post(f"/api/v1/customers/{canary.public_id}/erase", {"reason": "asked"}).status_code == 403
    canary.refresh_from_db()
    assert canary.email == MAIL


def page(name, customer):
    return reverse(f"customers:{name}", args=[customer.store.slug, customer.public_id])


def test_an_owner_exports_and_erases_after_giving_the_password_again(store, canary, sign_in, owner):
    client = sign_in(owner, long_ago=True)
    asked = client.post(page("customer_export", canary))
    assert asked.url.startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    export = client.post(page("customer_export", canary))
    assert "attachment" in export["Content-Disposition"] and export.json()["customer"]["email"] == MAIL
    assert "This cannot be undone." in client.get(page("customer_erase", canary)).content.decode()
    refused = client.post(page("customer_erase", canary), {"reason": "asked", "word": "yes"})
    assert "Nothing was erased." in refused.content.decode()
    done = client.post(page("customer_erase", canary), {"reason": "asked", "word": "Erase"}, follow=True)
    assert "The customer is erased." in done.content.decode()
    canary.refresh_from_db()
    assert canary.is_erased
    assert client.post(page("customer_block", canary)).status_code == 403


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_others_may_not_erase(request, canary, sign_in, role):
    client = sign_in(request.getfixturevalue(role))
    assert client.get(page("customer_erase", canary)).status_code == 403
    assert client.post(page("customer_erase", canary), {"reason": "asked", "word": "erase"}).status_code == 403
    assert client.post(page("customer_export", canary)).status_code == 403
    canary.refresh_from_db()
    assert not canary.is_erased


def test_the_support_admin_erases(canary, sign_in, owner):
    owner.is_staff = True
    owner.save()
    client = sign_in(owner)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    address = reverse("admin:customers_customer_erase_customer", args=[canary.pk])
    assert "they are somebody new" in client.get(address).content.decode()
    answer = client.post(address, {"reason": "ordered", "word": "erase"})
    assert answer.url == reverse("admin:customers_customer_change", args=[canary.pk])
    canary.refresh_from_db()
    assert canary.is_erased
    assert "kanarie" not in contents()["django_admin_log"]
