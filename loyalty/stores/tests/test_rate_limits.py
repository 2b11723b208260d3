import pytest
import redis

from loyalty.stores import broker, rate_limits
from loyalty.stores.rate_limits import take


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


def test_a_broker_that_is_away_refuses_nobody(monkeypatch):
    def unreachable(*args):
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(broker, "_closed_until", 0.0)
    monkeypatch.setattr(rate_limits, "TAKE", unreachable)

    assert take("one", 1) is None
    assert broker.is_paused()
