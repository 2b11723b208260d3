"""Every route that changes something leaves one row of who did it, and nobody can change that row.

The tables below say what each such route takes. A route that takes a POST and is in no table fails the build.
"""

from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.urls import get_resolver, reverse
from django.utils import timezone

from conftest import PASSWORD, Owner, make_customer, staff
from customers import adjustments
from customers.models import Customer
from earning import rules
from integrations import connections, registry
from integrations.models import ConnectionToken, Widget
from integrations.widget import verifying
from integrations.widget.models import default_look
from loyalty.audit_phrases import PHRASES
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import AccountRecord, AuditRecord, User
from spending import coupon_steps, rewarding
from spending.models import CouponImport

from .one_of_each import FIVE_OFF, changed, everything, page_path, routes, theirs  # noqa: F401

STORE = "s/<slug:slug>/"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(20)
REASON = {"reason": "The parcel was late"}
RULE = {
    "name": "Read a page", "points": "7", "icon": "star", "limit": "", "limit_period": "ever", "approval": "at_once",
    "approval_days": "0", "identifier": "page",
}  # fmt: skip
REWARD = {
    "name": "Five off", "points": "500", "icon": "gift", "settings-value": "5", "code_source": "generated",
    "validity": "", "customer_limit_period": "ever", "total_limit_period": "ever",
}  # fmt: skip
SETTINGS = {
    "name": "Acme", "domain": "", "currency": "EUR", "timezone": "UTC", "points_name": "star",
    "points_name_plural": "stars", "points_decimals": "0", "points_rounding": "floor", "award_status": "paid",
    "negative_balance": "debt", "refunds_return_points": "on", "adjustment_daily_cap": "500",
}  # fmt: skip
POOL = {"name": "Other codes", "low_stock_at": "3", "when_empty": "refuse"}
LOOTLY = {"name": "Outlet", "integration": "woocommerce", "award_on": "", "rewardable": "total"}
ADJUST = {
    "direction": "give", "points": "50", "code": "goodwill", "reason": "Sorry", "identity": str(uuid4()),
    "confirmed": "1",
}  # fmt: skip


def pages() -> list[str]:
    return sorted(path.removeprefix(STORE) for path in routes() if path.startswith(STORE))


def csv() -> SimpleUploadedFile:
    return SimpleUploadedFile("more.csv", b"NEW-1\nNEW-2\n")


# --- What has to be there before ------------------------------------------------------------------


def stuck(rows):
    rows.update(quarantined_at=timezone.now(), due_at=None)


def off(row):
    type(row).objects.filter(pk=row.pk).update(is_enabled=False)


def asking(them):
    asked = {"starts_at": 0, "encoding": "cp1252", "asked": {"sample": "e9", "encodings": ["cp1252"]}}
    CouponImport.objects.filter(pk=them.coupon_import.pk).update(state="asking", layout=asked)


def second_reward(them):
    rewarding.create(them.store, "fixed_amount", actor="test", name="Ten off", points=Decimal(2), **FIVE_OFF)


def talkative(them):
    them.connection = connections.connect(them.store, registry.get("loyaltylion"))[0]


def keyed(them):
    talkative(them)
    them.token, _ = ConnectionToken.issue(ConnectionToken.Kind.KEY, connection=them.connection, name="theirs")


def guest(them):
    Customer.objects.filter(pk=them.customer.pk).update(state="guest")


def open_call(them):
    type(them.call).objects.filter(pk=them.call.pk).update(outcome="unknown", due_at=None)


def rich(them):
    adjustments.adjust(them.store, them.customer, Decimal(100), "So that 5 may be taken back", actor="test")


def imported(them):
    CouponImport.objects.filter(pk=them.coupon_import.pk).update(state="done", loaded=1)


