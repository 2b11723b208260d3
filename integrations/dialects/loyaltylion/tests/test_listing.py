"""GET /v2/activities: the rows, the pages, the cursors and the Link header."""

import base64
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_customer
from earning import orders
from earning.models import Activity

from .conftest import connect


@pytest.fixture
def many(store, customer):
    """Activities with ids in order; returns the ids."""

    def make(count: int, **fields) -> list[int]:
        rows = [Activity(store=store, customer=customer, action="custom:x", **fields) for _ in range(count)]
        Activity.objects.bulk_create(rows)
        return sorted(row.pk for row in rows)

    return make


def ids(answer) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["activities"]]


def links(answer) -> dict[str, str]:
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))}


# --- Rows -------------------------------------------------------------------------------------------


def test_a_row_has_exactly_the_fields_of_the_contract(store, shop, told, add_rule, work, customer):
    rule = add_rule(store, identifier="leave_a_tip", name="Leave a tip", points="12.90")
    shop.post(told(merchant_id="5"))
    work(store)
    activity = store.activities.get()
    Activity.objects.filter(pk=activity.pk).update(
        received_at=datetime.fromisoformat("2025-01-01T04:00:05.123987+01:00")
    )

    answer = shop.get("/v2/activities")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "activities": [
            {
                "id": activity.pk,
                "merchant_id": "5",
                "created_at": "2025-01-01T03:00:05.123Z",
                "value": 12,
                "state": "approved",
                "rule": {"id": rule.pk, "name": "leave_a_tip", "title": "Leave a tip"},
                "customer": {
                    "id": customer.pk,
                    "merchant_id": "c1",
                    "email": "james@shop.example",
                    "points_pending": 0,
                    "points_approved": 12,
                    "points_spent": 0,
                },
            }
        ],
        "cursor": {"prev": None, "next": None},
    }
    assert "Link" not in answer.headers


def test_points_are_cut_toward_zero(store, shop, many, customer):
    many(1, points=Decimal("12.999999"), state="approved")
    customer.wallets.update(balance=Decimal("-0.9"), pending=Decimal("7.5"), spent=Decimal("3.999"))

    [row] = shop.activities()

    assert row["value"] == 12
    assert [row["customer"][f"points_{name}"] for name in ("approved", "pending", "spent")] == [0, 7, 3]


def test_purchases_are_activities_too(store, shop, add_rule, work):
    add_rule(store, "purchase", 1)
    orders.record_fact(
        store, "1001", "status", identity="completed",
        data={"status": "completed", "total": "29.99", "subtotal": "29.99", "customer": {"email": "a@shop.example"}},
    )  # fmt: skip
    work(store)

    [row] = shop.activities()

    assert (row["merchant_id"], row["rule"]["name"], row["value"]) == ("1001", "$purchase", 29)
    assert (row["customer"]["merchant_id"], row["customer"]["email"]) == (None, "a@shop.example")


def test_another_stores_activities_are_not_shown(other_store, shop, many):
    many(2)

    assert connect(other_store).activities() == []


def test_a_page_costs_the_same_number_of_queries_whatever_its_size(store, shop, many, add_rule):
    rule = add_rule(store)
    counted = []
    for extra in (1, 30):
        many(extra, rule=rule)
        make_customer(store, f"n{extra}")
        with CaptureQueriesContext(
            database,
        ) as queries:
            shop.activities()
        counted.append(len(queries))

    assert counted[1] <= counted[0]


# --- Pages ------------------------------------------------------------------------------------------


def test_newest_first_in_pages_to_the_end_and_back(shop, many):
    made = many(7)[::-1]

    pages, cursor = [], None
    first = answer = shop.get("/v2/activities", limit=3)
    while True:
        pages.append(ids(answer))
        cursor = answer.json()["cursor"]["next"]
        if cursor is None:
            break
        answer = shop.get("/v2/activities", cursor=cursor)

    assert pages == [made[:3], made[3:6], made[6:]]
    assert first.json()["cursor"]["prev"] is None
    back = shop.get("/v2/activities", cursor=answer.json()["cursor"]["prev"])
    assert ids(back) == made[3:6]
    again = shop.get("/v2/activities", cursor=back.json()["cursor"]["prev"])
    assert ids(again) == made[:3]
    assert again.json()["cursor"]["prev"] is None
    assert ids(shop.get("/v2/activities", cursor=again.json()["cursor"]["next"])) == made[3:6]


def test_a_full_last_page_has_no_next(shop, many):
    many(4)

    answer = shop.get("/v2/activities", limit=2)
    answer = shop.get("/v2/activities", cursor=answer.json()["cursor"]["next"])

    assert len(ids(answer)) == 2
    assert answer.json()["cursor"]["next"] is None
    assert set(links(answer)) == {"prev"}


