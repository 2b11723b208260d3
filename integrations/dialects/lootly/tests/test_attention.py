"""What this wire leaves for a person: seen on the page, decided there, exactly once."""

import pytest

from conftest import balance, make_customer
from customers.models import Event, Resolution
from integrations import inbox
from integrations.models import Connection

from .test_events import ORDER, find

PAGE = "/s/acme/attention/"


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


@pytest.fixture
def purchase(store, add_rule):
    return add_rule(store, "purchase", 2)


def open_item(what: str) -> Event:
    return Event.objects.get(topic="attention", data__what=what, resolutions=None)


def choices(page) -> list[str]:
    return [choice.label for item in page.get(PAGE).context["items"] for choice in item.choices]


def decide(client, event: Event, choice: str) -> str:
    return client.post(f"{PAGE}{event.public_id}/", {"choice": choice}, follow=True).text


class TestSecondRefund:
    @pytest.fixture
    def item(self, store, shop, work, purchase) -> Event:
        shop.sends("orders-completed", **ORDER)
        for _ in range(2):
            shop.sends("refunds-create", id="A1", transactions=[{"amount": "50.00"}])
            work(store)
        return open_item("possible_second_refund")

    def test_counted_it_takes_back_as_much_again_and_only_once(self, page, store, work, item):
        assert "a refund of 50.00 EUR twice" in page.get(PAGE).text
        before = balance(find(store, "c9"))
        answers = [decide(page, item, "count") for _ in range(2)]
        work(store)
        assert store.orders.get().refunded == 100
        assert balance(find(store, "c9")) < before
        assert "counts now" in answers[0] and "decided this already" in answers[1]

    def test_dismissed_it_changes_nothing(self, page, store, work, item):
        decide(page, item, "dismiss")
        decide(page, item, "count")
        work(store)
        assert store.orders.get().refunded == 50

    def test_one_that_was_counted_is_not_taken_for_two_when_a_third_comes(self, page, store, shop, work, purchase):
        shop.sends("orders-completed", **ORDER)
        for told in range(3):  # three times 40 is the whole of 120
            shop.sends("refunds-create", id="A1", transactions=[{"amount": "40.00"}])
            work(store)
            if told:
                decide(page, open_item("possible_second_refund"), "count")
                work(store)
        assert store.orders.get().refunded == 120
        assert balance(find(store, "c9")) == 0


class TestOrderChanged:
    @pytest.fixture
    def item(self, store, shop, work, purchase) -> Event:
        for total in ("120.00", "90.00", "110.00"):
            shop.sends("orders-completed", **ORDER | {"total_price": total, "subtotal_price": total})
        work(store)
        assert store.orders.get().total == 90
        return open_item("order_changed")

    def test_the_body_that_is_picked_counts(self, page, store, work, item):
        labels = [label.split(",")[0] for label in choices(page)]
        assert labels == ["Use 120.00 EUR", "Keep 90.00 EUR", "Use 110.00 EUR"]
        [pick] = [choice.key for choice in page.get(PAGE).context["items"][0].choices if "110" in choice.label]
        for _ in range(2):
            decide(page, item, pick)
            work(store)
        assert (store.orders.get().total, balance(find(store, "c9"))) == (110, 220)
        assert Resolution.objects.get().choice == pick

    def test_kept_the_lowest_counts_on(self, page, store, work, item):
        decide(page, item, "dismiss")
        work(store)
        assert store.orders.get().total == 90

    def test_another_body_after_the_pick_asks_again_and_the_pick_holds_meanwhile(self, page, store, shop, work, item):
        pick = page.get(PAGE).context["items"][0].choices[0]
        decide(page, item, pick.key)
        shop.sends("orders-completed", **ORDER | {"total_price": "70.00", "subtotal_price": "70.00"})
        work(store)
        assert store.orders.get().total == 120
        labels = [label.split(",")[0] for label in choices(page)]
        assert labels == ["Keep 120.00 EUR", "Use 90.00 EUR", "Use 110.00 EUR", "Use 70.00 EUR"]
        decide(page, open_item("order_changed"), page.get(PAGE).context["items"][0].choices[3].key)
        work(store)
        assert store.orders.get().total == 70


