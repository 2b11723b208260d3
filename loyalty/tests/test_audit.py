"""Every route that changes something leaves one row of who did it.

The tables below say what each such route takes. A route that takes a POST and is in no table fails the build.
"""

from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver, reverse
from django.utils import timezone

from conftest import PASSWORD, staff
from customers import adjustments
from customers.models import Customer
from integrations.models import ConnectionToken, Widget
from integrations.widget import verifying
from integrations.widget.models import default_look
from loyalty.audit_phrases import PHRASES
from loyalty.stores.models import AccountRecord, User
from spending import rewarding

from .audited import ADJUST, REASON, SETTINGS, asking, csv, imported, off, records, undone
from .one_of_each import FIVE_OFF, changed, everything
from .tenancy.routes import below, filled

STORE = "s/<slug:slug>/"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(20)
RULE = {
    "name": "Read a page", "points": "7", "icon": "star", "limit": "", "limit_period": "ever", "approval": "at_once",
    "approval_days": "0", "identifier": "page",
}  # fmt: skip
REWARD = {
    "name": "Five off", "points": "500", "icon": "gift", "settings-value": "5", "code_source": "generated",
    "validity": "", "customer_limit_period": "ever", "total_limit_period": "ever",
}  # fmt: skip
POOL = {"name": "Other codes", "low_stock_at": "3", "when_empty": "refuse"}
LOOTLY = {"name": "Outlet", "integration": "woocommerce", "award_on": "", "rewardable": "total"}


def pages() -> list[str]:
    return [route.removeprefix(STORE) for route in below(STORE)]


# --- What has to be there before ------------------------------------------------------------------


def stuck(rows):
    rows.update(quarantined_at=timezone.now(), due_at=None)


def second_reward(theirs):
    rewarding.create(theirs.store, "fixed_amount", actor="test", name="Ten off", points=Decimal(2), **FIVE_OFF)


def talkative(theirs):
    theirs.connection = theirs.connections["loyaltylion"][0]


def keyed(theirs):
    talkative(theirs)
    theirs.token, _ = ConnectionToken.issue(ConnectionToken.Kind.KEY, connection=theirs.connection, name="theirs")


def guest(theirs):
    Customer.objects.filter(pk=theirs.customer.pk).update(state="guest")


def open_call(theirs):
    type(theirs.call).objects.filter(pk=theirs.call.pk).update(outcome="unknown", due_at=None)


def rich(theirs):
    adjustments.adjust(theirs.store, theirs.customer, Decimal(100), "So that 5 may be taken back", actor="test")


