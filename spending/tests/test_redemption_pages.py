"""The Redemptions pages, and what support does for a customer: take a reward, cancel, reissue, hand over."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import balance, make_customer, staff
from customers import adjustments
from earning import orders
from spending import figures, redemptions
from spending.code_sources import SOURCES, CodeNotMade, CodeSource


@pytest.fixture
def page(sign_in, support):
    return sign_in(support)


@pytest.fixture
def member(store):
    customer = make_customer(store, "c9", "anna@shop.example")
    adjustments.adjust(store, customer, Decimal(2000), "Opening balance", actor="test")
    return customer


def text(answer) -> str:
    return " ".join(answer.text.split())


def used_on(store, order, redemption, work, **data):
    body = {
        "status": "completed", "total": "20.00", "subtotal": "20.00", "discount": "5.00",
        "discount_codes": [redemption.code], "customer": {"external_id": "c9", "is_registered": True},
    }  # fmt: skip
    orders.record_fact(store, order, "status", identity=order, data=body | data)
    work(store)


# --- The list -----------------------------------------------------------------------------------


def test_empty_list_teaches_what_will_appear(page, store, add_reward):
    assert "Nothing to take yet" in page.get("/s/acme/redemptions/").text
    add_reward()
    assert "Nothing taken yet" in page.get("/s/acme/redemptions/").text


def test_list_is_narrowed_by_state_reward_day_code_and_customer(page, store, member, add_reward):
    fiver, ten = add_reward(name="Fiver"), add_reward("percentage", name="Ten")
    other = make_customer(store, "c10", "ben@shop.example")
    adjustments.adjust(store, other, Decimal(500), "Opening balance", actor="test")
    of_anna, of_ben = redemptions.redeem(store, member, fiver), redemptions.redeem(store, other, ten)
    old = redemptions.redeem(store, member, ten)
    redemptions.cancel(store, old, reason="Oops", actor="test")
    store.redemptions.filter(pk=old.pk).update(issued_at=timezone.now() - timedelta(days=40))
    today = store.local(timezone.now()).date().isoformat()
    for asked, found in {
        "": [old, of_ben, of_anna], "state=cancelled": [old], f"reward={ten.public_id}": [old, of_ben],
        f"since={today}": [of_ben, of_anna], f"q={of_ben.code.lower()}": [of_ben], "q=anna@": [old, of_anna],
        "q=nobody": [], "state=nonsense&reward=1": [old, of_ben, of_anna],
    }.items():  # fmt: skip
        assert page.get(f"/s/acme/redemptions/?{asked}").context["page"].rows == found, asked


def test_list_of_any_length_costs_a_page(page, store, member, add_reward, django_assert_max_num_queries):
    reward = add_reward(points=1)
    for _ in range(60):
        redemptions.redeem(store, member, reward)
    with django_assert_max_num_queries(20):
        newest = page.get("/s/acme/redemptions/").context["page"]
    assert len(newest.rows) == 50
    assert len(page.get(f"/s/acme/redemptions/?before={newest.older}").context["page"].rows) == 10


# --- One redemption -------------------------------------------------------------------------------


def test_its_page_says_why_it_was_allowed_and_what_became_of_it(page, store, member, add_reward, work):
    reward = add_reward(settings={"value": "5"}, customer_limit=2, customer_limit_period="month")
    redemption = redemptions.redeem(store, member, reward, source="dashboard", actor="anna@acme.example")
    used_on(store, "A-1", redemption, work)
    said = text(page.get(f"/s/acme/redemptions/{redemption.public_id}/"))
    for words in (
        redemption.code, "5 EUR off", "It costs 500 points; the balance is 2,000.", "on order A-1",
        "20.00 EUR", "5.00 EUR off", "Taken 0 of 2 times a month by this customer.", "anna@acme.example", "−500",
    ):  # fmt: skip
        assert words in said, words
    assert "Cancel it" not in said  # it was used


def test_what_it_gave_is_said_by_the_version_it_was_taken_with(page, store, member, add_reward):
    from spending import rewarding

    reward = add_reward(settings={"value": "5"})
    redemption = redemptions.redeem(store, member, reward)
    rewarding.change(reward, actor="test", settings={"value": "3"})
    said = text(page.get(f"/s/acme/redemptions/{redemption.public_id}/"))
    assert "5 EUR off" in said and "(now 2)" in said


def test_cancelling_names_its_consequence_and_gives_the_points_back_once(page, store, member, add_reward):
    redemption = redemptions.redeem(store, member, add_reward())
    address = f"/s/acme/redemptions/{redemption.public_id}/"
    said = text(page.get(address))
    assert "500 points go back to anna@shop.example: the balance goes from 1,500 to <strong>2,000 points" in said
    assert "is void for ever" in said and "it stays good there until you delete it there" in said
    assert "Give a reason" in page.post(f"{address}cancel/", follow=True).text
    assert balance(member) == 1500
    for told in ("500 points went back", "was cancelled before"):
        assert told in page.post(f"{address}cancel/", {"reason": "By mistake"}, follow=True).text
    redemption.refresh_from_db()
    assert (redemption.state, redemption.cancel_reason, redemption.cancelled_by) == (
        "cancelled", "By mistake", "support@acme.example",
    )  # fmt: skip
    assert balance(member) == 2000
    assert "By mistake" in page.get(address).text


def test_a_used_code_is_not_cancelled_and_it_is_said_why(page, store, member, add_reward, work):
    redemption = redemptions.redeem(store, member, add_reward())
    used_on(store, "A-1", redemption, work)
    answer = page.post(f"/s/acme/redemptions/{redemption.public_id}/cancel/", {"reason": "Please"}, follow=True)
    assert "Nothing was changed. This code was used on an order." in text(answer)
    assert balance(member) == 1500


def test_reissuing_hands_out_another_code_for_the_same_points(page, store, member, add_reward):
    first = redemptions.redeem(store, member, add_reward())
    page.post(f"/s/acme/redemptions/{first.public_id}/reissue/", {"reason": "The shop says no"})
    first.refresh_from_db()
    assert (first.state, first.replaced_by.state, balance(member)) == ("cancelled", "issued", 1500)
    assert "It replaces" in page.get(f"/s/acme/redemptions/{first.replaced_by.public_id}/").text


def test_reissuing_without_a_code_left_changes_nothing(page, store, member, add_reward, add_codes):
    reward = add_reward(code_source="pool")
    add_codes(reward.pool, 1)
    first = redemptions.redeem(store, member, reward)
    answer = page.post(f"/s/acme/redemptions/{first.public_id}/reissue/", {"reason": "Lost"}, follow=True)
    assert "Nothing was changed. It is sold out" in text(answer)
    first.refresh_from_db()
    assert (first.state, balance(member)) == ("issued", 1500)


def test_what_the_merchant_hands_over_is_ticked_off(page, store, member, add_reward):
    reward = add_reward("custom", name="Latte art class", code_source="none", settings={})
    redemption = redemptions.redeem(store, member, reward)
    address = f"/s/acme/redemptions/{redemption.public_id}/"
    assert "Mark as handed over" in page.get(address).text
    page.post(f"{address}use/")
    redemption.refresh_from_db()
    assert redemption.state == "used"
    said = page.get(address).text
    assert "Handed over" in said and "Mark as" not in said
    assert "It was used before" in page.post(f"{address}use/", follow=True).text


def test_going_back_leads_to_the_list_as_it_was_narrowed(page, store, member, add_reward):
    redemption = redemptions.redeem(store, member, add_reward())
    answer = page.post(f"/s/acme/redemptions/{redemption.public_id}/cancel/", {"reason": "x"},
                       headers={"Referer": "http://testserver/s/acme/redemptions/?state=issued"})  # fmt: skip
    assert answer.url == "http://testserver/s/acme/redemptions/?state=issued"


# --- On a customer's behalf -------------------------------------------------------------------------


def test_a_customers_page_says_what_they_took_and_could_take_and_why_not(page, store, member, add_reward):
    taken = redemptions.redeem(store, member, add_reward(name="Fiver", customer_limit=1))
    add_reward(name="Dear", points=9000)
    add_reward("percentage", name="Ten")
    add_reward(name="Hidden", is_enabled=False)
    said = text(page.get(f"/s/acme/customers/{member.public_id}/?tab=rewards"))
    assert taken.code in said and "Hidden" not in said
    assert "Taken 1 of 1 time in all by this customer." in said
    assert "It costs 9,000 points; the balance is 1,500, so 7,500 more are needed." in said
    assert said.count("May take it") == 1


def test_a_line_of_the_statement_opens_the_redemption_behind_it(page, store, member, add_reward):
    redemption = redemptions.redeem(store, member, add_reward())
    assert f"/s/acme/redemptions/{redemption.public_id}/" in page.get(f"/s/acme/customers/{member.public_id}/").text


def take(page, member, reward, **sent):
    return page.post(f"/s/acme/redemptions/add/{member.public_id}/{reward.public_id}/", sent, follow=True)


IDENTITY = "01a0a0a0-0000-7000-8000-000000000001"


def test_support_takes_a_reward_for_a_customer_after_seeing_what_it_does(page, store, member, add_reward):
    reward = add_reward()
    asked = text(page.get(f"/s/acme/redemptions/add/{member.public_id}/{reward.public_id}/"))
    assert "2,000 points" in asked and "<strong>1,500 points</strong>" in asked
    for _ in range(2):  # a second click counts once
        answer = take(page, member, reward, identity=IDENTITY, multiplier="1", confirmed="1")
        redemption = store.redemptions.get()
        assert f"anna@shop.example has the code {redemption.code}." in text(answer)
    assert (redemption.actor, redemption.source, balance(member)) == ("support@acme.example", "dashboard", 1500)


def test_an_amount_of_their_choice_is_asked_for_then_shown_then_taken(page, store, member, add_reward):
    reward = add_reward("variable_amount", points=100, settings={"maximum_steps": "15"})
    assert "How many steps" in page.get(f"/s/acme/redemptions/add/{member.public_id}/{reward.public_id}/").text
    shown = text(take(page, member, reward, identity=IDENTITY, multiplier="7"))
    assert "7 EUR off" in shown and "700 points" in shown and "<strong>1,300 points</strong>" in shown
    assert "may not take it now" in take(page, member, reward, identity=IDENTITY, multiplier="16").text
    take(page, member, reward, identity=IDENTITY, multiplier="7", confirmed="1")
    assert (store.redemptions.get().multiplier, balance(member)) == (7, 1300)


def test_what_they_may_not_take_is_refused_with_the_reason(page, store, member, add_reward):
    reward = add_reward(points=9000)
    assert "may not take it now" in page.get(f"/s/acme/redemptions/add/{member.public_id}/{reward.public_id}/").text
    answer = take(page, member, reward, identity=IDENTITY, multiplier="1", confirmed="1")
    assert "so 7,000 more are needed" in text(answer)
    assert not store.redemptions.exists()


class ShopThatRefuses(CodeSource):
    key, is_remote = "shop", True

    def make(self, redemption, discount):
        raise CodeNotMade("The shop has no such product.")


@pytest.mark.django_db(transaction=True)
def test_a_shop_that_makes_no_code_takes_no_points(page, store, member, add_reward, monkeypatch):
    monkeypatch.setitem(SOURCES, "shop", ShopThatRefuses())
    reward = add_reward(code_source="shop")
    answer = take(page, member, reward, identity=IDENTITY, multiplier="1", confirmed="1")
    assert "Nothing was taken. The shop has no such product." in text(answer)
    assert (store.redemptions.get().state, balance(member)) == ("cancelled", 2000)


def test_viewers_look_and_change_nothing(store, member, add_reward, sign_in):
    reward = add_reward()
    redemption = redemptions.redeem(store, member, reward)
    client = sign_in(staff(store, "viewer"))
    address = f"/s/acme/redemptions/{redemption.public_id}/"
    assert "Cancel it" not in client.get(address).text
    for path in (f"{address}cancel/", f"{address}use/", f"{address}reissue/",
                 f"/s/acme/redemptions/add/{member.public_id}/{reward.public_id}/"):  # fmt: skip
        assert client.post(path, {"reason": "x", "confirmed": "1"}).status_code == 403, path
    redemption.refresh_from_db()
    assert (redemption.state, balance(member)) == ("issued", 1500)


# --- Figures ----------------------------------------------------------------------------------------


def test_results_count_each_order_once_with_what_its_codes_took_off(store, member, add_reward, work):
    reward = add_reward(settings={"value": "5"})
    first, second, third = (redemptions.redeem(store, member, reward) for _ in range(3))
    used_on(store, "A-1", first, work, discount_codes=[first.code, second.code], discount="10.00", total="40.00")
    redemptions.cancel(store, third, reason="x", actor="test")
    assert figures.results(store)[reward.pk] == figures.Result(2, Decimal(1000), 1, Decimal(40), Decimal(10))
    assert figures.taken_this_month(store)[reward.pk] == figures.Taken(2, Decimal(1000))
    assert figures.last_week(store) == figures.Week(Decimal(1000), Decimal(0), 2)


def test_figures_of_another_store_are_not_counted(store, other_store, member, add_reward):
    redemptions.redeem(store, member, add_reward())
    assert figures.results(other_store) == {} and figures.last_week(other_store).count == 0
