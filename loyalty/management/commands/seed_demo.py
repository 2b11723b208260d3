"""Make the demo store, and write its sign-in and keys where the README's calls read them."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from loyalty.demo import credentials, store
from loyalty.local.state import State
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

CUSTOMERS = 150


class Command(BaseCommand):
    help = (
        "Make a demo store with a year of orders behind it and write <state>/demo.json. An existing one is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", type=Path, required=True, help="folder for demo.json, such as .local")
        parser.add_argument("--customers", type=int, default=CUSTOMERS, help=f"how many ({CUSTOMERS})")

    def handle(self, *args: Any, **options: Any) -> None:
        demo = store.find()
        if demo and demo.is_demo:
            self.stdout.write("The demo store exists already and is left as it is.")
            return
        demo = demo or store.begin()
        store.live_a_year(demo, options["customers"])
        self.finish(demo, State(options["state"]))
        self.stdout.write(self.style.SUCCESS(f"Made the demo store “{demo.slug}”."))

    def finish(self, demo: Store, state: State) -> None:
        """All of it or none: whoever reads demo.json can sign in with it."""
        password = secrets.token_urlsafe(12)
        with acting_for(demo.pk):
            owner = store.complete(demo, password)
            keys = credentials.issue(demo, owner, password, settings.SITE_URL)
            state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state.write_secret("demo.json", json.dumps(keys, indent=2) + "\n")
