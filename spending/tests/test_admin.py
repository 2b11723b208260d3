"""Spending in the support admin: read by those who support the store, changed only with a reason."""

from decimal import Decimal

import pytest
from django.urls import reverse

from conftest import balance, make_customer, staff
from customers import adjustments
from loyalty.stores.models import User
from spending import redemptions
from spending.models import CouponCode, Redemption, Reward


def address(model, verb="changelist", *args):
    return reverse(f"admin:spending_{model._meta.model_name}_{verb}", args=args)


def act(verb, redemption):
    return reverse(f"admin:spending_redemption_{verb}_redemption", args=[redemption.pk])


@pytest.fixture
def helper(support) -> User:
    support.is_staff = True
    support.save(update_fields=["is_staff"])
    return support


@pytest.fixture
def taken(store, add_reward) -> Redemption:
    member = make_customer(store, "c9", "anna@shop.example")
    adjustments.adjust(store, member, Decimal(1000), "Opening balance", actor="test")
    return redemptions.redeem(store, member, add_reward(settings={"value": "5"}))


def test_lists_show_the_own_stores_rows_and_find_by_code_and_customer(
    helper, taken, other_store, add_reward, add_codes, sign_in
):
    client = sign_in(helper)
    foreign = add_reward(of=other_store, name="Foreign", code_source="pool")
    add_codes(foreign.pool, 1, start=10_000_000)
    assert "Foreign" not in client.get(address(Reward)).text
    assert "5 EUR off" in client.get(address(Reward)).text
    assert "C10000000" not in client.get(address(CouponCode)).text
    for asked, is_found in ((taken.code.lower(), True), ("anna@", True), ("nobody", False)):
        assert (taken.code in client.get(address(Redemption), {"q": asked}).text) is is_found, asked


def test_pages_say_it_in_words(helper, taken, add_reward, add_codes, sign_in):
    client = sign_in(helper)
    said = client.get(address(Redemption, "change", taken.pk)).text
    assert "It costs 500 points" in said and taken.code in said
    assert (
        "Customers spend 500 points and get 5 EUR off." in client.get(address(Reward, "change", taken.reward_id)).text
    )
    add_codes(add_reward(code_source="pool").pool, 1)
    assert client.get(address(CouponCode, "change", CouponCode.objects.get().pk)).status_code == 200


def test_cancelling_needs_a_reason_and_names_its_consequence(helper, taken, sign_in):
    client = sign_in(helper)
    asked = client.get(act("cancel", taken)).text
    assert "500 points go back to anna@shop.example" in asked and "void for ever" in asked
    client.post(act("cancel", taken), {"reason": ""})
    assert balance(taken.customer) == 500
    client.post(act("cancel", taken), {"reason": "By mistake"})
    taken.refresh_from_db()
    assert (taken.state, taken.cancel_reason, taken.cancelled_by) == ("cancelled", "By mistake", helper.email)
    assert balance(taken.customer) == 1000


def test_reissuing_hands_out_another_code_and_a_refusal_is_told(helper, taken, sign_in):
    client = sign_in(helper)
    client.post(act("reissue", taken), {"reason": "The shop says no"})
    taken.refresh_from_db()
    assert (taken.state, taken.replaced_by.state, balance(taken.customer)) == ("cancelled", "issued", 500)
    assert "cancelled before" in client.post(act("reissue", taken), {"reason": "Again"}).text


def test_a_viewer_reads_and_changes_nothing(store, taken, sign_in):
    viewer = staff(store, "viewer")
    User.objects.filter(pk=viewer.pk).update(is_staff=True)
    client = sign_in(viewer)
    assert client.get(address(Redemption, "change", taken.pk)).status_code == 200
    assert client.post(act("cancel", taken), {"reason": "x"}).status_code == 403
    taken.refresh_from_db()
    assert taken.state == "issued"


def test_another_stores_redemption_is_not_there(other_store, taken, sign_in):
    stranger = staff(other_store, "owner")
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    client = sign_in(stranger)
    client.post(act("cancel", taken), {"reason": "x"})
    taken.refresh_from_db()
    assert taken.state == "issued"
    assert taken.code not in client.get(address(Redemption)).text
