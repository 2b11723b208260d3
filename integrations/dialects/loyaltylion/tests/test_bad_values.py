"""Every field with everything that callers get wrong: an answer of the contract, and nothing half stored."""

from datetime import timedelta

import pytest
from django.utils import timezone

NOT_TEXT = [0, 5, 1.5, True, False, [], {}, ["a"], {"a": 1}]
HUGE = "x" * 60_000
IDS = [True, False, 1.5, 1e3, [], {}, ["1"], {"a": 1}, "x" * 256]
WRONG = {
    "name": [*NOT_TEXT, "x" * 256, HUGE],
    "customer_id": IDS,
    "merchant_id": IDS,
    "customer_email": [
        *NOT_TEXT, "nonsense", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n.c", f"{'x' * 251}@b.c", HUGE,
        "\U00010d50@b.c", "a@\ua7cb.c",
    ],
    "state": [*NOT_TEXT, "declined", "void", "Approved", "nonsense", HUGE],
    "date": [
        *NOT_TEXT, 1735689600, "0", "1735689600", "20121231112", "nonsense", "0000-00-00 00:00:00", "2025-02-30",
        "2025-01-01T25:00:00", "2025-01-01T10:00:00+99:00", "2025-13-01", "9999-12-31T23:59:59-14:00", "9999-12-31",
        "0001-01-01", "0001-01-01T00:00:00+14:00", "2025-1-1", "٢٠٢٥-01-01", "2025-01-01T10", "01/02/2025", HUGE,
        (timezone.now() + timedelta(hours=25)).isoformat(),
    ],
    "properties": ["text", 5, True, [1], ["a"], 1.5, {"x": "y" * 16_377}, {"x": ["é" * 9_000]}],
    "guest": ["yes", "no", 2, -1, 1.0, [], {}, "2", HUGE],
}  # fmt: skip
FINE = {
    "customer_id": [0, -1, 2**63, 10**39, "é", "x" * 255, " a ", "\t\x01", "gid://shop/Customer/1", "1e5"],
    "merchant_id": [0, -1, 2**63, "é", "x" * 255, " a ", "", None, "  "],
    "customer_email": ["A@B", "üñï@shop.example", " a@b.c ", f"{'x' * 250}@b.c", "ς@Σ.gr", "\u0130@b.c", "a+b@c"],
    "state": ["", None, "pending", "approved"],
    "date": [
        "", None, "2025-01-01", "2025-01-01T10:00", "2025-01-01 10:00:00", "2025-01-01T10:00:00.1234567Z",
        "2025-01-01T10:00:00,5+0000", "2025-01-01t10:00:00z", "2025-01-01T10:00:00-03:30", " 2024-02-29 ",
        "1900-01-01", (timezone.now() + timedelta(hours=23)).isoformat(),
    ],
    "properties": [None, [], {}, "", {"x": 1.10, "y": [None, True, {"z": 10**39}], "": ""}, {"x": "y" * 16_376}],
    "guest": [None, "", True, False, 0, 1, "0", "1", "true", "FALSE"],
    "ip_address": [None, 5, [], {}, HUGE, "999.1.1.1", True],
    "user_agent": [None, 5, [], {}, HUGE],
    "referral_id": [None, 5, [], {}, HUGE, "unknown"],
    "tracking_id": [None, 5, [], {}, HUGE, "unknown"],
}  # fmt: skip


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_named_and_nothing_is_stored(store, shop, told, field, monkeypatch):
    monkeypatch.setattr("integrations.dialects.loyaltylion.views.CALLS_PER_SECOND", 10_000)
    for wrong in WRONG[field]:
        answer = shop.post(told() | {field: wrong})

        body = answer.json()["error"]
        assert (answer.status_code, body["code"]) == (422, "invalid"), (wrong, answer.content)
        assert list(body["details"]) == [field]
        assert len(answer.content) < 1000
    assert not store.activities.exists()
    assert not store.customers.exists()


@pytest.mark.parametrize("field", FINE)
def test_an_odd_but_good_value_is_taken(store, shop, told, work, field, monkeypatch):
    monkeypatch.setattr("integrations.dialects.loyaltylion.views.CALLS_PER_SECOND", 10_000)
    for fine in FINE[field]:
        answer = shop.post(told() | {field: fine})

        assert (answer.status_code, answer.content) == (201, b""), (fine, answer.content)
    work(store)

    assert not store.activities.filter(applied_at=None).exists()
    assert len(shop.activities(limit=500)) == store.activities.count() > 0


@pytest.mark.parametrize("field", ["name", "customer_id", "customer_email"])
@pytest.mark.parametrize("absent", [None, "", ...])
def test_what_is_required_may_not_be_absent(store, shop, told, field, absent):
    answer = shop.post(told(**{field: absent}) if field != "name" else told(absent))

    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == {field: "is missing"}
    assert not store.customers.exists()


def test_all_that_is_wrong_is_told_at_once(shop, told):
    answer = shop.post(told(customer_id=[], state="void", date="0", guest="maybe"))

    assert set(answer.json()["error"]["details"]) == {"customer_id", "state", "date", "guest"}


def test_fractions_in_properties_are_kept_exactly(store, shop):
    body = b'{"name":"a","customer_id":1,"customer_email":"a@b.c","properties":{"price":19.90,"sums":[0.1,1e-7,3]}}'

    assert shop.send("POST", "/v2/activities", body).status_code == 201
    assert store.activities.get().properties == {"price": "19.90", "sums": ["0.1", "1E-7", 3]}


def test_ids_are_trimmed_text(store, shop, told):
    shop.post(told(customer_id=" 501 ", merchant_id=7))
    shop.post(told(customer_id=501, merchant_id=" 7 "))

    assert list(store.activities.values_list("customer__external_id", "external_id")) == [("501", "7")]
