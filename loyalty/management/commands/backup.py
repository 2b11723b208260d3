"""`manage.py backup FOLDER`: a dump of the whole database, and beside it the list of who was erased."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loyalty import backups


class Command(BaseCommand):
    help = "Writes a dump of every store's rows into FOLDER. With --erased only the list of who was erased."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--erased", action="store_true", help="only the list: a moment's work, so do it often")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            if not options["erased"]:
                self.stdout.write(str(backups.dump(folder)))
        except backups.Failed as error:
            raise CommandError(str(error)) from error
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / "erased.partial"
        partial.write_text("".join(json.dumps(one) + "\n" for one in backups.erased()))
        self.stdout.write(str(partial.rename(folder / "erased.jsonl")))
