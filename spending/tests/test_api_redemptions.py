"""Native calls that take rewards: points and a code together, once, or a refusal that says why."""

from decimal import Decimal
from uuid import uuid4

import pytest

from conftest import balance, make_customer
from customers import adjustments
from loyalty.stores.models import ApiKey, IdempotencyRecord
from spending.code_sources import SOURCES, CodeNotMade, CodeSource
from spending.models import CouponCode, Redemption
from spending.rewards import SHOP

REDEMPTIONS = "/api/v1/redemptions"
C1 = {"external_id": "c1"}


@pytest.fixture
def rich(store, customer):
    adjustments.adjust(store, customer, Decimal(1000), "Opening balance", actor="test")
    return customer


@pytest.fixture
def take(api):
    """take(reward): the call and its answer."""

    def call(of, key=None, **more):
        headers = {"Idempotency-Key": key} if key else {}
        return api.post(REDEMPTIONS, {"customer": C1, "reward": str(of.public_id)} | more, headers=headers)

    return call


def test_points_become_a_code(rich, take, add_reward):
    answer = take(add_reward(points=400, code_prefix="THX-", validity="days", validity_count=30))
    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert (told["state"], told["points"], told["value"], told["order"]) == ("issued", "400", "5", None)
    assert told["code"].startswith("THX-") and told["expires_at"] and told["source"] == "api"
    assert (told["customer"]["external_id"], told["reward"]["name"]) == ("c1", "5 off")
    assert "It costs 400 points; the balance is 1,000." in told["explanation"]
    assert balance(rich) == 600


def test_a_pools_oldest_code_is_handed_out(rich, take, add_reward, add_codes):
    reward = add_reward(points=100, code_source="pool")
    add_codes(reward.pool, 2)
    assert [take(reward).json()["code"] for _ in range(2)] == ["C1", "C2"]
    refused = take(reward)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_codes")
    assert balance(rich) == 800


def test_a_refusal_says_why_and_takes_nothing(rich, take, add_reward, store):
    answer = take(add_reward(points=1500))
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:problem-type:insufficient-points" and problem["code"] == "insufficient_points"
    assert problem["detail"] == "It costs 1,500 points; the balance is 1,000, so 500 more are needed."
    assert [check["check"] for check in problem["checks"] if not check["ok"]] == ["balance"]
    assert (balance(rich), store.redemptions.count()) == (1000, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customer": {"external_id": "nobody"}}, 404), ({"reward": str(uuid4())}, 404), ({"reward": "x"}, 400),
        ({"customer": {}}, 400), ({"multiplier": 0}, 400), ({"multiplier": 1, "points": 400}, 400),
        ({"points": "450"}, 400), ({"points": "0"}, 400), ({"coupon": "x"}, 400), ({"multiplier": 10_001}, 400),
    ],
)  # fmt: skip
def test_a_call_that_is_wrong_is_refused(rich, take, add_reward, store, body, status):
    answer = take(add_reward(points=400), **body)
    assert answer.status_code == status, answer.json()
    assert (balance(rich), store.redemptions.count()) == (1000, 0)


def test_an_amount_of_their_choice_in_steps_or_in_points(rich, take, add_reward):
    reward = add_reward("variable_amount", points=100, settings={"value": "2", "minimum_steps": 2})
    by_steps, by_points = take(reward, multiplier=3).json(), take(reward, points="200").json()
    assert (by_steps["points"], by_steps["value"], by_steps["multiplier"]) == ("300", "6", 3)
    assert (by_points["points"], by_points["value"], by_points["multiplier"]) == ("200", "4", 2)
    assert take(reward, multiplier=1).json()["code"] == "bad_amount"
    assert take(reward, points="550").status_code == 400
    assert take(reward, points="999999900").json()["code"] == "bad_amount"
    assert balance(rich) == 500


# --- Told again -------------------------------------------------------------------------------


