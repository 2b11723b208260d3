"""Orders over the native API: facts in any order, points by the fold."""

import pytest

from conftest import balance, make_customer

URL = "/api/v1/orders"
ORDER = {
    "external_id": "1042", "status": "completed", "customer": {"external_id": "c1"}, "total": "39.99",
    "shipping": "5.00", "tax": "5.00", "placed_at": "2026-03-31T14:05:00+02:00",
}  # fmt: skip


@pytest.fixture
def rule(store, add_rule):
    return add_rule(store, "purchase", 1)


def test_a_completed_order_pays_by_what_was_bought(api, store, customer, rule, work):
    answer = api.post(URL, ORDER)

    assert answer.status_code == 201
    assert answer.json() == {"order": "1042", "fact": "status", "is_new": True}
    work(store)
    assert balance(customer) == 29
    shown = api.get(f"{URL}/1042").json()
    assert (shown["status"], shown["total"], shown["subtotal"]) == ("completed", "39.99", "29.99")
    assert (shown["activity"]["state"], shown["activity"]["points"]) == ("approved", "29")


def test_told_again_it_changes_nothing(api, store, customer, rule, work):
    api.post(URL, ORDER)

    again = api.post(URL, ORDER)

    assert (again.status_code, again.json()["is_new"]) == (200, False)
    work(store)
    assert balance(customer) == 29


def test_a_partial_and_then_the_rest_refunded_end_at_zero(api, store, customer, rule, work):
    api.post(URL, ORDER)
    for refund, amount in (("r1", "10.00"), ("r1", 10), ("r2", "29.99")):
        assert api.post(f"{URL}/1042/refunds", {"external_id": refund, "amount": amount}).status_code in (200, 201)
        work(store)

    assert balance(customer) == 0
    assert api.get(f"{URL}/1042").json()["refunded"] == "39.99"


def test_a_refund_with_another_amount_is_a_conflict(api, store, customer, rule):
    api.post(f"{URL}/1042/refunds", {"external_id": "r1", "amount": "10.00"})

    assert api.post(f"{URL}/1042/refunds", {"external_id": "r1", "amount": "11.00"}).status_code == 409


def test_a_cancelled_order_pays_nothing_whatever_comes_after(api, store, customer, rule, work):
    assert api.post(f"{URL}/1042/cancel").status_code == 201
    assert api.post(f"{URL}/1042/cancel").status_code == 200
    api.post(URL, ORDER)
    work(store)

    assert balance(customer) == 0
    assert api.get(f"{URL}/1042").json()["is_cancelled"] is True


def test_the_newest_statement_is_believed_in_any_order_of_arrival(api, store, customer, rule, work):
    api.post(URL, ORDER | {"total": "20.00", "shipping": 0, "tax": 0, "updated_at": "2026-04-02T10:00:00+02:00"})
    api.post(URL, ORDER | {"updated_at": "2026-04-02T07:59:59.5Z"})
    work(store)

    assert balance(customer) == 20


def test_a_shoppers_id_may_hold_slashes(api, store, customer, rule, work):
    api.post(URL, ORDER | {"external_id": "2026/0001"})
    api.post(f"{URL}/2026/0001/refunds", {"external_id": "r1", "amount": "39.99"})
    work(store)

    assert api.get(f"{URL}/2026/0001").json()["refunded"] == "39.99"


def test_a_registered_buyer_joins(api, store, rule, work):
    buyer = {"external_id": "new", "email": "ada@shop.example", "first_name": "Ada", "is_registered": True}
    api.post(URL, ORDER | {"customer": buyer})
    work(store)

    made = store.customers.get(external_id="new")
    assert (made.state, made.first_name, balance(made)) == ("enrolled", "Ada", 29)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "shipped"), ("status", None), ("total", "-1"), ("total", "1e9"), ("total", "12345678901"),
        ("total", "0.00001"), ("total", None), ("total", {}), ("currency", "USD"), ("external_id", ""),
        ("external_id", "x" * 256), ("customer", []), ("customer", {"email": "nobody"}), ("placed_at", "2026-02-30"),
        ("placed_at", "9999-01-01"), ("updated_at", "0000-00-00"), ("items", [{}]), ("items", "x"),
        ("items", [{"product_id": "p"}] * 501), ("discount_codes", [1.5, {}]), ("more", 1),
    ],
)  # fmt: skip
def test_a_bad_order_stores_nothing(api, store, customer, field, value):
    answer = api.post(URL, ORDER | {field: value})

    assert answer.status_code == 400, answer.json()
    assert store.order_facts.count() == 0


@pytest.mark.parametrize("body", [{}, {"external_id": "r1"}, {"external_id": "r1", "amount": "0"}, {"amount": "5"}, []])
def test_a_bad_refund_stores_nothing(api, store, body):
    assert api.post(f"{URL}/1042/refunds", body).status_code == 400
    assert store.order_facts.count() == 0


def test_an_order_nobody_told_of_is_404(api, store, other_store):
    make_customer(other_store, "c1")
    other_store.orders.create(external_id="theirs")

    for order in ("1042", "theirs", "%00", "x" * 300):
        assert api.get(f"{URL}/{order}").status_code == 404
    assert api.post(f"{URL}/%00/cancel").status_code == 404
