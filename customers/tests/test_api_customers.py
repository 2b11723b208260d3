"""Customers over the native API: adding, finding, changing, joining."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import balance, make_customer
from customers.models import Customer

URL = "/api/v1/customers"
ADA = {"external_id": "a1", "email": "Ada@Shop.Example", "first_name": "Ada", "birthday": "1990-12-10", "tags": ["vip"]}


def test_a_new_customer_joins_and_is_paid_for_it(api, store, add_rule, work):
    add_rule(store, "sign_up", 250)

    answer = api.post(URL, ADA)

    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["state"], shown["email"], shown["birthday"]) == ("enrolled", "ada@shop.example", "1990-12-10")
    assert (shown["tags"], shown["balance"]) == (["vip"], "0")
    work(store)
    assert api.get(f"{URL}/{shown['id']}").json()["balance"] == "250"


def test_adding_again_tells_more_and_pays_nothing_more(api, store, add_rule, work):
    add_rule(store, "sign_up", 250)
    first = api.post(URL, ADA).json()

    again = api.post(URL, {"email": "ada@shop.example", "last_name": "Lovelace", "properties": {"size": "M"}})

    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert (again.json()["first_name"], again.json()["last_name"]) == ("Ada", "Lovelace")
    work(store)
    assert balance(store.customers.get()) == 250


def test_a_guest_is_kept_until_they_join(api, store, add_rule, work):
    add_rule(store, "sign_up", 250)
    assert api.post(URL, ADA | {"enrol": False}).json()["state"] == "guest"
    work(store)
    assert balance(store.customers.get()) == 0

    assert api.post(f"{URL}/external_id:a1/enrol").json()["state"] == "enrolled"
    assert api.post(f"{URL}/external_id:a1/enrol").status_code == 200
    work(store)
    assert balance(store.customers.get()) == 250


def test_an_address_of_another_customer_is_a_conflict_and_nothing_is_changed(api, store):
    make_customer(store, "c1", "taken@shop.example")
    make_customer(store, "c2")

    assert api.post(URL, {"external_id": "c2", "email": "taken@shop.example"}).status_code == 409
    answer = api.patch(f"{URL}/external_id:c2", {"email": "taken@shop.example", "first_name": "X"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:identity-conflict"
    assert store.customers.get(external_id="c2").first_name == ""


@pytest.mark.parametrize("reference", ["{id}", "external_id:c/1 ü", "email:James@shop.example", "external_id:old"])
def test_a_customer_goes_by_any_of_their_names(api, store, reference):
    made = make_customer(store, "c/1 ü", "james@shop.example")
    store.customers.get().aliases.create(store=store, external_id="old")

    answer = api.get(f"{URL}/{reference.format(id=made.public_id)}")

    assert answer.status_code == 200
    assert answer.json()["id"] == str(made.public_id)


@pytest.mark.parametrize(
    "reference", ["nobody", "external_id:", "external_id:nobody", "email:x", "email:", "external_id:%00", "x" * 3000]
)
def test_nobody_is_404(api, customer, reference):
    for address in (f"{URL}/{reference}", f"{URL}/{reference}/balance", f"{URL}/{reference}/entries"):
        answer = api.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert api.patch(f"{URL}/{reference}", {"first_name": "X"}).status_code == 404
    assert api.post(f"{URL}/{reference}/enrol").status_code == 404


def test_the_list_is_newest_first_and_can_name_one(api, store):
    for number in range(3):
        make_customer(store, f"c{number}", f"c{number}@shop.example")

    assert [row["external_id"] for row in api.get(URL).json()["data"]] == ["c2", "c1", "c0"]
    assert [row["external_id"] for row in api.get(f"{URL}?external_id=c1").json()["data"]] == ["c1"]
    assert [row["external_id"] for row in api.get(f"{URL}?email=C2@shop.example").json()["data"]] == ["c2"]
    assert api.get(f"{URL}?email=nobody@shop.example").json()["data"] == []


def test_a_change_writes_what_it_names(api, customer):
    answer = api.patch(
        f"{URL}/external_id:c1",
        {
            "external_id": "c9",
            "email": "new@shop.example",
            "tags": ["b", "a"],
            "properties": {"x": 1},
            "is_blocked": True,
        },
    )

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["external_id"], shown["email"], shown["tags"]) == ("c9", "new@shop.example", ["a", "b"])
    assert (shown["state"], shown["properties"]) == ("blocked", {"x": 1})
    assert api.get(f"{URL}/external_id:c1").json()["id"] == shown["id"]  # the former id stays linked
    assert api.patch(f"{URL}/external_id:c9", {"is_blocked": False}).json()["state"] == "enrolled"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Say who"),
        ({"external_id": ""}, "blank"),
        ({"external_id": "x" * 256}, "255"),
        ({"external_id": {"a": 1}}, "string"),
        ({"email": "nobody"}, "e-mail"),
        ({"email": "a@b.example", "birthday": "1990-02-30"}, "Date"),
        ({"email": "a@b.example", "birthday": "0000-01-01"}, "Date"),
        ({"email": "a@b.example", "birthday": "9999-12-31"}, "between"),
        ({"email": "a@b.example", "birthday": (timezone.now() + timedelta(days=2)).date().isoformat()}, "between"),
        ({"email": "a@b.example", "tags": "vip"}, "list"),
        ({"email": "a@b.example", "tags": ["x" * 65]}, "64"),
        ({"email": "a@b.example", "tags": [["x"]]}, "string"),
        ({"email": "a@b.example", "properties": "x"}, "object"),
        ({"email": "a@b.example", "enrol": "perhaps"}, "boolean"),
        ({"email": "a@b.example", "nickname": "A"}, "not known"),
    ],
)
def test_a_bad_value_is_named_and_nobody_is_made(api, store, body, says):
    answer = api.post(URL, body)

    assert answer.status_code == 400
    assert says in answer.json()["detail"], answer.json()
    assert Customer.objects.count() == 0


def test_another_stores_customer_is_not_there(api, store, other_store):
    foreign = make_customer(other_store, "theirs", "theirs@shop.example")

    for reference in (foreign.public_id, "external_id:theirs", "email:theirs@shop.example"):
        assert api.get(f"{URL}/{reference}").status_code == 404
        assert api.patch(f"{URL}/{reference}", {"first_name": "X"}).status_code == 404
        assert api.post(f"{URL}/{reference}/enrol").status_code == 404
    assert api.get(URL).json()["data"] == []
    foreign.refresh_from_db()
    assert foreign.first_name == ""
