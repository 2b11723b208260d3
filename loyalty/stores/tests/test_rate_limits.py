import pytest
import redis

from loyalty.stores import broker, rate_limits
from loyalty.stores.rate_limits import Allowance, allow


@pytest.fixture
def fresh_broker():
    broker.client.delete("rate:k", "rate:one", "rate:two")


def test_a_full_bucket_is_emptied_by_a_burst_and_says_when_to_come_back(fresh_broker):
    assert [allow("k", 2, 3).remaining for _ in range(3)] == [2, 1, 0]

    assert allow("k", 2, 3) == Allowance(ok=False, remaining=0, retry_after=1)


def test_a_bucket_fills_again_at_its_rate(fresh_broker):
    for _ in range(5):
        allow("k", 2, 5)
    past = float(broker.client.hget("rate:k", "at")) - 1
    broker.client.hset("rate:k", "at", past)  # a second goes by

    assert [allow("k", 2, 5).ok for _ in range(3)] == [True, True, False]


def test_each_key_has_a_bucket_of_its_own(fresh_broker):
    allow("one", 1, 1)

    assert not allow("one", 1, 1).ok
    assert allow("two", 1, 1).ok


def test_an_idle_bucket_leaves_the_broker(fresh_broker):
    allow("k", 2, 4)

    assert 0 < broker.client.ttl("rate:k") <= 3


def test_a_broker_that_is_away_allows_all(monkeypatch, fresh_broker):
    def unreachable(**kwargs):
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(broker, "_closed_until", 0.0)
    monkeypatch.setattr(rate_limits, "_take", unreachable)

    assert allow("k", 1, 1) == Allowance(True, 1, 0)
    assert broker.is_paused()
