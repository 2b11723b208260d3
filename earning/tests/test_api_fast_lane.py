"""The fast lane answers as the view behind it would, in one statement, and only where nothing is special."""

import json
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from conftest import balance, make_customer, open_store
from earning import fast_lane, intake, naming, rules
from earning.serializers import NewActivitySerializer
from loyalty.stores import authentication, broker, rate_limits
from loyalty.stores.models import ApiKey
from loyalty.stores.tenancy import acting_for

URL = "/api/v1/activities"
FACT = {"action": "read", "external_id": "a1", "customer": {"external_id": "c1"}, "properties": {"page": "/guide"}}


@pytest.fixture
def store(transactional_db):
    naming._known.clear()
    store = open_store("acme")
    with acting_for(store.pk):
        make_customer(store, "c1")
        rules.create(store, "custom", actor="test", name="Read", identifier="read", points=100)
    return store


@pytest.fixture
def key(store):
    return ApiKey.issue(store, "shop")


@pytest.fixture
def tell(key):
    client = APIClient(headers={"Authorization": f"Bearer {key[1]}"})

    def tell(**fields):
        fact = {name: value for name, value in (FACT | fields).items() if value is not None}
        return client.post(URL, fact)

    return tell


@pytest.fixture
def through(monkeypatch):
    """How many calls the fast lane answered."""
    answered = []
    tell_fast = fast_lane.tell_fast

    def counted(request):
        answer = tell_fast(request)
        answered.append(answer is not None)
        return answer

    monkeypatch.setattr(fast_lane, "tell_fast", counted)
    return answered


OF_ITS_OWN = {"id", "public_id", "external_id", "occurred_at", "received_at", "due_at"}


def facts(store):
    """All that is stored of each, but for what differs from fact to fact."""
    with acting_for(store.pk):
        return [
            {name: value for name, value in row.items() if name not in OF_ITS_OWN}
            for row in store.activities.order_by("id").values()
        ]


def test_a_fact_costs_two_statements_and_from_the_second_call_on_one_of_the_lanes_own(store, tell, through):
    tell(external_id="warm")  # notes the key's last use and learns the action
    authentication._seen.clear()

    with CaptureQueriesContext(
        connection,
    ) as slow:
        assert tell(external_id="a1").status_code == 201
    with CaptureQueriesContext(connection) as fast:
        assert tell(external_id="a2").status_code == 201

    assert (len(slow), len(fast)) == (2, 0)  # Django does not count the fast lane's
    assert through == [False, False, True]


def test_it_stores_and_answers_as_the_view_does(store, tell, through, work):
    first, second = tell(external_id="a1"), tell(external_id="a2")

    assert through == [False, True]
    assert second.json() | {"id": "", "external_id": ""} == first.json() | {"id": "", "external_id": ""}
    assert set(second.headers) >= {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert second.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    one, two = facts(store)
    assert one == two
    work(store)
    with acting_for(store.pk):
        assert balance(store.customers.get()) == 200


def test_a_worker_is_nudged(store, tell, through):
    tell(external_id="a1")
    broker.client.flushdb()

    tell(external_id="a2")

    assert through == [False, True]
    until = time.monotonic() + 5
    while not broker.queue_length() and time.monotonic() < until:
        time.sleep(0.01)
    assert broker.queue_length() == 1


@pytest.mark.parametrize(
    "spoil",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"scopes": ["read"]},
        {"digest": b"another"},
    ],
)
def test_a_key_that_is_no_longer_good_stores_nothing_at_once(store, key, tell, through, spoil):
    tell(external_id="a1")
    ApiKey.objects.filter(pk=key[0].pk).update(**spoil)

    answer = tell(external_id="a2")

    assert answer.status_code == (403 if "scopes" in spoil else 401)
    assert through == [False, False]
    assert len(facts(store)) == 1


def test_a_repeat_a_stranger_and_a_conflict_are_the_views_business(store, tell, through):
    tell(external_id="a1")

    assert tell(external_id="a1").status_code == 200
    assert tell(external_id="a2", customer={"external_id": "new"}).status_code == 201
    assert tell(external_id="a1", properties={"page": "/other"}).status_code == 409
    assert through == [False] * 4
    assert len(facts(store)) == 2


@pytest.mark.parametrize("header", ["Idempotency-Key", "Prefer", "Content-Encoding"])
def test_a_call_that_asks_for_something_special_is_the_views_business(store, key, tell, through, header):
    tell(external_id="a1")
    client = APIClient(headers={"Authorization": f"Bearer {key[1]}", header: ""})

    client.post(URL, FACT | {"external_id": "a2"})

    assert through == [False, False]


def test_two_looks_at_a_call_take_one_token(store, tell, through, settings):
    tell(external_id="a1")
    rate_limits._purses.clear()
    broker.client.flushdb()
    settings.API_RATE_PER_SECOND = 2

    assert [tell(external_id="a1").headers["RateLimit-Remaining"] for _ in range(3)] == ["3", "2", "1"]


def test_no_more_tokens_is_the_views_business(store, tell, through, settings):
    tell(external_id="a1")
    rate_limits._purses.clear()
    broker.client.flushdb()
    settings.API_RATE_PER_SECOND = 1

    assert [tell(external_id=f"b{n}").status_code for n in range(4)] == [201, 201, 429, 429]
    assert len(facts(store)) == 3


def test_a_database_that_is_away_is_told_as_such(store, tell, monkeypatch):
    tell(external_id="a1")

    def away(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(fast_lane, "insert", away)
    answer = tell(external_id="a2")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"


ITEMS = [
    FACT,
    {"action": "visit", "customer": {"external_id": "c1"}},
    FACT | {"occurred_at": "2026-01-01T10:00:00+01:00"},
    FACT | {"occurred_at": "2026-01-01"},
    FACT | {"properties": {}},
    FACT | {"properties": {"n": 1, "b": True, "none": None, "s": "é"}},
    FACT | {"external_id": ""},
    FACT | {"external_id": "x" * 255},
]
ODD = [
    None, [], "x", {}, {"action": "read"}, FACT | {"action": " read"}, FACT | {"action": ""}, FACT | {"action": 5},
    FACT | {"external_id": "x" * 256}, FACT | {"external_id": " a "}, FACT | {"external_id": None},
    FACT | {"customer": {}}, FACT | {"customer": "c1"}, FACT | {"customer": {"external_id": 7}},
    FACT | {"customer": {"external_id": "c1", "email": "a@b.example"}}, FACT | {"customer": {"external_id": ""}},
    FACT | {"properties": {"deep": {}}}, FACT | {"properties": []}, FACT | {"points": 5}, FACT | {"more": 1},
    FACT | {"occurred_at": "nope"}, FACT | {"occurred_at": None},
]  # fmt: skip


@pytest.mark.parametrize("item", ITEMS, ids=json.dumps)
def test_a_glance_sees_what_the_serializer_sees(item):
    seen, told = intake.at_a_glance(item), NewActivitySerializer().run_validation(item)

    assert seen is not None
    assert seen["customer"]["identity"] == told["customer"]["identity"]
    assert {**seen, "customer": 0} == {"external_id": "", "properties": {}, **told, "customer": 0}


@pytest.mark.parametrize("item", ODD, ids=json.dumps)
def test_a_glance_leaves_what_is_odd_to_the_serializer(item):
    assert intake.at_a_glance(item) is None
