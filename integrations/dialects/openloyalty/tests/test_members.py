import threading

import pytest
from django.db import connection

from conftest import make_customer
from customers import enrolment
from customers.identities import Identity
from customers.models import Customer
from loyalty.stores.tenancy import acting_for

from .conftest import errors, payload, sign_in

BAD: dict[str, list] = {
    "email": ["not-an-address", ["a@b.example"], {}, True, "a@" + "b" * 260, "two@a.example b@c.example"],
    "phone": ["abc", "+", "1" * 40, {}],
    "loyaltyCardNumber": ["with space", "ü", "x" * 65, []],
    "firstName": ["x" * 151, ["x"], {}],
    "gender": ["other", "", 1],
    "birthDate": ["2990-01-01", "1990-02-30", "0000-01-01", "9999-12-31", "yesterday", 19900101, [], "1990"],
    "registeredAt": ["soon", "2024-13-01", 5, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "24:00"],
    "address": ["Storgatan", [1], {"country": "XX"}, {"country": "Sweden"}, {"planet": "Earth"}, {"street": "x" * 256}],
    "company": [{"vat": "1"}, 5],
    "labels": [[{"key": "a"}], "a;b", [{"key": "", "value": "b"}], [5], [{"key": "a", "value": "b", "c": 1}]],
    "agreement1": ["yes", 1, []],
    "levelId": ["nonsense", "0198c0de-0000-7000-8000-000000000000"],
    "channelId": [5, "0198c0de-0000-7000-8000-000000000000"],
    "customFieldsData": [{"a": 1}, [{"value": "x"}]],
}


def create(caller, **fields):
    return caller.post("member", {"customer": {"email": "a@shop.example"} | fields})


def test_everything_told_of_a_member_is_shown_again(store, caller):
    store.timezone = "Europe/Stockholm"
    store.save()
    made = caller.post("member", payload("member-full"))
    assert made.told["email"] == "zoë.lindqvist@example.com"
    shown = caller.get(f"member/{made.told['customerId']}").told
    assert shown == shown | {
        "customerId": made.told["customerId"],
        "registeredAt": "2020-05-01T10:00:00+02:00",
        "active": True,
        "firstName": "Zoë",
        "lastName": "Lindqvist",
        "gender": "female",
        "email": "zoë.lindqvist@example.com",
        "phone": "+46701234567",
        "loyaltyCardNumber": "0042-AB.c",
        "birthDate": "1990-02-28T00:00:00+01:00",
        "address": {
            "street": "Storgatan", "address1": "1", "address2": None, "postal": "12345", "city": "Umeå",
            "province": None, "country": "SE",
        },
        "company": {"name": "Björk AB", "nip": "556677"},
        "labels": [{"key": "source", "value": "fair"}, {"key": "vip", "value": "yes"}],
        "agreement1": True,
        "agreement2": False,
        "agreement3": False,
        "transactionsCount": 0,
        "transactionsAmount": 0,
        "currency": "EUR",
        "storeCode": "acme",
        "segments": [],
        "currentLevel": None,
    }  # fmt: skip
    customer = Customer.objects.get(store=store)
    assert customer.state == Customer.State.ENROLLED
    assert customer.properties["custom_fields"] == [{"key": "shoe", "value": "38"}]


@pytest.mark.parametrize(
    "path",
    ["email=zo%C3%AB.lindqvist@example.com", "email=ZOË.LINDQVIST@example.com", "phone=+46701234567",
     "phone=%2B46701234567", "loyaltyCardNumber=0042-AB.c"],
)  # fmt: skip
def test_a_member_is_found_by_each_identifier(caller, path):
    made = caller.post("member", payload("member-full")).told
    assert caller.get(f"member/{path}").told["customerId"] == made["customerId"]
    assert caller.get(f"member/{path}/wallet").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["email=nobody@shop.example", "email=", "email=%00", "phone=%00", "phone=46701234567", "email", "check",
     "loyaltyCardNumber=0042-ab.c", "firstName=Zo%C3%AB", "00000000-0000-0000-0000-000000000000", "1", "%ff%fe"],
)  # fmt: skip
def test_who_is_not_there_is_not_found(caller, path):
    caller.post("member", payload("member-full"))
    for below in ("", "/wallet"):
        assert caller.get(f"member/{path}{below}").told == {"code": 404, "message": "Not Found"}


def test_an_identifier_belongs_to_one_member(caller):
    first = create(caller, phone="+48600", loyaltyCardNumber="c1").told["customerId"]
    known = {"customerId": first}
    for field, value in (("email", "A@Shop.example"), ("phone", "+48 600"), ("loyaltyCardNumber", "c1")):
        refused = create(caller, **({"email": "b@shop.example"} | {field: value}))
        assert errors(refused) == [(field, "duplicate")]
        assert refused.told["errors"][0]["parameters"] == known
    assert create(caller, email="b@shop.example", loyaltyCardNumber="C1").status_code == 200
    assert errors(create(caller, phone="+48600")) == [("email", "duplicate"), ("phone", "duplicate")]


