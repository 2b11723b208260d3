"""`manage.py restore DUMP --into NAME --erased erased.jsonl`: a copy that may be used, or a reason why not."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from loyalty import backups


class Command(BaseCommand):
    help = "Restores a dump into a new database beside the present one, erases again who was erased, checks the books."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dump", type=Path)
        parser.add_argument("--into", required=True, metavar="NAME", help="a database that is not there yet, or empty")
        parser.add_argument("--erased", required=True, type=Path, help="the newest erased.jsonl that there is")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = options["erased"].read_text().splitlines()
        try:
            backups.restore(options["dump"], options["into"])
        except backups.Failed as error:
            raise CommandError(str(error)) from error
        with backups.connected_to(options["into"]):
            self.stdout.write(f"{backups.erase_again(lines)} persons erased again")
            call_command("check_ledger", stdout=self.stdout)
