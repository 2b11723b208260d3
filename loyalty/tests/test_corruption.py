"""Whatever is changed behind the product's back, by somebody who may do everything in the database, is found.

Planted at random, each undone before the next; a failure prints the seed. SEED=... plants the same again; the full
size: FAULTS=full pytest loyalty/tests/test_corruption.py
"""

import itertools
import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction

from conftest import Owner, see, sized
from customers import seals
from loyalty.stores.sets import run_set
from loyalty.stores.tenancy import acting_for

from .business import Business, proof
from .corruption import CUSTOMER, FREE, GUARDED, Plant, columns, recipes
from .test_mutants import correcting, earning, ordering, redeeming

PLANTS = sized(100, 1_000)
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
EVERYTHING = proof("L2", "L14")  # whose fences are down here on purpose

# Without what refuses a wrong row at once: a superuser needs none of it to be gone for good.
UNFENCE = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conrelid::regclass AS place, conname AS name FROM pg_constraint
                WHERE contype IN ('u', 'c', 'f') AND conrelid = ANY (%(tables)s::text[]::regclass[]) LOOP
        EXECUTE format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I CASCADE', one.place, one.name);
    END LOOP;
    FOR one IN SELECT indexrelid::regclass AS name FROM pg_index
                WHERE indisunique AND NOT indisprimary AND indrelid = ANY (%(tables)s::text[]::regclass[]) LOOP
        EXECUTE format('DROP INDEX IF EXISTS %%s CASCADE', one.name);
    END LOOP;
    FOR one IN SELECT unnest(%(tables)s) AS place LOOP
        EXECUTE format('ALTER TABLE %%s DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY', one.place);
    END LOOP;
END $$
"""


@pytest.fixture
def shop(transactional_db, monkeypatch):
    """A store with a past of everything, of which the first part is sealed."""
    monkeypatch.setattr(seals, "SLACK", timedelta(0))
    shop = Business(writes_off=True)
    with acting_for(shop.store.pk):
        for _ in earning(shop):
            pass
        monkeypatch.setattr(shop, "seal", lambda: None)
        for _ in itertools.chain(ordering(shop), redeeming(shop), correcting(shop)):
            pass
    return shop


@pytest.fixture
def as_owner(shop):
    """The tables' owner, with the fences down until the test ends."""
    app = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(USER=Owner.dsn["user"], PASSWORD=Owner.dsn["password"])
    try:
        with transaction.atomic():
            see(shop.store)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(UNFENCE.replace("%(tables)s", f"ARRAY{list(GUARDED)}").replace("%%", "%"))
            yield
            transaction.set_rollback(True)
    finally:
        connection.close()
        connection.settings_dict.update(USER=app["USER"], PASSWORD=app["PASSWORD"])


def found_by(shop: Business) -> set[str]:
    broken = {name for name, _ in run_set(EVERYTHING, {"store": shop.store.pk}, is_prepared=True)}
    return broken | {"seals" for _ in seals.broken(shop.store)}


def test_each_column_of_the_books_is_guarded_or_named_as_free(db):
    for table in GUARDED.keys() - {CUSTOMER}:
        assert set(columns(table)) == GUARDED[table].keys() | FREE[table], table
        assert GUARDED[table].keys().isdisjoint(FREE[table])


def test_whatever_is_planted_is_found(shop, as_owner, capsys):
    assert found_by(shop) == set()
    missed: list[Plant] = []
    finders: Counter[str] = Counter()
    for plant in itertools.islice(plants(random.Random(SEED)), PLANTS):
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(plant.statement)
                assert cursor.rowcount, plant
            found = found_by(shop)
            transaction.set_rollback(True)
        finders.update(found)
        missed += [] if found else [plant]
    with capsys.disabled():
        print(f"\nseed {SEED}: {PLANTS} planted, {PLANTS - len(missed)} found, by {dict(finders)}")
    assert missed == []


def plants(dice: random.Random):
    """Each recipe in turn, in an order of its own each time round; one that finds no row is passed over."""
    known = list(recipes())
    while True:
        for recipe in dice.sample(known, len(known)):
            if plant := recipe(dice):
                yield plant
