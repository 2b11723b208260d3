"""The page of what waits for a person: each item in words, decided once, with who decided it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import apply_all, balance, make_customer
from customers import attention, ledger
from customers.ledger import Settlement
from customers.models import Event, Resolution
from earning import orders

PAGE = "/s/acme/attention/"


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


@pytest.fixture
def debt(store, customer) -> Event:
    """A refund after the points were spent, in a store that wants to see it."""
    type(store).objects.filter(pk=store.pk).update(negative_balance="review")
    store.refresh_from_db()
    ledger.settle(store, [Settlement(customer.pk, "activity:1", points=Decimal(100))])
    ledger.settle(store, [Settlement(customer.pk, "reward:1", kind="redeem", points=Decimal(-80))])
    ledger.settle(store, [Settlement(customer.pk, "activity:1", points=Decimal(0))])
    return store.events.get(topic="attention")


def decide(client, event: Event, choice: str):
    return client.post(f"{PAGE}{event.public_id}/", {"choice": choice}, follow=True)


def test_nothing_to_look_at_says_what_would_come_here(page, store):
    assert "Nothing needs a look" in page.get(PAGE).text
    assert "thing needs" not in page.get("/s/acme/").text


def test_a_debt_is_written_off_once_however_often_it_is_clicked(page, store, customer, debt, owner):
    assert "1 thing needs a look" in page.get("/s/acme/").text
    assert "the balance went to −80 points" in page.get(f"/s/acme/customers/{customer.public_id}/").text
    assert "Write off 80 points" in page.get(PAGE).text
    answers = [decide(page, debt, "write_off").text for _ in range(2)]
    assert "80 points are written off" in answers[0]
    assert "decided this already" in answers[1]
    entry = store.entries.get(kind="write_off")
    assert (balance(customer), entry.points, entry.actor) == (0, 80, owner.email)
    assert Resolution.objects.get().actor == owner.email
    assert "thing needs" not in page.get("/s/acme/").text
    assert "the balance went to" not in page.get(f"/s/acme/customers/{customer.public_id}/").text


def test_a_debt_that_was_repaid_can_only_be_dismissed(page, store, customer, debt):
    ledger.settle(store, [Settlement(customer.pk, "activity:2", points=Decimal(90))])
    assert "Write off" not in page.get(PAGE).text
    assert "cannot be chosen any more" in decide(page, debt, "write_off").text
    assert not Resolution.objects.exists()
    assert "Nothing was changed" in decide(page, debt, "dismiss").text
    assert balance(customer) == 10


def test_two_customers_of_one_address_are_both_linked(page, store, customer):
    other = make_customer(store, "c2", "ann@shop.example")
    for _ in range(2):
        attention.show(store, "email_conflict", customer=customer, is_told_once=True, other=str(other.public_id))
    found = page.get(PAGE).text
    assert found.count("another customer has it") == 1
    assert f"/customers/{customer.public_id}/" in found and f"/customers/{other.public_id}/" in found
    decide(page, store.events.get(topic="attention"), "dismiss")
    attention.show(store, "email_conflict", customer=customer, is_told_once=True, other=str(other.public_id))
    assert "Nothing needs a look" in page.get(PAGE).text


def test_the_same_item_comes_again_only_when_it_was_decided(store):
    attention.show(store, "order_changed", order="A1", status="paid")
    attention.show(store, "order_changed", order="A1", status="paid")
    [event] = attention.open_events(store)
    attention.resolve(attention.Item(event), "dismiss", actor="test")
    assert not attention.open_events(store)
    attention.show(store, "order_changed", order="A1", status="paid")
    assert attention.open_events(store).count() == 1


def test_what_was_given_up_is_tried_again_from_here(page, store, customer, add_rule):
    orders.record_fact(store, "A1", "cancelled", identity="cancelled", data={})
    store.order_facts.update(quarantined_at=timezone.now(), due_at=None, error="ValueError: boom")
    found = page.get(PAGE).text
    assert "Order A1: “cancelled” could not be applied." in found and "ValueError: boom" in found
    fact = store.order_facts.get()
    page.post(f"/s/acme/activity/facts/{fact.pk}/retry/")
    assert store.order_facts.filter(quarantined_at=None, due_at__isnull=False).exists()


def test_an_order_that_is_told_of_but_has_not_come_is_shown_after_an_hour(page, store):
    orders.record_fact(store, "A1", "refund", identity="1", data={"amount": "5"})
    apply_all(store)
    assert "Nothing needs a look" in page.get(PAGE).text
    store.orders.update(created_at=timezone.now() - timedelta(minutes=61))
    assert "Order A1 was told of (refund), but the order itself has not come." in page.get(PAGE).text
    orders.record_fact(store, "A1", "status", identity="1", data={"status": "completed", "total": "20"})
    apply_all(store)
    assert "Nothing needs a look" in page.get(PAGE).text


def test_who_may_only_look_decides_nothing(sign_in, viewer, store, debt):
    client = sign_in(viewer)
    assert "Write off" not in client.get(PAGE).text
    assert decide(client, debt, "write_off").status_code == 403
    assert not Resolution.objects.exists()


def test_items_nobody_knows_any_more_can_be_dismissed(page, store):
    attention.show(store, "solar_eclipse")
    assert "Solar eclipse." in page.get(PAGE).text
    decide(page, store.events.get(topic="attention"), "dismiss")
    assert "Nothing needs a look" in page.get(PAGE).text
