"""The support admin: whom its people see, what they read, and that nobody edits the ledger there."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse

from conftest import balance, make_customer, staff
from customers import adjustments
from customers.identities import Identity
from customers.models import Customer, LedgerEntry
from earning.activities import NewActivity, record
from loyalty.stores.models import ApiKey, StaffMember, User


def address(model, verb="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}", args=args)


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def helper(support) -> User:
    """Support of the store, who may open the admin."""
    User.objects.filter(pk=support.pk).update(is_staff=True)
    support.refresh_from_db()
    return support


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root@loyalty.example", "correct horse battery")


@pytest.fixture
def foreigner(other_store) -> Customer:
    return make_customer(other_store, "r1", "jamila@rival.example")


def adjustment(**changed):
    return {
        "direction": "give", "points": "50", "reason": "Sorry", "code": "goodwill",
        "identity": "0198c0de-0000-7000-8000-000000000001"
    } | changed  # fmt: skip


def test_a_helper_finds_customers_of_their_own_stores_only(helper, customer, foreigner, sign_in):
    said = text(sign_in(helper).get(address(Customer), {"q": "jam"}))
    assert customer.email in said
    assert foreigner.email not in said


def test_a_helper_of_two_stores_finds_in_both(helper, customer, foreigner, sign_in):
    StaffMember.objects.create(store=foreigner.store, user=helper, role="viewer")
    said = text(sign_in(helper).get(address(Customer), {"q": "jam"}))
    assert customer.email in said
    assert foreigner.email in said


def test_a_superuser_finds_everyone(root, customer, foreigner, sign_in):
    said = text(sign_in(root).get(address(Customer), {"q": "jam"}))
    assert customer.email in said
    assert foreigner.email in said


def test_the_pages_of_another_store_are_not_there(helper, customer, foreigner, sign_in):
    entry = adjustments.adjust(foreigner.store, foreigner, Decimal(9), "Gift", actor="test")
    client = sign_in(helper)
    for address_of in (
        address(Customer, "change", foreigner.pk),
        address(LedgerEntry, "change", entry.pk),
        address(Customer, "adjust_points", foreigner.pk),
    ):
        answer = client.get(address_of)
        assert (answer.status_code, answer.url) == (302, reverse("admin:index"))
    client.post(address(Customer, "adjust_points", foreigner.pk), adjustment())
    assert balance(foreigner) == 9


def test_a_helper_reads_the_statement_and_the_reason(helper, customer, sign_in):
    entry = adjustments.adjust(customer.store, customer, Decimal(75), "The parcel was late", actor="owner@acme.example")
    client = sign_in(helper)
    said = text(client.get(address(Customer, "change", customer.pk)))
    assert "75 points" in said
    assert "The parcel was late" in said
    assert "owner@acme.example" in text(client.get(address(LedgerEntry, "change", entry.pk)))
    narrowed = {"wallet__id__exact": entry.wallet_id, "store__id__exact": customer.store_id}
    assert "The parcel was late" in text(client.get(address(LedgerEntry), narrowed))


def test_an_adjustment_needs_a_reason_and_is_kept_under_the_helpers_name(helper, customer, sign_in):
    client, adjust = sign_in(helper), address(Customer, "adjust_points", customer.pk)
    assert client.post(adjust, adjustment(reason=" ")).status_code == 200
    assert balance(customer) == 0
    assert client.post(adjust, adjustment()).status_code == 302
    assert client.post(adjust, adjustment()).status_code == 302  # the second click
    entry = customer.entries.get()
    assert (entry.points, entry.reason, entry.actor) == (50, "Sorry", helper.email)


def test_an_overdraw_is_refused_with_the_balance(helper, customer, sign_in):
    adjust = address(Customer, "adjust_points", customer.pk)
    answer = sign_in(helper).post(adjust, adjustment(direction="take"))
    assert "so nothing can be taken" in text(answer)
    assert balance(customer) == 0


def test_a_viewer_may_read_but_not_adjust(customer, viewer, sign_in):
    User.objects.filter(pk=viewer.pk).update(is_staff=True)
    client = sign_in(viewer)
    assert client.get(address(Customer, "change", customer.pk)).status_code == 200
    assert client.post(address(Customer, "adjust_points", customer.pk), adjustment()).status_code == 403
    assert balance(customer) == 0


@pytest.mark.parametrize("who", ["helper", "root"])
@pytest.mark.parametrize("model", [Customer, LedgerEntry])
def test_nobody_adds_changes_or_deletes_there(request, who, model, customer, sign_in):
    entry = adjustments.adjust(customer.store, customer, Decimal(9), "Gift", actor="test")
    row = customer if model is Customer else entry
    client = sign_in(request.getfixturevalue(who))
    before = model.objects.filter(pk=row.pk).values().get()
    changed = {"first_name": "Eve", "points": "1000", "reason": "x", "state": "blocked", "email": "eve@evil.example"}
    assert client.post(address(model, "change", row.pk), changed).status_code == 403
    assert client.post(address(model, "add"), changed).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    client.post(address(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_no_page_of_the_admin_deletes_in_bulk(root, rf, sign_in):
    request = rf.get("/")
    request.user = root
    for model_admin in admin.site._registry.values():
        assert "delete_selected" not in model_admin.get_actions(request)


def test_people_without_the_flag_and_guests_do_not_enter(owner, customer, sign_in, client):
    assert sign_in(owner).get(address(Customer), follow=True).status_code == 403
    answer = client.get(address(Customer), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_staff_without_a_store_see_nobody(customer, sign_in):
    loner = User.objects.create_user("loner@loyalty.example", "correct horse battery", is_staff=True)
    assert customer.email not in text(sign_in(loner).get(address(Customer)))


def test_only_a_superuser_sees_people_and_keys(helper, root, store, sign_in):
    ApiKey.issue(store, "Web shop")
    for model in (User, StaffMember, ApiKey):
        assert sign_in(helper).get(address(model)).status_code == 403
        assert sign_in(root).get(address(model)).status_code == 200


def test_support_sees_the_stores_where_it_works(helper, root, store, other_store, sign_in):
    listed = [sign_in(person).get(address(type(store))).context["cl"].queryset for person in (helper, root)]
    assert [set(stores) for stores in listed] == [{store}, {store, other_store}]


def test_a_superuser_revokes_a_key(root, store, sign_in):
    key, clear = ApiKey.issue(store, "Web shop")
    sign_in(root).post(address(ApiKey), {"action": "revoke", "_selected_action": [key.pk]})
    assert ApiKey.find(clear) is None


def test_its_content_security_policy_is_looser_on_its_own_pages_only(helper, customer, sign_in):
    client = sign_in(helper)
    assert "unsafe-eval" in client.get(address(Customer))["Content-Security-Policy"]
    own = reverse("customers:customer_list", args=[customer.store.slug])
    assert "unsafe" not in client.get(own)["Content-Security-Policy"]


def test_a_manager_of_another_store_sees_only_theirs(other_store, customer, foreigner, sign_in):
    manager = staff(other_store, "manager")
    User.objects.filter(pk=manager.pk).update(is_staff=True)
    said = text(sign_in(manager).get(address(Customer)))
    assert foreigner.email in said
    assert customer.email not in said


@pytest.fixture
def in_tokyo(store, customer, add_rule, work):
    """An activity told at midnight in London, and its entry."""
    type(store).objects.filter(pk=store.pk).update(timezone="Asia/Tokyo")
    add_rule(store, "review", 50, name="Write a review")
    identity = Identity.of(external_id=customer.external_id)
    told = record(store, NewActivity("review", identity, occurred_at=datetime(2026, 5, 5, tzinfo=UTC)))
    work(store)
    return store.activities.get(pk=told.id)


def test_lists_and_pages_tell_the_time_of_the_rows_own_store(in_tokyo, root, foreigner, sign_in):
    client, activity = sign_in(root), type(in_tokyo)
    assert "5 May 2026, 09:00 JST" in text(client.get(address(activity)))
    assert "5 May 2026, 09:00 JST" in text(client.get(address(activity, "change", in_tokyo.pk)))
    entry = LedgerEntry.objects.get()
    assert "5 May 2026, 09:00 JST" in text(client.get(address(LedgerEntry, "change", entry.pk)))
    assert "UTC" in text(client.get(address(Customer, "change", foreigner.pk)))


def test_activities_and_rules_are_told_in_words(in_tokyo, helper, sign_in):
    client, rule = sign_in(helper), in_tokyo.rule
    for said in (
        text(client.get(address(type(in_tokyo)))),
        text(client.get(address(Customer, "change", in_tokyo.customer_id))),
    ):
        assert "Write a review" in said
    assert "by API" in text(client.get(address(type(in_tokyo), "change", in_tokyo.pk)))
    said = text(client.get(address(type(rule), "change", rule.pk)))
    assert "No limit" in said
    assert "Everyone" in said
    assert "at_once" not in said


def test_its_address_is_found_without_the_slash(client, db):
    answer = client.get("/admin")
    assert (answer.status_code, answer.url) == (302, "/admin/")
