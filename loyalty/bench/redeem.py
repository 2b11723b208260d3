"""Taking a reward with a code from a pool, against the same three statements written by hand.

Ours: `redemptions.redeem` with every check, limit, decision and event, row-level security on.
Floor: one transaction in equal tables (same keys, checks and indexes; no policies, no foreign keys): debit the
wallet and write its entry, take the oldest free code with SKIP LOCKED, insert the redemption.
"""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import psycopg
from uuid_utils.compat import uuid7

from customers import ledger
from customers.ledger import Settlement
from customers.models import Customer
from loyalty.celery import keep_start_up_out_of_the_collector
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending import redemptions, rewarding
from spending.models import CouponCode, CouponImport, Reward

from .report import per_second
from .stock import CUSTOMERS, open_store, owner

COST = 500

FLOOR = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.wallet (LIKE customers_wallet INCLUDING ALL);
CREATE TABLE floor.entry (LIKE customers_ledgerentry INCLUDING ALL);
CREATE TABLE floor.code (LIKE spending_couponcode INCLUDING ALL);
CREATE TABLE floor.redemption (LIKE spending_redemption INCLUDING ALL);
"""

FILL = f"""
TRUNCATE floor.wallet, floor.entry, floor.code, floor.redemption RESTART IDENTITY;
INSERT INTO floor.wallet (store_id, customer_id, unit, balance, pending, earned, spent, expired, last_seq)
SELECT 1, n, 'points', {COST}, 0, {COST}, 0, 0, 0 FROM generate_series(1, {CUSTOMERS}) AS n;
INSERT INTO floor.code (store_id, pool_id, coupon_import_id, code, state, created_at)
SELECT 1, 1, 1, 'FLOOR-' || n, 'free', now() FROM generate_series(1, {CUSTOMERS}) AS n;
VACUUM ANALYZE floor.wallet, floor.entry, floor.code, floor.redemption;
"""

DEBIT = f"""
WITH debited AS (
    UPDATE floor.wallet SET balance = balance - {COST}, spent = spent + {COST}, last_seq = last_seq + 1
     WHERE store_id = 1 AND customer_id = %(customer)s AND unit = 'points' AND balance >= {COST}
    RETURNING id, customer_id, balance, pending, last_seq)
INSERT INTO floor.entry (store_id, wallet_id, customer_id, public_id, seq, kind, points, pending, balance_after,
    pending_after, source, revision, reason, actor, effective_at, created_at)
SELECT 1, id, customer_id, gen_random_uuid(), last_seq, 'redeem', -{COST}, 0, balance, pending, %(source)s, 1,
       'Bench', '', now(), now() FROM debited
"""

TAKE = """
WITH oldest AS MATERIALIZED (
    SELECT id FROM floor.code WHERE store_id = 1 AND pool_id = 1 AND state = 'free'
     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE floor.code SET state = 'issued' FROM oldest WHERE code.id = oldest.id RETURNING code.id, code.code
"""

ISSUE = f"""
INSERT INTO floor.redemption (store_id, public_id, customer_id, reward_id, reward_version, identity, state, points,
    multiplier, value, code, coupon_id, decision, source, actor, details, issued_at, order_external_id,
    cancel_reason, cancelled_by)
VALUES (1, %(public_id)s, %(customer)s, 1, 1, '', 'issued', {COST}, 1, 5, %(code)s, %(coupon)s, '{{}}', 'api', '',
    '{{}}', now(), '', '', '')
"""


def run(rounds: int) -> Iterator[str]:
    keep_start_up_out_of_the_collector()
    ours, floor = [], []
    with owner() as owning, owner() as bare:
        owning.execute(FLOOR)
        for number in range(rounds):
            store, reward = stocked(f"redeem-{number}")
            with acting_for(store.pk):
                customers = list(store.customers.order_by("pk"))
            owning.execute("VACUUM ANALYZE")
            for statement in FILL.strip().split(";\n"):
                owning.execute(statement)
            ours.append(rate(lambda customer: redemptions.redeem(store, customer, reward), customers))  # noqa: B023
            floor.append(rate(lambda customer: by_hand(bare, customer), range(1, CUSTOMERS + 1)))
    yield per_second("redeem: with a pool's code / three statements", ours, floor, 0.4)


def stocked(slug: str) -> tuple[Store, Reward]:
    """Each customer has points for one, and there is a code for each."""
    store = open_store(slug)
    with acting_for(store.pk):
        reward = rewarding.create(
            store, "fixed_amount", actor="bench", name="5 off", points=Decimal(COST), settings={"value": "5"},
            code_source="pool", customer_limit=3, customer_limit_period="month", tags_any=["vip"],
        )  # fmt: skip
        given = [Settlement(pk, "bench", points=Decimal(COST)) for pk in store.customers.values_list("pk", flat=True)]
        ledger.settle(store, given)
        batch = CouponImport.objects.create(
            store=store, pool=reward.pool, state="done", file_name="bench.csv", digest=b"", due_at=None
        )
        CouponCode.objects.bulk_create(
            [
                CouponCode(store=store, pool=reward.pool, coupon_import=batch, code=f"{slug}-{n}")
                for n in range(CUSTOMERS)
            ]
        )
    return store, reward


def by_hand(bare: psycopg.Connection, customer: int) -> None:
    public_id = uuid7()
    with bare.transaction():
        if not bare.execute(DEBIT, {"customer": customer, "source": f"redemption:{public_id}"}).rowcount:
            raise AssertionError("too few points")
        coupon, code = bare.execute(TAKE).fetchone()
        bare.execute(ISSUE, {"public_id": public_id, "customer": customer, "code": code, "coupon": coupon})


def rate(redeem: Callable[[Customer | int], object], customers: list[Customer] | range) -> float:
    started = time.perf_counter()
    for customer in customers:
        redeem(customer)
    return len(customers) / (time.perf_counter() - started)
