"""A store's limits on points moved by hand: a day's cap for each person of support, and a second person for much."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connections
from django.urls import reverse

from conftest import balance, make_customer, staff
from customers import adjustments, approvals, erasure
from customers.approvals import OverCap, Wish
from customers.models import Customer, Event, LedgerEntry, Resolution
from loyalty.stores import clock
from loyalty.stores.models import AuditRecord, Store, User
from loyalty.stores.tenancy import acting_for


@pytest.fixture
def capped(store) -> Store:
    store.adjustment_daily_cap = Decimal(500)
    store.save()
    return store


@pytest.fixture
def careful(store) -> Store:
    store.adjustment_approval_above = Decimal(1000)
    store.save()
    return store


def give(client, customer, points, direction="give", **changed):
    return client.post(
        reverse("customers:customer_adjust", args=[customer.store.slug, customer.public_id]),
        {"direction": direction, "points": str(points), "code": "goodwill", "reason": "Sorry",
         "identity": str(uuid4()), "confirmed": "1"} | changed,
    )  # fmt: skip


def decide(client, store, choice="approve"):
    item = Event.objects.filter(topic="attention").latest("pk")
    return client.post(reverse("item_resolve", args=[store.slug, item.public_id]), {"choice": choice}, follow=True)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


# --- Why -----------------------------------------------------------------------------------------


def test_the_sort_of_reason_is_kept_with_the_entry_and_shown(store, customer, support, sign_in):
    page = sign_in(support)
    give(page, customer, 50, code="lost_order")
    entry = store.entries.get()
    assert (entry.code, entry.reason, entry.actor) == ("lost_order", "Sorry", support.email)
    shown = text(page.get(reverse("customers:entry_detail", args=[store.slug, customer.public_id, entry.seq])))
    assert "Order that was not told" in shown


def test_a_person_has_to_say_what_sort_of_reason_it_is(store, customer, support, sign_in):
    assert give(sign_in(support), customer, 50, code="").status_code == 200
    assert give(sign_in(support), customer, 50, code="because").status_code == 200
    assert not store.entries.exists()


def test_undoing_keeps_the_sort_and_leads_from_each_entry_to_the_other(store, customer, support, sign_in):
    page = sign_in(support)
    give(page, customer, 50)
    page.post(reverse("customers:entry_undo", args=[store.slug, customer.public_id, 1]))
    first, second = store.entries.order_by("seq")
    assert (second.points, second.code, second.source) == (Decimal(-50), "goodwill", first.source)

    def shown(seq):
        return text(page.get(reverse("customers:entry_detail", args=[store.slug, customer.public_id, seq])))

    other = reverse("customers:entry_detail", args=[store.slug, customer.public_id, 2])
    assert "Undone by" in shown(1) and f'href="{other}"' in shown(1) and "Undoes" not in shown(1)
    assert "Undoes" in shown(2) and f'href="{other[:-2]}1/"' in shown(2) and "Undone by" not in shown(2)


# --- The cap --------------------------------------------------------------------------------------


def test_support_gives_and_takes_up_to_the_cap_a_day(capped, customer, support, sign_in):
    page = sign_in(support)
    give(page, customer, 300)
    give(page, customer, 150, direction="take")
    refused = give(page, customer, 51)
    assert "You may give and take 500 points a day and have 50 points left." in text(refused)
    give(page, customer, 50)
    assert balance(customer) == 200
    assert AuditRecord.objects.count() == 3  # what is refused is no act


def test_the_cap_is_each_persons_own_and_for_all_customers_together(capped, customer, support, sign_in):
    other = make_customer(capped, "c2")
    give(sign_in(support), customer, 500)
    assert give(sign_in(support), other, 1).status_code == 200
    give(sign_in(staff(capped, "support", "sue@acme.example")), other, 500)
    assert (balance(customer), balance(other)) == (500, 500)


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_owners_and_managers_have_no_cap(capped, customer, sign_in, role):
    give(sign_in(staff(capped, role)), customer, 501)
    assert balance(customer) == 501


def test_undoing_is_always_possible_and_not_counted(capped, customer, support, sign_in):
    page = sign_in(support)
    give(page, customer, 500)
    page.post(reverse("customers:entry_undo", args=[capped.slug, customer.public_id, 1]))
    assert balance(customer) == 0
    assert approvals.moved_today(capped, support.email) == 500


def test_the_cap_starts_anew_at_the_stores_midnight(capped, customer, support, monkeypatch):
    wish = Wish(customer, Decimal(400), "Sorry", support.email)
    approvals.ask(capped, wish, is_capped=True)
    with pytest.raises(OverCap):
        approvals.ask(capped, wish, is_capped=True)
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    approvals.ask(capped, wish, is_capped=True)
    assert balance(customer) == 800


def test_the_support_admin_keeps_to_the_cap_too(capped, customer, sign_in):
    root = User.objects.create_superuser("root@loyalty.example", "x")
    address = reverse("admin:customers_customer_adjust_points", args=[customer.pk])
    body = {"direction": "give", "points": "501", "code": "other", "reason": "Sorry", "identity": str(uuid4())}
    assert "500 points a day" in text(sign_in(root).post(address, body))
    sign_in(root).post(address, body | {"points": "500"})
    assert balance(customer) == 500


@pytest.mark.django_db(transaction=True)
def test_two_adjustments_at_once_do_not_pass_the_cap_together(capped, customer, support):
    people = [customer, make_customer(capped, "c2")]
    both = Barrier(2)

    def ask(customer) -> object:
        try:
            with acting_for(capped.pk):
                both.wait(10)
                return approvals.ask(capped, Wish(customer, Decimal(300), "Sorry", support.email), is_capped=True)
        except OverCap as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, people))
    assert sorted(type(answer) for answer in answers if isinstance(answer, OverCap)) == [OverCap]
    assert capped.entries.count() == 1


# --- The second person -----------------------------------------------------------------------------


def test_much_waits_for_a_second_person(careful, customer, support, manager, sign_in):
    asking = sign_in(support)
    give(asking, customer, 1001)
    assert balance(customer) == 0 and not careful.entries.exists()
    shown = text(asking.get(reverse("attention_list", args=[careful.slug])))
    assert "support@acme.example asks for +1,001 points for james@shop.example" in shown
    assert 'value="approve"' not in shown  # not by the one who asked
    assert "asks for +1,001 points" in text(
        asking.get(reverse("customers:customer_detail", args=[careful.slug, customer.public_id]))
    )
    said = text(decide(sign_in(manager), careful))
    assert "Approved: +1,001 points" in said
    entry = careful.entries.get()
    assert (entry.points, entry.actor, entry.code) == (1001, support.email, "goodwill")
    page = text(sign_in(manager).get(reverse("customers:entry_detail", args=[careful.slug, customer.public_id, 1])))
    assert "Approved by" in page and manager.email in page


def test_the_review_says_that_it_will_wait(careful, customer, support, sign_in):
    body = {"direction": "give", "points": "1001", "code": "goodwill", "reason": "Sorry", "identity": str(uuid4())}
    address = reverse("customers:customer_adjust", args=[careful.slug, customer.public_id])
    assert "need a second person" in text(sign_in(support).post(address, body))
    assert not Event.objects.filter(topic="attention").exists()


def test_whoever_asked_cannot_approve_even_an_owner(careful, customer, owner, sign_in):
    page = sign_in(owner)
    give(page, customer, 5000)
    assert "somebody else has to approve" in text(decide(page, careful))
    assert not careful.entries.exists() and not Resolution.objects.exists()


def test_whoever_only_looks_approves_nothing(careful, customer, support, viewer, sign_in):
    give(sign_in(support), customer, 5000)
    assert decide(sign_in(viewer), careful).status_code == 403
    assert not careful.entries.exists()


def test_declined_nothing_moves_and_the_same_wish_stays_declined(careful, customer, support, owner, sign_in):
    identity = str(uuid4())
    give(sign_in(support), customer, 5000, identity=identity)
    decide(sign_in(owner), careful, "decline")
    assert "was declined" in text(give(sign_in(support), customer, 5000, identity=identity))
    assert not careful.entries.exists()


def test_a_decision_counts_once(careful, customer, support, owner, manager, sign_in):
    give(sign_in(support), customer, 5000)
    decide(sign_in(owner), careful)
    assert "decided this already" in text(decide(sign_in(manager), careful))
    assert balance(customer) == 5000


def test_asked_twice_it_waits_once(careful, customer, support, sign_in):
    identity = str(uuid4())
    for _ in range(2):
        give(sign_in(support), customer, 5000, identity=identity)
    assert Event.objects.filter(topic="attention").count() == 1


def test_as_much_as_the_limit_waits_for_nobody(careful, customer, support, sign_in):
    give(sign_in(support), customer, 1000)
    assert balance(customer) == 1000


def test_taking_much_waits_and_more_than_there_is_is_refused_at_once(careful, customer, support, owner, sign_in):
    adjustments.adjust(careful, customer, Decimal(3000), "Opening balance", actor="test")
    assert give(sign_in(support), customer, 3001, direction="take").status_code == 200
    give(sign_in(support), customer, 3000, direction="take")
    adjustments.adjust(careful, customer, Decimal(-1), "Spent since", actor="test")
    assert "has only 2,999 points to spend now" in text(decide(sign_in(owner), careful))
    assert balance(customer) == 2999


def test_for_somebody_erased_since_nothing_is_approved(careful, customer, support, owner, sign_in):
    give(sign_in(support), customer, 5000)
    erasure.erase(customer, erasure.Traces.of(customer))
    assert "was erased since" in text(decide(sign_in(owner), careful))
    assert not careful.entries.exists()


def test_what_needs_approval_may_be_more_than_the_cap(capped, careful, customer, support, owner, sign_in):
    careful.refresh_from_db()
    give(sign_in(support), customer, 5000)
    decide(sign_in(owner), careful)
    assert balance(customer) == 5000
    assert give(sign_in(support), customer, 1).status_code == 200  # it was their move, so it counts


# --- Keys ------------------------------------------------------------------------------------------


def adjustment(**changed):
    told = {"customer": {"external_id": "c1"}, "points": "5000", "reason": "Moved", "code": "migration"}
    return told | {"external_id": "m-1"} | changed


def test_a_key_has_no_cap(capped, customer, api):
    answer = api.post("/api/v1/adjustments", adjustment())
    assert (answer.status_code, answer.json()["code"]) == (201, "migration")
    assert balance(customer) == 5000


def test_a_call_for_much_waits_and_is_answered_by_the_entry_once_approved(careful, customer, api, support, sign_in):
    waiting = api.post("/api/v1/adjustments", adjustment())
    assert waiting.status_code == 202
    assert waiting.json() | {"id": "", "created_at": ""} == {
        "id": "", "state": "waiting", "points": "5000", "reason": "Moved", "code": "migration", "created_at": "",
        "customer": {"id": str(customer.public_id), "external_id": "c1", "email": "james@shop.example"},
    }  # fmt: skip
    assert api.post("/api/v1/adjustments", adjustment()).json() == waiting.json()
    assert api.post("/api/v1/adjustments", adjustment(points="4000")).status_code == 409
    assert balance(customer) == 0
    decide(sign_in(support), careful)
    again = api.post("/api/v1/adjustments", adjustment())
    assert (again.status_code, again.json()["points"], balance(customer)) == (200, "5000", 5000)


def test_a_declined_call_stays_declined(careful, customer, api, support, sign_in):
    api.post("/api/v1/adjustments", adjustment())
    decide(sign_in(support), careful, "decline")
    assert api.post("/api/v1/adjustments", adjustment()).status_code == 409
    assert not LedgerEntry.objects.exists()


def test_an_unknown_sort_of_reason_is_refused(customer, api):
    assert api.post("/api/v1/adjustments", adjustment(code="because")).status_code == 400


def test_what_a_connected_shop_adjusts_waits_for_nobody(careful, customer):
    """Dialects call the plain verb: their wires know neither sorts of reasons nor waiting."""
    adjustments.adjust(careful, customer, Decimal(5000), "Points added by your shop", actor="shop", identity="1")
    assert balance(Customer.objects.get(pk=customer.pk)) == 5000
