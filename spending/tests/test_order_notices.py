"""Orders that carry codes: the code is used, once; a full refund gives its points back, once; all else is ignored."""

from decimal import Decimal

import pytest

from conftest import balance, make_customer
from customers import adjustments
from customers.models import Event, OrderNotice
from earning import orders
from loyalty.stores.batches import drain
from spending import order_notices, redemptions
from spending.models import CouponCode

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(store):
    customer = make_customer(store, "c9")
    adjustments.adjust(store, customer, Decimal(1000), "Opening balance", actor="test")
    return customer


@pytest.fixture
def code(store, member, add_reward):
    """A redemption of 400 points, worth 5."""
    return redemptions.redeem(store, member, add_reward(points=400))


@pytest.fixture
def tell(store, work):
    """tell("o1", codes=[...]): the order as it stands, folded and followed."""

    def told(order="o1", status="completed", codes=(), **data):
        body = {
            "status": status, "total": "20.00", "subtotal": "20.00", "discount": "4.50", "discount_codes": list(codes),
            "customer": {"external_id": "c9"},
        } | data  # fmt: skip
        orders.record_fact(store, order, "status", identity=f"{order}-{sorted(body.items())}"[:200], data=body)
        follow(store, work)

    return told


def follow(store, work):
    work(store)
    drain(OrderNotice, store.pk, order_notices.apply)


@pytest.fixture
def fact(store, work):
    """fact("refund", amount="20"), fact("cancelled"), fact("reopened")."""

    def told(kind, order="o1", identity="1", **data):
        orders.record_fact(store, order, kind, identity=identity, data=data)
        follow(store, work)

    return told


def seen(row):
    row.refresh_from_db()
    return row.state, row.order_external_id


def test_an_order_with_the_code_marks_it_used_with_what_it_brought(code, tell, member):
    tell(codes=[f" {code.code.lower()} "])
    assert seen(code) == ("used", "o1")
    assert (code.order_total, code.order_discount) == (Decimal(20), Decimal("4.50"))
    assert code.used_at is not None and balance(member) == 600


@pytest.mark.parametrize("written", ["\u0130\u015eLEM-\u1e9e", "STRASSE\u03a3", "caf\u00c9-\u01c4"])
def test_letters_that_python_lowers_otherwise_are_compared_as_the_database_does(written, code, tell, store):
    store.redemptions.update(code=written)
    tell(codes=[written])
    assert store.redemptions.get().state == "used"


def test_told_again_and_told_otherwise_it_is_used_once(code, tell, store):
    for total in ("20.00", "20.00", "30.00"):
        tell(codes=[code.code], total=total)
    assert seen(code) == ("used", "o1")
    assert store.events.filter(topic="redemption.used").count() == 1


def test_unknown_codes_and_orders_without_codes_are_ignored(code, tell, store):
    tell("o1", codes=["SUMMER", "", "   "])
    tell("o2")
    assert seen(code) == ("issued", "")
    assert not OrderNotice.objects.exclude(due_at=None).exists()


def test_a_second_order_with_the_same_code_changes_nothing(code, tell, fact, member):
    tell("o1", codes=[code.code])
    tell("o2", codes=[code.code])
    fact("refund", "o2", amount="20.00")
    assert seen(code) == ("used", "o1") and balance(member) == 600


def test_codes_of_two_rewards_on_one_order_each_tell_what_they_are_worth(code, tell, fact, member, store, add_reward):
    other = redemptions.redeem(store, member, add_reward("fixed_amount", points=100, settings={"value": "2"}))
    tell(codes=[code.code, other.code.upper()], discount="7.00")
    assert [seen(code), seen(other)] == [("used", "o1")] * 2
    assert (code.order_discount, other.order_discount) == (Decimal(5), Decimal(2))
    fact("refund", amount="20.00")
    assert [seen(code)[0], seen(other)[0], balance(member)] == ["cancelled", "cancelled", 1000]


def test_a_code_of_another_store_is_ignored(code, tell, other_store, add_reward):
    theirs_by = make_customer(other_store, "x1")
    adjustments.adjust(other_store, theirs_by, Decimal(500), "Opening balance", actor="test")
    theirs = redemptions.redeem(other_store, theirs_by, add_reward(of=other_store))
    tell(codes=[theirs.code])
    assert seen(theirs) == ("issued", "")


def test_an_expired_code_that_the_shop_took_all_the_same_is_used(code, tell, store):
    store.redemptions.filter(pk=code.pk).update(state="expired")
    tell(codes=[code.code])
    assert seen(code) == ("used", "o1")


# --- Refunds ------------------------------------------------------------------------------------


def test_a_part_gives_nothing_back_and_the_rest_all_of_it_once(code, tell, fact, member):
    tell(codes=[code.code])
    fact("refund", identity="1", amount="5.00")
    assert seen(code)[0] == "used" and balance(member) == 600
    fact("refund", identity="2", amount="15.00")
    assert seen(code) == ("cancelled", "o1") and balance(member) == 1000
    assert (code.cancelled_by, code.cancel_reason) == ("order", "Order o1 was refunded")
    tell(codes=[code.code], total="20.00", number="renumbered")
    fact("cancelled")
    assert balance(member) == 1000


def test_a_refund_that_comes_before_its_order_gives_back_the_same(code, tell, fact, member):
    fact("refund", amount="20.00")
    tell(codes=[code.code])
    assert seen(code) == ("cancelled", "o1") and balance(member) == 1000


def test_a_cancelled_order_gives_the_points_back_and_its_code_is_void(store, member, add_reward, add_codes, tell, fact):
    reward = add_reward(points=400, code_source="pool")
    add_codes(reward.pool, 1)
    row = redemptions.redeem(store, member, reward)
    tell(codes=["c1"])
    assert CouponCode.objects.get().state == "used"
    fact("cancelled")
    assert (seen(row)[0], row.cancel_reason) == ("cancelled", "Order o1 was cancelled")
    assert (CouponCode.objects.get().state, balance(member)) == ("void", 1000)


def test_a_reopened_order_whose_points_went_back_needs_a_look_once(code, tell, fact, store, member):
    tell(codes=[code.code])
    fact("cancelled")
    assert not store.events.filter(topic="attention").exists()
    fact("reopened")
    tell(codes=[code.code], total="25.00")
    [item] = Event.objects.filter(store=store, topic="attention")
    assert item.data == {"what": "cancelled_code_used", "code": code.code, "order": "o1"}
    assert seen(code) == ("cancelled", "o1") and balance(member) == 1000


def test_a_store_may_keep_the_points_of_refunded_orders(code, tell, fact, store, member):
    type(store).objects.filter(pk=store.pk).update(refunds_return_points=False)
    tell(codes=[code.code])
    fact("refund", amount="20.00")
    assert seen(code) == ("used", "o1") and balance(member) == 600


def test_a_gift_card_keeps_its_worth_whatever_becomes_of_the_order(store, member, add_reward, add_codes, tell, fact):
    reward = add_reward("gift_code", points=400, code_source="pool")
    add_codes(reward.pool, 1)
    row = redemptions.redeem(store, member, reward)
    tell(codes=["C1"])
    fact("refund", amount="20.00")
    assert seen(row) == ("used", "o1") and balance(member) == 600


def test_a_cancelled_code_that_an_order_uses_all_the_same_needs_a_look(code, tell, store, member):
    redemptions.cancel(store, code, reason="By mistake", actor="test")
    tell(codes=[code.code])
    assert store.events.filter(topic="attention", data__what="cancelled_code_used").count() == 1
    assert seen(code) == ("cancelled", "o1") and balance(member) == 1000
