"""POST /v2/activities: who is meant, who joins by it, and who may earn."""

import pytest

from conftest import balance, make_customer
from customers import enrolment
from earning.models import Activity

from .conftest import connect, shown

# --- Who is meant -------------------------------------------------------------------------------


def test_a_known_id_learns_a_new_email_unless_someone_else_has_it(store, shop, told, customer):
    make_customer(store, "c2", "taken@shop.example")

    shop.post(told(customer_email="New@Shop.example"))
    shop.post(told(customer_email="taken@shop.example"))

    customer.refresh_from_db()
    assert customer.email == "new@shop.example"
    assert store.activities.filter(customer=customer).count() == 2


def test_an_unknown_id_with_a_known_email_is_the_same_person(store, shop, told, customer):
    shop.post(told(customer_id="c1-new"))

    customer.refresh_from_db()
    assert customer.external_id == "c1"
    assert list(customer.aliases.values_list("external_id", flat=True)) == ["c1-new"]
    assert store.customers.count() == 1


def test_a_guests_id_gives_way_to_that_of_the_account(store, shop, told):
    shop.post(told(customer_id="guest-5"))
    shop.post(told(customer_id="c1", guest=False))

    only = store.customers.get()
    assert (only.external_id, only.state) == ("c1", "enrolled")
    assert list(only.aliases.values_list("external_id", flat=True)) == ["guest-5"]


@pytest.mark.parametrize("guest", [..., None, "", True, 1, "1", "true"])
def test_without_word_of_an_account_the_customer_is_a_guest(store, shop, told, guest):
    shop.post(told(guest=guest))

    assert store.customers.get().state == "guest"


@pytest.mark.parametrize("guest", [False, 0, "0", "false"])
def test_an_account_enrols_without_paying_the_join_rule(store, shop, told, add_rule, work, guest):
    add_rule(store, "sign_up", 250)

    shop.post(told(guest=guest))
    work(store)

    assert store.customers.get().state == "enrolled"
    assert not store.activities.filter(action="sign_up").exists()


def test_a_member_is_never_made_a_guest_again(store, shop, told, customer):
    shop.post(told(guest=True))

    customer.refresh_from_db()
    assert customer.state == "enrolled"


def test_what_waited_for_a_guest_to_join_is_free_once_they_have_an_account(store, shop, told, add_rule, work):
    add_rule(store, identifier="leave_a_tip")
    shop.post(told(merchant_id="1"))
    Activity.objects.filter(store=store).update(asked_state="enrolled")
    work(store)
    assert balance(store.customers.get()) == 0

    shop.post(told("anything", guest=False))
    work(store)

    assert balance(store.customers.get()) == 100


# --- Signing up ---------------------------------------------------------------------------------


def test_signup_enrols_and_pays_the_join_rule_once(store, shop, told, add_rule, work):
    add_rule(store, "sign_up", 250)

    for merchant_id in ("77", "77", "78", ...):
        assert shop.post(told("$signup", merchant_id=merchant_id)).status_code == 201
        work(store)

    only = store.customers.get()
    assert (only.state, balance(only)) == ("enrolled", 250)
    assert [row["merchant_id"] for row in shop.activities()] == ["77"]


def test_signup_pays_a_member_who_has_not_been_paid_for_joining(store, shop, told, add_rule, work, customer):
    add_rule(store, "sign_up", 250)

    shop.post(told("$signup", merchant_id="77"))
    shop.post(told("signup"))
    work(store)

    assert balance(customer) == 250


def test_signup_keeps_its_merchant_id_and_can_be_taken_back(store, shop, told, add_rule, work):
    add_rule(store, "sign_up", 250)
    shop.post(told("$signup", merchant_id="77", state="pending", date="2025-01-02T03:04:05Z", properties={"a": 1}))
    work(store)
    assert shown(shop) == [("$signup", "pending", 250)]

    assert shop.put("join_program/77", "approved").status_code == 204

    only = store.activities.get()
    assert (only.state, only.properties, only.occurred_at.year) == ("approved", {"a": 1}, 2025)
    assert balance(store.customers.get()) == 250


def test_signup_of_an_explicit_guest_neither_enrols_nor_pays(store, shop, told, add_rule, work):
    add_rule(store, "sign_up", 250)

    shop.post(told("$signup", merchant_id="77", guest=True))
    work(store)

    assert store.customers.get().state == "guest"
    assert shown(shop) == [(None, "approved", 0)]
    assert shop.put("$signup/77", "declined").status_code == 204

    shop.post(told("$signup"))
    work(store)
    assert (store.customers.get().state, balance(store.customers.get())) == ("enrolled", 250)


def test_signup_of_a_blocked_customer_pays_nothing(store, shop, told, add_rule, work, customer):
    add_rule(store, "sign_up", 250)
    enrolment.block(customer, True)

    shop.post(told("$signup"))
    work(store)

    customer.refresh_from_db()
    assert (customer.state, balance(customer)) == ("blocked", 0)


# --- Guests earn, or not ------------------------------------------------------------------------


def test_guests_earn_like_members(store, shop, told, add_rule, work):
    add_rule(store, identifier="leave_a_tip")
    add_rule(store, "review", 10)

    shop.post(told())
    shop.post(told("$review"))
    work(store)

    only = store.customers.get()
    assert (only.state, balance(only)) == ("guest", 110)


def test_a_store_may_keep_custom_actions_for_members(store, told, add_rule, work):
    shop = connect(store, guests_earn="built_in")
    add_rule(store, identifier="leave_a_tip", limit="count", limit_value=1, limit_period="ever")
    add_rule(store, "review", 10)

    shop.post(told(merchant_id="as guest"))
    shop.post(told("$review"))
    work(store)
    only = store.customers.get()
    assert balance(only) == 10

    # After joining: what they did before stays worthless, however it is told again, and uses up no limit.
    shop.post(told(merchant_id="as guest", guest=False))
    assert store.customers.get().state == "guest"  # a repeat changes nothing
    shop.post(told(merchant_id="as member", guest=False))
    shop.put("leave_a_tip/as%20guest", "approved")
    work(store)

    assert shown(shop) == [(None, "approved", 0), ("$review", "approved", 10), ("leave_a_tip", "approved", 100)]
    assert balance(only) == 110