@pytest.mark.parametrize("method", ["email", "phone", "loyaltyCardNumber"])
def test_a_new_member_must_have_the_stores_identifier_and_may_have_no_other(caller, method):
    caller.patch("settings", {"settings": {"identificationMethod": method}})
    told = {"email": "a@shop.example", "phone": "+48600", "loyaltyCardNumber": "c1"}
    for blank in ("", None, "  "):
        assert errors(caller.post("member", {"customer": told | {method: blank}})) == [(method, "blank")]
    made = caller.post("member", {"customer": {method: told[method]}})
    assert made.status_code == 200
    assert caller.get(f"member/{made.told['customerId']}").told[method] == told[method]


def test_a_member_without_an_email_earns_too(store, caller, add_rule, work):
    add_rule(store, "sign_up", points=5)
    caller.patch("settings", {"settings": {"identificationMethod": "phone"}})
    made = caller.post("member", {"customer": {"phone": "+48600"}}).told
    assert made["email"] is None
    work(store)
    assert caller.get("member/phone=+48600").told["defaultAccount"]["earnedPoints"] == 5


@pytest.mark.parametrize("field", BAD)
def test_a_bad_value_makes_no_member(store, caller, field):
    for value in BAD[field]:
        refused = create(caller, **{field: value})
        assert {path.split(".")[0] for path, _ in errors(refused)} == {field}, value
    assert not store.customers.exists()


def test_paths_and_codes_say_what_is_wrong(caller):
    told = {
        "email": None,
        "nickname": "J",
        "address": {"country": "XX"},
        "labels": [{"key": "a", "value": "b"}, {"key": "c"}],
    }
    assert sorted(errors(caller.post("member", {"customer": told}))) == [
        ("address.country", "invalid"), ("labels.1.value", "blank"), ("nickname", "extra_field"),
    ]  # fmt: skip
    assert errors(create(caller, firstName="x" * 200)) == [("firstName", "too_long")]
    assert errors(create(caller, levelId="0198c0de-0000-7000-8000-000000000000")) == [("levelId", "unknown")]


def test_a_guest_of_another_wire_becomes_a_member(store, caller):
    guest = enrolment.identify(store, Identity.of(external_id="g1", email="a@shop.example"))
    assert caller.get("member/email=a@shop.example").status_code == 404
    assert caller.get("member").told["items"] == []
    assert create(caller).told["customerId"] == str(guest.public_id)
    guest.refresh_from_db()
    assert guest.state == Customer.State.ENROLLED


def test_guests_are_not_merged_by_a_member_that_names_both(store, caller):
    enrolment.identify(store, Identity.of(email="a@shop.example"))
    enrolment.identify(store, Identity.of(external_id="g2", phone="+48600"))
    assert errors(create(caller, phone="+48600")) == [("phone", "duplicate")]
    assert not store.customers.exclude(state="guest").exists()


def test_a_blocked_customer_is_an_inactive_member(store, caller):
    enrolment.block(make_customer(store, "c1", "a@shop.example"), True)
    assert caller.get("member/email=a@shop.example").told["active"] is False
    assert errors(create(caller)) == [("email", "duplicate")]


def test_members_of_another_store_are_not_there(store, other_store, caller):
    make_customer(other_store, "c1", "a@shop.example")
    theirs = other_store.customers.get()
    for path in ("email=a@shop.example", str(theirs.public_id)):
        assert caller.get(f"member/{path}").status_code == 404
    assert create(caller).status_code == 200
    assert caller.get(f"member?customerId={theirs.public_id}").told["items"] == []


def test_the_wallet_shows_what_is_earned_and_what_waits(store, caller, add_rule, work):
    add_rule(store, "sign_up", points=5, approval="by_hand")
    store.points_name, store.points_name_plural = "star", "stars"
    store.save()
    made = create(caller).told["customerId"]
    work(store)
    wallets = caller.get(f"member/{made}/wallet").told
    assert wallets["total"] == {"all": 1, "filtered": 1, "estimated": False}
    [wallet] = wallets["items"]
    assert wallet["account"] == {
        "earnedUnits": 0, "transferredUnits": 0, "spentUnits": 0, "activeUnits": 0, "lockedUnits": 5,
        "blockedUnits": 0, "expiredUnits": 0,
    }  # fmt: skip
    assert wallet["walletType"]["unitPluralName"] == "stars"
    assert caller.get(f"member/{made}/wallet/{wallet['walletId']}").told == wallet
    assert caller.get(f"member/{made}").told["defaultAccount"]["accountId"] == wallet["walletId"]
    assert caller.get(f"member/{made}/wallet/{made}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_equal_creations_at_once_one_succeeds(store, owner):
    caller = sign_in(store, owner)
    caller.get("settings")
    answers = []

    def call() -> None:
        answers.append(create(caller, firstName="A").status_code)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 400, 400, 400, 400, 400]
    with acting_for(store.pk):
        assert store.customers.count() == store.activities.filter(action="sign_up").count() == 1
