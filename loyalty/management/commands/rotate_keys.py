"""New keys for what is sealed at rest, while everything runs. docs/operate.md says in which order."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from loyalty.stores import rotation
from loyalty.stores.models import Store


class Command(BaseCommand):
    help = "Wraps all data keys with the first key in ENCRYPTION_KEY; with --data every store gets a new data key too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", action="store_true", help="make new data keys and seal every secret anew")
        parser.add_argument("--store", metavar="SLUG", help="of this store only")

    def handle(self, *args: Any, **options: Any) -> None:
        stores = Store.objects.order_by("pk")
        if options["store"]:
            stores = stores.filter(slug=options["store"])
        for store in stores.iterator():
            if options["data"]:
                rotation.renew(store)
            told = rotation.rewrap(store), rotation.reseal(store), rotation.retire(store)
            self.stdout.write("{}: {} data keys wrapped anew, {} secrets sealed anew, {} data keys gone".format(
                store.slug, *told,
            ))  # fmt: skip
        self.stdout.write(f"{rotation.reseal_people()} second steps of signing in sealed anew")