# Below s/<slug>/: what is sent, and what is there before.
CHANGES = {
    "settings/": SETTINGS,
    "settings/keys/": {"name": "Shop", "scopes": ["read"]},
    "settings/keys/<int:pk>/revoke/": {},
    "settings/people/": lambda theirs: {"email": theirs.newcomer.email, "role": "viewer"},
    "settings/people/<int:pk>/remove/": {},
    "settings/people/two-steps/": {"needs": "yes"},
    "attention/<uuid:public_id>/": {"choice": "dismiss"},
    "earning/add/<slug:kind>/": RULE,
    "earning/<uuid:public_id>/": (RULE, lambda theirs: off(theirs.rule)),
    "earning/<uuid:public_id>/switch/": {"is_enabled": "0"},
    "activity/retry/": ({}, lambda theirs: stuck(theirs.store.activities)),
    "activity/facts/<int:pk>/retry/": ({}, lambda theirs: stuck(theirs.store.order_facts)),
    "activity/<uuid:public_id>/retry/": ({}, lambda theirs: stuck(theirs.store.activities)),
    "activity/<uuid:public_id>/decide/": {"state": "approved"},
    "spending/add/<slug:kind>/": REWARD,
    "spending/images/": lambda theirs: {"file": SimpleUploadedFile("a.png", PIXEL)},
    "spending/codes/add/": POOL,
    "spending/codes/<uuid:public_id>/settings/": POOL,
    "spending/codes/<uuid:public_id>/import/": lambda theirs: {"file": csv()},
    "spending/codes/imports/<uuid:public_id>/confirm/": {},
    "spending/codes/imports/<uuid:public_id>/cancel/": {},
    "spending/codes/imports/<uuid:public_id>/undo/": ({}, imported),
    "spending/codes/imports/<uuid:public_id>/retry/": ({}, lambda theirs: stuck(theirs.store.coupon_imports)),
    "spending/codes/imports/<uuid:public_id>/encoding/": ({"encoding": "cp1252"}, asking),
    "spending/codes/imports/<uuid:public_id>/layout/": {"delimiter": ";", "code": "0", "value": "", "expires_on": ""},
    "spending/<uuid:public_id>/": (REWARD, lambda theirs: off(theirs.reward)),
    "spending/<uuid:public_id>/switch/": {"is_enabled": "0"},
    "spending/<uuid:public_id>/move/": ({"to": "down"}, second_reward),
    "redemptions/add/<uuid:customer>/<uuid:reward>/": {
        "multiplier": "1", "identity": str(uuid4()), "confirmed": "1",
    },
    "redemptions/<uuid:public_id>/cancel/": REASON,
    "redemptions/<uuid:public_id>/use/": {},
    "redemptions/<uuid:public_id>/reissue/": REASON,
    "customers/<uuid:public_id>/edit/": {"first_name": "Ada", "last_name": "", "birthday": "", "tags": "vip"},
    "customers/<uuid:public_id>/adjust/": ADJUST,
    "customers/<uuid:public_id>/block/": {"is_blocked": "1"},
    "customers/<uuid:public_id>/entries/<int:seq>/undo/": ({}, rich),
    "customers/add/": {"email": "new@shop.example", "joins": "on"},
    "customers/<uuid:public_id>/enrol/": ({}, guest),
    "customers/<uuid:public_id>/export/": {},
    "customers/<uuid:public_id>/erase/": {"reason": "asked", "word": "erase"},
    "integrations/connect/<slug:dialect>/": LOOTLY,
    "integrations/fulfilment/secret/": {},
    "integrations/calls/<int:pk>/apply/": ({}, open_call),
    "integrations/<uuid:public_id>/settings/": LOOTLY,
    "integrations/<uuid:public_id>/rotate/": {},
    "integrations/<uuid:public_id>/switch/": {},
    "integrations/<uuid:public_id>/keys/": ({"name": "Shop"}, talkative),
    "integrations/<uuid:public_id>/keys/<int:pk>/revoke/": ({}, keyed),
    "display/": default_look() | {"is_enabled": "on", "birthday_order": "mdy", "sections": ["earn"]},
    "display/set-up/": ({}, lambda theirs: Widget.objects.all().delete()),
    "display/texts/": {"title": "Our club"},
    "display/domains/": {"origin": "https://other.example"},
    "display/domains/<int:pk>/verify/": {},
    "display/domains/<int:pk>/remove/": {},
    "display/install/secrets/": {},
    "display/install/secrets/<int:pk>/retire/": {},
    "display/install/legacy/": {"legacy": "off", "legacy_daily": "3"},
}  # fmt: skip

# They take a POST to show something, and change nothing.
PREVIEWS = {
    "earning/add/<slug:kind>/preview/", "earning/<uuid:public_id>/preview/", "spending/add/<slug:kind>/preview/",
    "spending/<uuid:public_id>/preview/",
}  # fmt: skip
# What leaves the house by a GET.
EXPORTS = ("spending/codes/<uuid:public_id>/export/", "settings/changes/export/")


@pytest.fixture
def boss(store, sign_in):
    """A second owner, so that the first may be removed; with two steps, so that both may be asked for them."""
    person = staff(store, "owner", "boss@acme.example")
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    return sign_in(person)


def entry_of(told, theirs):
    """(body, what is there before) of a line of a table."""
    body, before = told if isinstance(told, tuple) else (told, None)
    if before:
        before(theirs)
    return body(theirs) if callable(body) else body


def test_every_change_of_the_dashboard_leaves_one_row(store, theirs, boss, monkeypatch):
    monkeypatch.setattr(verifying, "verify", lambda row, store: "meta")
    wrong = {}
    for route, told in CHANGES.items():
        kept = SimpleNamespace(**vars(theirs))
        with undone():
            body = entry_of(told, kept)
            known = len(records(store))
            answer = boss.post(filled(STORE + route, kept), body)
            rows = records(store)[known:]
            if answer.status_code >= 400 or len(rows) != 1:
                wrong[route] = (answer.status_code, [row.action for row in rows])
                continue
            [row] = rows
            assert (row.actor, row.user.email, row.address) == ("boss@acme.example", "boss@acme.example", "127.0.0.1")
            assert row.action in PHRASES, f"{row.action}: say in audit_phrases what it does"
            assert row.request_id and row.created_at <= timezone.now()
    assert wrong == {}