# Below s/<slug>/: what is sent, and what is there before.
CHANGES = {
    "settings/": SETTINGS,
    "settings/keys/": {"name": "Shop", "scopes": ["read"]},
    "settings/keys/<int:pk>/revoke/": {},
    "settings/people/": lambda them: {"email": them.newcomer.email, "role": "viewer"},
    "settings/people/<int:pk>/remove/": {},
    "settings/people/two-steps/": {"needs": "yes"},
    "attention/<uuid:public_id>/": {"choice": "dismiss"},
    "earning/add/<slug:kind>/": RULE,
    "earning/<uuid:public_id>/": (RULE, lambda them: off(them.rule)),
    "earning/<uuid:public_id>/switch/": {"is_enabled": "0"},
    "activity/retry/": ({}, lambda them: stuck(them.store.activities)),
    "activity/facts/<int:pk>/retry/": ({}, lambda them: stuck(them.store.order_facts)),
    "activity/<uuid:public_id>/retry/": ({}, lambda them: stuck(them.store.activities)),
    "activity/<uuid:public_id>/decide/": {"state": "approved"},
    "spending/add/<slug:kind>/": REWARD,
    "spending/images/": lambda them: {"file": SimpleUploadedFile("a.png", PIXEL)},
    "spending/codes/add/": POOL,
    "spending/codes/<uuid:public_id>/settings/": POOL,
    "spending/codes/<uuid:public_id>/import/": lambda them: {"file": csv()},
    "spending/codes/imports/<uuid:public_id>/confirm/": {},
    "spending/codes/imports/<uuid:public_id>/cancel/": {},
    "spending/codes/imports/<uuid:public_id>/undo/": ({}, imported),
    "spending/codes/imports/<uuid:public_id>/retry/": ({}, lambda them: stuck(them.store.coupon_imports)),
    "spending/codes/imports/<uuid:public_id>/encoding/": ({"encoding": "cp1252"}, asking),
    "spending/codes/imports/<uuid:public_id>/layout/": {"delimiter": ";", "code": "0", "value": "", "expires_on": ""},
    "spending/<uuid:public_id>/": (REWARD, lambda them: off(them.reward)),
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
    "display/set-up/": ({}, lambda them: Widget.objects.all().delete()),
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
def them(theirs, store, customer):  # noqa: F811
    theirs.store = store
    coupon_steps.work(store.pk)  # its import is checked, and waits for a person
    theirs.newcomer = User.objects.create_user("newcomer@acme.example", PASSWORD)
    theirs.seq = store.entries.get(customer=customer, kind="adjust").seq
    return theirs


@pytest.fixture
def boss(store, sign_in):
    """A second owner, so that the first may be removed; with two steps, so that both may be asked for them."""
    person = staff(store, "owner", "boss@acme.example")
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    return sign_in(person)


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def entry_of(told, them):
    """(body, what is there before) of a line of a table."""
    body, before = told if isinstance(told, tuple) else (told, None)
    if before:
        before(them)
    return body(them) if callable(body) else body


def records(store):
    return list(AuditRecord.objects.filter(store=store).order_by("pk"))


def path_of(route, them):
    return page_path(route, them).replace("spending/add/custom/", "spending/add/fixed_amount/")


def test_every_change_of_the_dashboard_leaves_one_row(store, them, boss, monkeypatch):
    monkeypatch.setattr(verifying, "verify", lambda row, store: "meta")
    wrong = {}
    for route, told in CHANGES.items():
        kept = SimpleNamespace(**vars(them))
        with undone():
            body = entry_of(told, kept)
            known = len(records(store))
            answer = boss.post(f"/s/{store.slug}/{path_of(route, kept)}", body)
            rows = records(store)[known:]
            if answer.status_code >= 400 or len(rows) != 1:
                wrong[route] = (answer.status_code, [row.action for row in rows])
                continue
            [row] = rows
            assert (row.actor, row.user.email, row.address) == ("boss@acme.example", "boss@acme.example", "127.0.0.1")
            assert row.action in PHRASES, f"{row.action}: say in audit_phrases what it does"
            assert row.request_id and row.created_at <= timezone.now()
    assert wrong == {}


def test_every_other_route_of_the_dashboard_changes_nothing_and_leaves_no_row(store, them, boss):
    before, wrong = everything(), []
    for route in pages():
        if route in CHANGES:
            continue
        answer = boss.post(f"/s/{store.slug}/{path_of(route, them)}")
        if route not in PREVIEWS and answer.status_code != 405:
            wrong.append((route, answer.status_code))
    assert wrong == [], "Say in CHANGES what it takes."
    assert changed(before, everything()) == set()


def test_what_is_exported_leaves_one_row(store, them, boss):
    for route in EXPORTS:
        known = len(records(store))
        answer = boss.get(f"/s/{store.slug}/{page_path(route, them)}")
        assert answer.status_code == 200 and b"".join(answer)
        assert [row.action for row in records(store)[known:]] == [
            answer.resolver_match.view_name
        ] and answer.resolver_match.view_name in PHRASES


# --- The support admin ------------------------------------------------------------------------------


def of_admin(model, what, pk=None):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=[pk] if pk else [])


