import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_customer
from customers.models import Customer, Wallet
from integrations.dialects.openloyalty import credentials, listing
from integrations.models import CustomEvent

from .conftest import errors


@pytest.fixture
def people(store) -> dict[str, Customer]:
    """Four members, oldest first."""
    told: list[tuple[str, dict]] = [
        ("ann", {"first_name": "Ann", "last_name": "Ås", "phone": "+48600", "orders_count": 3, "orders_total": 90.5}),
        ("bob", {"first_name": "Bob", "card_number": "AB-1", "properties": {
            "labels": [{"key": "vip", "value": "yes"}, {"key": "fair", "value": "2024"}], "gender": "male",
        }}),
        ("cyd", {"first_name": "ann", "properties": {
            "labels": [{"key": "vip", "value": "no"}], "address": {"city": "Umeå"}, "consents": {"1": True},
            "registered_at": "2020-05-01T10:00:00+00:00",
        }}),
        ("dan", {"state": "blocked", "birthday": "1990-02-28", "first_name": "100%_Dan"}),
    ]  # fmt: skip
    found = {name: make_customer(store, name, f"{name}@shop.example", **fields) for name, fields in told}
    Wallet.objects.filter(customer=found["ann"]).update(balance=Decimal("12.5"))
    return found


def names(caller, query: str = "", path: str = "member") -> list[str]:
    """Whose rows a list shows, by the start of their address."""
    shown = caller.get(f"{path}?{query}")
    assert shown.status_code == 200, shown.content
    return [one["email"].partition("@")[0] for one in shown.told["items"]]


ID = "00000000-0000-0000-0000-000000000000"
FILTERS = {
    "email=bob@shop.example": ["bob"],
    "email=BOB@shop.example": [],
    "email[eq]=bob@shop.example": ["bob"],
    "email[neq]=bob@shop.example": ["dan", "cyd", "ann"],
    "firstName[like]=AN": ["dan", "cyd", "ann"],
    "firstName[like]=%25_": ["dan"],
    "firstName[startsWith]=Ann": ["ann"],
    "firstName[in]=Ann,Bob": ["bob", "ann"],
    "firstName[notIn]=Ann,Bob": ["dan", "cyd"],
    "lastName[hasValue]=": ["ann"],
    "lastName[notHasValue]=1": ["dan", "cyd", "bob"],
    "lastName[neq]=%C3%85s": ["dan", "cyd", "bob"],
    "phone=%2B48600": ["ann"],
    "phone[notHasValue]=": ["dan", "cyd", "bob"],
    "loyaltyCardNumber=AB-1": ["bob"],
    "active=false": ["dan"],
    "active=true&firstName[like]=ann": ["cyd", "ann"],
    "active[neq]=true": ["dan"],
    "gender=male": ["bob"],
    "gender[notHasValue]=": ["dan", "cyd", "ann"],
    "birthDate=1990-02-28": ["dan"],
    "birthDate[lt]=2000-01-01": ["dan"],
    "agreement1=true": ["cyd"],
    "agreement1=false": ["dan", "bob", "ann"],
    "address:city=Ume%C3%A5": ["cyd"],
    "transactionsCount[gte]=3": ["ann"],
    "transactionsAmount=90.5": ["ann"],
    "averageTransactionAmount[gt]=30": ["ann"],
    "defaultAccount:activePoints=12.5": ["ann"],
    "defaultAccount:activePoints[lt]=12.5": ["dan", "cyd", "bob"],
    "registeredAt[lt]=2021-01-01": ["cyd"],
    "registeredAt=2020-05-01 10:00": ["cyd"],
    "createdAt[lt]=2000-01-01T00:00:00Z": [],
    "emailOrPhone=%2B48600": ["ann"],
    "emailOrPhone=bob@shop.example": ["bob"],
    "identifier[in]=AB-1,%2B48600": ["bob", "ann"],
    "identifier[notIn]=AB-1,%2B48600": ["dan", "cyd"],
    f"levelId={ID}": [],
    "levelId[notHasValue]=": ["dan", "cyd", "bob", "ann"],
    f"customerId={ID}": [],
    "storeCode=acme&currency=EUR&anonymized=false": ["dan", "cyd", "bob", "ann"],
    "labels=(vip;yes)": ["bob"],
    "labels=(vip;)": ["cyd", "bob"],
    "labels=(vip;no),(fair;2024)": ["cyd", "bob"],
    "colour=red&unknown[odd]=1": ["dan", "cyd", "bob", "ann"],
    "_orderBy[firstName]=asc&_orderBy[email]=desc": ["dan", "ann", "bob", "cyd"],
    "_orderBy[createdAt]=asc": ["ann", "bob", "cyd", "dan"],
    "_orderBy[defaultAccount:activePoints]=desc&_itemsOnPage=1": ["ann"],
    "_page=2&_itemsOnPage=3": ["ann"],
    "_page=9": [],
}


def test_filters_and_order(caller, people):
    # One database for all of them: each is one request.
    for query, expected in FILTERS.items():
        assert names(caller, query) == expected, query


