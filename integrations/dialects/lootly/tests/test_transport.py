"""Section 1 and 2.3 of the contract: who is let in, in which order it is checked, and what refusals look like."""

import io
import json
import time
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone

from integrations import connections, inbox, registry
from integrations.dialects.lootly import receiving
from integrations.dialects.lootly.webhook import WebhookHeaders
from integrations.models import Connection, InboundEvent

from .conftest import Shop, connect
from .signing import KEY, SECRET, mac_of, recorded, signed

ACCEPTED = {"data": {"status": "accepted"}}
UNAUTHORIZED = {"error": "unauthorized"}
ORDER = recorded("custom-orders-completed")


def test_a_call_is_kept_as_it_came(store, shop, connection):
    shop.post("orders-completed", ORDER)
    kept = store.inbound_events.get()
    assert (kept.connection, kept.event, kept.body) == (connection, "orders-completed", ORDER.decode())
    assert (kept.outcome, kept.due_at is not None) == ("waiting", True)
    connection.refresh_from_db()
    assert (connection.last_call, connection.last_error) == ("orders-completed", "")


def test_a_trailing_slash_is_tolerated_and_any_content_type_too(store, shop, client):
    assert shop.post("orders-completed/", ORDER).json() == ACCEPTED
    url = "/integrations/webhooks/common/orders-cancelled"
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert client.post(url, recorded("custom-orders-cancelled"), content_type=content_type).json() == ACCEPTED
    assert store.inbound_events.count() == 2


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_is_allowed(shop, client, method):
    answer = getattr(client, method)("/integrations/webhooks/nowhere/orders-completed")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


class TestIntegrations:
    @pytest.mark.parametrize("name", ["common", "woocommerce", "magento", "shopify", "bigcommerce"])
    def test_each_known_name_serves_connections_of_that_name(self, store, shop_as, name):
        connect(store, integration=name)
        assert shop_as(name).post("orders-completed", ORDER).json() == ACCEPTED

    def test_common_serves_every_connection(self, store, shop_as):
        connect(store, integration="magento")
        assert shop_as("common").post("orders-completed", ORDER).status_code == 200

    def test_another_connections_name_is_not_found(self, store, shop_as):
        made = connect(store, integration="magento")
        answer = shop_as("woocommerce").post("orders-completed", ORDER)
        assert (answer.status_code, answer.json()) == (500, {"error": "integration_not_found"})
        assert not store.inbound_events.exists()
        made.refresh_from_db()
        assert "woocommerce" in made.last_error

    def test_a_switched_off_connection_is_not_found(self, store, shop, connection):
        Connection.objects.update(is_enabled=False)
        assert shop.post("orders-completed", ORDER).status_code == 500
        assert not store.inbound_events.exists()

    def test_an_unknown_name_is_not_found_whoever_asks(self, shop_as, connection):
        for body in (ORDER, b"", b"nonsense", b"x" * 2_000_000):
            answer = shop_as("nowhere").post("orders-completed", body)
            assert (answer.status_code, answer.json()) == (500, {"error": "integration_not_found"})

    @pytest.mark.parametrize("event", ["", "%00", "orders%0Acompleted", "a/b", "x" * 61])
    def test_an_address_that_no_event_can_have_is_answered_in_json(self, shop, event):
        answer = shop.post(event, ORDER)
        assert (answer.status_code, answer.json()["error"]) == (404, "endpoint_not_found")


class TestSize:
    def test_a_megabyte_is_taken_and_a_byte_more_is_not(self, store, shop):
        padding = 1024 * 1024 - len(ORDER)
        assert shop.post("orders-completed", ORDER + b" " * padding).status_code == 200
        answer = shop.post("orders-completed", ORDER + b" " * (padding + 1))
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")

    def test_ten_megabytes_are_refused_whoever_sends_them(self, shop):
        assert shop.post("orders-completed", b"x" * 10_000_000).status_code == 413