class TestNewAddress:
    @pytest.fixture
    def item(self, store, shop, work, connection) -> Event:
        for host in ("shop.example", "new.example"):
            shop.sends("app-installed", shop_url=f"https://{host}/", api_endpoint=f"https://{host}/rest/")
            work(store)
        return open_item("new_shop_address")

    @staticmethod
    def endpoint(connection) -> str:
        return Connection.objects.get(pk=connection.pk).settings["endpoints"]["api_endpoint"]

    def test_confirmed_it_holds(self, page, store, connection, item):
        assert "moved to https://new.example/" in page.get(PAGE).text
        decide(page, item, "confirm")
        assert self.endpoint(connection) == "https://new.example/rest/"

    def test_refused_it_is_forgotten_and_may_be_told_again(self, page, store, shop, work, connection, item):
        decide(page, item, "refuse")
        assert self.endpoint(connection) == "https://shop.example/rest/"
        shop.sends("app-installed", shop_url="https://new.example/", api_endpoint="https://new.example/rest/")
        work(store)
        decide(page, open_item("new_shop_address"), "confirm")
        assert self.endpoint(connection) == "https://new.example/rest/"

    def test_an_address_that_was_replaced_since_cannot_be_confirmed(self, page, store, shop, work, connection, item):
        shop.sends("app-installed", shop_url="https://third.example/", api_endpoint="https://third.example/rest/")
        work(store)
        assert "cannot be chosen any more" in decide(page, item, "confirm")
        assert self.endpoint(connection) == "https://shop.example/rest/"

    def test_support_may_not_move_a_shop(self, sign_in, support, connection, item):
        client = sign_in(support)
        assert choices(client) and "Confirm</button>" not in client.get(PAGE).text
        assert "Only owners and managers" in decide(client, item, "confirm")
        assert self.endpoint(connection) == "https://shop.example/rest/"


class TestSecondCall:
    @pytest.fixture
    def ann(self, store):
        return make_customer(store, "7", "ann@shop.example")

    def test_applied_it_counts_once_more_however_often_it_is_clicked(self, page, store, shop, ann):
        for _ in range(2):
            shop.asks("points-add", id="7", points=5)
        item = open_item("possible_second_call")
        assert "“points-add” twice within minutes: id 7, points 5." in page.get(PAGE).text
        for _ in range(2):
            decide(page, item, "apply")
        assert balance(ann) == 10
        assert store.inbound_events.filter(event="points-add", outcome="applied").count() == 2

    def test_dismissed_it_counts_no_more(self, page, shop, ann):
        for _ in range(2):
            shop.asks("points-add", id="7", points=5)
        decide(page, open_item("possible_second_call"), "dismiss")
        assert balance(ann) == 5

    def test_one_whose_body_is_forgotten_can_only_be_dismissed(self, page, store, shop, ann):
        for _ in range(2):
            shop.asks("points-add", id="7", points=5)
        store.inbound_events.update(received_at="2025-01-01T00:00Z")
        inbox.forget_bodies(store.pk)
        item = open_item("possible_second_call")
        assert "“points-add” twice within minutes." in page.get(PAGE).text
        decide(page, item, "apply")
        assert (balance(ann), Resolution.objects.count()) == (5, 0)
        decide(page, item, "dismiss")
        assert Resolution.objects.count() == 1

    def test_one_that_cannot_be_says_why_and_stays_open(self, page, store, shop, ann):
        shop.asks("points-add", id="7", points=5)
        for _ in range(2):
            shop.asks("points-subtract", id="7", points=3)
        item = open_item("possible_second_call")
        assert "It was refused: The balance is 2" in decide(page, item, "apply")
        assert (balance(ann), Resolution.objects.count()) == (2, 0)
        shop.asks("points-add", id="7", points=50)
        decide(page, item, "apply")
        assert balance(ann) == 49

    def test_a_refusal_that_is_repeated_waits_for_nobody(self, shop, ann):
        for _ in range(2):
            shop.sends("points-subtract", id="7", points=3)
        assert not Event.objects.filter(topic="attention").exists()