ADMIN_CHANGES = {
    "stores_store_change": lambda them: (them.store, {"name": "Renamed", "domain": "", "currency": "EUR",
        "timezone": "UTC", "points_name": "point", "points_name_plural": "points", "points_rounding": "floor",
        "negative_balance": "debt", "award_status": "paid", "staff-TOTAL_FORMS": "0", "staff-INITIAL_FORMS": "0"}),
    "stores_store_visit": lambda them: (them.store, {"reason": "The merchant asked why codes run out"}),
    "stores_user_change": lambda them: (them.newcomer, {"name": "", "is_active": "on", "is_staff": "on"}),
    "stores_staffmember_add": lambda them: (None, {
        "store": them.store.pk, "user": them.newcomer.pk, "role": "viewer"}),
    "stores_staffmember_change": lambda them: (them.member, {
        "store": them.store.pk, "user": them.member.user_id, "role": "viewer"}),
    "stores_staffmember_delete": lambda them: (them.member, {"post": "yes"}),
    "stores_apikey_changelist": lambda them: (None, {"action": "revoke", "_selected_action": [them.key.pk]}),
    "customers_customer_adjust_points": lambda them: (them.customer, ADJUST),
    "customers_customer_erase_customer": lambda them: (them.customer, {"reason": "asked", "word": "erase"}),
    "spending_redemption_cancel_redemption": lambda them: (them.redemption, REASON),
    "spending_redemption_reissue_redemption": lambda them: (them.redemption, REASON),
}  # fmt: skip


def admin_routes():
    prefix = "admin:"
    for name, (possible, *_) in get_resolver().namespace_dict["admin"][1].reverse_dict.items():
        if isinstance(name, str) and "_" in name:
            yield name, possible[0][1], prefix + name


@pytest.fixture
def root(db, sign_in):
    return sign_in(User.objects.create_superuser("root@loyalty.example", PASSWORD))


def test_every_change_of_the_support_admin_leaves_one_row(store, them, root):
    wrong = {}
    for name, told in ADMIN_CHANGES.items():
        with undone():
            row, body = told(them)
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


