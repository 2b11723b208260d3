"""Each kind of reward: what it costs, what its code takes off, what it is worth, what people read."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from spending import rewarding
from spending.rewards import GENERATED, KINDS, NO_CODE, POOL, SHOP, Discount

# Kind, settings, steps; its discount, its worth, and what one gets.
KINDS_AT_WORK = [
    ("fixed_amount", {"value": "5.00"}, 1, Discount("fixed", Decimal(5)), 5, "5 EUR off"),
    ("fixed_amount", {"value": "7.50"}, 1, Discount("fixed", Decimal("7.5")), Decimal("7.5"), "7.50 EUR off"),
    ("percentage", {"value": "12.5"}, 1, Discount("percentage", Decimal("12.5")), None, "12.50% off"),
    ("free_shipping", {}, 1, Discount("shipping"), None, "Free shipping"),
    ("free_shipping", {"maximum": "6"}, 1, Discount("shipping", Decimal(6)), None, "Free shipping, up to 6 EUR"),
    ("free_product", {"product_id": "p1", "product_name": "Mug", "product_value": "12"}, 1,
     Discount("product", product_id="p1"), 12, "Free Mug"),
    ("variable_amount", {"value": "1"}, 7, Discount("fixed", Decimal(7)), 7, "7 EUR off"),
    ("custom", {}, 1, None, None, "Your own"),
    ("gift_code", {"value": "25"}, 1, None, 25, "Gift code worth 25 EUR"),
    ("gift_code", {}, 1, None, None, "Gift code"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "settings", "steps", "discount", "value", "gives"), KINDS_AT_WORK)
def test_what_a_kind_gives(key, settings, steps, discount, value, gives):
    kind, settings = KINDS[key], rewarding.clean_settings(key, settings)
    assert kind.discount(settings, steps) == discount
    assert kind.value(settings, steps) == value
    assert kind.gives(settings, "EUR", steps) == gives
    assert kind.cost(Decimal(100), settings, steps) == 100 * steps


def test_every_kind_is_tried_here():
    assert {key for key, *_ in KINDS_AT_WORK} == set(KINDS)


@pytest.mark.parametrize("key", KINDS)
def test_a_kind_stands_with_what_it_suggests(key):
    kind = KINDS[key]
    needs = {"free_product": {"product_id": "p1", "product_name": "Mug"}}
    assert rewarding.clean_settings(key, needs.get(key, {}))
    assert kind.label and kind.help and kind.suggested > 0
    assert set(kind.code_sources) <= {POOL, GENERATED, SHOP, NO_CODE}


@pytest.mark.parametrize(
    ("key", "settings", "says"),
    [
        ("fixed_amount", {"value": "0"}, "value"),
        ("fixed_amount", {"value": "x"}, "value"),
        ("fixed_amount", {"worth": 5}, "“worth” is not a setting"),
        ("percentage", {"value": "101"}, "value"),
        ("free_product", {}, "product_id"),
        ("variable_amount", {"minimum_steps": 5, "maximum_steps": 4}, "fewer than the least"),
        ("custom", {"fulfilment": "webhook"}, "https address"),
        ("custom", {"fulfilment": "webhook", "webhook_url": "http://shop.example/hook"}, "https address"),
    ],
)
def test_settings_that_make_no_sense_are_refused(key, settings, says):
    with pytest.raises(ValidationError) as refused:
        rewarding.clean_settings(key, settings)
    assert says in " ".join(refused.value.messages)
