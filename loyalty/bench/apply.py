"""Facts applied per second by one process, against a set-based statement that a person would write by hand.

Ours: a rule with a limit and a restriction, decisions and events stored, row-level security on; what a worker's
task does with a backlog, so two connections of one process.
Floor: in a plain schema with the keys that any ledger needs, one statement marks 500 facts, adds to the
balances and writes the entries with the balance after each.
"""

import time
from collections.abc import Iterator

from customers.identities import Identity
from earning import activities, applying
from earning.activities import NewActivity
from earning.models import Activity
from loyalty.celery import keep_start_up_out_of_the_collector
from loyalty.stores.batches import BATCH, drain
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .report import per_second
from .stock import CUSTOMERS, open_store, owner

FACTS = 30_000  # with fewer the floor is done in a third of a second, which says little

FLOOR = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.wallet (id bigint PRIMARY KEY, balance numeric(20, 6) NOT NULL, last_seq bigint NOT NULL);
CREATE TABLE floor.fact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store_id bigint NOT NULL, wallet_id bigint NOT NULL,
    action text NOT NULL, external_id text NOT NULL, properties jsonb NOT NULL, points numeric(20, 6) NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(), received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz DEFAULT now(), applied_at timestamptz, UNIQUE (store_id, action, external_id));
CREATE INDEX ON floor.fact (store_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ON floor.fact (store_id, wallet_id, id);
CREATE TABLE floor.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store_id bigint NOT NULL,
    wallet_id bigint NOT NULL REFERENCES floor.wallet, seq bigint NOT NULL, points numeric(20, 6) NOT NULL,
    balance_after numeric(20, 6) NOT NULL, source text NOT NULL, reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (store_id, wallet_id, seq),
    UNIQUE (store_id, wallet_id, source));
"""

FILL = f"""
TRUNCATE floor.fact, floor.entry, floor.wallet RESTART IDENTITY;
INSERT INTO floor.wallet SELECT n, 0, 0 FROM generate_series(0, {CUSTOMERS - 1}) AS n;
INSERT INTO floor.fact (store_id, wallet_id, action, external_id, properties, points)
SELECT 1, n * 7 %% {CUSTOMERS}, 'bench', 'a' || n, '{{}}', 5 FROM generate_series(1, {FACTS}) AS n;
ANALYZE floor.fact; ANALYZE floor.wallet; ANALYZE floor.entry;
""".replace("%%", "%")

APPLY = f"""
WITH due AS (
    SELECT id FROM floor.fact WHERE store_id = 1 AND due_at <= now() ORDER BY due_at LIMIT {BATCH}
       FOR UPDATE SKIP LOCKED),
marked AS (
    UPDATE floor.fact SET due_at = NULL, applied_at = clock_timestamp() FROM due WHERE fact.id = due.id
    RETURNING fact.id, fact.wallet_id, fact.points),
held AS (
    SELECT wallet.id, wallet.balance, wallet.last_seq FROM floor.wallet
     WHERE wallet.id IN (SELECT wallet_id FROM marked) ORDER BY id FOR UPDATE),
moved AS (
    SELECT marked.id, marked.wallet_id, marked.points, held.balance + sum(marked.points) OVER chain AS balance_after,
           held.last_seq + row_number() OVER chain AS seq
      FROM marked JOIN held ON held.id = marked.wallet_id
    WINDOW chain AS (PARTITION BY marked.wallet_id ORDER BY marked.id)),
written AS (
    INSERT INTO floor.entry (store_id, wallet_id, seq, points, balance_after, source, reason)
    SELECT 1, wallet_id, seq, points, balance_after, 'activity:' || id, 'bench' FROM moved RETURNING 1),
added AS (
    UPDATE floor.wallet SET balance = last.balance_after, last_seq = last.seq
      FROM (SELECT DISTINCT ON (wallet_id) wallet_id, balance_after, seq
              FROM moved ORDER BY wallet_id, seq DESC) AS last
     WHERE wallet.id = last.wallet_id)
SELECT count(*) FROM written
"""


def run(rounds: int) -> Iterator[str]:
    keep_start_up_out_of_the_collector()  # as each worker process does
    ours, floor = [], []
    with owner() as owning:
        owning.execute(FLOOR)
        for number in range(rounds):
            store = open_store(f"apply-{number}")
            tell(store)
            owning.execute("ANALYZE")
            owning.execute(FILL)
            ours.append(rate(lambda store=store: drain(Activity, store.pk, applying.apply)))
            floor.append(rate(lambda: owning.execute(APPLY).fetchone()[0]))
    yield per_second("apply: facts by one worker / one SQL statement", ours, floor, 0.4)


def tell(store: Store) -> None:
    for start in range(0, FACTS, 1000):
        news = [
            NewActivity("custom:bench", Identity.of(external_id=f"c{n * 7 % CUSTOMERS}"), external_id=f"a{n}")
            for n in range(start, start + 1000)
        ]
        with acting_for(store.pk):
            activities.record_many(store, news)


def rate(step) -> float:
    """Applied per second, batch after batch until nothing is due."""
    started, done = time.perf_counter(), 0
    while count := step():
        done += count
    if done != FACTS:
        raise AssertionError(f"{done} of {FACTS} facts were applied")
    return done / (time.perf_counter() - started)
