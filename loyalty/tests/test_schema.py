"""The native API as a whole: its OpenAPI document, its page, and bad bodies on every address that takes one."""

import io
import json
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse
from openapi_spec_validator import validate

from customers import adjustments
from loyalty import api as native
from loyalty.stores.models import ApiKey
from spending import redemptions, rewarding


@pytest.fixture(scope="module")
def document():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def test_the_document_is_valid_and_made_without_a_warning(document):
    validate(document)


def test_it_tells_of_every_native_address_and_of_no_other(document):
    told = {(path, method) for path, operations in document["paths"].items() for method in operations}
    mounted = {
        (f"/api/v1/{pattern.pattern}".replace("<path:", "{").replace("<uuid:", "{").replace(">", "}"), method)
        for pattern in native.urlpatterns
        if hasattr(pattern.callback, "actions")
        for method in pattern.callback.actions
        if method != "head"
    }
    assert told == mounted


def test_every_call_needs_a_key_and_tells_its_refusals(document):
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"key": []}], (path, method)
            assert {"400", "401", "403", "429"} <= set(operation["responses"]), (path, method)
            assert operation["summary"] and operation["tags"], (path, method)


@pytest.mark.parametrize(
    "path", ["activities", "activities/batch", "customers", "orders", "adjustments", "rules", "rewards"]
)
def test_the_main_calls_come_with_an_example_that_works(document, api, customer, add_rule, store, path):
    add_rule(store, identifier="share_photo" if path.startswith("act") else "other")
    told = document["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]["examples"]

    for example in told.values():
        answer = api.post(f"/api/v1/{path}", example["value"])
        assert answer.status_code in (200, 201), answer.json()
        assert {row["status"] for row in answer.json().get("data", [])} <= {201}


def test_the_document_and_its_page_need_no_key(client, db):
    assert client.get(reverse("api_schema")).status_code == 200
    page = client.get(reverse("api_docs"))
    assert page.status_code == 200
    assert "script-src 'self';" in page["Content-Security-Policy"]
    assert "<script>" not in page.content.decode() and " style=" not in page.content.decode()


# --- Bad bodies -------------------------------------------------------------------------------

WRITES = [
    ("POST", "customers"), ("PATCH", "customers/external_id:c1"), ("POST", "adjustments"), ("POST", "activities"),
    ("POST", "activities/batch"), ("POST", "orders"), ("POST", "orders/1/refunds"), ("POST", "rules"),
    ("PATCH", "rules/{rule}"), ("POST", "rewards"), ("PATCH", "rewards/{reward}"), ("POST", "redemptions"),
    ("POST", "redemptions/check"), ("POST", "redemptions/{redemption}/cancel"),
]  # fmt: skip
DEEP = b"[" * 2_000 + b"]" * 2_000
BODIES = {
    "nothing": b"", "no JSON": b"{", "two values": b"{}{}", "a list": b"[]", "a text": b'"x"', "a number": b"1",
    "null": b"null", "true": b"true", "NaN": b'{"points":NaN}', "Infinity": b'{"points":Infinity}',
    "too big": b'{"points":1e400}', "a long number": b'{"points":' + b"9" * 5_000 + b"}",
    "a NUL": b'{"external_id":"a\\u0000b"}', "a NUL as a name": b'{"a\\u0000b":1}',
    "half a pair": b'{"external_id":"\\ud800"}', "a name twice": b'{"points":1,"points":2}',
    "33 levels": b'{"properties":' + b"[" * 33 + b"]" * 33 + b"}", "2,000 levels": DEEP,
    "100,000 levels": DEEP * 50, "200,000 names": b"{" + b",".join(b'"%d":1' % n for n in range(60_000)) + b"}",
    "Latin-1": b'{"external_id":"\xe9"}', "UTF-16": '{"external_id":"c1"}'.encode("utf-16"),
    "a mark": b'\xef\xbb\xbf{"external_id":"c1"}', "odd digits": '{"points":١}'.encode(),
    "a long text": b'{"external_id":"' + b"x" * 70_000 + b'"}',
}  # fmt: skip


@pytest.fixture
def targets(store, customer, add_rule):
    """What stands in the place-holders of WRITES."""
    adjustments.adjust(store, customer, Decimal(10), "Opening balance", actor="test")
    settings = {"value": "5"}
    reward = rewarding.create(
        store, "fixed_amount", actor="test", name="5 off", points=Decimal(1), settings=settings, code_source="generated"
    )
    redemption = redemptions.redeem(store, customer, reward)
    made = {"rule": add_rule(store), "reward": reward, "redemption": redemption}
    return {name: target.public_id for name, target in made.items()}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_bad_body_is_refused_everywhere_and_changes_nothing(api, store, targets, body):
    for method, address in WRITES:
        answer = api.generic(method, f"/api/v1/{address}".format(**targets), body, content_type="application/json")
        assert answer.status_code == 400, (address, answer.content[:300])
        assert answer["Content-Type"] == "application/problem+json"
    assert (store.customers.count(), store.activities.count(), store.order_facts.count()) == (1, 0, 0)
    assert (store.entries.count(), store.rules.get().version) == (2, 1)
    assert (store.rewards.get().version, store.redemptions.get().state) == (1, "issued")


@pytest.mark.parametrize(("address", "limit"), [("activities", 1), ("activities/batch", 5), ("customers", 1)])
def test_a_large_body_is_refused_by_its_size(api, address, limit):
    body = b'{"activities":[' + b" " * (limit * 1024 * 1024 + 1) + b"]}"

    for headers in ({}, {"Idempotency-Key": "k1"}):
        answer = api.generic("POST", f"/api/v1/{address}", body, content_type="application/json", headers=headers)
        assert answer.status_code == 413


@pytest.mark.parametrize("value", [None, [], {}, True, "", "x" * 5_000, -1, 10**39, "\ufffe", [[[]]], {"": {}}])
def test_every_field_of_every_call_takes_any_type_without_failing(api, targets, document, value):
    """Not one 5xx, whatever is put into each field that the document tells of."""
    for method, address in WRITES:
        path = f"/api/v1/{address}"
        for name in fields_of(document, method, path):
            answer = api.generic(
                method, path.format(**targets), json.dumps({name: value}), content_type="application/json"
            )
            assert answer.status_code < 500, (address, name, value)


def fields_of(document, method, path):
    told = {
        "customers/external_id:c1": "customers/{reference}", "orders/1/refunds": "orders/{external_id}/refunds",
        "rules/{rule}": "rules/{public_id}", "rewards/{reward}": "rewards/{public_id}",
        "redemptions/{redemption}/cancel": "redemptions/{public_id}/cancel",
    }  # fmt: skip
    path = path.removeprefix("/api/v1/")
    operation = document["paths"][f"/api/v1/{told.get(path, path)}"][method.lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return document["components"]["schemas"][schema]["properties"]


def test_a_read_only_key_changes_nothing_anywhere(api, store, targets):
    _, key = ApiKey.issue(store, "reader", scopes=["read"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    for method, address in [*WRITES, ("POST", "customers/external_id:c1/enrol"), ("POST", "orders/1/cancel")]:
        path = f"/api/v1/{address}".format(**targets)
        assert api.generic(method, path, b"{}", content_type="application/json").status_code == 403
