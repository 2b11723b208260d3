"""Prove the books: run every invariant for each store, print what was checked, fail on any break."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.dateparse import parse_datetime

from customers import seals
from loyalty.invariants import INVARIANTS
from loyalty.postgresql.waiting import take_time
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

SHOWN = 20


def moment(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None:
        raise CommandError("--since takes a moment such as 2026-01-31T00:00:00Z.")
    return found


class Command(BaseCommand):
    help = "Check the ledger's invariants. Exits with 1 and the offending rows when one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", help="slug of one store; all of them if left out")
        parser.add_argument("--since", help="count rows from this moment (ISO 8601); everything is checked anyway")

    def handle(self, *args: Any, **options: Any) -> None:
        stores = Store.objects.order_by("pk")
        if slug := options["store"]:
            stores = stores.filter(slug=slug)
            if not stores:
                raise CommandError(f"There is no store “{slug}”.")
        since = datetime(1, 1, 1, tzinfo=UTC)
        if options["since"]:
            since = moment(options["since"])
        broken = sum(self.check_store(store, since) for store in stores)
        if broken:
            raise CommandError(f"{broken} rows break an invariant.", returncode=1)
        self.stdout.write(self.style.SUCCESS("All invariants hold."))

    def check_store(self, store: Store, since: datetime) -> int:
        self.stdout.write(f"{store.slug}:")
        broken = 0
        params: dict[str, Any] = {"store": store.pk, "since": since}
        with acting_for(store.pk), connection.cursor() as cursor:
            # A proof may read for longer than a page is allowed to.
            take_time(0)
            for invariant in INVARIANTS:
                cursor.execute(invariant.checked, params)
                checked = cursor.fetchone()[0]
                cursor.execute(invariant.broken, params)
                lines = [row[0] for row in cursor.fetchall()]
                if invariant.id == "L1" and not checked and store.customers.exists():
                    lines.append("no wallet was looked at, though the store has customers")
                self.tell(invariant.id, invariant.says, checked, lines)
                broken += len(lines)
            lines = list(seals.broken(store))
            self.tell("L10", "sealed entries are as they were", store.seals.count(), lines)
        return broken + len(lines)

    def tell(self, name: str, says: str, checked: int, lines: list[str]) -> None:
        verdict = f"{len(lines)} BROKEN" if lines else "ok"
        self.stdout.write(f"  {name:<4} {verdict:<10} {checked:>10} rows  {says}")
        for line in lines[:SHOWN]:
            self.stdout.write(self.style.ERROR(f"       {line}"))
