"""Points are earned, spent on a code, the code is used, and a refund gives back what it should."""

from decimal import Decimal

import pytest

from conftest import balance, make_customer
from customers import adjustments
from earning import orders
from spending import redemptions
from spending.models import CouponCode, Redemption

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(store):
    customer = make_customer(store, "c9")
    adjustments.adjust(store, customer, Decimal(600), "Opening balance", actor="test")
    return customer


def tell(store, order, status="completed", codes=(), **data):
    body = {
        "status": status, "total": "20.00", "subtotal": "20.00", "discount": "5.00", "discount_codes": list(codes),
        "customer": {"external_id": "c9", "is_registered": True},
    }  # fmt: skip
    orders.record_fact(store, order, "status", identity=f"{order}-{status}", data=body | data)


def test_a_code_is_bought_used_and_given_back(store, member, add_reward, work):
    reward = add_reward("fixed_amount", points=Decimal(500), settings={"value": "5"})
    redemption = redemptions.redeem(store, member, reward)
    assert (redemption.state, redemption.value, balance(member)) == ("issued", Decimal(5), Decimal(100))

    tell(store, "A-1", codes=[redemption.code.lower()])
    work(store)
    redemption.refresh_from_db()
    assert (redemption.state, redemption.order_external_id) == ("used", "A-1")
    assert redemption.order_discount == Decimal(5)

    orders.record_fact(store, "A-1", "refund", identity="r1", data={"amount": "20.00"})
    work(store)
    redemption.refresh_from_db()
    assert (redemption.state, balance(member)) == ("cancelled", Decimal(600))


def test_codes_of_a_pool_are_issued_oldest_first_and_never_again(store, member, add_reward, add_codes):
    reward = add_reward(points=Decimal(200), code_source="pool")
    add_codes(reward.pool, 2)
    first = redemptions.redeem(store, member, reward)
    assert first.code == "C1"
    assert redemptions.cancel(store, first, reason="Changed their mind", actor="test")
    assert not redemptions.cancel(store, first, reason="Again", actor="test")
    assert balance(member) == 600
    assert redemptions.redeem(store, member, reward).code == "C2"
    with pytest.raises(redemptions.Refused) as refused:
        redemptions.redeem(store, member, reward)
    assert refused.value.code == "out_of_codes"
    assert CouponCode.objects.get(code="C1").state == "void"
    assert balance(member) == 400


def test_the_same_identity_takes_points_once(store, member, add_reward):
    reward = add_reward(points=Decimal(200))
    first = redemptions.redeem(store, member, reward, identity="call-1")
    assert redemptions.redeem(store, member, reward, identity="call-1") == first
    assert balance(member) == 400
    assert Redemption.objects.count() == 1


def test_a_code_that_does_not_work_is_reissued(store, member, add_reward):
    reward = add_reward(points=Decimal(600))
    first = redemptions.redeem(store, member, reward)
    second = redemptions.reissue(store, first, reason="The shop says no", actor="anna")
    first.refresh_from_db()
    assert (first.state, first.replaced_by, second.state, balance(member)) == ("cancelled", second, "issued", 0)