def test_the_same_key_gets_the_first_answer_and_takes_points_once(rich, take, add_reward):
    reward = add_reward(points=400)
    first, again = take(reward, "k1"), take(reward, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() and again["Idempotent-Replayed"] == "true"
    assert balance(rich) == 600


def test_the_same_key_takes_points_once_even_when_its_answer_is_kept_no_more(rich, take, add_reward, store):
    reward = add_reward(points=400)
    first = take(reward, "k1")
    IdempotencyRecord.objects.filter(store=store).delete()
    again = take(reward, "k1")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    IdempotencyRecord.objects.filter(store=store).delete()
    other = take(add_reward(points=1, name="Other"), "k1")
    assert (other.status_code, other.json()["type"]) == (409, "urn:problem-type:redemption-conflict")
    assert balance(rich) == 600


def test_a_refused_call_stays_refused_under_its_key(rich, take, add_reward, store):
    reward = add_reward(points=1500)
    refused = take(reward, "k1")
    adjustments.adjust(store, rich, Decimal(1000), "More", actor="test")
    again = take(reward, "k1")
    assert (again.status_code, again.json()) == (409, refused.json())
    assert take(reward, "k2").status_code == 201


def test_another_key_of_the_store_may_use_the_same_name(rich, take, add_reward, api, store):
    reward = add_reward(points=400)
    first = take(reward, "k1").json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiKey.issue(store, 'second')[1]}")
    assert take(reward, "k1").json()["id"] != first["id"]
    assert balance(rich) == 200


# --- A dry run --------------------------------------------------------------------------------


def test_a_dry_run_says_whether_and_why_not_and_takes_nothing(rich, api, add_reward, store):
    cheap, dear = add_reward(points=400), add_reward(points=1500, name="Dear", tags_any=["vip"])

    def ask(reward):
        return api.post(f"{REDEMPTIONS}/check", {"customer": C1, "reward": str(reward.public_id)}).json()

    yes, no = ask(cheap), ask(dear)
    assert (yes["is_allowed"], yes["code"], yes["cost"]) == (True, "", "400")
    assert (no["is_allowed"], no["code"]) == (False, "not_eligible")
    assert [check["check"] for check in no["checks"] if not check["ok"]] == ["tags_any", "balance"]
    assert len(no["explanation"]) == len(no["checks"])
    assert (balance(rich), store.redemptions.count()) == (1000, 0)


# --- Afterwards -------------------------------------------------------------------------------


