from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from loyalty.stores import clock


@pytest.fixture
def uncompared(db, monkeypatch):
    monkeypatch.setattr(clock, "_ahead", timedelta(0))
    monkeypatch.setattr(clock, "_compared_at", float("-inf"))


@pytest.mark.parametrize("off", [timedelta(days=2), timedelta(days=-2), timedelta(minutes=10), timedelta(minutes=-10)])
def test_a_clock_that_is_wrong_is_put_right_by_the_databases(uncompared, off):
    true = timezone.now()
    with time_machine.travel(true + off):
        clock.compare(connection)
        assert abs(clock.now() - true) < timedelta(seconds=1)


def test_a_clock_that_is_right_is_left_alone(uncompared):
    clock.compare(connection)
    with time_machine.travel("2030-01-01", tick=False):
        assert clock.now() == timezone.now()


def test_the_database_is_asked_once_a_minute_at_most(uncompared, django_assert_num_queries):
    with django_assert_num_queries(1):
        clock.compare(connection)
        clock.compare(connection)
