"""What holds for every call: refusals in one form, whatever comes in, and never a 500."""

import pytest
from django.db import OperationalError

from integrations.dialects.openloyalty import urls, views

from .conftest import Caller, errors, payload

NOT_FOUND = {"code": 404, "message": "Not Found"}
POSTS = {
    "/api/admin/login_check": b'{"username":"a","password":',
    "/api/token/refresh": b'{"refresh_token":',
    "settings": b'{"settings":{"programName":',
    "member": b'{"customer":{"email":"a@shop.example","firstName":',
    "customEvent/schema": b'{"customEventSchema":{"eventType":"t","schema":{},"name":',
    "customEvent/schema/app_login/active": b'{"active":',
    "customEvent": b'{"event":{"type":"app_login","eventDate":"2024-05-01","eventId":',
}
BAD_VALUES = {
    "NUL": b'"a\\u0000b"', "raw NUL": b'"a\x00b"', "half a pair": b'"\\ud800"', "bad UTF-8": b'"\xff"', "NaN": b"NaN",
    "Infinity": b"-Infinity", "long number": b"9" * 5000, "huge exponent": b"1E+999999", "1e400": b"1e400",
    "deep": b"[" * 33 + b"]" * 33, "very deep": b"[" * 100_000 + b"]" * 100_000, "list": b'["x"]', "object": b'{"a":1}',
    "bool": b"true", "long text": b'"' + b"x" * 70_000 + b'"', "twice": b'"x","x":1,"x":2',
    "many": b"[" + b"1," * 30_000 + b"1]", "unclosed": b'"x',
}  # fmt: skip
BAD_BODIES = [
    b"", b"null", b"[]", b'"text"', b"5", b"{}", b"{", b'{"a":1}{}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"),
    b'{"customer":null,"event":null}', b'{"customer":[],"event":[],"settings":[]}', b"\xff\xfe", b"customer[email]=a",
]  # fmt: skip


@pytest.mark.parametrize("path", POSTS)
def test_bad_bodies_are_refused_and_change_nothing(store, caller, path):
    caller.post("customEvent/schema", payload("event-schema"))
    for body in BAD_BODIES:
        assert errors(caller.post(path, body)), body
    opening = POSTS[path]
    for name, value in BAD_VALUES.items():
        if value == b"true" and path.endswith("active"):
            continue  # the one value that fits
        closing = b"}" * opening.count(b"{")
        assert errors(caller.post(path, opening + value + closing)), name
    assert not store.customers.exists()
    assert not store.custom_events.exists()
    assert store.event_schemas.count() == 1


def test_a_body_over_a_mebibyte_is_too_large(caller):
    refused = caller.post("member", b'{"customer":"' + b"x" * 1024 * 1024 + b'"}')
    assert (refused.status_code, refused.told) == (413, {"code": 413, "message": "Payload Too Large"})
    told = caller.client.generic(
        "POST", "/api/acme/member", b"{}", headers=caller.headers | {"Content-Length": "99999999999999999999999"}
    )
    assert told.status_code in (400, 413)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_store_that_cannot_be_is_not_found(caller, method):
    told = getattr(caller.client, method)("/api/%00/member", headers=caller.headers)
    assert (told.status_code, told.json()) == (404, NOT_FOUND)


def test_a_query_of_a_thousand_names_is_refused(caller):
    assert errors(caller.get("member?" + "&".join(f"q{number}" for number in range(1_001))))


def test_any_content_type_is_read_as_json(caller):
    for number, content_type in enumerate(["text/plain", "application/x-www-form-urlencoded", "nonsense", ""]):
        body = b'{"customer":{"email":"m%d@shop.example"}}' % number
        answer = caller.client.generic(
            "POST", "/api/acme/member", body, content_type=content_type, headers=caller.headers
        )
        assert answer.status_code == 200, content_type
    for headers in ({"Content-Encoding": "gzip"}, {"Content-Type": "application/json; charset=utf-16"}):
        assert errors(caller.post("member", payload("member"), **headers))


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*;q=0"])
def test_answers_are_json_whatever_is_asked_for(caller, accept):
    answer = caller.get("member?format=api", Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "path",
    ["transaction", "campaign", "achievement", "webhook/event", "points", "reward", "tierSet", "member/", "settings/",
     "/api/", "/api/nope", "/api/store/", "/api/admin/", "/api/admin/data", "customEvent/schema/a/b", "member//wallet"],
)  # fmt: skip
def test_what_is_not_built_is_not_found(caller, nobody, path):
    for someone in (caller, nobody):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = someone.send(method, path, {})
            assert (answer.status_code, answer.told) == (404, NOT_FOUND)