def test_a_cancelled_redemption_gives_its_points_back_once(rich, take, api, add_reward, add_codes):
    reward = add_reward(points=400, code_source="pool")
    add_codes(reward.pool, 1)
    address = f"{REDEMPTIONS}/{take(reward).json()['id']}/cancel"
    answers = [api.post(address, {"reason": "Taken by mistake"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    told = answers[1].json()
    assert (told["state"], told["cancel_reason"]) == ("cancelled", "Taken by mistake")
    assert told["cancelled_by"].startswith("key:")
    assert balance(rich) == 1000
    assert CouponCode.objects.get().state == "void"
    assert api.post(address, {}).status_code == 400


def test_what_was_used_cannot_be_cancelled_nor_what_was_cancelled_used(rich, take, api, add_reward):
    reward = add_reward("custom", points=300, code_source="none")
    one, other = take(reward).json()["id"], take(reward).json()["id"]
    used = [api.post(f"{REDEMPTIONS}/{one}/use") for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in used] == [(200, "used")] * 2
    refused = api.post(f"{REDEMPTIONS}/{one}/cancel", {"reason": "x"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:problem-type:cannot-cancel")

    api.post(f"{REDEMPTIONS}/{other}/cancel", {"reason": "x"})
    assert api.post(f"{REDEMPTIONS}/{other}/use").status_code == 409
    assert balance(rich) == 700


def test_redemptions_are_listed_and_narrowed(rich, take, api, add_reward, store):
    first, second = add_reward(points=100, name="A"), add_reward(points=200, name="B")
    one, two = take(first).json(), take(second).json()
    api.post(f"{REDEMPTIONS}/{two['id']}/use")
    make_customer(store, "c2")

    def ids(query=""):
        return [row["id"] for row in api.get(f"{REDEMPTIONS}?{query}").json()["data"]]

    assert ids() == [two["id"], one["id"]]
    assert ids("customer=external_id:c1") == [two["id"], one["id"]] and ids("customer=external_id:c2") == []
    assert ids(f"code={one['code'].lower()}") == [one["id"]] and ids("code=nothing") == []
    assert ids("state=used") == [two["id"]] and ids(f"reward={first.public_id}") == [one["id"]]
    assert ids("source=widget") == [] and ids("order=o1") == []
    assert ids("limit=1") == [two["id"]]
    assert api.get(f"{REDEMPTIONS}/{one['id']}").json() == one
    for wrong in ("state=lost", "reward=x", "code=%00", "order=%00"):
        assert api.get(f"{REDEMPTIONS}?{wrong}").status_code == 400, wrong
    assert api.get(f"{REDEMPTIONS}?reward={uuid4()}").status_code == 404


def test_taking_needs_the_scope_to_write(rich, take, api, add_reward, store):
    reward = add_reward(points=100)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiKey.issue(store, 'reader', scopes=['read'])[1]}")
    assert take(reward).status_code == 403
    assert api.get(REDEMPTIONS).status_code == 200
    assert balance(rich) == 1000


# --- Codes that the shop makes ----------------------------------------------------------------


class Shop(CodeSource):
    """A shop that answers as it is told to, and notes what stood in the database when it was asked."""

    key = SHOP
    is_remote = True

    def __init__(self):
        self.asked, self.refusal = [], ""

    def make(self, redemption, discount):
        self.asked.append((redemption.pk, discount))
        if self.refusal:
            raise CodeNotMade(self.refusal)
        return f"SHOP-{redemption.pk}"


@pytest.fixture
def shop(monkeypatch):
    shop = Shop()
    monkeypatch.setitem(SOURCES, SHOP, shop)
    return shop


@pytest.mark.parametrize("key", [None, "k1"])
def test_the_shop_is_asked_once_the_points_are_taken(rich, take, add_reward, shop, key):
    reward = add_reward(points=400, code_source="shop")
    told = take(reward, key).json()
    assert (told["state"], told["code"]) == ("issued", f"SHOP-{shop.asked[0][0]}")
    assert shop.asked[0][1].value == 5
    if key:
        again = take(reward, key)
        assert (again.json()["code"], again["Idempotent-Replayed"]) == (told["code"], "true")
    assert len(shop.asked) == 1 and balance(rich) == 600


@pytest.mark.parametrize("key", [None, "k1"])
def test_a_shop_that_refuses_gives_the_points_back(rich, take, add_reward, shop, store, key):
    reward = add_reward(points=400, code_source="shop")
    shop.refusal = "The shop does not know this price rule."
    refused = take(reward, key)
    assert (refused.status_code, refused.json()["code"]) == (409, "coupon_failed")
    assert refused.json()["detail"] == shop.refusal
    assert (balance(rich), store.redemptions.get().state) == (1000, "cancelled")
    if key:
        shop.refusal = ""
        assert take(reward, key).json() == refused.json()
        assert (len(shop.asked), balance(rich)) == (1, 1000)


def test_a_call_whose_process_died_while_the_shop_was_asked_is_finished_by_the_next(
    rich, take, api, add_reward, shop, monkeypatch
):
    reward = add_reward(points=400, code_source="shop")
    api.raise_request_exception = False
    with monkeypatch.context() as dying:
        dying.setattr(shop, "make", lambda *args: (_ for _ in ()).throw(RuntimeError("killed")))
        assert take(reward, "k1").status_code == 500
    assert Redemption.objects.get().state == "pending"
    told = take(reward, "k1").json()
    assert told["state"] == "issued" and told["code"].startswith("SHOP-")
    assert balance(rich) == 600
