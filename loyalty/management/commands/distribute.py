"""`manage.py distribute`: the statements that spread the stores over several machines with Citus."""

from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty import distribution


class Command(BaseCommand):
    help = "Print what makes Citus tables of the schema, together by store. --apply runs it, in one transaction."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="run the statements, as the owner")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DATABASE_OWNER_URL:
            raise CommandError("Set DATABASE_OWNER_URL: the tables are the owner's.")
        with psycopg.connect(self.owner()) as owning, owning.cursor() as cursor:
            statements = list(distribution.statements(distribution.read(cursor)))
            if not options["apply"]:
                self.stdout.write("".join(f"{statement};\n" for statement in ["BEGIN", *statements, "COMMIT"]))
                return
            if not cursor.execute("SELECT FROM pg_extension WHERE extname = 'citus'").rowcount:
                raise CommandError("This database has no Citus. As a superuser: CREATE EXTENSION citus.")
            for statement in statements:
                self.stdout.write(f"{statement};")
                cursor.execute(statement)
        self.stdout.write(self.style.SUCCESS(f"{len(statements)} statements. Every store's rows lie together now."))

    def owner(self) -> str:
        """The owner, in the database that the app uses."""
        return psycopg.conninfo.make_conninfo(settings.DATABASE_OWNER_URL, dbname=settings.DATABASES["default"]["NAME"])
