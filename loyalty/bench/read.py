"""A customer's page and balance read, with a hundred entries and with a million."""

import time
from collections.abc import Callable, Iterator
from statistics import median

from django.test import Client

from customers.models import Customer
from loyalty.stores.models import ApiKey, StaffMember, Store, User
from loyalty.stores.tenancy import acting_for

from .report import per_call
from .stock import open_store, owner

FEW, MANY = 100, 1_000_000
CALLS = 40

# A history that chains, planted at once: posting a million entries one by one would prove no more.
PLANT = """
WITH wallet AS (
    UPDATE customers_wallet SET balance = 5 * %(count)s, earned = 5 * %(count)s, last_seq = %(count)s
     WHERE customer_id = %(customer)s RETURNING id, store_id, customer_id)
INSERT INTO customers_ledgerentry (store_id, wallet_id, customer_id, public_id, seq, kind, points, pending,
    balance_after, pending_after, source, revision, reason, actor, effective_at, created_at)
SELECT wallet.store_id, wallet.id, wallet.customer_id, gen_random_uuid(), n, 'earn', 5, 0, 5 * n, 0,
       'planted:' || n, 1, 'Bench', '', now(), now()
  FROM wallet, generate_series(1, %(count)s) AS n
"""


def run(rounds: int) -> Iterator[str]:
    store = open_store("read")
    with acting_for(store.pk):
        few, many = store.customers.order_by("pk")[:2]
    with owner() as owning:
        owning.execute("ALTER TABLE customers_ledgerentry NO FORCE ROW LEVEL SECURITY")
        owning.execute("ALTER TABLE customers_wallet NO FORCE ROW LEVEL SECURITY")
        for customer, count in ((few, FEW), (many, MANY)):
            owning.execute(PLANT, {"customer": customer.pk, "count": count})
        owning.execute("ALTER TABLE customers_ledgerentry FORCE ROW LEVEL SECURITY")
        owning.execute("ALTER TABLE customers_wallet FORCE ROW LEVEL SECURITY")
        owning.execute("VACUUM ANALYZE")
    for what, read in (("page", page_of(store)), ("balance", balance_of(store))):
        ours, floor = [], []
        for _ in range(rounds):
            ours.append(seconds(read, many))
            floor.append(seconds(read, few))
        yield per_call(f"read: customer's {what}, 1,000,000 / 100 entries", ours, floor, 1.2)


def seconds(read: Callable[[Customer], None], customer: Customer) -> float:
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        read(customer)
        taken.append(time.perf_counter() - started)
    return median(taken)


def page_of(store: Store) -> Callable[[Customer], None]:
    user = User.objects.create_user("bench@loyalty.example")
    StaffMember.objects.create(store=store, user=user, role="owner")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return lambda customer: expect_ok(client.get(f"/s/{store.slug}/customers/{customer.public_id}/"))


def balance_of(store: Store) -> Callable[[Customer], None]:
    _, key = ApiKey.issue(store, "bench")
    client = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {key}"})
    return lambda customer: expect_ok(client.get(f"/api/v1/customers/{customer.public_id}/balance"))


def expect_ok(answer) -> None:
    if answer.status_code != 200:
        raise AssertionError(f"answered {answer.status_code}")