def test_since_id_runs_upwards(shop, many):
    made = many(5)

    assert ids(shop.get("/v2/activities", since_id=0)) == made
    first = shop.get("/v2/activities", since_id=made[0], limit=2)
    assert ids(first) == made[1:3]
    assert first.json()["cursor"]["prev"] is None
    second = shop.get("/v2/activities", cursor=first.json()["cursor"]["next"])
    assert ids(second) == made[3:5]
    assert second.json()["cursor"]["next"] is None
    assert ids(shop.get("/v2/activities", cursor=second.json()["cursor"]["prev"])) == made[1:3]
    assert ids(shop.get("/v2/activities", since_id=made[-1])) == []


def test_page_numbers_still_work_and_give_way(shop, many):
    made = many(5)[::-1]

    assert ids(shop.get("/v2/activities", limit=2, page=1)) == made[:2]
    second = shop.get("/v2/activities", limit=2, page=2)
    assert ids(second) == made[2:4]
    assert ids(shop.get("/v2/activities", cursor=second.json()["cursor"]["prev"])) == made[:2]
    assert ids(shop.get("/v2/activities", cursor=second.json()["cursor"]["next"])) == made[4:]
    assert ids(shop.get("/v2/activities", limit=2, page=9)) == []
    assert ids(shop.get("/v2/activities", limit=500, page=2**63 - 1)) == []
    assert ids(shop.get("/v2/activities", page=2, since_id=0)) == made[::-1]


@pytest.mark.parametrize("mode", [{}, {"since_id": 0}, {"page": 1}])
def test_the_link_header_alone_pages_through(shop, many, mode):
    made = many(7)

    seen, answer = [], shop.get("/v2/activities", limit=3, **mode)
    while True:
        seen += ids(answer)
        url = links(answer).get("next")
        if url is None:
            break
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path) == ("http", "testserver", "/v2/activities")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert set(query) == {"cursor", "limit"} and query["limit"] == "3"
        assert query["cursor"] == answer.json()["cursor"]["next"]
        answer = shop.get("/v2/activities", **query)

    assert seen == (made if "since_id" in mode else made[::-1])


def test_a_cursor_keeps_filters_order_and_limit_and_ignores_the_rest(shop, many):
    long_ago = timezone.now() - timedelta(days=400)
    many(3, received_at=long_ago)
    made = many(4)
    since = (timezone.now() - timedelta(days=1)).isoformat()
    first = shop.get("/v2/activities", created_at_min=since, limit=2)
    cursor = first.json()["cursor"]["next"]

    beside = {"created_at_min": "2001-01-01", "since_id": 0, "page": 3, "created_at_max": "nonsense"}
    assert ids(shop.get("/v2/activities", cursor=cursor)) == made[1::-1]
    assert ids(shop.get("/v2/activities", cursor=cursor, **beside)) == made[1::-1]
    assert ids(shop.get("/v2/activities", cursor=cursor, limit=1, **beside)) == made[1:2]
    assert shop.get("/v2/activities", cursor=cursor, limit=501).status_code == 400


def test_a_cursor_is_unpadded_base64url_json(shop, many):
    many(3)
    cursor = shop.get("/v2/activities", limit=1).json()["cursor"]["next"]

    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["limit"] == 1