def test_every_other_route_of_the_support_admin_changes_nothing(store, them, root):
    before, wrong = everything(), []
    objects = {
        "store": them.store, "user": them.newcomer, "staffmember": them.member, "apikey": them.key,
        "customer": them.customer, "redemption": them.redemption, "reward": them.reward, "activity": them.activity,
        "earningrule": them.rule, "connection": them.connection, "inboundevent": them.call,
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


# --- Calls --------------------------------------------------------------------------------------------

# What shops tell all day: facts, kept as such.
FACTS = {
    "api:joining.create", "api:joining.enrol", "api:activity.create", "api:activity.batch", "api:order.create",
    "api:order.refund", "api:order.cancel", "api:redemption.create", "api:redemption.check", "api:redemption.use",
}  # fmt: skip

API_CHANGES = {
    "api:rule.create": ("post", "rules", {"kind": "custom", "name": "Page", "points": "5", "identifier": "page"}),
    "api:rule.partial_update": ("patch", "rules/{rule}", {"points": "6"}),
    "api:rule.enable": ("post", "rules/{rule}/enable", {}, lambda them: rules.switch(them.rule, False)),
    "api:rule.disable": ("post", "rules/{rule}/disable", {}),
    "api:reward.create": ("post", "rewards", {
        "kind": "fixed_amount", "name": "Ten", "points": "5", "settings": {"value": "5"}, "code_source": "generated"}),
    "api:reward.partial_update": ("patch", "rewards/{reward}", {"points": "6"}),
    "api:reward.enable": ("post", "rewards/{reward}/enable", {}, lambda them: off(them.reward)),
    "api:reward.disable": ("post", "rewards/{reward}/disable", {}),
    "api:pool.create": ("post", "code-pools", {"name": "More"}),
    "api:pool.partial_update": ("patch", "code-pools/{pool}", {"name": "Renamed"}),
    "api:import.create": ("post", "code-pools/{pool}/imports", None),
    "api:import.confirm": ("post", "code-imports/{coupon_import}/confirm", {}),
    "api:import.cancel": ("post", "code-imports/{coupon_import}/cancel", {}),
    "api:import.undo": ("post", "code-imports/{coupon_import}/undo", {}, imported),
    "api:import.read_as": ("post", "code-imports/{coupon_import}/read-as", {"encoding": "cp1252"}, asking),
    "api:activity.approve": ("post", "activities/{activity}/approve", {}),
    "api:activity.decline": ("post", "activities/{activity}/decline", {}),
    "api:activity.void": ("post", "activities/{activity}/void", {}),
    "api:redemption.cancel": ("post", "redemptions/{redemption}/cancel", REASON),
    "api:adjustment.create": ("post", "adjustments", {
        "customer": {"external_id": "c1"}, "points": "5", "reason": "Sorry", "code": "goodwill"}),
    "api:joining.partial_update": ("patch", "customers/{customer}", {"is_blocked": True}),
    "api:erasing.erase": ("post", "customers/{customer}/erase", {"reason": "asked"}),
    "api:erasing.export": ("get", "customers/{customer}/export", None),
    "api:code.export": ("get", "code-pools/{pool}/codes.csv", None),
}  # fmt: skip


def calls():
    for pattern in get_resolver("loyalty.api").url_patterns:
        viewset = getattr(pattern.callback, "cls", None)
        if viewset and issubclass(viewset, StoreViewSet):
            for method, action in pattern.callback.actions.items():
                yield method, f"api:{viewset.kind()}.{action}"


def test_every_call_that_writes_is_a_fact_or_leaves_a_row():
    writing = {action for method, action in calls() if method not in ("get", "head")}
    assert writing == FACTS | {name for name, (method, *_) in API_CHANGES.items() if method != "get"}
    assert FACTS & set(API_CHANGES) == set()


def test_every_change_by_a_call_leaves_one_row(store, them, api):
    wrong = {}
    for action, (method, address, body, *before) in API_CHANGES.items():
        with undone():
            for prepare in before:
                prepare(them)
            known = len(records(store))
            names = {name: getattr(row, "public_id", "") for name, row in vars(them).items()}
            path = f"/api/v1/{address.format(**names)}"
            if action == "api:import.create":
                answer = api.post(path, {"file": csv()}, format="multipart")
            else:
                answer = getattr(api, method)(path, body)
            rows = records(store)[known:]
            if answer.status_code >= 300 or [row.action for row in rows] != [action]:
                wrong[action] = (answer.status_code, [row.action for row in rows], answer.content[:300])
                continue
            assert rows[0].actor.startswith("key:lk_") and rows[0].user_id is None
            assert action in PHRASES
    assert wrong == {}


def test_facts_of_a_shop_leave_none(store, customer, api, add_rule):
    add_rule(store, identifier="read")
    api.post("/api/v1/activities", {"action": "read", "customer": {"external_id": "c1"}})
    api.patch("/api/v1/customers/external_id:c1", {"first_name": "Ada"})
    assert records(store) == []


# --- Accounts ----------------------------------------------------------------------------------------


def test_what_somebody_changes_about_their_signing_in_leaves_one_row(owner, sign_in):
    page = sign_in(owner)
    page.post(reverse("account_email"), {"action_add": "", "email": "other@acme.example"})
    new = "another long passphrase"
    page.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert [row.action for row in AccountRecord.objects.order_by("pk")] == [
        "account:email_added", "account:password_changed",
    ]  # fmt: skip
    assert {row.actor for row in AccountRecord.objects.all()} == {owner.email}
    assert new not in str(list(AccountRecord.objects.values()))


def test_opening_a_store_is_its_first_row(owner, sign_in):
    sign_in(owner).post("/stores/add/", {"store_name": "Second", "currency": "EUR", "timezone": "UTC"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.stores', (SELECT string_agg(id::text, ',') FROM stores_store), true)")
    row = AuditRecord.objects.get()
    assert (row.store.name, row.action, row.actor) == ("Second", "stores:store_create", owner.email)


# --- What a row says ----------------------------------------------------------------------------------


def test_a_row_says_what_was_before_and_after_in_plain_words(store, owner, sign_in):
    page = sign_in(owner)
    page.post("/s/acme/settings/", SETTINGS | {"name": "Acme & sons"})
    row = AuditRecord.objects.get()
    assert row.changes["name"] == ["Acme", "Acme & sons"]
    assert row.changes["adjustment_daily_cap"] == [None, "500.000000"]
    said = page.get("/s/acme/settings/changes/").text
    assert "changed the settings" in said
    assert "Acme &amp; sons" in said
    assert owner.email in said
    assert "Adjustment daily cap: 500" in " ".join(said.split())


def test_no_row_holds_a_secret_or_anything_of_a_customer(store, them, boss):
    client, slug = boss, store.slug
    person = make_customer(store, "canary-id", "canary@shop.example", first_name="Canaria")
    at = f"/s/{slug}/customers/{person.public_id}"
    client.post(f"{at}/edit/", {"first_name": "Canary", "last_name": "Bird", "birthday": "1990-01-01", "tags": "cage"})
    client.post(f"{at}/adjust/", ADJUST | {"reason": "Canary sang"})
    client.post(f"{at}/block/", {"is_blocked": "1"})
    client.post(f"{at}/export/")
    client.post(f"{at}/erase/", {"reason": "asked", "word": "erase"})
    made = client.post(f"/s/{slug}/settings/keys/", {"name": "Shop", "scopes": ["read"]})
    rotated = client.post(f"/s/{slug}/integrations/{them.connection.public_id}/rotate/")
    kept = str(list(AuditRecord.objects.values()))
    assert len(records(store)) == 7
    for word in ("anar", "Bird", "1990", "cage", "sang", made.context["clear"], rotated.context["secret"]):
        assert str(word) not in kept, word
    edited = next(row for row in records(store) if row.action == "customers:customer_update")
    assert edited.changes["first_name"] is None  # that it changed, not what it is


def test_a_change_that_is_undone_leaves_no_row(store, owner, sign_in, add_rule, monkeypatch):
    rule = add_rule(store)

    def fail(*args, **kwargs):
        rules_switch(*args, **kwargs)
        raise ZeroDivisionError

    rules_switch = rules.switch
    monkeypatch.setattr(rules, "switch", fail)
    page = sign_in(owner)
    page.raise_request_exception = False
    assert page.post(f"/s/acme/earning/{rule.public_id}/switch/", {"is_enabled": "0"}).status_code == 500
    assert records(store) == []


def test_a_form_with_a_mistake_leaves_no_row(store, owner, sign_in):
    sign_in(owner).post("/s/acme/settings/", SETTINGS | {"timezone": "Mars"})
    assert records(store) == []


# --- Nobody changes a row -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["stores_auditrecord", "stores_accountrecord"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET actor = 'nobody'", "DELETE FROM {}", "TRUNCATE {}"])
def test_a_row_can_be_neither_changed_nor_removed(store, owner, sign_in, table, statement):
    sign_in(owner).post("/s/acme/settings/", SETTINGS)
    sign_in(owner).post(reverse("account_email"), {"action_add": "", "email": "other@acme.example"})
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    Owner.run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" if "audit" in table else "SELECT 1")
    try:
        with pytest.raises(Exception, match="append-only"):
            Owner.run(statement.format(table))
    finally:
        Owner.run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" if "audit" in table else "SELECT 1")


# --- The page -----------------------------------------------------------------------------------------


def test_only_owners_and_managers_read_it(store, sign_in, owner, manager, support, viewer):
    for person, status in ((owner, 200), (manager, 200), (support, 403), (viewer, 403)):
        assert sign_in(person).get("/s/acme/settings/changes/").status_code == status
        assert sign_in(person).get("/s/acme/settings/changes/export/").status_code == status


def test_the_list_is_narrowed_by_person_and_kind(store, sign_in, owner, manager, add_rule):
    rule = add_rule(store)
    sign_in(owner).post("/s/acme/settings/", SETTINGS)
    sign_in(manager).post(f"/s/acme/earning/{rule.public_id}/switch/", {"is_enabled": "0"})
    page = sign_in(owner)

    def listed(query):
        return [row["record"].action for row in page.get(f"/s/acme/settings/changes/?{query}").context["rows"]]

    assert listed("") == ["earning:rule_switch", "stores:store_update"]
    assert listed("kind=earning") == ["earning:rule_switch"]
    assert listed(f"person={owner.email}") == ["stores:store_update"]
    assert listed(f"person={owner.email}&kind=earning") == []
    assert listed("kind=nonsense&person=eve") == ["earning:rule_switch", "stores:store_update"]


def test_the_list_goes_on_page_by_page(store, owner, sign_in):
    AuditRecord.objects.bulk_create(
        [AuditRecord(store=store, actor="eve", action="stores:store_update", request_id=uuid4()) for _ in range(60)]
    )
    first = sign_in(owner).get("/s/acme/settings/changes/").context["page"]
    older = sign_in(owner).get(f"/s/acme/settings/changes/?before={first.older}").context["page"]
    assert (len(first.rows), len(older.rows)) == (50, 10)


def test_the_list_as_a_file_needs_the_password_again(store, owner, sign_in):
    answer = sign_in(owner, long_ago=True).get("/s/acme/settings/changes/export/")
    assert answer.url.startswith(reverse("account_reauthenticate"))


def test_support_reads_the_records_of_its_stores_only(store, other_store, stranger, owner, sign_in):
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    stranger.refresh_from_db()
    sign_in(owner).post("/s/acme/settings/", SETTINGS)
    helper = sign_in(stranger)
    sign_in(stranger).post("/s/rival/settings/", SETTINGS | {"name": "Rival & daughters"})
    said = helper.get(of_admin(AuditRecord, "changelist")).text
    assert "Rival" in said and owner.email not in said
    assert helper.get(of_admin(AccountRecord, "changelist")).status_code == 403
    row = AuditRecord.objects.get(store=store)
    assert helper.get(of_admin(AuditRecord, "change", row.pk)).status_code == 302
    for name in ("add", "delete"):
        args = row.pk if name == "delete" else None
        assert helper.post(of_admin(AuditRecord, name, args), {"post": "yes"}).status_code in (302, 403)
    assert AuditRecord.objects.count() == 2
