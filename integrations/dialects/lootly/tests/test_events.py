"""Section 3 of the contract: what each event does, in any spelling, order and number."""

import itertools
import random
from decimal import Decimal

import pytest

from conftest import balance, make_customer
from customers.models import Customer, Event
from integrations.models import Connection

from .conftest import connect


@pytest.fixture
def purchase(store, add_rule):
    return add_rule(store, "purchase", 1)


def find(store, external_id):
    return store.customers.get(external_id=external_id)


def items(store, what):
    return list(Event.objects.filter(store=store, topic="attention", data__what=what))


ORDER = {
    "id": "A1",
    "total_price": "120.00",
    "subtotal_price": "100.00",
    "total_tax": "10.00",
    "total_discounts": "5.00",
    "customer": {"id": "c9", "email": "c9@shop.example"},
}


class TestOrders:
    def test_ids_are_text_with_their_zeros(self, store, shop, work):
        for order_id in (501, "501", "000000501"):
            shop.sends("orders-completed", **ORDER | {"id": order_id})
        work(store)
        assert set(store.orders.values_list("external_id", flat=True)) == {"501", "000000501"}

    @pytest.mark.parametrize(
        ("total", "stored"),
        [
            ("120.00", "120.00"),
            (120, "120.00"),
            (Decimal("12.345"), "12.35"),
            (Decimal("0.30000000000000004"), "0.30"),
            ("-5", "0.00"),
            (" 7.5 ", "7.50"),
            ("1e3", None),
        ],
    )
    def test_amounts_come_as_text_number_or_float(self, store, shop, work, total, stored):
        answer = shop.sends(
            "orders-completed", **ORDER | {"total_price": total, "subtotal_price": "0", "total_tax": None}
        )
        work(store)
        if stored is None:
            assert answer.status_code == 400
        else:
            assert store.orders.get().total == Decimal(stored)

    def test_amounts_are_rounded_to_the_currencys_smallest_unit(self, store, shop, work):
        type(store).objects.update(currency="JPY")
        shop.sends("orders-completed", **ORDER | {"total_price": "1199.5"})
        work(store)
        assert store.orders.get().total == 1200

    @pytest.mark.parametrize(
        ("rewardable", "members", "points"),
        [
            ("subtotal", {}, 100),
            ("subtotal", {"subtotal_price": ""}, 110),
            ("subtotal", {"subtotal_price": None, "total_tax": None}, 120),
            ("total", {}, 120),
            ("total_without_tax", {}, 110),
            ("subtotal", {"total_price": ""}, 100),
        ],
    )
    def test_points_are_for_what_the_merchant_chose(self, store, shop_as, work, purchase, rewardable, members, points):
        connect(store, rewardable=rewardable)
        shop_as("common").sends("orders-completed", **ORDER | members)
        work(store)
        assert balance(find(store, "c9")) == points

    def test_status_below_the_chosen_one_leaves_points_pending(self, store, shop, work, purchase):
        shop.sends("orders-processing", **ORDER)
        work(store)
        wallet = find(store, "c9").wallets.get()
        assert (wallet.balance, wallet.pending) == (0, 100)
        shop.sends("orders-completed", **ORDER)
        work(store)
        wallet.refresh_from_db()
        assert (wallet.balance, wallet.pending) == (100, 0)

    def test_the_merchant_may_award_earlier(self, store, shop_as, work, purchase):
        connect(store, award_on="paid")
        shop_as("common").sends("orders-paid", **ORDER)
        work(store)
        assert balance(find(store, "c9")) == 100

    def test_a_later_status_that_only_names_the_order_erases_nothing(self, store, shop, work, purchase):
        shop.sends("orders-processing", **ORDER, products=[{"product_id": 1}])
        shop.sends("orders-completed", id="A1", customer={}, total_price="", discount_codes=[])
        work(store)
        assert balance(find(store, "c9")) == 100
        assert len(store.orders.get().items) == 1

    def test_of_differing_bodies_the_lower_total_is_believed_and_a_person_told(self, store, shop, work, purchase):
        for total in ("120.00", "90.00", "95.00"):
            shop.sends("orders-completed", **ORDER | {"total_price": total, "subtotal_price": total})
        work(store)
        assert balance(find(store, "c9")) == 90
        assert len(items(store, "order_changed")) == 1

    def test_of_dated_bodies_the_newest_is_believed_whenever_it_comes(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER | {"subtotal_price": "70.00", "updated_at": "2026-02-01T10:00:00Z"})
        shop.sends("orders-completed", **ORDER | {"subtotal_price": "50.00", "updated_at": 1_760_000_000})
        work(store)
        assert balance(find(store, "c9")) == 70
        assert not items(store, "order_changed")

    def test_codes_of_both_spellings_are_kept_once(self, store, shop, work):
        shop.sends(
            "orders-completed", **ORDER, discount_codes=[{"code": "A"}, {"code": "B"}, {}, "C", None], coupon_code="A"
        )
        work(store)
        assert store.orders.get().discount_codes == ["A", "B", "C"]

    @pytest.mark.parametrize("guest", [None, "", 0, "0", "  ", " 0 ", "\t0"])
    def test_an_order_without_customer_id_is_a_guests(self, store, shop, work, guest):
        shop.sends("orders-completed", **ORDER | {"customer": {"id": guest, "email": "g@shop.example"}})
        work(store)
        assert store.customers.get().external_id is None

    @pytest.mark.parametrize("nobody", [None, [], {}, "x", {"email": "nonsense"}])
    def test_an_order_of_nobody_is_kept_and_earns_nothing(self, store, shop, work, purchase, nobody):
        assert shop.sends("orders-completed", **ORDER | {"customer": nobody}).status_code == 200
        work(store)
        assert store.orders.get().customer is None
        assert not store.entries.exists()

    def test_guests_orders_can_be_left_out(self, store, shop_as, work, purchase):
        connect(store, count_guest_orders=False)
        shop_as("common").sends("orders-completed", **ORDER | {"customer": {"email": "g@shop.example"}})
        work(store)
        assert not store.customers.exists()
        assert store.orders.get().customer is None

    def test_the_moment_of_the_order_is_its_own(self, store, shop, work):
        shop.sends("orders-completed", **ORDER, created_at="2025-03-04T05:06:07+02:00")
        work(store)
        assert store.orders.get().placed_at.isoformat() == "2025-03-04T03:06:07+00:00"

    def test_zip_country_and_birthday_are_learned_and_never_erased(self, store, shop, work):
        shop.sends("orders-completed", **ORDER | {"customer": {
            "id": "c9", "first_name": "Ann", "birthday": "1980-05-06 00:00:00",
            "default_address": {"zip": "75001", "country": "FRA"}}})  # fmt: skip
        shop.sends("customers-create", id="c9", first_name="", birthday="31.12.1999", default_address=[])
        work(store)
        customer = find(store, "c9")
        assert (customer.first_name, str(customer.birthday)) == ("Ann", "1980-05-06")
        assert customer.properties == {"zip": "75001", "country": "FR"}


