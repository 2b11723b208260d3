"""The pure function: plain values in, a Decision out. No database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import sized
from earning.actions import KINDS
from earning.engine import Fact, Person, Rule, Scale, Usage, clawback, evaluate

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def rule(kind="custom", points="10", **values) -> Rule:
    defaults = {"id": 1, "public_id": "r1", "version": 1, "kind": kind, "action": kind, "name": "Rule", "settings": {}}
    return Rule(points=Decimal(points), **(defaults | values))


def order(total="29.99", refunded="0", **values):
    return {
        "total": total, "subtotal": total, "tax": "0", "shipping": "0", "discount": "0", "refunded": refunded,
        "is_cancelled": False, "is_refunded": Decimal(refunded) >= Decimal(total) > 0, "is_awardable": True,
        "awardable_at": NOON, "items": [], "discount_codes": [],
    } | values  # fmt: skip


def bought(rule_: Rule, order_: dict, **values):
    return evaluate(Fact("purchase", NOON, order=order_), [rule_], Person(), **values)


def test_every_kind_has_words_defaults_and_pays():
    for kind in KINDS.values():
        assert kind.label and kind.help and kind.icon and kind.suggested > 0
        assert kind.Settings({k: v for k, v in kind.defaults().items() if v is not None}).is_valid(), kind.key
        assert kind.worth(rule(kind.key), Fact(kind.key, NOON, order=order())).points > 0


@pytest.mark.parametrize(
    ("decimals", "rounding", "expected"),
    [(0, "ROUND_FLOOR", "29"), (0, "ROUND_HALF_UP", "30"), (2, "ROUND_FLOOR", "29.99"), (1, "ROUND_CEILING", "30.0")],
)
def test_the_stores_rounding_is_applied_once(decimals, rounding, expected):
    scale = Scale(Decimal(1).scaleb(-decimals), rounding)
    assert bought(rule("purchase", "1"), order(), scale=scale).points == Decimal(expected)


@pytest.mark.parametrize(
    ("settings", "order_", "expected"),
    [
        ({"pays": "fixed"}, {}, 10),
        ({"minimum_order": "30"}, {}, 0),
        ({"minimum_order": "29.99"}, {}, 299),
        ({"count_tax": True}, {"tax": "1.01"}, 310),
        ({"count_shipping": True}, {"shipping": "5.01"}, 350),
        ({"after_discounts": False}, {"discount": "10.01"}, 400),
        ({"products_any": "7, 9"}, {"items": [{"product_id": 9}]}, 299),
        ({"products_any": "7"}, {"items": [{"product_id": "9"}]}, 0),
        ({"categories_any": "3"}, {"items": [{"product_id": 9, "categories": [3]}]}, 299),
        ({"not_with_codes": True}, {"discount_codes": ["X"]}, 0),
    ],
)
def test_purchase_settings(settings, order_, expected):
    assert bought(rule("purchase", settings=settings), order(**order_)).points == expected


@pytest.mark.parametrize(
    ("birthday_set_at", "expected"),
    [(None, 10), (NOON - timedelta(days=31), 10), (NOON - timedelta(days=29), 0), (NOON - timedelta(days=30), 10)],
)
def test_a_birthday_entered_just_before_the_day_pays_nothing(birthday_set_at, expected):
    decision = evaluate(Fact("birthday", NOON), [rule("birthday")], Person(birthday_set_at=birthday_set_at))
    assert decision.points == expected


@pytest.mark.parametrize(
    ("dates", "pays"),
    [
        ({"active_from": NOON}, True),
        ({"active_from": NOON + timedelta(seconds=1)}, False),
        ({"active_until": NOON}, True),
        ({"active_until": NOON - timedelta(seconds=1)}, False),
    ],
)
def test_active_dates_hold_the_facts_own_moment(dates, pays):
    assert (evaluate(Fact("custom", NOON), [rule(**dates)], Person()).points > 0) is pays


def test_the_rest_of_a_points_limit_is_paid_and_said():
    limited = rule(limit="points", limit_value=Decimal(25))
    decision = evaluate(Fact("custom", NOON), [limited], Person(), {1: Usage(2, Decimal(20))})
    assert decision.points == 5
    assert decision.data["sum"]["capped"] == "5"


def test_a_granted_rate_ignores_what_has_changed_since_except_the_order_itself():
    old = rule(
        "purchase", "1", is_enabled=False, limit="count", limit_value=Decimal(0), settings={"minimum_order": "20"}
    )
    assert bought(old, order(), granted=old).points == 29
    assert bought(old, order("10"), granted=old).points == 0


@settings(max_examples=sized(2_000, 1_000_000), deadline=None, database=None, print_blob=True)
@given(
    points=st.integers(1, 10**6),
    total=st.decimals("0.01", "100000", places=2),
    cuts=st.lists(st.floats(0, 1, allow_nan=False), max_size=8),
)
def test_any_split_of_refunds_takes_back_exactly_the_whole(points, total, cuts):
    """Cumulative shares never fall, never exceed, and the last refund ends at zero (L7)."""
    marks = [*sorted((total * Decimal(cut)).quantize(Decimal("0.01")) for cut in cuts), total]
    shares = [clawback(Decimal(points), {"refunded": str(mark), "total": str(total)}, Scale()) for mark in marks]
    assert shares == sorted(shares) and shares[-1] == points and all(0 <= share <= points for share in shares)