def test_every_other_route_of_the_dashboard_changes_nothing_and_leaves_no_row(store, theirs, boss):
    before, wrong = everything(), []
    for route in pages():
        if route in CHANGES:
            continue
        answer = boss.post(filled(STORE + route, theirs))
        if route not in PREVIEWS and answer.status_code != 405:
            wrong.append((route, answer.status_code))
    assert wrong == [], "Say in CHANGES what it takes."
    assert changed(before, everything()) == set()


def test_what_is_exported_leaves_one_row(store, theirs, boss):
    for route in EXPORTS:
        known = len(records(store))
        answer = boss.get(filled(STORE + route, theirs))
        assert answer.status_code == 200 and b"".join(answer)
        assert [row.action for row in records(store)[known:]] == [
            answer.resolver_match.view_name
        ] and answer.resolver_match.view_name in PHRASES


# --- The support admin ------------------------------------------------------------------------------


ADMIN_CHANGES = {
    "stores_store_change": lambda theirs: (theirs.store, {"name": "Renamed", "domain": "", "currency": "EUR",
        "timezone": "UTC", "points_name": "point", "points_name_plural": "points", "points_rounding": "floor",
        "negative_balance": "debt", "award_status": "paid", "staff-TOTAL_FORMS": "0", "staff-INITIAL_FORMS": "0"}),
    "stores_store_visit": lambda theirs: (theirs.store, {"reason": "The merchant asked why codes run out"}),
    "stores_user_change": lambda theirs: (theirs.newcomer, {"name": "", "is_active": "on", "is_staff": "on"}),
    "stores_staffmember_add": lambda theirs: (None, {
        "store": theirs.store.pk, "user": theirs.newcomer.pk, "role": "viewer"}),
    "stores_staffmember_change": lambda theirs: (theirs.member, {
        "store": theirs.store.pk, "user": theirs.member.user_id, "role": "viewer"}),
    "stores_staffmember_delete": lambda theirs: (theirs.member, {"post": "yes"}),
    "stores_apikey_changelist": lambda theirs: (None, {"action": "revoke", "_selected_action": [theirs.key.pk]}),
    "customers_customer_adjust_points": lambda theirs: (theirs.customer, ADJUST),
    "customers_customer_erase_customer": lambda theirs: (theirs.customer, {"reason": "asked", "word": "erase"}),
    "spending_redemption_cancel_redemption": lambda theirs: (theirs.redemption, REASON),
    "spending_redemption_reissue_redemption": lambda theirs: (theirs.redemption, REASON),
}  # fmt: skip


def admin_routes():
    prefix = "admin:"
    for name, (possible, *_) in get_resolver().namespace_dict["admin"][1].reverse_dict.items():
        if isinstance(name, str) and "_" in name:
            yield name, possible[0][1], prefix + name


@pytest.fixture
def root(db, sign_in):
    return sign_in(User.objects.create_superuser("root@loyalty.example", PASSWORD))


def test_every_change_of_the_support_admin_leaves_one_row(store, theirs, root):
    wrong = {}
    for name, told in ADMIN_CHANGES.items():
        with undone():
            row, body = told(theirs)
            known, accounts = len(records(store)), AccountRecord.objects.count()
            answer = root.post(reverse(f"admin:{name}", args=[row.pk] if row else []), body)
            rows = records(store)[known:] + list(AccountRecord.objects.order_by("pk")[accounts:])
            if answer.status_code != 302 or [one.action for one in rows] != [f"admin:{name}"]:
                errors = answer.context and answer.context.get("errors")
                wrong[name] = (answer.status_code, [one.action for one in rows], errors)
                continue
            assert rows[0].actor == "root@loyalty.example"
            assert rows[0].action in PHRASES
    assert wrong == {}


def test_every_other_route_of_the_support_admin_changes_nothing(store, theirs, root):
    before, wrong = everything(), []
    objects = {
        "store": theirs.store, "user": theirs.newcomer, "staffmember": theirs.member, "apikey": theirs.key,
        "customer": theirs.customer, "redemption": theirs.redemption, "reward": theirs.reward,
        "activity": theirs.activity, "earningrule": theirs.rule, "connection": theirs.connection,
        "inboundevent": theirs.call,
    }  # fmt: skip
    for name, params, full in admin_routes():
        if name in ADMIN_CHANGES or name in ("view_on_site", "app_list", "password_change", "password_change_done"):
            continue
        model = name.split("_")[1]
        args = [objects[model].pk if model in objects else 1] if params else []
        status = root.post(reverse(full, args=args), {"post": "yes"}).status_code
        if status >= 500:
            wrong.append((name, status))
    assert wrong == []
    assert changed(before, everything()) == set()
