import pytest
import redis

from integrations.dialects.lootly.tests.conftest import Shop, connect
from loyalty.stores import broker, rate_limits
from loyalty.stores.rate_limits import take
from loyalty.stores.tenancy import acting_for


@pytest.fixture(autouse=True)
def empty_buckets():
    broker.client.delete("rate:one", "rate:two")


def test_a_full_bucket_allows_two_seconds_worth_at_once_and_then_says_when_to_come_back():
    allowed = [take("one", 2) for _ in range(4)]

    assert [taken.remaining for taken in allowed] == [3, 2, 1, 0]
    assert all(taken.is_allowed for taken in allowed)
    refused = take("one", 2)
    assert not refused.is_allowed
    assert 0.4 < refused.retry_after <= 0.5


def test_a_bucket_fills_again_at_its_rate():
    while take("one", 2).is_allowed:
        pass
    full_at = float(broker.client.get("rate:one"))
    broker.client.set("rate:one", full_at - 1)  # a second goes by

    assert [take("one", 2).is_allowed for _ in range(3)] == [True, True, False]


def test_each_credential_has_a_bucket_of_its_own():
    while take("one", 1).is_allowed:
        pass

    assert take("two", 1).is_allowed


def test_an_idle_bucket_leaves_the_broker():
    take("one", 2)

    assert 0 < broker.client.pttl("rate:one") <= 500


@pytest.fixture
def no_broker(monkeypatch):
    def unreachable(*args):
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(broker, "_closed_until", 0.0)
    monkeypatch.setattr(rate_limits, "TAKE", unreachable)
    rate_limits._full_at.clear()


def test_while_the_broker_is_away_each_process_counts_by_itself(no_broker):
    allowed = [take("one", 2) for _ in range(4)]

    assert broker.is_paused()
    assert [taken.remaining for taken in allowed] == [3, 2, 1, 0]
    refused = take("one", 2)
    assert not refused.is_allowed
    assert 0 < refused.retry_after <= 0.5
    assert take("two", 2).is_allowed


def test_a_bucket_in_memory_fills_again_at_its_rate(no_broker):
    while take("one", 2).is_allowed:
        pass
    rate_limits._full_at["one"] -= 1  # a second goes by

    assert [take("one", 2).is_allowed for _ in range(3)] == [True, True, False]


def test_memory_is_bounded(no_broker, monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    for number in range(100):
        take(f"stranger:{number}", 1)

    assert len(rate_limits._full_at) <= 11


def strange_calls(client, count: int, **headers: str) -> list[int]:
    return [client.get("/api/v1/customers", headers={"Authorization": "Bearer nope"}, **headers).status_code
            for _ in range(count)]  # fmt: skip


@pytest.mark.parametrize("is_broker_away", [False, True])
def test_calls_that_no_key_opens_are_limited_by_address(request, client, api, settings, is_broker_away):
    settings.STRANGER_RATE_PER_SECOND, settings.BEHIND_PROXY = 1, True
    if is_broker_away:
        request.getfixturevalue("no_broker")

    assert strange_calls(client, 3, HTTP_X_FORWARDED_FOR="203.0.113.7") == [401, 401, 429]
    assert strange_calls(client, 1, HTTP_X_FORWARDED_FOR="203.0.113.8") == [401]
    # A household's addresses count as one.
    assert strange_calls(client, 2, HTTP_X_FORWARDED_FOR="2001:db8::1") == [401, 401]
    refused = client.get("/api/v1/customers", HTTP_X_FORWARDED_FOR="2001:db8::2")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert int(refused["Retry-After"]) >= 1
    # Whoever has a key is not held up by neighbours who have none.
    assert api.get("/api/v1/customers", HTTP_X_FORWARDED_FOR="203.0.113.7").status_code == 200


def test_signed_calls_are_taken_while_the_broker_is_away(client, store, no_broker):
    connect(store)
    shop = Shop(client)
    answers = [shop.sends("customers-create", id=str(number)).status_code for number in range(1, 31)]

    assert set(answers) == {200}
    with acting_for(store.pk):
        assert store.inbound_events.count() == 30
