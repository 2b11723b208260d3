"""A redemption's row and the event that tells of it, in one statement that is planned once."""

from typing import Any

from loyalty.stores.sets import recordset, run_set

from .models import Redemption

INSERT = """
WITH made AS (
    INSERT INTO spending_redemption (store_id, public_id, customer_id, reward_id, reward_version, identity, state,
        points, multiplier, value, code, coupon_id, decision, source, actor, details, issued_at, expires_at,
        order_external_id, cancel_reason, cancelled_by)
    SELECT %(store)s, public_id, customer_id, reward_id, reward_version, identity, state,
        points, multiplier, value, code, coupon_id, decision, source, actor, '{}', issued_at, expires_at, '', '', ''
      FROM json_to_record(%(row)s::json) AS row (public_id uuid, customer_id bigint, reward_id bigint,
        reward_version integer, identity text, state text, points numeric, multiplier integer, value numeric,
        code text, coupon_id bigint, decision jsonb, source text, actor text, issued_at timestamptz,
        expires_at timestamptz)
    RETURNING id, store_id, customer_id, state
), told AS (
    INSERT INTO customers_event (store_id, customer_id, public_id, topic, data, created_at)
    SELECT store_id, customer_id, gen_random_uuid(), 'reward.redeemed', %(event)s::jsonb, clock_timestamp()
      FROM made WHERE state = 'issued'
)
SELECT id FROM made
"""
TOLD = (
    "public_id", "customer_id", "reward_id", "reward_version", "identity", "state", "points", "multiplier", "value",
    "code", "coupon_id", "decision", "source", "actor", "issued_at", "expires_at",
)  # fmt: skip


def insert(redemption: Redemption, event: dict[str, Any]) -> None:
    """Store it; `event` is told at once, unless its code is still to be made."""
    row = recordset({name: getattr(redemption, name) for name in TOLD})
    params = {"store": redemption.store_id, "row": row, "event": recordset(event)}
    [(redemption.pk,)] = run_set(INSERT, params, is_prepared=True)
    redemption._state.adding = False