class TestUnauthorized:
    BODIES = [
        b"", b"{", b"[]", b"null", b"\xff\xfe", "\ufeff{}".encode(), b"{}", b"a=1&b=2",
        b"[" * 100_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"{" + b",".join(b'"%d":1' % number for number in range(200_000 // 6)) + b"}",
        ORDER[:-1], ORDER + b"x", ORDER.replace(b"39.99", b"39.98"), ORDER.replace(KEY.encode(), b"other-key"),
        ORDER.replace(KEY.encode(), b"dummy-kez"), ORDER[:-2] + b',"hmac":"x"}',
        signed(secret="wrong", id="1"), signed(key="", id="1"), signed(secret="", id="1"),
        json.dumps({"key": KEY, "id": "1", "hmac": True}).encode(),
        json.dumps({"key": [KEY], "id": "1", "hmac": mac_of("x")}).encode(),
        b'{"key":"dummy-key\\u0000","hmac":"%s"}' % mac_of("x").encode(),
        b'{"key":"dummy-key","id":1e400,"hmac":"%s"}' % mac_of("x").encode(),
    ]  # fmt: skip

    @pytest.mark.parametrize("body", BODIES)
    def test_what_cannot_be_verified_gets_one_answer_within_a_second(self, store, shop, body):
        started = time.perf_counter()
        answer = shop.post("orders-completed", body)
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
        assert time.perf_counter() - started < 1
        assert not store.inbound_events.exists()

    def test_the_event_is_not_looked_at_before_the_signature(self, shop):
        assert shop.post("no-such-event", b"{}").status_code == 401

    def test_a_wrong_signature_shows_on_the_connection(self, shop, connection):
        shop.post("orders-completed", signed(secret="wrong", id="1"))
        connection.refresh_from_db()
        assert "does not match the secret" in connection.last_error

    def test_a_key_of_another_dialect_is_unknown(self, shop, connection):
        Connection.objects.update(dialect="other")
        assert shop.post("orders-completed", ORDER).status_code == 401

    def test_another_stores_key_reaches_that_store_only(self, store, other_store, shop, connection):
        connect(other_store, key="rival-key", secret="rival-secret")
        assert shop.post("orders-cancelled", signed(key="rival-key", secret="rival-secret", id="5")).status_code == 200
        assert not store.inbound_events.exists()
        assert other_store.inbound_events.count() == 1


class TestRotation:
    def test_both_secrets_are_good_for_a_day(self, store, shop, connection, time_machine):
        time_machine.move_to(timezone.now())
        new = connections.rotate(connection)
        assert shop.post("orders-cancelled", signed(id="1")).status_code == 200
        assert shop.post("orders-cancelled", signed(secret=new, id="2")).status_code == 200
        time_machine.shift(60 * 60 * 24 + 1)
        assert shop.post("orders-cancelled", signed(id="3")).status_code == 401
        assert shop.post("orders-cancelled", signed(secret=new, id="4")).status_code == 200


class TestFreshness:
    def test_a_store_may_refuse_old_calls(self, store, shop_as):
        connect(store, max_skew_seconds=300)
        shop, now = shop_as("common"), int(time.time())
        assert shop.sends("orders-cancelled", id="1", t=now).status_code == 200
        assert shop.sends("orders-cancelled", id="1", t=now + 299).status_code == 200
        for bad in (
            {"t": now - 301},
            {"t": now + 302},
            {},
            {"t": str(now)},
            {"t": None},
            {"t": True},
            {"t": Decimal("1.5")},
        ):
            answer = shop.sends("orders-cancelled", id="1", **bad)
            assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)

    def test_without_that_setting_t_does_not_matter(self, shop):
        for t in (None, 0, "", [], 10**39):
            assert shop.sends("orders-cancelled", id="1", t=t).status_code == 200


class TestWebhookHeaders:
    BODY = json.dumps({"key": KEY, "id": "A1", "transactions": [{"amount": "5.00"}]}).encode()

    def send(self, shop, body=BODY, message_id="msg_1", late=0, secret=SECRET, event="refunds-create", change=()):
        stamp = str(int(time.time()) - late)
        mac = WebhookHeaders.sign(f"{message_id}.{stamp}.".encode() + body, secret).decode()
        headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,x v1,{mac}"}
        return shop.post(event, body, headers=headers | dict(change))

    def test_equal_refunds_under_ids_of_their_own_both_count_and_once_each(self, store, shop, work):
        for message_id in ("msg_1", "msg_2", "msg_1"):
            assert self.send(shop, message_id=message_id).json() == ACCEPTED
        work(store)
        assert store.orders.get().refunded == 10

    @pytest.mark.parametrize(
        "change",
        [
            {"late": 301}, {"late": -360}, {"secret": "wrong"}, {"secret": ""},
            {"change": {"webhook-id": "msg_2"}}, {"change": {"webhook-timestamp": "x"}}, {"message_id": "a b"},
            {"change": {"webhook-signature": ""}}, {"change": {"webhook-signature": "v1,\u00e9"}}, {"body": b"{}"},
        ],
    )  # fmt: skip
    def test_forged_and_old_ones_are_unauthorized(self, store, shop, change):
        answer = self.send(shop, **change)
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
        assert not store.inbound_events.exists()

    def test_a_store_may_take_nothing_else(self, store, shop_as):
        connect(store, webhook_headers_only=True)
        assert self.send(shop_as("common")).status_code == 200
        assert shop_as("common").post("orders-completed", ORDER).status_code == 401

    def test_an_unsigned_header_makes_no_repeat_count(self, store, shop, work):
        for key in ("a", "b"):
            shop.post("refunds-create", recorded("custom-refunds-create-partial"), headers={"Idempotency-Key": key})
        work(store)
        assert store.orders.get().refunded == Decimal("15.99")


class TestUnknownEvents:
    def test_they_are_kept_answered_201_and_can_be_applied_later(self, store, shop, work):
        body = signed(id="1")
        for _ in range(2):
            answer = shop.post("orders-teleported", body)
            assert (answer.status_code, answer.json()) == (201, {"error": "endpoint_not_found"})
        kept = store.inbound_events.get()
        assert (kept.event, kept.outcome, kept.body) == ("orders-teleported", "unknown", body.decode())
        call_command("check_ledger", verbosity=0)  # L5: its end is known
        inbox.reconsider(store.inbound_events.all())
        work(store)
        kept.refresh_from_db()
        assert kept.outcome == "unknown"
        store.inbound_events.update(event="orders-cancelled")  # as if it were understood by now
        inbox.reconsider(store.inbound_events.all())
        work(store)
        kept.refresh_from_db()
        assert kept.outcome == "applied"
        assert store.orders.get().is_cancelled


class TestUnusableContent:
    CASES = [
        ("orders-completed", {}, "missing_field", "id"),
        ("orders-completed", {"id": ""}, "missing_field", "id"),
        ("orders-completed", {"id": None}, "missing_field", "id"),
        ("orders-completed", {"id": True}, "invalid_value", "id"),
        ("orders-completed", {"id": Decimal("1.5")}, "invalid_value", "id"),
        ("orders-completed", {"id": ["1"]}, "invalid_value", "id"),
        ("orders-completed", {"id": "x" * 192}, "invalid_value", "id"),
        ("orders-completed", {"id": "1", "total_price": "12,50"}, "invalid_value", "total_price"),
        ("orders-completed", {"id": "1", "total_price": True}, "invalid_value", "total_price"),
        ("orders-completed", {"id": "1", "total_price": "1" * 13}, "invalid_value", "total_price"),
        ("orders-completed", {"id": "1", "total_price": {}}, "invalid_value", "total_price"),
        ("orders-completed", {"id": "1", "customer": {"id": [1]}}, "invalid_value", "customer.id"),
        ("orders-cancelled", {"t": 1}, "missing_field", "id"),
        ("customers-create", {"email": "a@b.c"}, "missing_field", "id"),
        ("customers-create", {"id": 0, "email": "a@b.c"}, "invalid_value", "id"),
        ("customers-create", {"id": " 0 ", "email": "a@b.c"}, "invalid_value", "id"),
        ("refunds-create", {"id": "1"}, "missing_field", "transactions"),
        ("refunds-create", {"id": "1", "transactions": []}, "missing_field", "transactions"),
        ("refunds-create", {"id": "1", "transactions": "12.50"}, "invalid_value", "transactions"),
        ("refunds-create", {"id": "1", "transactions": [{}]}, "missing_field", "transactions.amount"),
        ("refunds-create", {"id": "1", "transactions": [{"amount": "a"}]}, "invalid_value", "transactions.amount"),
        ("app-installed", {"api_endpoint": "javascript:alert(1)"}, "invalid_value", "api_endpoint"),
    ]

    @pytest.mark.parametrize(("event", "members", "code", "field"), CASES)
    def test_it_is_refused_and_listed_with_its_reason(self, store, shop, work, event, members, code, field):
        for _ in range(2):
            answer = shop.sends(event, **members)
            assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (400, code, field)
        kept = store.inbound_events.get()
        assert (kept.outcome, kept.error) == ("rejected", answer.json()["message"])
        work(store)
        assert not store.orders.exists() and not store.customers.exists()

    @pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\udfffb"])
    @pytest.mark.parametrize("event", ["orders-completed", "custom-action", "customers-create"])
    def test_signed_text_that_cannot_be_stored_is_refused(self, store, shop, event, text):
        for unsigned in (f'{{"id":"1","key":"{KEY}","note":"{text}"}}', f'{{"{text}":1,"id":"1","key":"{KEY}"}}'):
            body = f'{unsigned[:-1]},"hmac":"{mac_of(unsigned)}"}}'.encode()
            answer = shop.post(event, body)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_value")
        assert set(store.inbound_events.values_list("outcome", flat=True)) == {"rejected"}


ODD = [
    None,
    True,
    [],
    {},
    "",
    "x" * 70_000,
    -1,
    10**39,
    Decimal("1.5"),
    "NaN",
    "9999-99-99",
    [[]],
    [None],
    [{}],
    {"id": {}},
]
MEMBERS = {
    "orders-completed": ["id", "customer", "total_price", "products", "discount_codes", "created_at", "coupon_code"],
    "refunds-create": ["id", "transactions", "transaction_id", "refund_id"],
    "customers-create": ["id", "email", "first_name", "birthday", "default_address"],
    "app-installed": ["shop_url"],
    "custom-action": ["email", "action_id", "points", "transaction_id", "t", "customer"],
    "points-add": ["customer_id", "points", "reason"],
    "customers-update": ["id", "birthday", "tier", "balance"],
    "point-balances": ["ids", "emails", "customers"],
}


@pytest.mark.parametrize("event", MEMBERS)
def test_no_odd_value_anywhere_is_our_fault(store, shop, work, event, monkeypatch):
    monkeypatch.setattr(receiving, "CALLS_PER_SECOND", 10_000)
    whole = {"id": "1", "transactions": [{"amount": 1}], "email": "a@b.c", "action_id": "x", "points": 5}
    for name in MEMBERS[event]:
        for value in ODD:
            answer = shop.sends(event, **whole | {name: value})
            assert answer.status_code in (200, 400, 401, 404, 409), (name, value, answer.content)
    work(store)
    assert not InboundEvent.objects.filter(outcome="waiting").exists()
    assert not InboundEvent.objects.exclude(quarantined_at=None).exists()


def test_data_calls_are_limited_per_key_and_events_are_not(shop, monkeypatch):
    monkeypatch.setattr(receiving, "CALLS_PER_SECOND", 1)
    answers = [shop.sends("customer", customer_id="1", t=number) for number in range(30)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "thirty calls at once are more than one a second"
    assert refused[0]["Retry-After"] == "1"
    for number in range(5):
        assert shop.sends("orders-cancelled", id=number + 1).status_code == 200


def test_the_contracts_own_500_is_noted_with_its_reason_and_is_no_failure_of_ours(shop, caplog):
    caplog.set_level("INFO")
    assert Shop(shop.client, "prestashop").post("orders-completed", ORDER).status_code == 500
    assert [(record.levelname, "prestashop" in record.getMessage()) for record in caplog.records] == [("INFO", True)]


def test_our_own_fault_asks_to_come_again_and_is_never_500(shop, monkeypatch):
    def broken(*args, **kwargs):
        raise OperationalError("the database is away")

    monkeypatch.setattr(inbox, "_insert_alone", broken)
    answer = shop.post("orders-completed", ORDER)
    assert (answer.status_code, answer["Retry-After"], answer.json()["error"]) == (503, "5", "unavailable")


def test_a_torn_body_is_unauthorized(connection):
    request = RequestFactory().post("/", b"", content_type="application/json", CONTENT_LENGTH="400")
    request._stream = io.BytesIO(ORDER[:100])
    view = registry.urlpatterns()[0].resolve("integrations/webhooks/common/orders-completed").func
    assert view(request, "common", "orders-completed").status_code == 401


def test_the_secret_given_on_connecting_signs_calls(store, client):
    made, secret = connections.connect(store, registry.get("lootly"))
    assert made.settings["rewardable"] == "subtotal"
    shop = Shop(client, key=made.key, secret=secret)
    assert shop.sends("key-verify", t=1).json() == ACCEPTED
    assert secret.encode() not in bytes(made.sealed_secret)
    assert len(secret) == 64
