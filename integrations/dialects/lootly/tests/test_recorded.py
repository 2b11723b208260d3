"""Recorded bodies of real shop software, through the real address, the worker's functions and the ledger."""

from decimal import Decimal

import pytest

from conftest import balance
from customers.models import Customer
from spending.models import Reward

from .conftest import connect

RECORDED_REWARD = 1  # that the recorded bodies name
ACCEPTED = {"data": {"status": "accepted"}}


def find(store, external_id):
    return store.customers.get(external_id=external_id)


@pytest.fixture
def purchase(store, add_rule):
    return add_rule(store, "purchase", 1)


def test_a_custom_shops_order_earns_for_its_subtotal(store, shop, work, purchase):
    answer = shop.replays("orders-completed", "custom-orders-completed")
    assert (answer.status_code, answer.reason_phrase, answer.json()) == (200, "OK", ACCEPTED)
    work(store)
    james = find(store, "001")
    assert balance(james) == 29
    assert (james.email, james.first_name, james.last_name) == ("james@shop.example", "James", "O'Neil/Bond")
    assert (str(james.birthday), james.state) == ("1970-01-01", Customer.State.ENROLLED)
    assert james.properties == {"country": "US", "zip": "11111"}
    order = store.orders.get()
    assert (order.external_id, order.status, order.discount_codes) == ("100001", "completed", ["SUMMER/É-10"])
    assert (order.total, order.subtotal, order.shipping, order.discount) == (
        Decimal("39.99"), Decimal("29.99"), Decimal("10.00"), Decimal("10.00"),
    )  # fmt: skip


def test_partial_refunds_to_the_full_total_end_at_exactly_zero(store, shop, work, purchase):
    shop.replays("orders-completed", "custom-orders-completed")
    work(store)
    assert shop.replays("refunds-create", "custom-refunds-create-partial").json() == ACCEPTED
    work(store)
    assert balance(find(store, "001")) == 29 - 11  # floor(29 x 15.99 / 39.99)
    shop.replays("refunds-create", "custom-refunds-create-rest")
    work(store)
    assert balance(find(store, "001")) == 0
    assert store.orders.get().refunded == Decimal("39.99")


def test_the_same_calls_sent_again_change_nothing(store, shop, work, purchase):
    calls = [
        ("customers-create", "custom-customers-create"),
        ("orders-completed", "custom-orders-completed"),
        ("refunds-create", "custom-refunds-create-partial"),
    ]
    for event, recording in calls:
        assert shop.replays(event, recording).json() == ACCEPTED
    work(store)
    before = list(store.entries.values_list("pk", flat=True)), balance(find(store, "001")), store.customers.count()
    for event, recording in [*calls, *reversed(calls)]:
        assert shop.replays(event, recording).json() == ACCEPTED
    work(store)
    after = list(store.entries.values_list("pk", flat=True)), balance(find(store, "001")), store.customers.count()
    assert after == before
    assert before[1] == 18


def test_a_cancel_that_comes_first_wins(store, shop, work, purchase):
    assert shop.replays("orders-cancelled", "custom-orders-cancelled").status_code == 200
    work(store)
    shop.replays("orders-completed", "custom-orders-completed")
    work(store)
    assert balance(find(store, "001")) == 0
    assert store.orders.get().is_cancelled


def test_creating_an_account_enrols_and_pays_once(store, shop, work, add_rule):
    add_rule(store, "sign_up", 250)
    for _ in range(2):
        assert shop.replays("customers-create", "custom-customers-create").json() == ACCEPTED
        work(store)
    zoe = find(store, "002")
    assert (zoe.first_name, zoe.last_name, zoe.email) == ("Zoé", "😀", "zoe@shop.example")
    assert zoe.state == Customer.State.ENROLLED
    assert balance(zoe) == 250


class TestWooCommerce:
    @pytest.fixture
    def woo(self, store, shop_as):
        connect(store, integration="woocommerce")
        return shop_as("woocommerce")

    def test_order_of_an_account_is_refunded_and_cancelled(self, store, woo, work, purchase):
        woo.replays("orders-completed", "woo-style-orders-completed-unsorted")
        work(store)
        woo_customer = find(store, "7")
        assert balance(woo_customer) == 55
        woo.replays("refunds-create", "woo-style-refunds-create-number-unsorted")
        work(store)
        assert balance(woo_customer) == 55 - 10  # floor(55 x 12.50 / 64.90)
        woo.replays("orders-cancelled", "woo-style-orders-cancelled-unsorted")
        work(store)
        assert balance(woo_customer) == 0

    def test_items_are_kept_with_what_was_spent_on_them(self, store, woo, work):
        woo.replays("orders-completed", "woo-style-orders-completed-unsorted")
        work(store)
        assert store.orders.get().items == [
            {
                "product_id": "11", "variant_id": "", "name": 'Mug "blue" <L> & co', "price": "27.50",
                "quantity": "2", "spent": "55.00", "categories": ["3"],
            }
        ]  # fmt: skip

    def test_a_guests_order_counts_for_the_account_made_later(self, store, woo, work, purchase):
        woo.replays("orders-completed", "woo-style-orders-completed-guest-unsorted")
        work(store)
        guest = store.customers.get(email="guest@shop.example")
        assert (guest.external_id, guest.state) == (None, Customer.State.GUEST)
        woo.sends("customers-create", id=9, email="Guest@Shop.example ")
        work(store)
        assert store.customers.count() == 1
        assert balance(find(store, "9")) == 55
        assert find(store, "9").state == Customer.State.ENROLLED

    def test_an_account_posted_at_each_login_stays_one_customer(self, store, woo, work):
        woo.replays("customers-create", "woo-style-customers-create-unsorted")
        woo.replays("orders-completed", "woo-style-orders-completed-unsorted")
        woo.replays("customers-create", "woo-style-customers-create-unsorted")
        work(store)
        assert store.customers.count() == 1
        assert store.activities.filter(action="sign_up").count() == 1


