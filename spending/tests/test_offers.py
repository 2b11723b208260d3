"""Whether someone may take a reward: each condition, met and not met. Pure, so without a database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from loyalty.stores.models import Store
from spending import explaining
from spending.offers import Shopper, Taken, affordable, expires_at, judge, worth

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
STORE = Store(currency="EUR", timezone="Europe/Berlin")


def offer(kind="fixed_amount", **values):
    unset = dict.fromkeys(
        ("active_from", "active_until", "customer_limit", "total_limit", "validity_count", "validity_until")
    )
    given = {
        "kind": kind, "points": Decimal(500), "settings": {"value": "5"}, "is_enabled": True, "tags_any": [],
        "tags_none": [], "customer_limit_period": "ever", "total_limit_period": "month", "validity": "",
    }  # fmt: skip
    return SimpleNamespace(**unset | given | values)


def shopper(**values):
    return Shopper(**{"state": "enrolled", "tags": ["vip"], "balance": Decimal(500)} | values)


def test_a_member_with_just_enough_points_may_take_it():
    verdict = judge(offer(), shopper(), Taken(), NOW)
    assert (verdict.is_ok, verdict.code, verdict.failed, verdict.cost) == (True, "", None, Decimal(500))
    assert [check["check"] for check in verdict.checks] == ["enabled", "not_blocked", "member", "balance"]


# What is asked of whom, the check that answers it, the code for machines, and what people read.
REFUSED = [
    ({"is_enabled": False}, {}, "enabled", "not_enabled", "switched off"),
    ({}, {"state": "blocked"}, "not_blocked", "blocked", "is blocked"),
    ({}, {"state": "guest"}, "member", "not_enrolled", "who have joined"),
    ({"active_from": NOW + DAY}, {}, "dates", "not_active", "is on offer from 1 April 2026"),
    ({"active_until": NOW - DAY}, {}, "dates", "not_active", "was on offer until 30 March 2026"),
    ({"tags_any": ["staff", "press"]}, {}, "tags_any", "not_eligible", "the tag staff or press"),
    ({"tags_none": ["vip"]}, {}, "tags_none", "not_eligible", "not for customers with the tag vip"),
    ({}, {"balance": Decimal(499)}, "balance", "insufficient_points", "1 more"),
    ({}, {"balance": Decimal(-20)}, "balance", "insufficient_points", "520 more are needed"),
]


@pytest.mark.parametrize(("of_offer", "of_shopper", "check", "code", "says"), REFUSED)
def test_a_condition_that_is_not_met_refuses_and_is_named(of_offer, of_shopper, check, code, says):
    verdict = judge(offer(**of_offer), shopper(**of_shopper), Taken(), NOW)
    assert not verdict.is_ok
    assert (verdict.failed["check"], verdict.code) == (check, code)
    assert [one["check"] for one in verdict.checks if not one["ok"]] == [check]
    assert says in explaining.refusal(verdict, STORE)


@pytest.mark.parametrize(
    "of_offer",
    [
        {"active_from": NOW, "active_until": NOW}, {"active_from": NOW - DAY}, {"active_until": NOW + DAY},
        {"tags_any": ["staff", "vip"]}, {"tags_none": ["staff"]},
    ],
)  # fmt: skip
def test_a_condition_that_is_met_is_told_and_lets_through(of_offer):
    verdict = judge(offer(**of_offer), shopper(), Taken(), NOW)
    assert verdict.is_ok and len(verdict.checks) == 5
    assert all(explaining.explain(verdict.data, STORE))


@pytest.mark.parametrize("limit", ["customer_limit", "total_limit"])
def test_a_limit_lets_the_last_one_through_and_the_next_not(limit):
    def taken(count):
        return Taken(by_customer=count) if limit == "customer_limit" else Taken(in_all=count)

    assert judge(offer(**{limit: 2}), shopper(), taken(1), NOW).is_ok
    refused = judge(offer(**{limit: 2}), shopper(), taken(2), NOW)
    assert refused.code == "limit_reached" and refused.failed["check"] == limit
    assert "Taken 2 of 2 times" in explaining.refusal(refused, STORE)


def test_no_code_left_is_told_last_so_that_whoever_lacks_points_hears_of_the_points():
    sold_out = judge(offer(), shopper(), Taken(), NOW).without_codes()
    poor = judge(offer(), shopper(balance=Decimal(0)), Taken(), NOW).without_codes()
    assert (sold_out.code, poor.code) == ("out_of_codes", "insufficient_points")


def test_all_that_is_wrong_is_told_at_once():
    verdict = judge(offer(is_enabled=False, tags_any=["x"]), shopper(state="guest", balance=Decimal(0)), Taken(), NOW)
    assert [check["check"] for check in verdict.checks if not check["ok"]] == [
        "enabled", "member", "tags_any", "balance",
    ]  # fmt: skip
    assert verdict.code == "not_enabled"


# --- An amount of their choice ------------------------------------------------------------------


def chosen(**settings):
    return offer(
        "variable_amount",
        points=Decimal(100),
        settings={"value": "1", "minimum_steps": 2, "maximum_steps": None} | settings,
    )


@pytest.mark.parametrize(("steps", "allowed"), [(1, False), (2, True), (5, True), (6, False)])
def test_the_steps_lie_between_the_least_and_the_most(steps, allowed):
    verdict = judge(chosen(maximum_steps=5), shopper(balance=Decimal(10_000)), Taken(), NOW, multiplier=steps)
    assert verdict.is_ok is allowed
    assert verdict.cost == 100 * steps
    assert verdict.code == ("" if allowed else "bad_amount")


def test_any_other_reward_is_taken_one_at_a_time():
    verdict = judge(offer(), shopper(balance=Decimal(10_000)), Taken(), NOW, multiplier=2)
    assert verdict.code == "bad_amount"


@pytest.mark.parametrize(("balance", "steps"), [(100, 0), (199, 0), (200, 2), (550, 5), (-300, 0)])
def test_how_much_a_balance_pays_for(balance, steps):
    assert affordable(chosen(), Decimal(balance)) == steps
    assert affordable(chosen(maximum_steps=3), Decimal(balance)) == min(steps, 3)


def test_what_it_is_worth_grows_with_the_steps():
    assert worth(chosen(value="1.50"), 4) == Decimal("6.00")
    assert worth(offer("percentage"), 1) is None


# --- How long a code is good --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("validity", "count", "until", "ends"),
    [
        ("", None, None, None),
        ("days", 1, None, datetime(2026, 4, 2, tzinfo=BERLIN)),
        ("weeks", 2, None, datetime(2026, 4, 15, tzinfo=BERLIN)),
        ("months", 1, None, datetime(2026, 5, 1, tzinfo=BERLIN)),  # to the end of 30 April: there is no 31st
        ("months", 12, None, datetime(2027, 4, 1, tzinfo=BERLIN)),
        ("date", None, date(2026, 12, 24), datetime(2026, 12, 25, tzinfo=BERLIN)),
    ],
)
def test_a_code_ends_with_the_last_moment_of_a_day_in_the_stores_zone(validity, count, until, ends):
    given = offer(validity=validity, validity_count=count, validity_until=until)
    assert expires_at(given, NOW, BERLIN) == ends


def test_the_day_is_the_stores_even_when_it_is_another_elsewhere():
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # half past midnight of 1 April in Berlin
    assert expires_at(offer(validity="days", validity_count=1), late, BERLIN) == datetime(2026, 4, 3, tzinfo=BERLIN)