@pytest.mark.parametrize(
    "query",
    ["email[about]=x", "email[]=x", "active=maybe", "active[like]=t", "active[gt]=true", "customerId=5",
     "customerId[in]=5", "transactionsCount=1.5", "transactionsCount=99999999999", "transactionsAmount=NaN",
     "transactionsAmount=1.2345678", "createdAt=yesterday", "createdAt[like]=2024", "birthDate=2024-02-30",
     "firstName=%00", "firstName[like]=a%00", "labels=vip", "labels=(vip;yes", "labels[neq]=(vip;yes)",
     "labels=(%00;x)", "_page=0", "_page=x", "_page=501", "_page=", "_itemsOnPage=0", "_itemsOnPage=51",
     "_itemsOnPage=%D9%A3", "_orderBy[colour]=asc", "_orderBy[email]=up", "_orderBy=email", "_orderBy[labels]=asc",
     "firstName[in]=" + "," * 100, "_scroll=x", "_scroll=e30=", "_scroll=%C3%A9", "_scroll=" + "W1tb" * 500],
)  # fmt: skip
def test_a_bad_query_is_refused_at_its_field(caller, people, query):
    [(path, code)] = errors(caller.get(f"member?{query}"))
    assert code == "invalid"
    assert path.partition("[")[0] == query.partition("=")[0].partition("[")[0]


def test_total_counts_all_and_what_filters_leave(caller, people):
    assert caller.get("member").told["total"] == {"all": 4, "filtered": 4, "estimated": False}
    assert caller.get("member?active=true").told["total"] == {"all": 4, "filtered": 3, "estimated": False}
    assert caller.get("member?active=true&_page=50").told["total"]["filtered"] == 3


def test_many_rows_are_estimated(caller, people, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 3)
    total = caller.get("member").told["total"]
    assert total["estimated"] is True
    assert total["all"] >= 4


def test_a_list_asks_as_much_for_fifty_as_for_one(store, caller):
    make_customer(store, "c0", "c0@shop.example")
    caller.get("member")

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            caller.get("member?_itemsOnPage=50")
        return len(captured)

    before = queries()
    for number in range(1, 20):
        make_customer(store, f"c{number}", f"c{number}@shop.example")
    assert queries() == before


def test_scrolling_shows_each_once_oldest_first(store, caller, people):
    first = caller.get("member?_scroll=&_itemsOnPage=2&active=true").told
    assert [one["firstName"] for one in first["items"]] == ["Ann", "Bob"]
    assert set(first) == {"items", "scroll"}
    place = json.loads(base64.b64decode(first["scroll"]["next"]))
    assert set(place) == {"createdAt", "id"}
    make_customer(store, "new", "new@shop.example", first_name="New")
    second = caller.get(f"member?_itemsOnPage=2&active=true&_scroll={first['scroll']['next']}").told
    assert [one["firstName"] for one in second["items"]] == ["ann", "New"]
    last = caller.get(f"member?_itemsOnPage=2&active=true&_scroll={second['scroll']['next']}").told
    assert last == {"items": [], "scroll": {"next": None}}


def test_a_scroll_of_another_store_leads_nowhere(caller, other_store):
    theirs = make_customer(other_store, "c1", "a@rival.example")
    place = json.dumps({"createdAt": theirs.created_at.isoformat(), "id": str(theirs.public_id)})
    token = base64.b64encode(place.encode()).decode()
    assert errors(caller.get(f"member?_scroll={token}")) == [("_scroll", "invalid")]


def test_events_can_be_filtered_and_scrolled(store, caller, people):
    schemas = [store.event_schemas.create(event_type=name, name=name.title()) for name in ("run", "swim")]
    start = timezone.now() - timedelta(days=9)
    for number, who in enumerate(["ann", "bob", None]):
        CustomEvent.objects.create(
            store=store, schema=schemas[number % 2], customer=people.get(who), external_id=f"e{number}",
            customer_data={"email": f"{who}@shop.example"}, occurred_at=start + timedelta(days=number),
        )  # fmt: skip

    def ids(query: str) -> list[str]:
        return [one["eventId"] for one in caller.get(f"customEvent?{query}").told["items"]]

    assert ids("") == ["e2", "e1", "e0"]
    assert ids("type=run") == ["e2", "e0"]
    assert ids("eventName[like]=SWI") == ["e1"]
    assert ids(f"customerId={people['ann'].public_id}") == ["e0"]
    assert ids("customerId[notHasValue]=") == ["e2"]
    assert ids(f"customerId[neq]={people['ann'].public_id}") == ["e2", "e1"]
    assert ids("customerData:email=bob@shop.example") == ["e1"]
    assert ids("eventId[in]=e0,e1&_orderBy[eventDate]=asc") == ["e0", "e1"]
    moment = (start + timedelta(days=1)).isoformat().replace("+", "%2B")
    assert ids(f"eventDate[gte]={moment}") == ["e2", "e1"]
    assert ids("_scroll=&_itemsOnPage=2") == ["e0", "e1"]
    assert errors(caller.get("customEvent?customerData:email[about]=x")) == [("customerData:email", "invalid")]


def test_lists_that_are_of_no_store_filter_too(store, caller, owner):
    keys = f"/api/admin/{credentials.admin_id(owner)}/api-key"
    for name in ("Till", "Site"):
        credentials.issue_key(owner, name, expires_at=timezone.now() + timedelta(days=1))
    assert [one["name"] for one in caller.get(f"{keys}?name[startsWith]=Ti").told["items"]] == ["Till"]
    assert caller.get(f"{keys}?expirationDate[lt]=2020-01-01").told["items"] == []
    assert len(caller.get("/api/store?createdAt[gt]=2020-01-01&code=acme").told["items"]) == 1
    assert errors(caller.get("/api/store?createdAt[gt]=soon")) == [("createdAt", "invalid")]


def test_a_short_list_may_be_asked_for_any_page(caller):
    assert caller.get("customEvent/schema?_page=2147483647").told["items"] == []
    assert errors(caller.get("customEvent/schema?_page=2147483648")) == [("_page", "invalid")]