class TestMagento:
    @pytest.fixture
    def magento(self, store, shop_as):
        connect(store, integration="magento")
        return shop_as("magento")

    def test_paid_order_refunded_and_closed_takes_nothing_twice(self, store, magento, work, purchase):
        magento.replays("orders-paid", "magento-style-orders-paid")
        work(store)
        customer = find(store, "44")
        assert balance(customer) == 100  # paid is enough: award_on is processing for shops of a platform
        magento.replays("refunds-create", "magento-style-refunds-create-float")
        work(store)
        assert balance(customer) == 100 - 27  # floor(100 x 33.33 / 120)
        magento.replays("orders-closed", "magento-style-orders-closed")
        work(store)
        assert balance(customer) == 0
        assert store.orders.get().external_id == "000000123"
        assert store.entries.count() == 3

    def test_close_and_refund_before_the_order_wait_for_it(self, store, magento, work, purchase):
        magento.replays("orders-closed", "magento-style-orders-closed")
        magento.replays("refunds-create", "magento-style-refunds-create-float")
        work(store)
        assert store.orders.get().status == ""
        magento.replays("orders-paid", "magento-style-orders-paid")
        work(store)
        assert balance(find(store, "44")) == 0

    def test_magento_asks_on_the_common_address(self, store, magento, shop_as, work, purchase):
        magento.replays("orders-paid", "magento-style-orders-paid")
        work(store)
        answer = shop_as("common").replays("customer", "magento-style-common-customer-unsorted")
        assert answer.json() == {
            "data": {
                "customer_id": "44", "email": "mage@shop.example", "points": 100, "point_balance": 100,
                "points_pending": 0, "vip_tier": None, "points_expire_at": None, "found": True,
            }
        }  # fmt: skip

    def test_without_rewards_none_are_listed_and_none_can_be_redeemed(self, store, magento, shop_as, work):
        magento.replays("orders-paid", "magento-style-orders-paid")
        work(store)
        common = shop_as("common")
        assert common.replays("rewards-list", "magento-style-common-rewards-list-unsorted").json() == {"data": []}
        refused = common.replays("redeem-reward", "magento-style-common-redeem-reward-unsorted")
        assert (refused.status_code, refused.json()["error"]) == (404, "reward_not_found")

    def test_the_recorded_redeeming_gives_one_code_however_often(self, store, magento, shop_as, work, purchase):
        magento.replays("orders-paid", "magento-style-orders-paid")
        work(store)
        Reward.objects.create(
            pk=RECORDED_REWARD, store=store, kind="fixed_amount", name="Five off", points=60, code_source="generated"
        )
        common = shop_as("common")
        [listed] = common.replays("rewards-list", "magento-style-common-rewards-list-unsorted").json()["data"]
        assert listed["reward_id"] == str(RECORDED_REWARD)
        answers = [
            common.replays("redeem-reward", "magento-style-common-redeem-reward-unsorted").json()["data"]["data"]
            for _ in range(2)
        ]
        assert answers[0] == answers[1]
        assert answers[0]["coupon_code"] == store.redemptions.get().code
        assert balance(find(store, "44")) == answers[0]["points_balance"] == 40


def test_key_verify_and_app_installed_make_the_connection_live(store, shop, work, connection):
    shop.replays("key-verify", "key-verify")
    shop.replays("app-installed", "app-installed-unsorted")
    work(store)
    connection.refresh_from_db()
    assert connection.verified_at
    assert connection.settings["endpoints"] == {
        "shop_url": "https://shop.example/",
        "api_endpoint": "https://shop.example/index.php/wp-json/lootly/",
    }


def test_the_recorded_custom_action_pays_the_points_it_names(store, shop, work, add_rule):
    rule = add_rule(store, "custom", 100)
    type(rule).objects.filter(pk=rule.pk).update(action_id="ACTION_ID")
    shop.sends("customers-create", id="1", email="james@shop.example")
    work(store)
    answer = shop.replays("custom-action", "custom-action-unsorted").json()["data"]
    assert answer == {
        "status": "approved", "activity_id": str(store.activities.get(rule=rule).public_id),
        "points": 25, "points_balance": 25,
    }  # fmt: skip
