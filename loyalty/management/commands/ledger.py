"""Give the ledger away in a form that anybody can check: `manage.py ledger export`, then bin/verify-ledger."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers import exporting, references
from loyalty.postgresql.waiting import take_time
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for


class Command(BaseCommand):
    help = "Export a store's ledger, or one customer's statement, with the seals that prove it. JSON lines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["export"])
        parser.add_argument("--store", required=True, help="slug of the store")
        parser.add_argument("--customer", help="one customer only, such as external_id:ada-1 or email:ada@example.org")
        parser.add_argument("--out", help="the file to write; standard output if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        store = Store.objects.filter(slug=options["store"]).first()
        if store is None:
            raise CommandError(f"There is no store “{options['store']}”.")
        with acting_for(store.pk):
            take_time(0)
            wallets = self.wallets(store, options["customer"]) if options["customer"] else None
            rows = exporting.ledger(store, wallets)
            if options["out"]:
                with open(options["out"], "w", encoding="utf-8") as file:
                    file.writelines(f"{json.dumps(row)}\n" for row in rows)
            else:
                for row in rows:
                    self.stdout.write(json.dumps(row))

    def wallets(self, store: Store, reference: str) -> set[int]:
        customer_id = references.find_many(store, [reference]).get(reference)
        if customer_id is None:
            raise CommandError(f"No customer of {store} is called “{reference}”.")
        return set(store.wallets.filter(customer_id=customer_id).values_list("pk", flat=True))