def test_calls_of_this_wire_that_come_later_are_not_found_and_others_not_allowed(caller):
    made = caller.post("member", payload("member")).told["customerId"]
    for method in ("PUT", "PATCH", "DELETE"):
        assert caller.send(method, f"member/{made}", {}).told == NOT_FOUND
    for method, path in (
        ("DELETE", "settings"),
        ("POST", f"member/{made}"),
        ("PUT", "customEvent"),
        ("PATCH", "/api/store"),
    ):
        refused = caller.send(method, path, {})
        assert (refused.status_code, refused.told) == (405, {"code": "405", "message": "Method Not Allowed."})
    assert caller.send("OPTIONS", "member").status_code == 405
    assert caller.send("HEAD", "member").status_code == 200


def test_the_native_api_keeps_its_own_refusals(caller):
    for path in ("/api/v1/nope", "/api/v1/settings", "/api/v1"):
        answer = caller.client.get(path, headers=caller.headers)
        assert answer.get("Content-Type") != "application/json"


def test_about_and_health_need_no_credential(nobody, store):
    assert set(nobody.get("/api").told) == {"name", "version"}
    healthy = nobody.get("/api/healthcheck")
    assert (healthy.status_code, healthy.content) == (204, b"")
    stale = Caller(store.slug, Authorization="Bearer stale")
    assert stale.get("/api").status_code == 200


def test_health_says_when_the_database_is_away(nobody, monkeypatch):
    class Away:
        def cursor(self):
            raise OperationalError("the server closed the connection")

    monkeypatch.setattr(views, "connection", Away())
    sick = nobody.get("/api/healthcheck")
    assert sick.status_code == 503
    assert set(sick.told[0]) == {"status", "error", "message", "retryAfter"}
    assert sick["Retry-After"]


def test_every_call_below_a_store_needs_a_credential(nobody):
    for pattern in urls.store_urls:
        path = str(pattern.pattern)
        for name in pattern.pattern.converters:
            path = path.replace(f"<str:{name}>", "x")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = nobody.send(method, path, {})
            assert answer.told == {"code": 401, "message": "Authentication Required"}, (method, path)


def test_a_call_that_names_itself_is_done_once(store, caller, supporter):
    name = {"Idempotency-Key": "call-1"}
    first = caller.post("member", payload("member"), **name)
    again = caller.post("member", payload("member"), **name)
    assert (again.status_code, again.told, again["Idempotent-Replayed"]) == (200, first.told, "true")
    other = caller.post("member", {"customer": {"email": "b@shop.example"}}, **name)
    assert (other.status_code, set(other.told)) == (422, {"code", "message"})
    assert errors(supporter.post("member", payload("member"), **name)) == [("email", "duplicate")]
    assert store.customers.count() == 1


def test_a_named_call_that_was_refused_may_be_mended(store, caller):
    name = {"Idempotency-Key": "call-2"}
    assert errors(caller.post("member", {"customer": {"email": ""}}, **name)) == [("email", "blank")]
    assert caller.post("member", payload("member"), **name).status_code == 200
    for _ in range(2):
        assert caller.post("customEvent/schema", payload("event-schema"), **name).status_code == 204
        missing = caller.post("customEvent/schema/nope/active", {"active": True}, **name)
        assert (missing.told, missing["Content-Type"]) == (NOT_FOUND, "application/json")
    assert errors(caller.post("member", payload("member"), **{"Idempotency-Key": "x" * 256})) == [
        ("Idempotency-Key", "invalid")
    ]


def test_every_call_below_a_store_finds_no_other_store(outsider, store, other_store):
    for pattern in urls.store_urls:
        path = str(pattern.pattern)
        for name in pattern.pattern.converters:
            path = path.replace(f"<str:{name}>", "x")
        for method in ("GET", "POST", "PUT", "PATCH"):
            assert outsider.send(method, path, {}).told == NOT_FOUND, (method, path)
    assert not store.connections.exists()
