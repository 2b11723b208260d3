"""Two calls that give one identifier to different customers at once: one has it, the other is told."""

import pytest

from conftest import make_customer
from customers import enrolment
from customers.identities import Identity, IdentityConflict
from customers.models import Customer, Event


@pytest.fixture
def taken_meanwhile(store, monkeypatch) -> Customer:
    """Somebody who is given what a call has just found free."""
    other = make_customer(store, "c2")
    change = enrolment.change

    def too_late(customer: Customer, **fields: object) -> None:
        Customer.objects.filter(pk=other.pk).update(**fields)
        change(customer, **fields)

    monkeypatch.setattr(enrolment, "change", too_late)
    return other


@pytest.mark.parametrize("identifiers", [{"email": "b@shop.example"}, {"phone": "123"}, {"external_id": "c9"}])
def test_who_is_named_anew_as_somebody_else_was_just_now_is_a_conflict(api, customer, taken_meanwhile, identifiers):
    answer = api.patch("/api/v1/customers/external_id:c1", identifiers)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:identity-conflict"
    customer.refresh_from_db()
    assert (customer.external_id, customer.email, customer.phone) == ("c1", "james@shop.example", None)


def test_a_conflict_changes_nothing(store, customer, taken_meanwhile):
    with pytest.raises(IdentityConflict):
        enrolment.correct(customer, Identity(email="b@shop.example"))
    assert customer.email == "james@shop.example"


def test_a_fact_that_teaches_what_somebody_else_was_given_is_kept(store, customer, taken_meanwhile):
    assert enrolment.identify(store, Identity("c1", phone="123")) == customer
    assert customer.phone is None


def test_a_conflict_that_twins_noted_twice_can_be_met_again(store, customer):
    other = make_customer(store, "c2", "b@shop.example")
    item = {"what": "email_conflict", "other": str(other.public_id)}
    for _ in "twins":
        Event.objects.create(store=store, customer=customer, topic="attention", data=item)

    assert enrolment.identify(store, Identity("c1", "b@shop.example")) == customer
