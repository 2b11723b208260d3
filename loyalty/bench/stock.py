"""What the benches work on: a store of its own with customers and a rule, and the owner's connection."""

import os
from decimal import Decimal

import psycopg

from customers.models import Customer, Wallet
from earning import rules
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

CUSTOMERS = 2_000


def owner() -> psycopg.Connection:
    """The tables' owner: builds floors, plants histories, analyses."""
    return psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)


def open_store(slug: str) -> Store:
    """A store with customers tagged `vip` and a custom rule with a limit and a restriction."""
    store = Store.objects.create(slug=slug, name=slug)
    with acting_for(store.pk):
        rules.create(
            store, "custom", actor="bench", name="Bench", identifier="bench", points=Decimal(5),
            limit="count", limit_value=Decimal(1_000_000), limit_period="month", tags_any=["vip"],
        )  # fmt: skip
        Customer.objects.bulk_create(
            [Customer(store=store, external_id=f"c{n}", tags=["vip"], state="enrolled") for n in range(CUSTOMERS)]
        )
        Wallet.objects.bulk_create([Wallet(store=store, customer=customer) for customer in store.customers.all()])
    return store