class TestRefunds:
    def test_with_ids_each_entry_is_a_refund_and_counts_once(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        same = [{"id": 1, "amount": "12.00"}, {"id": 2, "amount": "12.00"}]
        for _ in range(2):
            assert shop.sends("refunds-create", id="A1", transactions=same).status_code == 200
        assert shop.sends("refunds-create", id="A1", transactions=same[:1]).status_code == 200
        work(store)
        assert store.orders.get().refunded == 24
        assert balance(find(store, "c9")) == 80

    def test_one_id_for_all_entries(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        for name in ("transaction_id", "refund_id"):
            shop.sends("refunds-create", id="A1", transactions=[{"amount": 10}, {"amount": "-2"}], **{name: name})
        work(store)
        assert store.orders.get().refunded == 24

    def test_the_same_id_with_another_amount_is_refused_at_once_and_shown(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        assert shop.sends("refunds-create", id="A1", transactions=[{"id": "r", "amount": "12.00"}]).status_code == 200
        for _ in range(2):
            answer = shop.sends("refunds-create", id="A1", transactions=[{"id": "r", "amount": "13.00"}])
            assert (answer.status_code, answer.json()["error"]) == (409, "id_conflict")
        work(store)
        assert store.orders.get().refunded == 12
        assert store.inbound_events.get(outcome="rejected").answer_status == 409

    def test_an_equal_refund_without_id_counts_once_and_is_shown(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        for _ in range(2):
            shop.sends("refunds-create", id="A1", transactions=[{"amount": "50.00"}])
            work(store)
        assert store.orders.get().refunded == 50
        [item] = items(store, "possible_second_refund")
        assert (item.data["order"], item.data["amount"]) == ("A1", "50.00")
        fact = store.order_facts.get(identity=item.data["identity"])
        assert fact.data["is_uncounted"]

    def test_a_second_refund_that_would_exceed_the_total_is_not_even_shown(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        for _ in range(5):
            shop.sends("refunds-create", id="A1", transactions=[{"amount": "50.00"}])
            work(store)
        assert len(items(store, "possible_second_refund")) == 1
        assert store.order_facts.filter(kind="refund").count() == 2

    def test_different_refunds_without_id_all_count_up_to_the_total(self, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        for amount in ("50.00", "50.01", "90"):
            shop.sends("refunds-create", id="A1", transactions=[{"amount": amount}])
        work(store)
        assert store.orders.get().refunded == 120
        assert balance(find(store, "c9")) == 0


def test_any_order_of_arrival_ends_in_the_same_points(store, shop, work, purchase):
    """A sample of the 720 orders of six facts, each with one told twice, on the wire."""
    facts = [
        ("orders-processing", {}), ("orders-paid", {"total_price": "130.00"}), ("orders-completed", {}),
        ("refunds-create", {"transactions": [{"amount": "15.00"}]}),
        ("refunds-create", {"transactions": [{"amount": "3.00", "id": 1}]}),
        ("customers-create", {}),
    ]  # fmt: skip
    arrivals = random.Random(7).sample(list(itertools.permutations(facts)), 12)
    ends = set()
    for number, arrival in enumerate(arrivals):
        for event, members in [*arrival, arrival[number % 6]]:
            if event == "customers-create":
                shop.sends(event, id=f"c{number}", email=f"c{number}@shop.example")
            elif event == "refunds-create":
                shop.sends(event, id=f"A{number}", **members)
            else:
                who = {"id": f"c{number}", "email": f"c{number}@shop.example"}
                shop.sends(event, **ORDER | {"id": f"A{number}", "customer": who} | members)
            if number % 2:
                work(store)
        work(store)
        ends.add(balance(find(store, f"c{number}")))
    assert ends == {Decimal(85)}  # floor(100 x 18 / 120) taken back


class TestPeople:
    def test_an_id_takes_over_a_customer_known_by_email_only(self, store, shop, work):
        shop.sends("orders-completed", **ORDER | {"customer": {"email": "Ann@Shop.example"}})
        shop.sends("customers-create", id=7, email="ann@shop.example")
        work(store)
        assert store.customers.get().external_id == "7"

    @pytest.mark.parametrize("event", ["customers-create", "orders-completed"])
    def test_an_address_of_another_id_stays_there_and_is_shown_once(self, store, shop, work, purchase, event):
        make_customer(store, "first", "ann@shop.example")
        for order in ("A1", "A2"):
            if event == "customers-create":
                shop.sends(event, id="second", email="ann@shop.example", state=order)
            else:
                shop.sends(event, **ORDER | {"id": order, "customer": {"id": "second", "email": "ann@shop.example"}})
            work(store)
        assert find(store, "second").email is None
        assert find(store, "first").email == "ann@shop.example"
        assert balance(find(store, "first")) == 0
        assert balance(find(store, "second")) == (200 if event == "orders-completed" else 0)
        [item] = items(store, "email_conflict")
        assert item.customer == find(store, "second")

    def test_the_latest_profile_holds_though_it_was_told_before(self, store, shop, work):
        for name in ("Ann", "Anna", "Ann"):
            shop.sends("customers-create", id=7, first_name=name)
            work(store)
        assert find(store, "7").first_name == "Ann"

    def test_unreadable_addresses_and_dates_are_left_out(self, store, shop, work):
        shop.sends("customers-create", id=7, email="nonsense", birthday="2999-01-01", first_name=["x"])
        work(store)
        customer = find(store, "7")
        assert (customer.email, customer.birthday, customer.first_name) == (None, None, "")
        assert customer.state == Customer.State.ENROLLED

    def test_points_that_waited_for_joining_come_with_the_account(self, store, shop, work, add_rule):
        rule = add_rule(store, "custom", 40)
        answer = shop.asks("custom-action", email="new@shop.example", action_id=rule.action_id)
        assert (answer["status"], answer["points"], answer["points_balance"]) == ("pending", 40, 0)
        shop.sends("customers-create", id=7, email="new@shop.example")
        work(store)
        assert balance(find(store, "7")) == 40


class TestInstalling:
    def test_another_host_on_a_live_connection_waits_for_the_owner(self, store, shop, work, connection):
        shop.sends("app-installed", shop_url="https://shop.example/", api_endpoint="https://shop.example/rest/")
        work(store)
        shop.sends("app-installed", shop_url="https://shop.example/", api_endpoint="https://shop.example/rest/v2/")
        work(store)
        shop.sends("app-installed", shop_url="https://evil.example/", api_endpoint="https://evil.example/rest/")
        work(store)
        settings = Connection.objects.get(pk=connection.pk).settings
        assert settings["endpoints"]["api_endpoint"] == "https://shop.example/rest/v2/"
        assert settings["new_endpoints"]["api_endpoint"] == "https://evil.example/rest/"
        assert settings["rewardable"] == "subtotal"
        assert len(items(store, "new_shop_address")) == 1
