"""What every native call shares: keys and scopes, problems, named calls, pages, limits."""

from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from conftest import Owner, balance, make_customer, open_store
from loyalty.stores import broker, idempotency, rate_limits
from loyalty.stores.models import ApiKey, IdempotencyRecord
from loyalty.stores.tasks import forget_answers
from loyalty.stores.tenancy import acting_for

CUSTOMERS = "/api/v1/customers"
ADJUSTMENTS = "/api/v1/adjustments"
GIFT = {"customer": {"external_id": "c1"}, "points": 50, "reason": "A gift"}


# --- Keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer lk_nope", "Basic {key}", "{key}", "Bearer {key}x", "Bearer é", "Bearer \x00"],
)
def test_without_a_good_key_everybody_gets_the_same_answer(store, client, header):
    _, key = ApiKey.issue(store, "shop")

    answer = client.get(CUSTOMERS, headers={"Authorization": header.format(key=key)} if header else {})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:problem-type:unauthorized", "title": "Unauthorized", "status": 401, "errors": [],
        "detail": "Send a valid key of your store as “Authorization: Bearer <key>”.",
    }  # fmt: skip


@pytest.mark.parametrize("end", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}])
def test_a_key_that_has_ended_is_like_an_unknown_one(api, store, end):
    assert api.get(CUSTOMERS).status_code == 200
    store.api_keys.update(**end)

    ended = api.get(CUSTOMERS)

    assert ended.status_code == 401
    assert ended.json() == APIClient().get(CUSTOMERS).json()


def test_a_key_remembers_when_it_was_used_to_the_minute(api, store):
    api.get(CUSTOMERS)
    used_at = store.api_keys.get().last_used_at
    assert used_at is not None

    api.get(CUSTOMERS)
    assert store.api_keys.get().last_used_at == used_at
    store.api_keys.update(last_used_at=used_at - timedelta(minutes=2))
    api.get(CUSTOMERS)
    assert store.api_keys.get().last_used_at > used_at


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [(["read"], {"GET"}), (["write"], {"POST"}), ([], set()), (["read", "write", "adjust"], {"GET", "POST"})],
)
def test_scopes_say_what_a_key_may_do(store, api, scopes, allowed):
    _, key = ApiKey.issue(store, "some", scopes=scopes)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    for method, answer in (("GET", api.get(CUSTOMERS)), ("POST", api.post(CUSTOMERS, {"external_id": "c1"}))):
        assert (answer.status_code != 403) == (method in allowed)
    assert store.customers.exists() == ("POST" in allowed)


# --- Problems ---------------------------------------------------------------------------------


def test_what_is_wrong_is_named_field_by_field(api):
    problem = api.post(ADJUSTMENTS, {"customer": {"email": "x"}, "points": "many"}).json()

    assert problem["type"] == "urn:problem-type:invalid"
    assert {error["field"] for error in problem["errors"]} == {"customer.email", "points", "reason"}
    assert "2 more in errors" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/api/v1/nothing", 404), ("post", "/api/v1/", 404), ("get", "/api/v1/activities/123", 404),
        ("get", "/api/v1/customers/", 404), ("delete", CUSTOMERS, 405), ("put", CUSTOMERS, 405),
        ("options", CUSTOMERS, 405), ("get", ADJUSTMENTS, 405), ("trace", CUSTOMERS, 405),
    ],
)  # fmt: skip
def test_a_wrong_address_or_method_is_a_problem_too(api, method, address, status):
    answer = api.generic(method.upper(), address)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_only_json_is_read(api, content_type):
    answer = api.generic("POST", CUSTOMERS, b'{"external_id":"c1"}', content_type=content_type)

    assert answer.status_code == 415


