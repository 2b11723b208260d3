"""What the panel reads and does: each page only what its token is good for."""

from datetime import date

import pytest
from django.core import mail

from conftest import balance, make_customer
from customers.identities import Identity
from customers.models import Customer
from earning import activities, orders
from integrations.widget.models import Widget
from spending.models import Redemption


@pytest.fixture
def shopper(customer, give):
    give(customer, 1000)
    return customer


def data(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def take(page, reward, call_id="call-0001", **more):
    return page.post("redeem", {"reward_id": str(reward.public_id), "call_id": call_id} | more)


def codes_of(page) -> list[str]:
    return [row["coupon_code"] for row in data(page.get("codes"))]


# --- Looking ------------------------------------------------------------------------------------


def test_guests_see_how_to_earn_and_what_to_get_and_nobodys_data(page, signing, shopper, add_rule, add_reward, store):
    add_rule(store, "review", 50, name="Write a review")
    add_rule(store, "custom", 10, name="For some", identifier="some", tags_any=["vip"])
    add_reward(name="5 off")
    add_reward(name="Only for some", tags_any=["vip"])
    page.enter(api_key=signing.key)
    shown = data(page.get("home"))
    assert shown["member"] is None
    assert [way["name"] for way in shown["earn"]] == ["Write a review"]
    assert [(reward["name"], reward["gives"], reward["cost"]) for reward in shown["rewards"]] == [
        ("5 off", "5 EUR off", "500 points")
    ]
    assert data(page.get("codes")) == [] and data(page.get("history"))["lines"] == []


def test_members_see_balance_and_the_next_reward(page, signing, shopper, add_reward):
    add_reward(points=500, name="Small")
    add_reward(points=2000, name="Big")
    page.enter_signed(signing)
    shown = data(page.get("home"))
    assert (shown["mode"], shown["member"]["balance"], shown["member"]["unit"]) == ("full", "1,000", "points")
    small, big = shown["rewards"]
    assert (small["refusal"], small["share"]) == ("", 100)
    assert (big["refusal"], big["missing"], big["share"]) == ("insufficient_points", "1,000 points", 50)


def test_what_is_left_of_each_limit(page, signing, shopper, add_rule, store, work):
    add_rule(store, "review", 50, name="Review", limit="count", limit_value=3, limit_period="month")
    add_rule(store, "custom", 10, name="Cup", identifier="cup", limit="count", limit_value=1, limit_period="day")
    add_rule(store, "custom", 10, name="Free", identifier="free")
    for action in ("review", "custom:cup"):
        activities.record(store, activities.NewActivity(action, Identity.of(external_id="c1")))
    work(store)
    page.enter_signed(signing)
    ways = {
        way["name"]: (way["left"], way["limit"], way["period"], way["is_done"])
        for way in data(page.get("home"))["earn"]
    }
    assert ways == {"Review": ("2", "3", "month", False), "Cup": ("0", "1", "day", True), "Free": ("", "", "", False)}


def test_points_on_the_way_are_told_apart(page, signing, customer, add_rule, store, work):
    add_rule(store, "review", 50, approval="by_hand")
    activities.record(store, activities.NewActivity("review", Identity.of(external_id="c1")))
    work(store)
    page.enter_signed(signing)
    member = data(page.get("home"))["member"]
    assert (member["balance"], member["pending"]) == ("0", "50 points")
    [line] = data(page.get("history"))["lines"]
    assert line["is_waiting"] and line["points"] == "+50 points"


def test_history_goes_back_page_by_page(page, signing, customer, give):
    for _ in range(25):
        give(customer, 1)
    page.enter_signed(signing)
    first = data(page.get("history"))
    assert len(first["lines"]) == 20
    assert first["lines"][0]["what"] == "A present"
    second = data(page.get(f"history?before={first['before']}"))
    assert len(second["lines"]) == 5 and second["before"] is None
    assert data(page.get("history?before=x'"))["lines"] == first["lines"]


def test_history_says_how_an_orders_points_came_about(page, signing, customer, add_rule, store, work):
    add_rule(store, "purchase", 2, name="Buy")
    body = {"status": "completed", "total": "10.20", "subtotal": "10.20", "customer": {"external_id": "c1"}}
    orders.record_fact(store, "o1", "status", identity="1", data=body)
    work(store)
    page.enter_signed(signing)
    [line] = data(page.get("history"))["lines"]
    assert (line["what"], line["points"]) == ("Buy", "+20 points")
    assert line["why"] == "10.20 EUR × 2 points = 20.40, rounded down to 20."


def test_sections_that_are_off_are_not_even_sent(page, signing, shopper, add_rule, add_reward, store):
    add_rule(store, "review", 50)
    add_reward()
    Widget.objects.update(hidden_sections=["earn", "rewards", "birthday"])
    page.enter_signed(signing)
    shown = data(page.get("home"))
    assert shown["earn"] == shown["rewards"] == []
    assert page.post("birthday", {"day": 1, "month": 2, "year": 1990}).status_code == 409


def test_a_linked_id_is_the_same_person(page, signing, shopper, store):
    shopper.aliases.create(store=store, external_id="old-7")
    page.enter_signed(signing, "old-7")
    assert data(page.get("home"))["member"]["balance"] == "1,000"


# --- Redeeming ----------------------------------------------------------------------------------


def test_a_member_takes_a_reward_and_gets_a_code(page, signing, shopper, add_reward):
    reward = add_reward()
    page.enter_signed(signing)
    taken = data(take(page, reward))
    assert (taken["points_spent"], taken["points_balance"]) == ("500", "500 points")
    assert taken["coupon_code"] and codes_of(page) == [taken["coupon_code"]]
    assert balance(shopper) == 500
    assert Redemption.objects.get().source == "widget"


def test_the_same_call_never_takes_points_twice(page, signing, shopper, add_reward):
    reward, other = add_reward(), add_reward(points=100)
    page.enter_signed(signing)
    first, again = data(take(page, reward)), data(take(page, reward))
    assert first["coupon_code"] == again["coupon_code"]
    assert balance(shopper) == 500
    assert take(page, other).json()["error"] == "id_conflict"
    data(take(page, reward, "call-0002"))
    assert balance(shopper) == 0


def test_refusals_are_told_by_code_and_take_nothing(page, signing, shopper, add_reward, other_store):
    page.enter_signed(signing)
    assert take(page, add_reward(points=2000)).json()["error"] == "insufficient_points"
    assert take(page, add_reward(code_source="pool")).json()["error"] == "out_of_codes"
    for reward_id in ("", "x", "0190c5f0-0000-7000-8000-000000000000"):
        assert page.post("redeem", {"reward_id": reward_id, "call_id": "call-0001"}).status_code == 404
    assert balance(shopper) == 1000


@pytest.mark.parametrize(
    "body",
    [{"call_id": None}, {"call_id": "short"}, {"call_id": "x y" * 5}, {"multiplier": 0}, {"multiplier": "2"},
     {"multiplier": 1.5}, {"multiplier": True}, {"reward_id": 5}],
)  # fmt: skip
def test_odd_redemptions_are_refused(page, signing, shopper, add_reward, body):
    reward = add_reward()
    page.enter_signed(signing)
    assert page.post("redeem", {"reward_id": str(reward.public_id), "call_id": "call-0001"} | body).status_code == 400
    assert balance(shopper) == 1000


def test_an_amount_of_their_choice(page, signing, shopper, add_reward):
    reward = add_reward("variable_amount", 100, {"value": "1", "minimum_steps": 2})
    page.enter_signed(signing)
    [shown] = data(page.get("home"))["rewards"]
    assert shown["choices"][0] == {"multiplier": 2, "gives": "2 EUR off", "cost": "200 points"}
    assert shown["choices"][-1]["multiplier"] == 10
    assert data(take(page, reward, multiplier=3))["gives"] == "3 EUR off"
    assert balance(shopper) == 700


def test_the_customer_is_never_taken_from_the_body(page, signing, shopper, add_reward, store):
    victim = make_customer(store, "c2")
    page.enter_signed(signing)
    take(page, add_reward(), customer_id="c2")
    assert (balance(shopper), balance(victim)) == (500, 0)


def test_guests_change_nothing(page, signing, shopper, add_reward):
    page.enter(api_key=signing.key)
    assert take(page, add_reward()).status_code == 403
    assert page.post("join", {}).status_code == page.post("birthday", {}).status_code == 403
    assert balance(shopper) == 1000


# --- With an old signature ---------------------------------------------------------------------------


def test_an_old_signature_looks_and_that_is_all(page, legacy, signing, shopper, add_reward):
    reward = add_reward()
    page.enter_signed(signing)
    take(page, reward)
    page.enter_legacy(legacy, "c1")
    shown = data(page.get("home"))
    assert (shown["mode"], shown["can"], shown["member"]["balance"]) == ("read_only", [], "500")
    assert take(page, reward, "call-0002").json()["error"] == "read_only"
    assert page.post("birthday", {"day": 1, "month": 2, "year": 1990}).status_code == 403
    assert codes_of(page) == [""] and data(page.get("codes"))[0]["is_hidden"]
    assert "james" not in page.get("home").content.decode()


def test_a_store_may_let_old_signatures_take_a_few_a_day(page, legacy, signing, shopper, add_reward, give):
    reward = add_reward(points=100)
    page.enter_signed(signing)
    take(page, reward, "elsewhere")
    Widget.objects.update(legacy="redeem", legacy_daily=2)
    page.enter_legacy(legacy, "c1")
    first = data(take(page, reward, "call-0001"))["coupon_code"]
    data(take(page, reward, "call-0001"))  # again: the same one, and none of today's
    second = data(take(page, reward, "call-0002"))["coupon_code"]
    assert take(page, reward, "call-0003").json()["error"] == "daily_limit"
    assert balance(shopper) == 700
    assert codes_of(page) == [second, first, ""]  # not the one that was taken elsewhere
    assert page.post("birthday", {"day": 1, "month": 2, "year": 1990}).status_code == 403
    assert [message.to for message in mail.outbox] == [["james@shop.example"]] * 2
    assert "5 off" in mail.outbox[0].subject


def test_a_refused_reward_uses_up_nothing_of_the_day(page, legacy, widget, shopper, add_reward):
    Widget.objects.update(legacy="redeem", legacy_daily=1)
    page.enter_legacy(legacy, "c1")
    assert take(page, add_reward(points=5000)).json()["error"] == "insufficient_points"
    assert data(take(page, add_reward(points=100), "call-0002"))["coupon_code"]
    assert len(mail.outbox) == 1


# --- Joining and the birthday ---------------------------------------------------------------------------


def test_somebody_the_shop_knows_joins(page, signing, store, add_rule, work):
    add_rule(store, "sign_up", 250)
    page.enter_signed(signing, "new-1")
    assert data(page.get("home"))["member"] is None
    assert not store.customers.exists()  # looking makes nobody
    assert data(page.post("join", {})) == {"joined": True}
    page.post("join", {})
    work(store)
    assert data(page.get("home"))["member"]["balance"] == "250"


def test_a_birthday_is_entered_once(page, signing, customer):
    page.enter_signed(signing)
    assert data(page.post("birthday", {"day": 29, "month": 2, "year": 1992})) == {"birthday": "29 February"}
    assert Customer.objects.get().birthday == date(1992, 2, 29)
    assert page.post("birthday", {"day": 1, "month": 3, "year": 1992}).json()["error"] == "birthday_known"


@pytest.mark.parametrize(
    "entered", [(30, 2, 1990), (1, 13, 1990), (0, 1, 1990), (1, 1, 3000), (1, 1, 90), ("1", 1, 1990), (None, 1, 1990)]
)
def test_what_is_no_birthday(page, signing, customer, entered):
    page.enter_signed(signing)
    day, month, year = entered
    assert page.post("birthday", {"day": day, "month": month, "year": year}).status_code == 400
    assert Customer.objects.get().birthday is None
