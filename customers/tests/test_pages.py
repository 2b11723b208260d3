"""The pages of customers: finding them, their statement, and moving points by hand."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import balance, make_customer
from customers import adjustments
from customers.search import search


def page(name, customer, *args):
    return reverse(f"customers:{name}", args=[customer.store.slug, customer.public_id, *args])


def text(response):
    return " ".join(response.content.decode().split())


def give(customer, points, reason="A gift"):
    return adjustments.adjust(customer.store, customer, Decimal(points), reason, actor="test")


def adjustment(**changed):
    return {
        "direction": "give", "points": "50", "reason": "Sorry", "code": "goodwill",
        "identity": "0198c0de-0000-7000-8000-000000000001",
        "confirmed": "1",
    } | changed  # fmt: skip


# --- The list -----------------------------------------------------------------------------------


@pytest.fixture
def people(store):
    return [
        make_customer(store, "c1", "james@shop.example", first_name="James", last_name="Bond"),
        make_customer(store, "c2", "m@shop.example", first_name="Olivia", last_name="Mansfield"),
        make_customer(store, "q-77", "q@lab.example", first_name="Ben", last_name="van Dyke", state="blocked"),
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("james@", "James"), ("BON", "James"), ("jam", "James"), ("james bo", "James"), ("bond james", "James"),
        ("q-7", "Ben"), ("van d", "Ben"), ("mans", "Olivia"),
    ],
)  # fmt: skip
def test_a_search_finds_the_beginning_of_an_address_a_name_or_an_id(people, sign_in, viewer, store, asked, found):
    answer = sign_in(viewer).get(reverse("customers:customer_list", args=[store.slug]), {"q": asked})
    assert [customer.first_name for customer in answer.context["page"]] == [found]


def test_a_search_finds_a_linked_id(people, sign_in, viewer, store):
    people[0].aliases.create(store=store, external_id="guest-9")
    answer = sign_in(viewer).get(reverse("customers:customer_list", args=[store.slug]), {"q": "guest-9"})
    assert list(answer.context["page"]) == [people[0]]


def test_a_search_takes_wildcards_and_odd_input_as_text(people, sign_in, viewer, store):
    client, address = sign_in(viewer), reverse("customers:customer_list", args=[store.slug])
    for asked in ("%", "_", "j%s", "'", "\\"):
        assert not client.get(address, {"q": asked}).context["page"]
    for asked in ("  ", "\0", "a" * 500):
        assert len(client.get(address, {"q": asked, "state": "\0", "before": "x"}).context["page"].rows) == 3


def test_the_list_shows_balances_and_keeps_pending_apart(people, sign_in, viewer, store):
    give(people[0], 1204)
    said = text(sign_in(viewer).get(reverse("customers:customer_list", args=[store.slug])))
    assert "1,204 points" in said


def test_the_list_can_be_narrowed_to_a_state(people, sign_in, viewer, store):
    answer = sign_in(viewer).get(reverse("customers:customer_list", args=[store.slug]), {"state": "blocked"})
    assert list(answer.context["page"]) == [people[2]]


def test_a_search_by_address_uses_an_index_in_spite_of_row_level_security(people, store):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = search(store.customers.all(), "james@", [store]).explain()
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("is_in_admin", [False, True])
def test_a_search_names_the_store_in_every_query(store, customer, sign_in, owner, is_in_admin):
    owner.is_staff = True
    owner.save()
    client = sign_in(owner)
    with CaptureQueriesContext(connection) as asked:
        client.get("/admin/customers/customer/" if is_in_admin else f"/s/{store.slug}/customers/", {"q": "c1"})
    of_aliases = [query["sql"] for query in asked if 'FROM "customers_customeralias"' in query["sql"]]
    assert of_aliases
    assert all('"customers_customeralias"."store_id"' in query.partition("WHERE")[2] for query in of_aliases)


def test_paging_by_cursor_reaches_everyone_once(store, sign_in, viewer):
    made = [make_customer(store, f"n{number}") for number in range(60)]
    client, address = sign_in(viewer), reverse("customers:customer_list", args=[store.slug])
    first = client.get(address).context["page"]
    second = client.get(address, {"before": first.older}).context["page"]
    assert [*first, *second] == made[::-1]
    assert second.older is None
    assert list(client.get(address, {"after": second.newer}).context["page"]) == list(first)


# --- Describing ---------------------------------------------------------------------------------


def test_name_birthday_and_tags_can_be_changed_and_erased(store, customer, sign_in, support):
    client, address = sign_in(support), page("customer_update", customer)
    client.post(address, {"first_name": "James", "last_name": "", "birthday": "1968-04-13", "tags": "vip"})
    customer.refresh_from_db()
    assert (customer.first_name, str(customer.birthday), customer.tags) == ("James", "1968-04-13", ["vip"])
    assert customer.birthday_set_at
    client.post(address, {"first_name": "", "last_name": "Bond", "birthday": "", "tags": ""})
    customer.refresh_from_db()
    assert (customer.name, customer.birthday, customer.birthday_set_at, customer.tags) == ("Bond", None, None, [])


@pytest.mark.parametrize("tags", ["a\0b", "x" * 65])
def test_a_tag_that_cannot_be_kept_is_refused_at_its_field(customer, sign_in, support, tags):
    answer = sign_in(support).post(page("customer_update", customer), {"tags": tags})
    assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["tags"])


def test_blocking_and_unblocking_give_back_the_state_before(customer, sign_in, support):
    client = sign_in(support)
    client.post(page("customer_block", customer), {"is_blocked": "1"})
    customer.refresh_from_db()
    assert customer.state == "blocked"
    client.post(page("customer_block", customer))
    customer.refresh_from_db()
    assert customer.state == "enrolled"


# --- Adjusting ----------------------------------------------------------------------------------


def test_an_adjustment_names_its_consequence_before_it_counts(customer, sign_in, support):
    give(customer, 100)
    client, address = sign_in(support), page("customer_adjust", customer)
    asked = adjustment(direction="take", points="30")
    review = client.post(address, {name: value for name, value in asked.items() if name != "confirmed"})
    assert "Balance after" in text(review)
    assert "70 points" in text(review)
    assert balance(customer) == 100
    client.post(address, asked)
    assert balance(customer) == 70
    entry = customer.entries.latest("seq")
    assert (entry.reason, entry.actor) == ("Sorry", support.email)


def test_a_second_click_counts_once(customer, sign_in, support):
    client = sign_in(support)
    for _ in range(2):
        assert client.post(page("customer_adjust", customer), adjustment()).status_code == 302
    assert balance(customer) == 50


def test_taking_more_than_there_is_says_how_much_there_is(customer, sign_in, support):
    give(customer, 20)
    answer = sign_in(support).post(page("customer_adjust", customer), adjustment(direction="take", points="30"))
    assert answer.context["form"].errors["points"] == [f"{customer} has 20 points to spend. Take at most that many."]
    assert balance(customer) == 20


@pytest.mark.parametrize(
    "wrong",
    [{"reason": "  "}, {"points": "0"}, {"points": "-5"}, {"points": "1.5"}, {"points": "NaN"}, {"points": "1e12"},
     {"direction": "burn"}, {"identity": "x"}],
)  # fmt: skip
def test_a_wrong_adjustment_changes_nothing(customer, sign_in, support, wrong):
    answer = sign_in(support).post(page("customer_adjust", customer), adjustment(**wrong))
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert balance(customer) == 0


def test_undo_posts_the_opposite_and_is_done_once(customer, sign_in, support):
    entry = give(customer, 80, "Wrong person")
    client = sign_in(support)
    assert "Undo this adjustment" in text(client.get(page("entry_detail", customer, entry.seq)))
    client.post(page("entry_undo", customer, entry.seq))
    client.post(page("entry_undo", customer, entry.seq))
    assert [(one.points, one.source) for one in customer.entries.order_by("seq")] == [
        (80, entry.source), (-80, entry.source)
    ]  # fmt: skip
    assert balance(customer) == 0
    assert "Undo this adjustment" not in text(client.get(page("entry_detail", customer, entry.seq)))


def test_an_adjustment_told_again_after_its_undo_stays_undone(store, customer):
    entry = adjustments.adjust(store, customer, Decimal(80), "Gift", actor="api", identity="k1")
    adjustments.undo(store, entry, actor="test")
    assert adjustments.adjust(store, customer, Decimal(80), "Gift", actor="api", identity="k1") == entry
    assert balance(customer) == 0


def test_points_spent_since_cannot_be_undone(customer, sign_in, support):
    entry = give(customer, 80)
    give(customer, -50)
    answer = sign_in(support).post(page("entry_undo", customer, entry.seq), follow=True)
    assert "Not undone" in text(answer)
    assert balance(customer) == 30


# --- Who may ------------------------------------------------------------------------------------

WRITES = [
    ("customer_update", (), {"first_name": "Eve"}),
    ("customer_adjust", (), adjustment()),
    ("customer_block", (), {"is_blocked": "1"}),
    ("customer_enrol", (), {}),
    ("entry_undo", (1,), {}),
]
READS = [("customer_detail", ()), ("customer_update", ()), ("customer_adjust", ()), ("entry_detail", (1,))]


@pytest.mark.parametrize(("name", "args", "data"), WRITES)
def test_a_viewer_changes_nothing(customer, sign_in, viewer, name, args, data):
    give(customer, 10)
    assert sign_in(viewer).post(page(name, customer, *args), data).status_code == 403
    customer.refresh_from_db()
    assert (customer.first_name, customer.state, balance(customer)) == ("", "enrolled", 10)


@pytest.mark.parametrize(("name", "args", "data"), WRITES)
def test_a_stranger_finds_and_changes_nothing(customer, sign_in, stranger, other_store, name, args, data):
    give(customer, 10)
    client = sign_in(stranger)
    assert client.post(page(name, customer, *args), data).status_code == 404
    # Nor through their own store's address.
    own = reverse(f"customers:{name}", args=[other_store.slug, customer.public_id, *args])
    assert client.post(own, data).status_code == 404
    customer.refresh_from_db()
    assert (customer.first_name, customer.state, balance(customer)) == ("", "enrolled", 10)


@pytest.mark.parametrize(("name", "args"), READS)
def test_a_stranger_reads_nothing(customer, sign_in, stranger, client, name, args):
    give(customer, 10)
    assert sign_in(stranger).get(page(name, customer, *args)).status_code == 404
    assert client.get(page(name, customer, *args)).status_code == 302


def test_an_entry_is_found_only_at_its_customer(store, customer, sign_in, viewer):
    give(customer, 10)
    other = make_customer(store, "c2")
    assert sign_in(viewer).get(page("entry_detail", other, 1)).status_code == 404
