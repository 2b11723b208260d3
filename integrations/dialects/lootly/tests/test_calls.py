"""Section 4 of the contract: calls that answer with data, their spellings, refusals and repeats."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import balance, make_customer
from customers.models import CustomerAlias, Event
from integrations import inbox

from .conftest import connect

POINTS_ADD = ["points-add", "add-points"]
POINTS_SUBTRACT = ["points-subtract", "subtract-points", "points-remove"]


@pytest.fixture
def ann(store):
    return make_customer(store, "7", "ann@shop.example")


@pytest.fixture
def bob(store):
    return make_customer(store, "8", "bob@shop.example")


def refusal(answer):
    body = answer.json()
    assert set(body) <= {"error", "message", "field"}
    return answer.status_code, body["error"], body.get("field")


def nobody(external_id=None, email=None):
    return {
        "customer_id": external_id, "email": email, "points": 0, "point_balance": 0, "points_pending": 0,
        "vip_tier": None, "points_expire_at": None, "found": False,
    }  # fmt: skip


class TestBalance:
    @pytest.mark.parametrize("call", ["customer", "point-balance", "points-balance", "get-point-balance"])
    def test_by_id_or_address_under_every_path(self, store, shop, ann, call):
        shop.asks("points-add", customer_id="7", points=120)
        for members in ({"customer_id": 7}, {"email": "ANN@shop.example "}, {"customer": {"id": "7"}}):
            assert shop.asks(call, **members) == nobody("7", "ann@shop.example") | {
                "points": 120, "point_balance": 120, "found": True,
            }  # fmt: skip

    def test_pending_points_are_apart(self, store, shop, work, add_rule):
        add_rule(store, "purchase", 1)
        shop.sends("orders-processing", id="A1", total_price="50.00", customer={"id": "7"})
        work(store)
        answer = shop.asks("customer", customer_id="7")
        assert (answer["points"], answer["points_pending"], answer["found"]) == (0, 50, True)

    def test_unknown_customers_have_nothing(self, shop):
        assert shop.asks("customer", customer_id="nobody") == nobody("nobody")
        assert shop.asks("customer", email="no@body.example") == nobody(None, "no@body.example")

    def test_reading_keeps_nothing(self, store, shop, ann):
        shop.asks("customer", customer_id="7")
        assert not store.inbound_events.exists()

    def test_fractions_of_points_are_not_told(self, store, shop, ann):
        type(store).objects.update(points_decimals=2)
        shop.asks("points-add", customer_id="7", points=5)
        store.wallets.update(balance=Decimal("5.99"))
        assert shop.asks("customer", customer_id="7")["points"] == 5

    def test_of_another_store_is_unknown(self, other_store, shop):
        make_customer(other_store, "7", "ann@shop.example")
        assert not shop.asks("customer", customer_id="7")["found"]
        assert not shop.asks("point-balances", ids="7", emails="ann@shop.example")[0]["found"]


class TestBalances:
    @pytest.mark.parametrize("call", ["point-balances", "points-balances", "get-point-balances"])
    def test_one_for_each_asked_in_order(self, store, shop, ann, bob, call):
        CustomerAlias.objects.create(store=store, external_id="old-8", customer=bob)
        shop.asks("points-add", customer_id="8", points=3)
        answer = shop.asks(call, customer_ids=["8", 7, "none", "old-8"], emails="ann@shop.example, bob@shop.example")
        assert [(one["customer_id"], one["points"], one["found"]) for one in answer] == [
            ("8", 3, True), ("7", 0, True), ("none", 0, False), ("8", 3, True), ("7", 0, True), ("8", 3, True),
        ]  # fmt: skip

    def test_many_cost_as_many_queries_as_one(self, store, shop, ann, django_assert_max_num_queries):
        with django_assert_max_num_queries(21):
            assert len(shop.asks("point-balances", ids=list(range(1, 251)))) == 250

    def test_limits(self, shop):
        assert refusal(shop.sends("point-balances", t=1)) == (400, "missing_field", "customer_ids")
        assert refusal(shop.sends("point-balances", ids=list(range(1, 252))))[:2] == (400, "invalid_value")
        assert refusal(shop.sends("point-balances", ids=[{}]))[:2] == (400, "invalid_value")
        assert refusal(shop.sends("point-balances", emails=["x"])) == (400, "invalid_value", "emails")


class TestPoints:
    @pytest.mark.parametrize("call", POINTS_ADD)
    def test_adding(self, store, shop, ann, call):
        answer = shop.asks(call, customer_id="7", points="100", note="Sorry for the delay")
        entry = store.entries.get()
        assert answer == {
            "status": "approved", "activity_id": str(entry.public_id), "points": 100, "points_balance": 100,
        }  # fmt: skip
        assert (entry.kind, entry.reason, entry.actor) == ("adjust", "Sorry for the delay", "lootly")

    @pytest.mark.parametrize("call", POINTS_SUBTRACT)
    def test_taking_never_overdraws(self, store, shop, ann, call):
        shop.asks("points-add", customer_id="7", points=100)
        assert shop.asks(call, customer_id="7", points=60)["points_balance"] == 40
        for _ in range(2):
            assert refusal(shop.sends(call, customer_id="7", points=41)) == (409, "insufficient_points", None)
        assert balance(ann) == 40

    @pytest.mark.parametrize(
        "spelling", ["points", "Point", "point_value", "points-value", "VALUE", "amount", "pointValue"]
    )
    @pytest.mark.parametrize(
        "who", [{"customer_id": 7}, {"Customer ID": "7"}, {"id": "7"}, {"customerEmail": "ann@shop.example"}]
    )
    def test_any_spelling(self, store, shop, ann, spelling, who):
        assert shop.asks("points-add", **who, **{spelling: Decimal("5.0")})["points_balance"] == 5

    def test_two_spellings_must_agree(self, shop, ann):
        assert shop.asks("points-add", id="7", customer_id=7, points=5, value="5")["points_balance"] == 5
        assert refusal(shop.sends("points-add", id="7", points=5, value=6)) == (400, "ambiguous_field", "points")
        assert refusal(shop.sends("points-add", id="7", customer_id="8", points=5))[:2] == (400, "ambiguous_field")

    @pytest.mark.parametrize(
        "points", [0, -1, "0", "1.5", Decimal("0.5"), 1_000_000_001, "1e3", True, [], {}, "x", "NaN", "\u0661"]
    )
    def test_absurd_points_are_refused(self, store, shop, ann, points):
        assert refusal(shop.sends("points-add", id="7", points=points)) == (400, "invalid_value", "points")
        assert not store.entries.exists()

    def test_who_and_how_much_must_be_said(self, shop, ann):
        assert refusal(shop.sends("points-add", id="7")) == (400, "missing_field", "points")
        assert refusal(shop.sends("points-add", points=5)) == (400, "missing_field", "customer_id")
        assert refusal(shop.sends("points-add", id="nobody", points=5)) == (404, "customer_not_found", None)
        assert refusal(shop.sends("points-add", id="7", points=5, reason="x" * 256)) == (400, "invalid_value", "reason")

    def test_id_and_address_must_be_one_customers(self, shop, ann, bob):
        answer = shop.sends("points-add", id="7", email="bob@shop.example", points=5)
        assert refusal(answer) == (400, "invalid_value", "email")
        assert refusal(shop.sends("points-add", id="9", email="bob@shop.example", points=5))[0] == 400
        assert shop.asks("points-add", id="7", email="new@shop.example", points=5)["points"] == 5


class TestRepeats:
    def test_a_call_id_is_the_same_call_for_ever(self, store, shop, ann, time_machine):
        time_machine.move_to(timezone.now())
        first = shop.asks("points-add", id="7", points=5, transaction_id="x", t=1)
        time_machine.shift(timedelta(days=400))
        assert shop.asks("add-points", id="7", points=5, transaction_id="x", t=2) == first
        assert balance(ann) == 5
        answer = shop.sends("points-add", id="7", points=6, transaction_id="x")
        assert refusal(answer) == (409, "id_conflict", "transaction_id")
        assert store.inbound_events.filter(outcome="rejected").count() == 1
        assert shop.asks("points-subtract", id="7", points=5, transaction_id="x")["points_balance"] == 0

    def test_with_t_an_equal_body_is_the_same_call_for_ever(self, shop, ann, time_machine):
        time_machine.move_to(timezone.now())
        shop.asks("points-add", id="7", points=5, t=1_700_000_000)
        time_machine.shift(timedelta(days=400))
        shop.asks("points-add", id="7", points=5, t=1_700_000_000)
        shop.asks("points-add", id="7", points=5, t=1_700_000_001)
        assert balance(ann) == 10

    def test_with_neither_an_equal_body_is_the_same_for_ten_minutes(self, store, shop, ann, time_machine):
        time_machine.move_to(datetime(2026, 5, 5, 12, 9, 50, tzinfo=UTC))
        for minutes in (0, 1, 8):
            time_machine.shift(timedelta(minutes=minutes))
            shop.asks("points-add", id="7", points=5)
        assert balance(ann) == 5
        assert Event.objects.filter(topic="attention", data__what="possible_second_call").count() == 1
        time_machine.shift(timedelta(minutes=1, seconds=1))
        shop.asks("points-add", id="7", points=5)
        assert balance(ann) == 10

    def test_a_refused_call_stays_refused(self, shop, ann):
        refused = shop.sends("points-subtract", id="7", points=5, reference="r1")
        assert refusal(refused)[1] == "insufficient_points"
        shop.asks("points-add", id="7", points=50)
        again = shop.sends("points-subtract", id="7", points=5, reference="r1")
        assert (again.status_code, again.json()) == (409, refused.json())
        assert balance(ann) == 50

    def test_a_call_that_fails_in_the_middle_leaves_nothing_and_may_be_made_again(self, store, shop, ann, monkeypatch):
        from integrations.dialects.lootly import calls

        with monkeypatch.context() as patched:
            patched.setattr(calls, "balance_of", lambda *args: 1 / 0)
            answer = shop.sends("customers-update", id="7", balance=50, birthday="1990-01-01", reference="r")
            assert answer.status_code == 503
        ann.refresh_from_db()
        assert (balance(ann), ann.birthday, store.inbound_events.count()) == (0, None, 0)
        assert shop.asks("customers-update", id="7", balance=50, reference="r")["points"] == 50


class TestUpdating:
    @pytest.mark.parametrize("call", ["customers-update", "customer-update", "update-customer"])
    def test_the_balance_moves_by_one_adjustment_and_only_if_it_differs(self, store, shop, ann, call):
        shop.asks("points-add", id="7", points=100)
        assert shop.asks(call, customer_id="7", point_balance=30)["points"] == 30
        assert shop.asks(call, customer_id="7", balance="30", t=5)["points"] == 30
        assert [entry.points for entry in store.entries.order_by("pk")] == [100, -70]
        assert shop.asks(call, email="ann@shop.example", points=0)["points"] == 0

    def test_birthday(self, shop, ann):
        shop.asks("customers-update", id="7", date_of_birth="1984-02-29")
        ann.refresh_from_db()
        assert str(ann.birthday) == "1984-02-29"

    @pytest.mark.parametrize("birthday", ["1983-02-29", "29.02.1984", "2999-01-01", "0000-01-01", 19840229, []])
    def test_impossible_birthdays_are_refused_and_nothing_else_is_done(self, shop, ann, birthday):
        answer = shop.sends("customers-update", id="7", birthday=birthday, balance=5)
        assert refusal(answer) == (400, "invalid_value", "birthday")
        assert balance(ann) == 0

    def test_a_blank_tier_is_automatic_and_no_other_is_known(self, shop, ann):
        assert shop.asks("customers-update", id="7", vip_tier="")["vip_tier"] is None
        assert shop.asks("customers-update", id="7", tier=None, t=1)["vip_tier"] is None
        assert refusal(shop.sends("customers-update", id="7", tier="Gold")) == (404, "tier_not_found", None)

    def test_something_must_be_said_of_someone(self, shop, ann):
        assert refusal(shop.sends("customers-update", id="7"))[:2] == (400, "missing_field")
        assert refusal(shop.sends("customers-update", id="x", balance=1))[:2] == (404, "customer_not_found")


class TestCustomAction:
    @pytest.fixture
    def rule(self, store, add_rule):
        return add_rule(store, "custom", 40, name="Sent a photo", identifier="photo")

    @pytest.mark.parametrize("call", ["custom-action", "custom-api-action"])
    def test_it_pays_at_once_by_action_id_or_identifier(self, store, shop, ann, rule, call):
        answer = shop.asks(call, email="ann@shop.example", action_id=rule.action_id)
        activity = store.activities.get(rule=rule)
        assert answer == {
            "status": "approved", "activity_id": str(activity.public_id), "points": 40, "points_balance": 40,
        }  # fmt: skip
        assert shop.asks(call, customer_id="7", action="photo")["points_balance"] == 80

    def test_points_override_the_rule(self, shop, ann, rule):
        assert shop.asks("custom-action", id="7", action_id="photo", points="25")["points_balance"] == 25

    def test_call_ids_make_equal_calls_count(self, shop, ann, rule):
        for reference in ("a", "b", "a"):
            shop.asks("custom-action", id="7", action_id="photo", reference=reference)
        assert balance(ann) == 80

    @pytest.mark.parametrize("guest", [0, "0", " ", " 0 "])
    def test_a_guests_id_names_nobody(self, store, shop, rule, guest):
        shop.asks("custom-action", customer_id=guest, email="new@shop.example", action_id="photo")
        assert store.customers.get().external_id is None
        assert refusal(shop.sends("custom-action", customer_id=guest, action_id="photo"))[:2] == (400, "missing_field")

    def test_a_call_told_again_when_its_body_is_forgotten_gets_the_first_answer(self, store, shop, ann, rule):
        first = shop.asks("custom-action", id="7", action_id="photo", reference="a")
        store.inbound_events.update(received_at=timezone.now() - timedelta(days=91))
        inbox.forget_bodies(store.pk)
        assert shop.asks("custom-action", id="7", action_id="photo", reference="a") == first
        assert balance(ann) == 40

    def test_over_its_limit_or_switched_off_it_is_declined(self, store, shop, ann, rule):
        type(rule).objects.update(limit="count", limit_value=1, limit_period="ever")
        shop.asks("custom-action", id="7", action_id="photo", t=1)
        declined = shop.asks("custom-action", id="7", action_id="photo", t=2)
        assert (declined["status"], declined["points"], declined["points_balance"]) == ("declined", 0, 40)
        assert declined["reason"]
        type(rule).objects.update(limit="", is_enabled=False)
        assert shop.asks("custom-action", id="7", action_id="photo", t=3)["status"] == "declined"
        assert balance(ann) == 40

    def test_by_hand_it_is_pending(self, shop, ann, rule):
        type(rule).objects.update(approval="by_hand")
        answer = shop.asks("custom-action", id="7", action_id="photo")
        assert (answer["status"], answer["points"], answer["points_balance"]) == ("pending", 40, 0)

    def test_unknown_people_and_actions(self, store, shop, ann, rule):
        assert refusal(shop.sends("custom-action", id="9", action_id="photo")) == (404, "customer_not_found", None)
        assert refusal(shop.sends("custom-action", id="7", action_id="x")) == (404, "action_not_found", None)
        assert refusal(shop.sends("custom-action", id="7")) == (400, "missing_field", "action_id")
        assert shop.asks("custom-action", email="new@shop.example", action_id="photo")["status"] == "pending"
        assert store.customers.get(email="new@shop.example").state == "guest"

    def test_it_teaches_nothing_about_a_known_customer(self, shop, ann, rule):
        shop.asks("custom-action", id="7", email="other@shop.example", action_id="photo")
        ann.refresh_from_db()
        assert ann.email == "ann@shop.example"


def test_two_stores_with_equal_calls_do_not_meet(store, other_store, shop, client, ann):
    from .conftest import Shop

    connect(other_store, key="rival-key", secret="rival-secret")
    rival = make_customer(other_store, "7")
    Shop(client, key="rival-key", secret="rival-secret").asks("points-add", id="7", points=5, reference="r")
    assert (balance(rival), balance(ann)) == (5, 0)
    shop.asks("points-add", id="7", points=9, reference="r")
    assert (balance(rival), balance(ann)) == (5, 9)
