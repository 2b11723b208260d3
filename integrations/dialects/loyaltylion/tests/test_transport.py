"""Credentials, methods, bodies, errors, rate: what holds for every call."""

import json
from datetime import timedelta
from unittest import mock

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from integrations import connections
from integrations.dialects.loyaltylion import facts
from integrations.dialects.loyaltylion.authentication import SCOPES, issue_key
from integrations.models import Connection, ConnectionToken
from loyalty.stores import broker

from .conftest import Shop, basic, connect

EVERYWHERE = [
    ("GET", "/v2/activities"),
    ("POST", "/v2/activities"),
    ("PUT", "/v2/activities/a/1"),
    ("GET", "/v2/sites"),
]


def error(answer) -> tuple[int, str]:
    """Status and code; every refusal has exactly the contract's form."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"} and set(body["error"]) <= {"code", "message", "details"}
    assert isinstance(body["error"]["message"], str) and body["error"]["message"]
    details = body["error"].get("details", {})
    assert all(isinstance(text, str) for text in (*details, *details.values()))
    return answer.status_code, body["error"]["code"]


# --- Credentials --------------------------------------------------------------------------------


def test_site_token_and_secret_and_api_key_open_the_store(store, shop, key):
    assert shop.get("/v2/activities").status_code == 200
    assert key().get("/v2/activities").status_code == 200


def odd_credentials(shop: Shop) -> list[str]:
    token, secret = shop.connection.key, shop.connection.secret
    return [
        "", "Basic", "Bearer", "Basic !!!", "Basic Og==", "Nonsense abc", "pat_" + "0" * 32, "Bearer pat_" + "0" * 32,
        "Bearer pat_" + "0" * 31, "Bearer " + "x" * 5000, basic(token, ""), basic(token, secret + "x"),
        basic(token, secret[:-1]), basic("", secret), basic(token + "x", secret), basic("a" * 500, secret),
        basic("\x00", secret), basic(token, "\x00"), basic(token, "ü"), basic("ü", secret), f"Bearer {secret}",
        f"Bearer {token}", basic(secret, token), basic(token, secret).replace("Basic ", "Basic ÿ"), "Bearer pat_é",
        f"Digest {token}:{secret}", f"Basic {token}:{secret}",
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_anything_else_is_unauthorized(store, shop, method, path):
    for odd in odd_credentials(shop):
        answer = Shop(shop.connection, odd).send(method, path, b"{}")

        assert error(answer) == (401, "unauthorized"), odd
        assert "WWW-Authenticate" in answer.headers


def test_a_call_without_credential_is_unauthorized(db, client):
    assert error(client.get("/v2/activities")) == (401, "unauthorized")


def test_a_wrong_secret_is_shown_to_the_merchant(shop):
    Shop(shop.connection, basic(shop.connection.key, "wrong")).get("/v2/activities")

    shop.connection.refresh_from_db()
    assert "secret" in shop.connection.last_error


def test_another_dialects_token_and_secret_open_nothing(store, shop):
    Connection.objects.filter(pk=shop.connection.pk).update(dialect="lootly")

    assert error(shop.get("/v2/activities")) == (401, "unauthorized")


def test_a_disabled_connection_and_its_keys_open_nothing(shop, key):
    bearer = key()
    Connection.objects.filter(pk=shop.connection.pk).update(is_enabled=False)

    assert error(shop.get("/v2/activities")) == (401, "unauthorized")
    assert error(bearer.get("/v2/activities")) == (401, "unauthorized")


@pytest.mark.parametrize("changes", [{"revoked_at": timedelta()}, {"expires_at": -timedelta(seconds=1)}])
def test_a_revoked_or_expired_key_opens_nothing(key, changes):
    bearer = key()
    moments = {name: timezone.now() + delta for name, delta in changes.items()}
    ConnectionToken.objects.update(**moments)

    assert error(bearer.get("/v2/activities")) == (401, "unauthorized")


def test_a_refresh_token_is_no_key(key):
    bearer = key()
    ConnectionToken.objects.update(kind="refresh")

    assert error(bearer.get("/v2/activities")) == (401, "unauthorized")


def test_a_key_is_kept_as_a_hash_and_its_use_is_remembered(store, shop):
    row, clear = issue_key(shop.connection, "warehouse")

    Shop(shop.connection, f"bearer  {clear}").get("/v2/activities")

    row.refresh_from_db()
    assert clear.startswith("pat_") and len(clear) == 36
    assert row.last_used_at is not None and clear.endswith(row.last_four)
    assert clear.encode() not in bytes(row.digest)


def test_the_old_secret_is_good_for_a_day(shop):
    fresh = connections.rotate(shop.connection)
    assert shop.get("/v2/activities").status_code == 200
    assert Shop(shop.connection, basic(shop.connection.key, fresh)).get("/v2/activities").status_code == 200

    Connection.objects.update(old_secret_until=timezone.now())
    assert shop.get("/v2/activities").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v2/activities", "read_customers"),
        ("POST", "/v2/activities", "write_customers"),
        ("PUT", "/v2/activities/a/1", "write_customers"),
    ],
)
def test_each_call_needs_its_scope(store, key, told, method, path, needed):
    others = key(*(scope for scope in SCOPES if scope != needed))

    answer = others.send(method, path, told())

    assert error(answer) == (403, "forbidden")
    assert needed in answer.json()["error"]["message"]
    assert not store.activities.exists()
    assert key(needed).send(method, path, told(state="approved")).status_code in (200, 201, 404)


def test_the_credential_names_the_store(store, other_store, shop, told):
    shop.send("POST", f"/v2/activities?site_id={other_store.pk}", told() | {"site_id": other_store.pk})

    assert store.activities.count() == 1
    assert connect(other_store).activities() == []


def test_two_connections_of_a_store_see_the_same(store, shop, told):
    shop.post(told(merchant_id="5"))

    assert connect(store).put("leave_a_tip/5", "void").status_code == 204


def test_whoami_and_sites_say_whose_key_it_is(store, shop, key):
    store.domain = "acme.example"
    bearer = key("read_orders")

    assert shop.get("/v2/whoami").json() == {
        "kind": "site", "account_id": store.pk, "program_id": store.pk, "scopes": list(SCOPES), "integration": None,
    }  # fmt: skip
    answer = bearer.get("/v2/whoami/").json()
    assert (answer["kind"], answer["scopes"]) == ("api_key", ["read_orders"])
    assert bearer.get("/v2/sites").json() == {
        "sites": [
            {
                "id": store.pk, "name": "Acme", "url": "https://acme.example", "platform": "custom",
                "currency": "EUR", "language": "en",
            }
        ]
    }  # fmt: skip


# --- Addresses and methods ------------------------------------------------------------------------


def test_a_slash_at_the_end_changes_nothing(store, shop, told):
    assert shop.send("POST", "/v2/activities/", told(merchant_id="5")).status_code == 201
    assert shop.get("/v2/activities/").status_code == 200
    assert shop.send("PUT", "/v2/activities/leave_a_tip/5/", {"state": "void"}).status_code == 204


def test_old_clients_call_activities_events(store, shop, told):
    assert shop.send("POST", "/v2/events", told(merchant_id="5")).status_code == 201
    assert shop.send("PUT", "/v2/events/leave_a_tip/5", {"state": "void"}).status_code == 204
    assert shop.get("/v2/events").json() == shop.get("/v2/activities").json()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v2/activities", "GET, POST"), ("PATCH", "/v2/activities", "GET, POST"),
        ("OPTIONS", "/v2/activities", "GET, POST"), ("HEAD", "/v2/activities/a/1", "PUT"),
        ("GET", "/v2/activities/a/1", "PUT"), ("POST", "/v2/activities/a/1", "PUT"), ("POST", "/v2/whoami", "GET"),
    ],
)  # fmt: skip
def test_other_methods_are_not_allowed(store, shop, method, path, allowed):
    answer = shop.send(method, path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/nothing", "/v2/activities/only-a-name", "/v2/activities//5", "/v2/a\x00b"]
)
def test_unknown_addresses_are_not_found_in_the_same_form(store, shop, path):
    assert error(shop.send("GET", path.replace("\x00", "%00"))) == (404, "not_found")


# --- Bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=latin-1", "text/xml", "text/plain", "", "nonsense",
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)  # fmt: skip
def test_a_body_is_json_whatever_its_content_type_says(store, shop, told, content_type):
    answer = shop.send("POST", "/v2/activities", told(merchant_id="é"), Content_Type=content_type)

    assert answer.status_code == 201
    assert store.activities.get().external_id == "é"


def test_odd_headers_of_a_reader_are_no_obstacle(shop, db):
    odd = {"Accept": "text/html", "SOAPAction": "x", "Accept_Charset": "utf-16", "Content_Type": "text/xml"}

    assert shop.send("GET", "/v2/activities", b"", **odd).status_code == 200


def test_a_query_of_thousands_of_parameters_is_a_bad_request(shop, db):
    assert error(shop.send("GET", "/v2/activities?" + "x=1&" * 2000)) == (400, "bad_request")


@pytest.mark.parametrize("body", [b"", b"[]", b" \r\n", b"{}", b" [ ] "])
def test_an_empty_body_is_an_object_without_members(shop, db, body):
    answer = shop.send("POST", "/v2/activities", body)

    assert error(answer) == (422, "invalid")
    assert answer.json()["error"]["details"] == dict.fromkeys(("name", "customer_id", "customer_email"), "is missing")


UNREADABLE = {
    "list": b'[{"name": "a"}]', "text": b'"a"', "number": b"5", "null": b"null", "true": b"true", "torn": b'{"name": ',
    "trailing": b"{} x", "two": b"{}{}", "not a number": b'{"name": NaN}', "infinity": b'{"name": Infinity}',
    "bad utf-8": b'{"name": "\xff"}', "utf-16": '{"name": "a"}'.encode("utf-16"), "mark": b"\xef\xbb\xbf{}",
    "nul": b'{"name": "a\\u0000"}', "raw nul": b'{"name": "a\x00"}', "surrogate": b'{"name": "\\ud800"}',
    "surrogate in name": b'{"\\udfff": 1}', "twice": b'{"name": "a", "name": "b"}',
    "twice inside": b'{"name": "a", "properties": {"x": {"y": 1, "y": 2}}}', "digits": b'{"x": ' + b"1" * 5000 + b"}",
    "exponent": b'{"x": 1e400}', "big exponent": b'{"x": 1E+999999}', "deep": b'{"x":' + b"[" * 33 + b"]" * 33 + b"}",
    "very deep": b"[" * 100_000, "many keys": b'{"x":[' + b"1," * 20_001 + b"1]}",
    "single quotes": b"{'name': 'a'}", "form": b"name=a&customer_id=1", "gzip": b"\x1f\x8b\x08\x00\x00",
    "long text": b'{"x": "' + b"a" * 70_000 + b'"}', "long key": b'{"' + b"a" * 300 + b'": 1}',
}  # fmt: skip


@pytest.mark.parametrize("which", UNREADABLE)
def test_an_unreadable_body_is_a_bad_request(store, shop, which):
    for method, path in (("POST", "/v2/activities"), ("PUT", "/v2/activities/a/1")):
        answer = shop.send(method, path, UNREADABLE[which])

        assert error(answer) == (400, "bad_request")
        assert "Traceback" not in answer.content.decode()
    assert not store.activities.exists()


def test_bodies_may_have_five_mebibytes_and_no_more(store, shop, told):
    filler = {f"key{place}": "x" * 60_000 for place in range(85)}
    body = json.dumps(told() | {"$magento_payload": filler}).encode()
    assert 4.5 * 2**20 < len(body) < 5 * 2**20

    assert shop.send("POST", "/v2/activities", body).status_code == 201
    assert error(shop.send("POST", "/v2/activities", body.ljust(5 * 2**20 + 1))) == (413, "too_large")
    assert error(shop.send("POST", "/v2/activities", body.ljust(7 * 2**20))) == (413, "too_large")
    assert store.activities.count() == 1


def test_a_torn_body_does_not_count(store, shop):
    body = json.dumps({"name": "a", "customer_id": "1", "customer_email": "a@b.c"}).encode()

    assert error(shop.send("POST", "/v2/activities", body[:-3])) == (400, "bad_request")


# --- Answers --------------------------------------------------------------------------------------


def test_no_page_of_another_site_may_read_an_answer(shop, db):
    answer = shop.send("GET", "/v2/activities", b"", Origin="https://evil.example")

    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_credential_that_has_called_too_often_is_told_when_to_come_back(shop, key):
    bearer = key()
    bucket = f"rate:connection:{shop.connection.pk}"
    assert shop.get("/v2/whoami").status_code == 200
    seconds, _ = broker.client.time()
    broker.client.set(bucket, seconds + 2 + 5)  # two seconds' worth at once, and five more are gone
    answer = shop.get("/v2/whoami")

    assert error(answer) == (429, "rate_limited")
    assert 4 <= int(answer.headers["Retry-After"]) <= 6
    assert bearer.get("/v2/whoami").status_code == 200  # another credential has its own


def test_without_its_broker_a_call_is_stored_all_the_same(store, shop, told, monkeypatch):
    monkeypatch.setattr(broker, "_closed_until", float("inf"))

    assert shop.post(told()).status_code == 201
    assert store.activities.count() == 1


def test_calls_and_refusals_are_shown_to_the_merchant(shop, told):
    shop.post(told(customer_email="nonsense"))

    shop.connection.refresh_from_db()
    assert shop.connection.last_call == "POST /v2/activities"
    assert "customer_email must be an e-mail address" in shop.connection.last_error


def failure(kind: type[Exception], sqlstate: str) -> Exception:
    cause = Exception("refused by the database")
    cause.sqlstate = sqlstate
    made = kind("refused by the database")
    made.__cause__ = cause
    return made


@pytest.mark.parametrize(("kind", "sqlstate"), [(OperationalError, "40P01"), (IntegrityError, "23505")])
def test_a_collision_with_another_call_is_tried_again(store, shop, told, kind, sqlstate):
    tell, collisions = facts.tell, [failure(kind, sqlstate)]

    def collide(*args):
        if collisions:
            raise collisions.pop()
        tell(*args)

    with mock.patch.object(facts, "tell", collide):
        assert shop.post(told()).status_code == 201
    assert store.activities.count() == 1


@pytest.mark.parametrize(
    "trouble",
    [failure(OperationalError, "40P01"), failure(OperationalError, "57P01"), failure(IntegrityError, "23514"),
     RuntimeError("secret detail")],
)  # fmt: skip
def test_what_cannot_be_stored_now_may_be_sent_again(store, shop, told, trouble):
    with mock.patch.object(facts, "tell", side_effect=trouble):
        answer = shop.post(told())

    assert error(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "secret detail" not in answer.content.decode()
