"""Telling the app that hands out codes of an order that carries some, without knowing that app."""

from typing import Any

from loyalty.stores import broker
from loyalty.stores.sets import recordset, run_set

FOLLOW = "spending.tasks.apply_due"  # by name: what is below imports nothing from above

# Told again with the same content it stays as it is; with other content it is due again.
UPSERT = """
INSERT INTO customers_ordernotice AS told
       (store_id, customer_id, order_external_id, data, received_at, due_at, attempts, error)
SELECT %(store)s, customer_id, order_external_id, data, clock_timestamp(), clock_timestamp(), 0, ''
  FROM json_to_recordset(%(rows)s::json) AS row (customer_id bigint, order_external_id text, data jsonb)
 ORDER BY order_external_id
    ON CONFLICT (store_id, order_external_id) DO UPDATE
   SET data = excluded.data, customer_id = excluded.customer_id, due_at = excluded.due_at, attempts = 0,
       claim_token = NULL, claimed_until = NULL, quarantined_at = NULL, error = ''
 WHERE told.data IS DISTINCT FROM excluded.data
"""


def tell(store_id: int, rows: list[dict[str, Any]]) -> None:
    """Each row: order_external_id, customer_id, data (see OrderNotice). In the caller's transaction."""
    if rows:
        run_set(UPSERT, {"store": store_id, "rows": recordset(rows)})
        broker.nudge(FOLLOW, store_id)
