"""What a record of a change says, that nobody can change it, and who reads it."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.urls import reverse

from conftest import PASSWORD, Owner, make_customer
from earning import rules
from integrations import connections, registry
from loyalty.stores.models import AccountRecord, AuditRecord, User

from .audited import ADJUST, SETTINGS, records


def of_admin(model, what, pk=None):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=[pk] if pk else [])


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


def test_no_row_holds_a_secret_or_anything_of_a_customer(store, owner, sign_in):
    linked, _ = connections.connect(store, registry.get("lootly"))
    client, slug = sign_in(owner), store.slug
    person = make_customer(store, "canary-id", "canary@shop.example", first_name="Canaria")
    at = f"/s/{slug}/customers/{person.public_id}"
    client.post(f"{at}/edit/", {"first_name": "Canary", "last_name": "Bird", "birthday": "1990-01-01", "tags": "cage"})
    client.post(f"{at}/adjust/", ADJUST | {"reason": "Canary sang"})
    client.post(f"{at}/block/", {"is_blocked": "1"})
    client.post(f"{at}/export/")
    client.post(f"{at}/erase/", {"reason": "asked", "word": "erase"})
    made = client.post(f"/s/{slug}/settings/keys/", {"name": "Shop", "scopes": ["read"]})
    rotated = client.post(f"/s/{slug}/integrations/{linked.public_id}/rotate/")
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
