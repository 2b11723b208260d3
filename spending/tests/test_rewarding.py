"""Saving rewards: each change is a new version; what contradicts itself is refused; order and switch are none."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from spending import rewarding
from spending.models import CodePool

pytestmark = pytest.mark.django_db


def test_a_new_reward_is_the_last_and_keeps_its_first_version(store, add_reward):
    first, second = add_reward(name="A"), add_reward(name="B", minimum_order=Decimal(20))
    assert (first.position, second.position, second.version) == (0, 1, 1)
    [kept] = second.versions.all()
    assert (kept.number, kept.actor, kept.values["minimum_order"], kept.values["points"]) == (1, "test", "20", "500")


def test_a_change_keeps_what_was_and_none_is_no_version(store, add_reward):
    reward = add_reward()
    assert not rewarding.change(reward, actor="anna", points=Decimal(500), name="5 off")
    assert rewarding.change(reward, actor="anna", points=Decimal(400))
    assert rewarding.change(store.rewards.get(), actor="bert", name="Five off")
    kept = [(one.number, one.actor, Decimal(one.values["points"]), one.values["name"]) for one in reward.versions.all()]
    assert kept == [(3, "bert", 400, "Five off"), (2, "anna", 400, "5 off"), (1, "test", 500, "5 off")]


def test_a_stale_copy_makes_the_next_version_and_overwrites_only_what_it_changes(store, add_reward):
    reward = add_reward()
    stale = store.rewards.get()
    rewarding.change(reward, actor="anna", points=Decimal(400))
    rewarding.change(stale, actor="bert", name="Five off")
    now = store.rewards.get()
    assert (now.version, now.name, now.points) == (3, "Five off", 400)


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("gift_code", {"code_source": "generated"}, "code_source"),
        ("fixed_amount", {"code_source": "none"}, "code_source"),
        ("fixed_amount", {"validity": "days"}, "validity_count"),
        ("fixed_amount", {"validity": "date"}, "validity_until"),
        ("fixed_amount", {"points": Decimal("0.5")}, "points"),
        ("fixed_amount", {"points": Decimal(0)}, "points"),
        ("fixed_amount", {"customer_limit": 0}, "customer_limit"),
        (
            "fixed_amount",
            {"active_from": timezone.now(), "active_until": timezone.now() - timedelta(1)},
            "active_until",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_by_its_field(store, add_reward, kind, values, field):
    with pytest.raises(ValidationError) as refused:
        add_reward(kind, **values)
    assert field in refused.value.message_dict
    assert not store.rewards.exists()


def test_a_reward_that_takes_uploaded_codes_from_now_on_gets_a_list(store, add_reward):
    reward = add_reward(name="Ours")
    assert reward.pool is None
    rewarding.change(reward, actor="anna", code_source="pool")
    assert store.rewards.get().pool == CodePool.objects.get(name="Ours")


def test_switching_and_moving_are_no_versions(store, add_reward):
    one, two, three = add_reward(name="1"), add_reward(name="2"), add_reward(name="3")
    rewarding.switch(one, False)
    rewarding.move(store, three, -1)
    rewarding.move(store, one, -1)  # it is the first already
    assert [(row.name, row.is_enabled, row.version) for row in store.rewards.all()] == [
        ("1", False, 1), ("3", True, 1), ("2", True, 1),
    ]  # fmt: skip
    assert two.versions.count() == 1
