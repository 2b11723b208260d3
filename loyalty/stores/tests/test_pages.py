"""Signing up, choosing a store, its settings, keys and people."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import PASSWORD, open_store, see, staff
from customers import adjustments
from loyalty.stores.forms import clean_domain
from loyalty.stores.models import ApiKey, StaffMember, Store, User
from loyalty.stores.opening import free_slug

SIGN_UP = {
    "email": "Hanna@Nordlicht.example", "password1": PASSWORD, "store_name": "Nordlicht Coffee",
    "domain": "https://www.nordlicht.example/shop?x=1", "currency": "SEK", "timezone": "Europe/Stockholm",
}  # fmt: skip


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


def test_the_switcher_costs_the_same_for_many_stores(page, owner, store, django_assert_max_num_queries):
    page.get("/s/acme/settings/")
    with CaptureQueriesContext(connection) as of_one_store:
        page.get("/s/acme/settings/")
    for number in range(8):
        StaffMember.objects.create(store=open_store(f"branch-{number}"), user=owner, role="owner")
    with django_assert_max_num_queries(len(of_one_store)):
        assert "Branch-7" in page.get("/s/acme/settings/").text


# --- Signing up and in --------------------------------------------------------------------------


def test_signing_up_opens_a_store_and_leads_into_it(client, db):
    answer = client.post("/accounts/signup/", SIGN_UP, follow=True)
    store = Store.objects.get()
    assert (store.slug, store.name, store.currency) == ("nordlicht-coffee", "Nordlicht Coffee", "SEK")
    assert (store.domain, store.timezone) == ("www.nordlicht.example", "Europe/Stockholm")
    member = store.staff.get()
    assert (member.role, member.user.email) == ("owner", "hanna@nordlicht.example")
    assert answer.redirect_chain[-1][0] == "/s/nordlicht-coffee/"
    assert "Three steps to the first points" in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "not an address"), ("password1", "short"), ("store_name", ""), ("domain", "no dots"),
     ("currency", "XXQ"), ("timezone", "Mars/Olympus"), ("domain", "http://[::")],
)  # fmt: skip
def test_sign_up_with_a_mistake_opens_nothing_and_names_it(client, db, field, value):
    answer = client.post("/accounts/signup/", SIGN_UP | {field: value})
    assert f'<a href="#id_{field}">' in answer.text
    assert not Store.objects.exists()
    assert not User.objects.exists()


def test_second_store_of_the_same_name_gets_an_address_of_its_own(db):
    open_store("acme")
    open_store("acme-2")
    assert free_slug("Acme!") == "acme-3"
    assert free_slug("Admin") == "admin-2"  # reserved
    assert free_slug("株式会社") == "my-store"
    assert len(free_slug("a" * 100)) <= 49


def test_shop_address_is_taken_from_whatever_was_pasted():
    assert clean_domain(" https://Shop.Example:8443/cart ") == "shop.example"
    assert clean_domain("") == ""


def test_home_leads_to_the_only_store_then_to_the_last_one(page, owner, store):
    assert page.get("/").headers["Location"] == "/s/acme/"
    second = open_store("second")
    StaffMember.objects.create(store=second, user=owner, role="owner")
    assert page.get("/").headers["Location"] == "/stores/"
    page.get("/s/second/settings/")
    assert page.get("/").headers["Location"] == "/s/second/"
    listed = page.get("/stores/").text
    assert 'href="/s/acme/"' in listed
    assert 'href="/s/second/"' in listed


def test_further_store_is_opened_for_oneself(page, owner):
    sent = {"store_name": "Salt & Pine", "currency": "NOK", "timezone": "Europe/Oslo"}
    assert page.post("/stores/add/", sent).headers["Location"] == "/s/salt-pine/"
    see(Store.objects.get(slug="salt-pine"))
    assert owner.staff_memberships.get(store__slug="salt-pine").role == "owner"


def test_person_without_a_store_is_shown_how_to_get_one(sign_in, db):
    client = sign_in(User.objects.create_user("new@example.com", PASSWORD))
    answer = client.get("/", follow=True)
    assert "No store yet" in answer.text
    assert 'href="/stores/add/"' in answer.text


@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password"])
def test_entrance_pages_need_no_sign_in(client, db, name):
    assert client.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", ["mfa_index", "account_change_password", "account_logout", "mfa_activate_totp"])
def test_account_pages_look_like_the_rest(page, name):
    answer = page.get(reverse(name), follow=True)
    assert answer.status_code == 200
    assert "app.css" in answer.text


# --- Settings -----------------------------------------------------------------------------------


def settings(store, **changes):
    names = ["name", "domain", "currency", "timezone", "points_name", "points_name_plural", "points_decimals",
             "points_rounding", "award_status", "negative_balance"]  # fmt: skip
    return {name: getattr(store, name) for name in names} | changes


def test_refunds_that_keep_what_was_spent_are_chosen_by_leaving_the_box_empty(page, store):
    assert store.refunds_return_points
    page.post("/s/acme/settings/", settings(store))
    store.refresh_from_db()
    assert not store.refunds_return_points
    page.post("/s/acme/settings/", settings(store, refunds_return_points="on"))
    store.refresh_from_db()
    assert store.refunds_return_points


def test_settings_are_saved(page, store):
    changes = {
        "points_name": "bean",
        "points_name_plural": "beans",
        "timezone": "Europe/Berlin",
        "award_status": "pending",
    }
    assert page.post("/s/acme/settings/", settings(store, **changes)).status_code == 302
    store.refresh_from_db()
    assert (store.points_name_plural, store.timezone, store.award_status) == ("beans", "Europe/Berlin", "pending")
    assert "250 beans" in page.get("/s/acme/settings/").text


def test_decimals_are_lowered_only_while_no_points_were_given(page, store, customer):
    page.post("/s/acme/settings/", settings(store, points_decimals=2))
    page.post("/s/acme/settings/", settings(store, points_decimals=1))
    store.refresh_from_db()
    assert store.points_decimals == 1
    adjustments.adjust(store, customer, Decimal("1.5"), "hello", actor="test")
    answer = page.post("/s/acme/settings/", settings(store, points_decimals=0))
    assert "fewer would lose parts of them" in answer.text
    page.post("/s/acme/settings/", settings(store, points_decimals=3))
    store.refresh_from_db()
    assert store.points_decimals == 3


def test_refused_settings_do_not_leak_into_the_frame(page, store):
    answer = page.post("/s/acme/settings/", settings(store, name="Renamed", timezone="Mars/Olympus"))
    assert "<strong>Acme</strong>" in answer.text
    assert 'value="Renamed"' in answer.text


# --- API keys -----------------------------------------------------------------------------------


def test_key_is_shown_once_and_works(page, store, client):
    answer = page.post("/s/acme/settings/keys/", {"name": "Web shop", "scopes": ["read"]})
    clear = re.search(r'<code id="new-key">(lk_[^<]+)</code>', answer.text)[1]
    assert "no-store" in answer.headers["Cache-Control"]
    key = ApiKey.find(clear)
    assert (key.store, key.name, key.scopes) == (store, "Web shop", ["read"])
    again = page.get("/s/acme/settings/keys/").text
    assert clear not in again
    assert f"{clear[:8]}…{clear[-4:]}" in again


def test_revoked_key_is_refused(page, store):
    key, clear = ApiKey.issue(store, "Web shop")
    page.post(f"/s/acme/settings/keys/{key.pk}/revoke/")
    assert ApiKey.find(clear) is None
    assert "Revoked" in page.get("/s/acme/settings/keys/").text


def test_key_without_a_scope_is_not_made(page, store):
    assert "This field is required" in page.post("/s/acme/settings/keys/", {"name": "Web shop"}).text
    assert not store.api_keys.exists()


# --- People -------------------------------------------------------------------------------------


def test_person_is_added_and_removed(page, store, sign_in):
    colleague = User.objects.create_user("colleague@example.com", PASSWORD)
    page.post("/s/acme/settings/people/", {"email": "Colleague@example.com", "role": "support"})
    member = store.staff.get(user=colleague)
    assert member.role == "support"
    page.post(f"/s/acme/settings/people/{member.pk}/remove/")
    assert sign_in(colleague).get("/s/acme/").status_code == 404


def test_unknown_address_is_explained(page, store):
    answer = page.post("/s/acme/settings/people/", {"email": "nobody@example.com", "role": "viewer"})
    assert "Nobody has signed up with this address" in answer.text


def test_last_owner_stays(page, store, owner):
    member = store.staff.get(user=owner)
    assert "A store needs an owner" in page.post(f"/s/acme/settings/people/{member.pk}/remove/", follow=True).text
    assert store.staff.filter(user=owner).exists()


def test_manager_neither_makes_nor_removes_owners(sign_in, manager, owner, store):
    client = sign_in(manager)
    User.objects.create_user("colleague@example.com", PASSWORD)
    client.post("/s/acme/settings/people/", {"email": "colleague@example.com", "role": "owner"})
    assert store.staff.filter(role="owner").count() == 1
    assert client.post(f"/s/acme/settings/people/{store.staff.get(user=owner).pk}/remove/").status_code == 403
    assert store.staff.filter(user=owner).exists()


# --- Who may ------------------------------------------------------------------------------------

PAGES = ["", "settings/", "settings/keys/", "settings/people/"]


def test_viewer_and_support_look_and_change_nothing(sign_in, viewer, support, owner, store):
    key, clear = ApiKey.issue(store, "Web shop")
    for person in (viewer, support):
        client = sign_in(person)
        for path in PAGES:
            assert client.get(f"/s/acme/{path}").status_code == 200, path
        for path in [
            *PAGES[1:],
            f"settings/keys/{key.pk}/revoke/",
            f"settings/people/{store.staff.first().pk}/remove/",
        ]:
            assert client.post(f"/s/acme/{path}", settings(store, name="Mine")).status_code == 403, path
    store.refresh_from_db()
    assert store.name == "Acme"
    assert ApiKey.find(clear)
    assert store.staff.count() == 3


def test_stranger_finds_no_page_of_the_store(sign_in, stranger, store):
    client = sign_in(stranger)
    for path in PAGES:
        assert client.get(f"/s/acme/{path}").status_code == 404, path
        assert client.post(f"/s/acme/{path}").status_code in (404, 405), path


def test_keys_and_people_of_another_store_are_not_found_in_ones_own(sign_in, stranger, store, owner, other_store):
    client = sign_in(stranger)
    key, clear = ApiKey.issue(store, "Web shop")
    assert client.post(f"/s/rival/settings/keys/{key.pk}/revoke/").status_code == 404
    assert client.post(f"/s/rival/settings/people/{store.staff.get(user=owner).pk}/remove/").status_code == 404
    assert ApiKey.find(clear)
    assert store.staff.filter(user=owner).exists()


# --- The frame ----------------------------------------------------------------------------------


def test_pages_keep_to_the_strict_policy(page, store):
    for path in ["/s/acme/", "/s/acme/settings/", "/s/acme/earning/", "/s/acme/activity/", "/stores/"]:
        answer = page.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", answer.text), path


def test_switcher_shows_ones_own_stores_only(page, store, other_store):
    assert "Rival" not in page.get("/s/acme/").text


def test_health_pages_answer_without_a_session(client, db):
    assert client.get("/livez").text == "ok"
    assert client.get("/readyz").text == "ok"


def test_unknown_address_has_a_page_of_ours(client, db):
    answer = client.get("/s/acme/nothing/here/")
    assert answer.status_code == 404
    assert "There is no page here" in answer.text


def test_names_from_outside_are_escaped(sign_in, db):
    store = open_store("bad", points_name_plural="<b>pts</b>")
    Store.objects.filter(pk=store.pk).update(name="<script>alert(1)</script>")
    answer = sign_in(staff(store, "owner")).get("/s/bad/settings/")
    see(store)
    assert "<script>alert(1)" not in answer.text
    assert "<b>pts</b>" not in answer.text
