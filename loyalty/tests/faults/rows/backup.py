"""An old backup is restored, and the shop sends everything again: nothing is missing and nothing counts twice."""

import random
import subprocess
from pathlib import Path

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

from loyalty.local.postgres import DATABASE, OWNER
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Call, Shop
from loyalty.tests.faults.stack import Stack

CALLS = 200  # before the backup, and as many after it


@row("G16", "an old backup is restored, everything is sent again", quick=0, full=10, seconds=20)
def backup_is_restored(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    for _ in stack.rounds(times):
        shop = stack.open_shop(rng)
        calls = [call for _ in range(CALLS * 2) for call in facts(shop, rng)]
        send(shop, calls[: len(calls) // 2])
        backup = dumped(stack)
        send(shop, calls[len(calls) // 2 :])
        restore(stack, backup)
        outcome.faults += 1
        send(shop, rng.sample(calls, len(calls)))
        outcome.note(f"{len(calls)} calls, {len(calls) - len(calls) // 2} of them after the backup")
    return outcome


def facts(shop: Shop, rng: random.Random) -> list[Call]:
    """Not rewards taken: a code that was handed out after the backup is known to its customer alone."""
    number = next(shop.numbers)
    kinds = [[shop.visit(f"visit-{number}")], [shop.order(f"order-{number}"), shop.refund(f"refund-{number}")]]
    return rng.choice([*kinds, [shop.order(f"order-{number}")]])


def send(shop: Shop, calls: list[Call]) -> None:
    with shop.connected() as line:
        for call in calls:
            shop.insist(line, call)


def dumped(stack: Stack) -> Path:
    backup = stack.state / "backup"
    run(stack, "pg_dump", "--format=custom", f"--file={backup}", address(stack, DATABASE))
    return backup


def restore(stack: Stack, backup: Path) -> None:
    """As after a disaster: a new database in the place of the old one, while nothing runs."""
    for process in stack.processes:
        process.bury()
    connection.close()
    with psycopg.connect(stack.postgres.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        superuser.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    run(stack, "pg_restore", "--exit-on-error", f"--dbname={address(stack, DATABASE)}", str(backup))
    stack.heal()
    stack.wait_for_web()


def run(stack: Stack, program: str, *arguments: str) -> None:
    subprocess.run([str(stack.postgres.binaries / program), *arguments], check=True)


def address(stack: Stack, database: str) -> str:
    return make_conninfo(stack.postgres.superuser_url, dbname=database)
