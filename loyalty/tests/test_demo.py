"""The demo store is made through the product's own verbs, once, and its keys open every wire."""

import json
import stat
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from conftest import see
from customers.models import Customer
from earning.models import Activity
from loyalty.demo import store as demo_store
from loyalty.stores.models import ApiKey, Store, User
from spending.rewards import KINDS as KINDS_OF_REWARD

KEYS = {
    "url": str,
    "email": str,
    "password": str,
    "store": str,
    "native": {"key"},
    "lootly": {"key", "secret", "action_id"},
    "loyaltylion": {"token", "secret", "bearer", "custom_rule"},
    "openloyalty": {"login", "password", "api_key", "store_code"},
}


def seed(state, customers=20):
    call_command("seed_demo", state=state, customers=customers, verbosity=0)


@pytest.fixture
def demo(db, tmp_path):
    seed(tmp_path)
    store = Store.objects.get(slug="demo")
    see(store)
    return store


@pytest.fixture
def keys(demo, tmp_path):
    return json.loads((tmp_path / "demo.json").read_text())


def test_its_keys_are_written_for_their_owner_only(keys, tmp_path):
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert {name: set(value) if isinstance(value, dict) else type(value) for name, value in keys.items()} == KEYS
    assert keys["url"] == settings.SITE_URL
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


def test_its_owner_can_sign_in_and_support(demo, keys):
    owner = User.objects.get(email=keys["email"])
    assert owner.check_password(keys["password"]) and owner.is_staff
    assert owner.staff_memberships.get().role == "owner"
    assert ApiKey.find(keys["native"]["key"]).store == demo
    assert demo.is_demo


def test_its_rules_are_those_that_the_readme_calls(demo, keys):
    purchase = demo.rules.get(kind="purchase")
    assert (purchase.points, purchase.settings["pays"], demo.award_status) == (1, "per_unit", "completed")
    called = demo.rules.filter(kind="custom")
    assert called.get(action_id=keys["lootly"]["action_id"])
    assert called.get(action=f"custom:{keys['loyaltylion']['custom_rule']}")
    assert called.get(action="custom:app_login") and demo.event_schemas.get(event_type="app_login")
    assert {(rule.approval, rule.limit, rule.is_enabled) for rule in called} == {("at_once", "", True)}


def test_it_looks_lived_in_and_its_books_are_right(demo):
    call_command("check_ledger", store="demo", verbosity=0)
    now = timezone.now()
    assert demo.customers.count() == 20
    assert set(demo.orders.values_list("status", flat=True)) >= {"completed"}
    assert {"approved", "void"} <= set(demo.activities.values_list("state", flat=True))
    assert demo.entries.filter(effective_at__lt=now - timedelta(days=200)).exists()
    assert not demo.entries.filter(effective_at__gt=now).exists()
    assert {"earn", "redeem", "adjust"} == set(demo.entries.values_list("kind", flat=True))
    assert demo.customers.filter(state=Customer.State.BLOCKED).count() == 1
    assert not demo.activities.filter(quarantined_at__isnull=False).exists()
    assert not demo.activities.exclude(state=Activity.State.PENDING).filter(due_at__isnull=False).exists()


def test_its_latest_days_read_in_the_order_of_time(demo):
    recent = demo.activities.filter(occurred_at__gt=timezone.now() - timedelta(days=6)).order_by("pk")
    moments = list(recent.exclude(source__in=["calendar", "goal"]).values_list("occurred_at", flat=True))
    assert len(moments) > 5
    assert moments == sorted(moments)


def test_rewards_were_taken_and_their_codes_used_within_the_year(demo):
    taken = demo.redemptions.exclude(state="cancelled")
    assert {reward.kind for reward in demo.rewards.all()} == set(KINDS_OF_REWARD)
    assert taken.filter(issued_at__lt=timezone.now() - timedelta(days=30)).exists()
    assert not taken.filter(issued_at__gt=timezone.now()).exists()
    used = taken.filter(state="used").exclude(order_external_id="")
    assert used.exists()
    for redemption in used:
        order = demo.orders.get(external_id=redemption.order_external_id)
        assert redemption.code in order.discount_codes
        assert redemption.issued_at <= redemption.used_at == order.placed_at
    for pool in demo.code_pools.all():
        issued = pool.codes.exclude(state="free").count()
        assert issued == taken.filter(coupon__pool=pool).count()


def test_a_second_time_changes_nothing(demo, keys, tmp_path):
    entries = demo.entries.count()
    seed(tmp_path)
    assert json.loads((tmp_path / "demo.json").read_text()) == keys
    assert (Store.objects.count(), demo.entries.count()) == (1, entries)


def earned(store):
    return store.entries.filter(kind="earn").count()


def test_an_interrupted_making_is_finished_by_the_next(db, tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(demo_store, "complete", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seed(tmp_path)
    store = Store.objects.get(slug="demo")
    see(store)
    facts = store.activities.count(), store.order_facts.count(), store.redemptions.count(), earned(store)
    assert not (tmp_path / "demo.json").exists()
    seed(tmp_path)
    store.refresh_from_db()
    assert store.is_demo and (tmp_path / "demo.json").exists()
    assert (store.activities.count(), store.order_facts.count(), store.redemptions.count(), earned(store)) == facts
    assert store.entries.filter(kind="adjust").count() == 2