def encoded(members: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")


GOOD = {"limit": 1, "filters": {}, "edge": 5, "back": False}


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "é", "a" * 3000, "=", encoded(None), encoded([]), encoded(5), encoded({}), encoded(GOOD | {"limit": 501}),
        encoded(GOOD | {"limit": "1"}), encoded(GOOD | {"limit": True}), encoded(GOOD | {"edge": None}),
        encoded(GOOD | {"edge": -1}), encoded(GOOD | {"edge": 2**63}), encoded(GOOD | {"edge": 1.5}),
        encoded(GOOD | {"back": 1}), encoded(GOOD | {"filters": {"x": "1"}}), encoded(GOOD | {"filters": "since_id"}),
        encoded(GOOD | {"filters": ["since_id"]}), encoded(GOOD | {"filters": {"since_id": "-1"}}),
        encoded(GOOD | {"filters": {"since_id": None}}), encoded(GOOD | {"filters": {"created_at_min": [1]}}),
        encoded(GOOD | {"filters": {"created_at_max": "0"}}), "\x00", "🙂",
    ],
)  # fmt: skip
def test_a_cursor_that_is_not_ours_is_refused(shop, many, cursor):
    many(2)

    answer = shop.get("/v2/activities", cursor=cursor)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0}, {"limit": 501}, {"limit": -1}, {"limit": "ten"}, {"limit": "1.0"}, {"limit": "١"},
        {"limit": "9" * 5000}, {"since_id": -1}, {"since_id": "x"}, {"since_id": 2**63}, {"page": 0}, {"page": "x"},
        {"page": 2**63}, {"created_at_min": "0"}, {"created_at_max": "yesterday"}, {"created_at_min": "2025-02-30"},
        {"created_at_max": "9999-12-31"}, {"created_at_min": "0001-01-01T00:00:00+14:00"}, {"created_at_min": "\x00"},
    ],
)  # fmt: skip
def test_a_bad_query_value_is_refused(shop, db, query):
    answer = shop.get("/v2/activities", **query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request"), answer.content


@pytest.mark.parametrize(
    "query",
    [
        {"limit": ""}, {"cursor": ""}, {"since_id": "", "page": ""}, {"created_at_min": "", "created_at_max": " "},
        {"per_page": 5, "created_at_gte": "x", "site_id": 999, "limit[]": "x", "\x00": "\x00"},
    ],
)  # fmt: skip
def test_empty_and_unknown_parameters_are_ignored(shop, many, query):
    made = many(2)

    assert ids(shop.get("/v2/activities", **query)) == made[::-1]


def test_a_hundred_rows_unless_asked_otherwise(shop, many):
    many(501)

    assert len(ids(shop.get("/v2/activities"))) == 100
    assert len(ids(shop.get("/v2/activities", limit=500))) == 500


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"created_at_min": "2025-03-02"}, [2, 3, 4]),
        ({"created_at_max": "2025-03-02"}, [1, 2, 3]),
        ({"created_at_min": "2025-03-02", "created_at_max": "2025-03-02"}, [2, 3]),
        ({"created_at_min": "2025-03-02T23:59:59.999Z"}, [3, 4]),
        ({"created_at_max": "2025-03-02T23:59:59.999Z"}, [1, 2, 3]),
        ({"created_at_max": "2025-03-02T00:00:00Z"}, [1, 2]),
        ({"created_at_min": "2025-03-02T02:00:00+02:00"}, [2, 3, 4]),
        ({"created_at_min": "2025-03-02T02:00:01+0200"}, [3, 4]),
        ({"created_at_min": "2025-03-02T02:00:01 02:00"}, [3, 4]),
        ({"created_at_min": "2025-03-03T00:00:00"}, [4]),
        ({"created_at_max": "2025-03-01"}, [1]),
    ],
)
def test_both_ends_of_a_range_are_inside(shop, many, query, expected):
    moments = ["2025-03-01T12:00:00", "2025-03-02T00:00:00", "2025-03-02T23:59:59.999600", "2025-03-03T00:00:00"]
    numbers = {}
    for place, moment in enumerate(moments, 1):
        [pk] = many(1, received_at=datetime.fromisoformat(f"{moment}+00:00"))
        numbers[pk] = place

    assert [numbers[pk] for pk in ids(shop.get("/v2/activities", since_id=0, **query))] == expected


@pytest.fixture
def year(store, customer, monkeypatch):
    """Two thousand activities over a year; returns their ids."""
    monkeypatch.setattr("integrations.dialects.loyaltylion.paging.NEAR", 10)
    start = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
    moments = [start + timedelta(hours=4 * number) for number in range(2000)]
    made = [Activity(store=store, customer=customer, action="custom:x", received_at=moment) for moment in moments]
    Activity.objects.bulk_create(made)
    return [row.pk for row in made]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"created_at_max": "2025-01-03"}, slice(17, None, -1)),
        ({"created_at_min": "2025-11-29T20:00:00Z"}, slice(None, 1996, -1)),
        ({"created_at_min": "2025-03-01", "created_at_max": "2025-03-01", "since_id": 0}, slice(354, 360)),
        ({"created_at_max": "2024-12-31"}, slice(0, 0)),
        ({"created_at_min": "2026-06-01"}, slice(0, 0)),
        ({"created_at_min": "0001-01-01", "created_at_max": "9999-12-30", "limit": 2}, slice(None, 1997, -1)),
    ],
)
def test_a_range_looks_at_few_rows_outside_of_it(shop, year, query, expected):
    with CaptureQueriesContext(database) as asked:
        answer = shop.get("/v2/activities", **query)
    assert ids(answer) == year[expected]
    of_rows = next(one["sql"] for one in asked if '"earning_earningrule"' in one["sql"])
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE) {of_rows}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert sum(map(int, re.findall(r"Rows Removed by Filter: (\d+)", plan))) < 30


def test_a_range_costs_few_statements(shop, year, django_assert_max_num_queries):
    with django_assert_max_num_queries(45):
        shop.get("/v2/activities", created_at_min="2025-03-01", created_at_max="2025-03-02")
