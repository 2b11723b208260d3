"""A backup, hours that are lost, a restored copy: shops tell everything again, and nothing is lost or there twice."""

import json
import shutil
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from psycopg import conninfo

from conftest import Owner, StrangerAPIClient, apply_all, make_customer
from customers import seals
from customers.models import Customer
from earning import rules
from integrations import connections, registry
from loyalty import backups, erasing
from loyalty.stores.models import ApiKey, Store
from loyalty.stores.tenancy import acting_for

RESTORED = "restored_copy"


@pytest.fixture
def owner_url(settings) -> str:
    settings.DATABASE_OWNER_URL = conninfo.make_conninfo(**Owner.dsn)
    settings.BACKUP_DATABASE_URL = ""
    return settings.DATABASE_OWNER_URL


@pytest.fixture
def copy(transactional_db, owner_url):
    name = f"{django_settings.DATABASES['default']['NAME']}_{RESTORED}"
    yield name
    with psycopg.connect(owner_url, autocommit=True) as owning:
        owning.execute(f'DROP DATABASE IF EXISTS "{name}"')


class Shop:
    """Tells the same things again whenever it is asked to."""

    def __init__(self, store: Store) -> None:
        self.client, self.told = StrangerAPIClient(), []
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiKey.issue(store, 'shop')[1]}")

    def tell(self, path: str, **fact) -> None:
        self.told.append((path, fact))
        self.send(path, fact)

    def send(self, path: str, fact: dict) -> None:
        answer = self.client.post(f"/api/v1/{path}", fact)
        assert answer.status_code < 300, answer.content

    def tell_all_again(self) -> None:
        for path, fact in self.told:
            self.send(path, fact)

    def sells(self, number: str, who: str) -> None:
        order = {"external_id": number, "status": "completed", "total": "50", "subtotal": "50"}
        self.tell("orders", **order, customer={"external_id": who})


@pytest.fixture
def acme(transactional_db, store, monkeypatch) -> Shop:
    monkeypatch.setattr(seals, "SLACK", seals.timedelta(0))
    with acting_for(store.pk):
        rules.create(store, "purchase", actor="test", points=1, name="Purchase")
        for who in ("ann", "bob", "eve"):
            make_customer(store, who, f"{who}@shop.example")
        connections.connect(store, registry.get("lootly"))
    return Shop(store)


def books(store: Store) -> dict[str, tuple]:
    """What everybody has, and how it came about."""
    with acting_for(store.pk):
        return {
            customer.tombstone if customer.is_erased else customer.external_id: (
                customer.wallets.get().balance,
                sorted(store.entries.filter(customer=customer).values_list("kind", "points", "source")),
            )
            for customer in store.customers.all()
        }


def backup(folder: Path, *arguments: str) -> list[Path]:
    out = StringIO()
    call_command("backup", str(folder), *arguments, stdout=out)
    return [Path(line) for line in out.getvalue().split()]


def restore(dump: Path, copy: str, erased: Path) -> str:
    out = StringIO()
    call_command("restore", str(dump), "--into", copy, "--erased", str(erased), stdout=out)
    return out.getvalue()


def test_an_old_backup_and_facts_told_again_equal_what_never_failed(store, other_store, acme, copy, tmp_path):
    acme.sells("o1", "ann")
    acme.sells("o2", "bob")
    apply_all(store)
    with acting_for(store.pk):
        seals.seal(store)
        secret = store.connections.get().secret
        ann = store.customers.get(external_id="ann")
    dump, _ = backup(tmp_path)
    assert dump.stat().st_mode & 0o077 == 0
    # From here on the copy knows of nothing.
    acme.sells("o3", "bob")
    acme.tell("orders/o2/cancel")
    apply_all(store)
    erasing.erase(ann, "asked", actor="test")
    [erased] = backup(tmp_path, "--erased")
    lived = books(store)
    with acting_for(store.pk):
        kept = sorted(store.seals.values_list("number", "digest"))

    told = restore(dump, copy, erased)
    assert "1 persons erased again" in told and "All invariants hold." in told
    with backups.connected_to(copy):
        assert books(store) != lived
        with acting_for(store.pk):
            assert list(seals.broken(store)) == []
            assert sorted(map(digest, store.seals.values_list("number", "digest"))) == sorted(map(digest, kept))
            assert store.connections.get().secret == secret
            assert not Customer.objects.filter(email="ann@shop.example").exists()
        assert Store.objects.count() == 2
        acme.told = [
            (path, fact) for path, fact in acme.told if fact.get("external_id") != "o1"
        ]  # the shop forgot Ann too
        for _ in range(2):
            acme.tell_all_again()
            apply_all(store)
            assert books(store) == lived
        call_command("check_ledger", stdout=StringIO())


def digest(row: tuple) -> tuple[int, bytes]:
    return row[0], bytes(row[1])


def test_the_copy_holds_every_row_of_every_store(store, other_store, acme, copy, tmp_path):
    acme.sells("o1", "ann")
    apply_all(store)
    with acting_for(other_store.pk):
        make_customer(other_store, "theirs")
    restore(backup(tmp_path)[0], copy, tmp_path / "erased.jsonl")
    counts = counted(Owner.dsn, store, other_store)
    assert counts["customers_customer"] == 4 and counts["customers_ledgerentry"] >= 1
    assert counted(Owner.dsn | {"dbname": copy}, store, other_store) == counts


def counted(dsn: dict, *stores: Store) -> dict[str, int]:
    """Rows of every table, and the fences around it."""
    found = {}
    with psycopg.connect(**dsn, options=f"-c app.stores={','.join(str(store.pk) for store in stores)}") as owning:
        for (table,) in owning.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            found[table] = owning.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
        for name, what in (("policies", "pg_policy"), ("triggers", "pg_trigger"), ("constraints", "pg_constraint")):
            found[name] = owning.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
        found["forced"] = owning.execute("SELECT count(*) FROM pg_class WHERE relforcerowsecurity").fetchone()[0]
        rights = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'loyalty_app'"
        found["rights"] = owning.execute(rights).fetchone()[0]
    return found


def test_a_copy_is_not_laid_over_what_is_there(acme, copy, tmp_path):
    dump, erased = backup(tmp_path)
    with pytest.raises(CommandError, match="is not empty"):
        restore(dump, django_settings.DATABASES["default"]["NAME"], erased)


def test_what_went_wrong_is_told_without_the_password(acme, copy, tmp_path, settings):
    settings.BACKUP_DATABASE_URL = "postgres://nobody:geheim@127.0.0.1:1/none"
    with pytest.raises(CommandError, match="pg_dump failed") as told:
        backup(tmp_path)
    assert "geheim" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_the_erased_names_nobody(store, acme, tmp_path):
    with acting_for(store.pk):
        ann = store.customers.get(external_id="ann")
        erasing.erase(ann, "asked", actor="owner@acme.example")
    [listed] = backup(tmp_path, "--erased")
    [told] = map(json.loads, listed.read_text().splitlines())
    assert told.keys() == {"store", "customer", "reason", "at"}
    assert (told["customer"], told["reason"]) == (str(ann.public_id), "asked")
    assert backups.erase_again(listed.read_text().splitlines()) == 0  # again changes nothing


def test_without_the_programs_it_says_so(monkeypatch):
    monkeypatch.setattr(backups.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("PG_BIN", raising=False)
    with pytest.raises(backups.Failed, match="client programs"):
        backups.tool("pg_dump")
