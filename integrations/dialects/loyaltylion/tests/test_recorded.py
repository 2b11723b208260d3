"""What shops send, replayed through the address, the worker and the ledger."""

from conftest import balance
from customers.models import Customer

from .conftest import payload


def send(shop, name: str, **headers: str) -> None:
    answer = shop.send("POST", "/v2/activities", payload(name), **headers)
    assert (answer.status_code, answer.content) == (201, b""), answer.content


def put(shop, path: str, name: str) -> int:
    return shop.send("PUT", f"/v2/activities/{path}", payload(name)).status_code


def person(store, external_id: str) -> Customer:
    return store.customers.get(external_id=external_id)


def test_php_client_tells_a_custom_action_and_takes_it_back(store, shop, add_rule, work):
    add_rule(store, identifier="leave_a_tip", points=40)

    for _ in range(2):
        send(shop, "php-client-custom", Content_Type="application/x-www-form-urlencoded")
    work(store)

    [row] = shop.activities()
    assert (row["merchant_id"], row["value"], row["state"]) == ("tip-9001", 40, "approved")
    assert row["rule"]["name"] == "leave_a_tip"
    assert row["customer"] | {"id": 0} == {
        "id": 0, "merchant_id": "501", "email": "zoë@shop.example",
        "points_pending": 0, "points_approved": 40, "points_spent": 0,
    }  # fmt: skip
    assert person(store, "501").state == "enrolled"
    assert put(shop, "leave_a_tip/tip-9001", "php-client-state") == 204
    assert put(shop, "leave_a_tip/tip-9001", "php-client-decline") == 204
    assert put(shop, "leave_a_tip/tip-9001", "php-client-state") == 422
    assert balance(person(store, "501")) == 0


def test_magento_style_shop_signs_up_reviews_and_subscribes(store, shop, add_rule, work):
    add_rule(store, "sign_up", 250)
    add_rule(store, "review", 30)
    add_rule(store, "newsletter_signup", 5)

    for name in ("magento-style-signup", "magento-style-review-pending", "magento-style-newsletter"):
        send(shop, name)
        send(shop, name)
    work(store)

    maria = person(store, "77")
    assert (maria.email, maria.state) == ("maria.lopez@shop.example", "enrolled")
    assert [(row["rule"]["name"], row["state"], row["value"]) for row in shop.activities(since_id=0)] == [
        ("$signup", "approved", 250), ("$review", "pending", 30), ("$newsletter_signup", "approved", 5),
    ]  # fmt: skip
    assert (balance(maria), maria.wallets.get().pending) == (255, 30)
    assert put(shop, "%24review/3112", "php-client-state") == 204
    assert (balance(maria), maria.wallets.get().pending) == (285, 0)
    assert store.activities.get(action="review").properties == {"product_id": "1088", "rating": "4.5"}


def test_prestashop_style_strings_are_understood(store, shop, add_rule, work):
    add_rule(store, "sign_up", 100)
    add_rule(store, "review", 20, approval="after_days", approval_days=14)

    send(shop, "prestashop-style-signup")
    send(shop, "prestashop-style-signup")
    send(shop, "prestashop-style-review")
    work(store)

    assert [(row["merchant_id"], row["rule"]["name"], row["state"]) for row in shop.activities(since_id=0)] == [
        (None, "$signup", "approved"), ("88", "$review", "approved"),
    ]  # fmt: skip
    assert balance(person(store, "12")) == 120
    assert store.activities.get(action="sign_up").occurred_at.isoformat() == "2025-11-05T08:00:00+00:00"
    assert put(shop, "review/88/", "php-client-decline") == 204
    assert balance(person(store, "12")) == 100


def test_storefront_clicks_and_visits_earn_for_a_guest(store, shop, add_rule, work):
    wanted = {"url": "https://shop.example/story?from=mail&x=1"}
    add_rule(store, "clickthrough", 3, name="Other page", settings={"url": "https://shop.example/other"})
    add_rule(store, "clickthrough", 7, name="Our story", settings=wanted)
    add_rule(store, "visit", 2, limit="count", limit_value=1, limit_period="day")

    send(shop, "storefront-clickthrough")
    send(shop, "storefront-visit")
    send(shop, "storefront-visit")
    work(store)

    rows = shop.activities(since_id=0)
    assert [(row["rule"]["name"], row["rule"]["title"], row["value"]) for row in rows] == [
        ("$clickthrough", "Our story", 7), ("$visit", "visit rule", 2), (None, None, 0),
    ]  # fmt: skip
    ana = person(store, "c-9")
    assert (ana.state, ana.email, balance(ana)) == ("guest", "ana@shop.example", 9)
