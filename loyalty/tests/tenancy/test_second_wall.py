"""A product that forgot which store it asks for: every condition on the store is taken out of the SQL on its way to
PostgreSQL. Row-level security alone then keeps the stores apart.
"""

import re
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest
from django.db import transaction
from psycopg import sql

from conftest import apply_all, make_customer
from customers.identities import Identity
from earning import activities
from earning.activities import NewActivity
from loyalty.stores.tenancy import act_for
from loyalty.tests.one_of_each import changed, fingerprint
from spending import coupon_steps

from .callers import WIRES, Caller
from .routes import filled, names_an_object
from .test_matrix import addresses, routes_of, tells

# `store_id = 7` in whatever spelling. What names a column of another table stays: that is how rows are joined.
CONDITION = re.compile(
    r"""(?<![\w"])(?:"?\w+"?\.)?"?store_id"?\s*(?:=\s*(?:%s|%\(\w+\)s|\d+|ANY\s*\(\s*%s\s*\))|IN\s*\(\s*%s(?:,\s*%s)*\s*\))"""
)
WORDS = ["s/<slug:slug>/", "api/v1", "^v2/", "api", "widget/", "admin/"]


def forgetful(statement: str) -> tuple[str, int]:
    """The statement with each condition on the store always true. What is written stays as it is."""
    head, middle, tail = "", "", statement
    if statement.lstrip().upper().startswith("UPDATE"):
        head, middle, tail = statement.partition("WHERE")
    tail, count = CONDITION.subn(lambda found: f"({found[0]} OR TRUE)", tail)
    return head + middle + tail, count


@pytest.fixture
def dropped(monkeypatch) -> Counter[str]:
    """How many conditions were dropped since it was cleared; nothing is dropped before `dropped["on"]` is set."""
    count: Counter[str] = Counter()

    def forgetting(name: str) -> Callable:
        original = getattr(psycopg.Cursor, name)

        def run(cursor, query, *args, **kwargs):
            text = query.as_string(cursor) if isinstance(query, sql.Composable) else query
            text = text.decode() if isinstance(text, bytes) else text
            if count["on"]:
                text, found = forgetful(text)
                count["conditions"] += found
            return original(cursor, text, *args, **kwargs)

        return run

    for name in ("execute", "executemany"):
        monkeypatch.setattr(psycopg.Cursor, name, forgetting(name))
    return count


def test_conditions_are_dropped_and_nothing_else_is():
    """Else the tests below would say nothing."""
    assert forgetful('SELECT 1 FROM "a" WHERE ("a"."store_id" = %s AND "a"."id" = %s)') == (
        'SELECT 1 FROM "a" WHERE (("a"."store_id" = %s OR TRUE) AND "a"."id" = %s)', 1
    )  # fmt: skip
    assert forgetful("SELECT 1 FROM a WHERE store_id = %(store)s AND store_id IN (%s, %s)")[1] == 2
    assert forgetful("UPDATE a SET store_id = %s WHERE id = 1")[1] == 0
    assert forgetful("SELECT 1 FROM a JOIN b ON a.store_id = b.store_id WHERE key_store_id = 7")[1] == 0


def test_without_the_policies_a_forgotten_condition_would_show_another_stores_rows(store, theirs, mine, dropped):
    dropped["on"] = 1
    act_for(store.pk, mine.store.pk)  # as if the policy let both through
    assert {one.word for one in (theirs, mine)} <= {name.split("-")[0] for name in external_ids(mine.store)}
    act_for(mine.store.pk)
    assert {name.split("-")[0] for name in external_ids(mine.store)} == {"wombat"}


def external_ids(store) -> set[str]:
    return set(store.customers.values_list("external_id", flat=True))


@pytest.mark.parametrize("wire", WORDS)
def test_no_route_that_forgot_its_store_tells_or_moves_anything_of_another(wire, store, theirs, mine, sign_in, dropped):
    before, caller = fingerprint(store), WIRES[wire](mine, sign_in)[0]
    dropped["on"] = 1
    with transaction.atomic():
        wrong = [flaw for route in routes_of(wire) for flaw in flaws(caller, route, theirs, mine)]
        dropped["on"] = 0
        after = fingerprint(store)
        transaction.set_rollback(True)
    assert wrong == []
    assert changed(before, after) == set()
    assert dropped["conditions"] > 5


def flaws(caller: Caller, route: str, theirs, mine) -> list[tuple]:
    """Asked for its own objects and lists, and by way of its own address for theirs."""
    found = []
    asked = [(filled(route, mine), False)]
    if names_an_object(route):
        asked += [(path, True) for path, _ in addresses(route, theirs, mine)[-1:]]
    for path, is_foreign in asked:
        for method in ["get", "post"] if is_foreign else ["get"]:
            answer = caller.ask(method, path)
            is_refused = not is_foreign or answer.status_code in caller.refusals
            if answer.status_code >= 500 or tells(answer, path) or not is_refused:
                found.append((method, path, answer.status_code))
    return found


def test_a_worker_that_forgot_its_store_moves_nothing_of_another(store, theirs, mine, dropped):
    identity = Identity.of(external_id=mine.customer.external_id)
    for number in range(3):
        activities.record(mine.store, NewActivity("custom:read", identity, external_id=f"late-{number}"))
        activities.record(store, NewActivity("custom:read", Identity.of(external_id="quokka-1"), f"late-{number}"))
    before = fingerprint(store)
    dropped["on"] = 1
    apply_all(mine.store)
    coupon_steps.work(mine.store.pk)
    make_customer(mine.store, "quokka-1", "quokka@shop.example")  # the same names, in another store
    dropped["on"] = 0
    assert dropped["conditions"] > 20
    assert mine.store.activities.filter(due_at=None).count() >= 4
    assert changed(before, fingerprint(store)) == set()
