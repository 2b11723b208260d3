"""Entries are sealed in chunks; a past that was changed is found, by us and by a stranger without a database."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from conftest import Owner, make_customer, see
from customers import adjustments, exporting, merkle, seals

VERIFIER = Path(__file__).resolve().parents[2] / "bin" / "verify-ledger"


@pytest.fixture
def sealed(transactional_db, request, monkeypatch):
    """Seven entries of two wallets, in chunks of three; the last is not sealed yet."""
    store = request.getfixturevalue("store")
    monkeypatch.setattr(seals, "SLACK", seals.timedelta(0))
    monkeypatch.setattr(seals, "CHUNK", 3)
    ada, bob = make_customer(store, "ada"), make_customer(store, "bob")
    for n in range(1, 7):
        adjustments.adjust(store, [ada, bob][n % 2], Decimal(n * 10), "Because", actor="test")
    assert seals.seal(store) == 2
    see(store)
    adjustments.adjust(store, ada, Decimal(5), "Later", actor="test")
    return store, ada


def tamper(store, sql: str) -> None:
    fenced = ("customers_ledgerentry", "customers_ledgerseal")
    Owner.run(
        *[f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in fenced],
        f"SET app.stores = '{store.pk}'",
        sql,
        *[f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in fenced],
    )


def test_what_was_sealed_still_fits(sealed):
    store, _ = sealed
    assert list(seals.broken(store)) == []
    assert [(seal.number, seal.count) for seal in store.seals.order_by("number")] == [(1, 3), (2, 3)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE customers_ledgerentry SET points = points + 1 WHERE seq = 2",
        "UPDATE customers_ledgerentry SET effective_at = effective_at - interval '1 day' WHERE seq = 1",
        "UPDATE customers_ledgerentry SET source = 'adjust:other' WHERE seq = 3",
        "UPDATE customers_ledgerentry SET id = -id WHERE seq = 1",
        "UPDATE customers_ledgerseal SET count = 2 WHERE number = 2",
        "UPDATE customers_ledgerseal SET digest = root WHERE number = 1",
    ],
)
def test_any_change_of_the_past_is_found(sealed, sql):
    store, _ = sealed
    tamper(store, sql)
    see(store)
    assert list(seals.broken(store))
    with pytest.raises(CommandError):
        call_command("check_ledger", store=store.slug)


def test_an_open_transaction_holds_the_seal_back(sealed):
    store, ada = sealed
    app = connection.settings_dict
    with psycopg.connect(**Owner.dsn | {"user": app["USER"], "password": app["PASSWORD"]}) as waiting:
        waiting.execute("SELECT 1")  # begun before the next entries
        adjustments.adjust(store, ada, Decimal(1), "While it is open", actor="test")
        assert seals.seal(store) == 1  # of what is older than it
        see(store)
        assert store.seals.latest("number").count == 1
    assert seals.seal(store) == 1


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_stranger_verifies_an_export_offline(sealed, tmp_path, is_whole):
    store, ada = sealed
    wallet = ada.wallets.get()
    rows = list(exporting.ledger(store, None if is_whole else {wallet.pk}))
    assert len([row for row in rows if "entry" in row]) == (7 if is_whole else 4)
    file = tmp_path / "export.jsonl"
    told = verify(file, rows)
    assert told.returncode == 0, told.stderr
    assert f"wallet {wallet.pk}: {(wallet.balance).normalize():f} points" in told.stdout
    noted = bytes(store.seals.get(number=1).digest).hex()
    assert verify(file, rows, "--digest", noted).returncode == 0
    assert "rewritten" in verify(file, rows, "--digest", "00" * 32).stderr

    for place, row in enumerate(rows):
        if "entry" in row:
            changed = json.loads(row["entry"])
            changed[4] = "1000"
            forged = [*rows[:place], row | {"entry": json.dumps(changed)}, *rows[place + 1 :]]
            assert verify(file, forged).returncode == 1
            is_last = place == len(rows) - 1  # not sealed yet: nothing speaks for it
            assert verify(file, rows[:place] + rows[place + 1 :]).returncode == (0 if is_last else 1)


def verify(file: Path, rows: list[dict], *options: str) -> subprocess.CompletedProcess:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    command = [sys.executable, "-I", str(VERIFIER), str(file), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("count", range(1, 18))
def test_every_leaf_climbs_to_the_root(count):
    leaves = [merkle.leaf(str(n)) for n in range(count)]
    for place, digest in enumerate(leaves):
        for side, sibling in merkle.proof(leaves, place):
            other = bytes.fromhex(sibling)
            digest = merkle.node(other, digest) if side == "L" else merkle.node(digest, other)
        assert digest == merkle.root(leaves)
