"""A customer's own page, which shows what every app knows of them; and joining by hand."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import balance, make_customer
from customers import adjustments
from customers.identities import Identity
from customers.models import Customer
from earning import activities, orders
from earning.activities import NewActivity


def page(name, customer, *args):
    return reverse(f"customers:{name}", args=[customer.store.slug, customer.public_id, *args])


def text(response):
    return " ".join(response.content.decode().split())


def give(customer, points, reason="A gift"):
    return adjustments.adjust(customer.store, customer, Decimal(points), reason, actor="test")


# --- The customer's page ------------------------------------------------------------------------


def test_a_statement_shows_each_movement_with_the_balance_after_it(customer, sign_in, viewer):
    give(customer, 100, "Welcome")
    give(customer, -30, "Counted twice")
    answer = sign_in(viewer).get(page("customer_detail", customer))
    assert [line["entry"].reason for line in answer.context["lines"]] == ["Counted twice", "Welcome"]
    assert "−30" in text(answer)
    assert "70 points" in text(answer)


def test_a_line_of_points_opens_the_decision_behind_it(store, customer, add_rule, work, sign_in, viewer):
    add_rule(store, "custom", 25, name="Tasting", identifier="tasting")
    told = activities.record(store, NewActivity("custom:tasting", Identity.of("c1")))
    work(store)
    client = sign_in(viewer)
    why = reverse("earning:activity_detail", args=[store.slug, told.public_id])
    assert why in text(client.get(page("customer_detail", customer)))
    assert "“Tasting” (version 1) paid." in text(client.get(why))


def test_a_statement_of_any_length_costs_a_page(customer, sign_in, viewer, django_assert_num_queries):
    give(customer, 1)
    client = sign_in(viewer)
    client.get(page("customer_detail", customer))  # the session remembers the store
    with CaptureQueriesContext(connection) as of_one:
        client.get(page("customer_detail", customer))
    for number in range(59):
        give(customer, 1, f"Gift {number}")
    with django_assert_num_queries(len(of_one)):
        newest = client.get(page("customer_detail", customer)).context
    assert len(newest["lines"]) == 25
    older = client.get(page("customer_detail", customer), {"before": newest["page"].older}).context
    assert older["lines"][0]["entry"].seq == 35


def test_pending_points_are_shown_apart_and_can_be_approved(store, customer, add_rule, work, sign_in, support):
    add_rule(store, "custom", 40, name="Review", identifier="review", approval="by_hand")
    told = activities.record(store, NewActivity("custom:review", Identity.of("c1")))
    work(store)
    client = sign_in(support)
    answer = client.get(page("customer_detail", customer))
    assert (answer.context["wallet"].balance, answer.context["wallet"].pending) == (0, 40)
    assert [row["title"] for row in answer.context["waiting"]] == ["Review"]
    client.post(reverse("earning:activity_decide", args=[store.slug, told.public_id]), {"state": "approved"})
    assert balance(customer) == 40


def test_the_page_is_told_of_new_points_and_else_of_nothing(customer, sign_in, viewer):
    give(customer, 5, "First")
    client, address = sign_in(viewer), page("customer_detail", customer)
    seen = client.get(address).context["pulse"]
    assert client.get(address, {"seen": seen}, headers={"HX-Request": "true"}).status_code == 204
    give(customer, 7, "Second")
    live = client.get(address, {"seen": seen}, headers={"HX-Request": "true"})
    assert [line["is_fresh"] for line in live.context["lines"]] == [True, False]
    assert "<html" not in text(live)
    assert "12 points" in text(live)


@pytest.mark.parametrize("tab", ["statement", "activity", "orders", "timeline", "nonsense"])
def test_every_list_of_a_customer_opens(store, customer, add_rule, work, sign_in, viewer, tab):
    add_rule(store, "purchase", 1)
    body = {"status": "completed", "total": "29.99", "customer": {"external_id": "c1"}}
    orders.record_fact(store, "o1", "status", identity="1", data=body)
    work(store)
    answer = sign_in(viewer).get(page("customer_detail", customer), {"tab": tab, "before": "abc"})
    assert answer.status_code == 200


def test_what_needs_a_look_is_shown(store, customer, sign_in, viewer):
    other = make_customer(store, "c2", "other@shop.example")
    store.events.create(
        customer=customer, topic="attention", data={"what": "email_conflict", "other": str(other.public_id)}
    )
    said = text(sign_in(viewer).get(page("customer_detail", customer)))
    assert "other@shop.example" in said
    assert "another customer has it" in said and "/s/acme/attention/#item-" in said


# --- Adding and describing ----------------------------------------------------------------------


def test_an_added_customer_joins_and_earns_for_it(store, add_rule, work, sign_in, support):
    add_rule(store, "sign_up", 250, name="Join")
    answer = sign_in(support).post(
        reverse("customers:customer_create", args=[store.slug]),
        {"email": " Anna@Shop.example ", "first_name": "Anna", "tags": "vip, vip, early", "joins": "on"},
    )
    anna = store.customers.get(email="anna@shop.example")
    assert answer.url == reverse("customers:customer_detail", args=[store.slug, anna.public_id])
    assert (anna.first_name, anna.tags, anna.state) == ("Anna", ["early", "vip"], "enrolled")
    work(store)
    assert balance(anna) == 250


def test_a_known_customer_is_not_added_again(store, customer, sign_in, support):
    answer = sign_in(support).post(
        reverse("customers:customer_create", args=[store.slug]), {"email": "James@shop.example", "joins": "on"}
    )
    assert "already" in answer.context["form"].errors["email"][0]
    assert store.customers.count() == 1


def test_adding_nobody_says_what_is_missing(store, sign_in, support):
    answer = sign_in(support).post(reverse("customers:customer_create", args=[store.slug]), {"first_name": "Anna"})
    assert answer.context["form"].non_field_errors() == ["Give an e-mail address or the id in your shop."]
    assert not store.customers.exists()


def test_a_guest_can_be_enrolled_once(store, sign_in, support, work):
    guest = make_customer(store, "g1", "guest@shop.example")
    Customer.objects.filter(pk=guest.pk).update(state="guest", enrolled_at=None)
    client = sign_in(support)
    client.post(page("customer_enrol", guest))
    client.post(page("customer_enrol", guest))
    guest.refresh_from_db()
    assert guest.state == "enrolled"
    assert store.activities.filter(customer=guest, action="sign_up").count() == 1


# --- Undoing ------------------------------------------------------------------------------------


def test_earned_points_cannot_be_undone_by_hand(store, customer, add_rule, work, sign_in, support):
    add_rule(store, "custom", 25, identifier="x")
    activities.record(store, NewActivity("custom:x", Identity.of("c1")))
    work(store)
    answer = sign_in(support).post(page("entry_undo", customer, 1), follow=True)
    assert "Only adjustments can be undone" in text(answer)
    assert balance(customer) == 25