def test_a_database_that_is_away_is_503_with_a_moment_to_come_back(api, monkeypatch):
    def away(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(ApiKey, "find", away)
    answer = api.get(CUSTOMERS)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_our_own_fault_is_a_problem_and_is_told_to_whoever_watches(api, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("customers.api.CustomerViewSet.list", broken)
    api.raise_request_exception = False
    answer = api.get(CUSTOMERS)

    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "a fault of ours" not in answer.content.decode()
    assert "a fault of ours" in caplog.text


def test_whatever_is_accepted_the_answer_is_json(api):
    assert api.get(CUSTOMERS, headers={"Accept": "text/html"})["Content-Type"] == "application/json"


# --- Calls that name themselves ---------------------------------------------------------------


def named(api, name, body=GIFT, address=ADJUSTMENTS):
    return api.post(address, body, headers={"Idempotency-Key": name})


def test_a_named_call_is_done_once_and_answered_alike(api, store, customer):
    first, again = named(api, "k1"), named(api, "k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert balance(customer) == 50
    assert named(api, "k2").status_code == 201
    assert balance(customer) == 100


def test_the_same_name_with_another_body_is_refused(api, customer):
    named(api, "k1")

    assert named(api, "k1", GIFT | {"points": 51}).status_code == 422
    assert balance(customer) == 50


def test_a_name_is_of_one_key_and_one_address(api, store, customer, other_store):
    named(api, "k1")

    assert "Idempotent-Replayed" not in named(api, "k1", {"external_id": "c2"}, CUSTOMERS)
    _, key = ApiKey.issue(store, "another")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert "Idempotent-Replayed" not in named(api, "k1")
    assert balance(customer) == 100


def test_a_refusal_for_good_is_kept_and_one_that_can_be_mended_is_not(api, store, customer):
    taking = GIFT | {"points": -60}
    assert named(api, "k1", taking).status_code == 409
    assert named(api, "k2", GIFT | {"points": "x"}).status_code == 400
    assert IdempotencyRecord.objects.filter(store=store).count() == 1
    named(api, "give", GIFT | {"points": 100})

    refused = named(api, "k1", taking)

    assert (refused.status_code, refused["Idempotent-Replayed"]) == (409, "true")
    assert refused["Content-Type"] == "application/problem+json"
    assert named(api, "k2").status_code == 201
    assert balance(customer) == 150


def test_a_failure_of_ours_is_not_kept_and_undoes_the_call(api, store, customer, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("customers.api.EntrySerializer", None)  # after the points were posted
        api.raise_request_exception = False
        assert named(api, "k1").status_code == 500
    assert balance(customer) == 0

    assert named(api, "k1").status_code == 201
    assert balance(customer) == 50


@pytest.mark.parametrize("name", ["", "x" * 256, "é", "a\tb"])
def test_a_name_is_1_to_255_printable_characters(api, customer, name):
    assert named(api, name).status_code == 400
    assert balance(customer) == 0


def test_after_30_days_a_name_is_free_again(api, store, customer):
    named(api, "k1")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=31))

    assert "Idempotent-Replayed" not in named(api, "k1")
    assert balance(customer) == 100


def test_old_answers_are_forgotten_each_day(api, store, customer):
    named(api, "k1")
    named(api, "k2")
    IdempotencyRecord.objects.filter(pk=IdempotencyRecord.objects.first().pk).update(
        created_at=timezone.now() - timedelta(days=31)
    )

    forget_answers()

    assert IdempotencyRecord.objects.count() == 1


def test_an_activity_and_a_batch_can_be_named(api, store, customer, add_rule, work):
    add_rule(store, identifier="read")
    fact = {"action": "read", "customer": {"external_id": "c1"}}
    for _ in range(2):
        assert named(api, "k1", fact, "/api/v1/activities").status_code == 201
        assert named(api, "k1", {"activities": [fact, {}]}, "/api/v1/activities/batch").status_code == 200
    work(store)

    assert balance(customer) == 200


def test_a_twin_that_comes_while_the_first_is_running_is_told_to_wait(transactional_db):
    store = open_store("acme")
    with acting_for(store.pk):
        customer = make_customer(store, "c1")
    row, key = ApiKey.issue(store, "shop")
    api = APIClient(headers={"Authorization": f"Bearer {key}"})
    identity = idempotency.digest(f"key:{row.pk}", "POST", ADJUSTMENTS, "k1")

    with psycopg.connect(**Owner.dsn) as first:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(identity[:8], "big", signed=True)])
        twin = named(api, "k1")
    after = named(api, "k1")

    assert (twin.status_code, twin["Retry-After"]) == (409, "5")
    assert after.status_code == 201
    with acting_for(store.pk):
        assert balance(customer) == 50


# --- Limits -----------------------------------------------------------------------------------


def test_every_answer_says_how_many_calls_are_left_and_too_many_are_refused(api, store, settings):
    settings.API_RATE_PER_SECOND = 1

    answers = [api.get(CUSTOMERS), api.get(f"{CUSTOMERS}/nobody"), api.get(CUSTOMERS)]

    assert [answer.status_code for answer in answers] == [200, 404, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer["RateLimit-Limit"] for answer in answers} == {"2"}
    assert [int(answer["RateLimit-Reset"]) for answer in answers] == [1, 2, 2]
    assert int(answers[2]["Retry-After"]) >= 1
    assert answers[2]["Content-Type"] == "application/problem+json"


def test_while_the_broker_is_away_calls_are_answered_and_counted_here(api, monkeypatch, settings):
    settings.API_RATE_PER_SECOND = 1
    monkeypatch.setattr(broker, "_closed_until", 0.0)
    monkeypatch.setattr(rate_limits, "_purses", {})
    monkeypatch.setattr(rate_limits, "TAKE", lambda *args: (_ for _ in ()).throw(ConnectionError("gone")))

    answers = [api.get(CUSTOMERS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0]["RateLimit-Remaining"] == "1"
    assert broker.is_paused()
    monkeypatch.setattr(broker, "_closed_until", 0.0)
