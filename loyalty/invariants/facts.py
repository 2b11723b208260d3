"""What was told, and what it was worth."""

from .queries import ENTRIES, Invariant

FACTS = """
    SELECT store_id, 'activity ' || id AS row, due_at, applied_at, quarantined_at, received_at, occurred_at AS at
      FROM earning_activity
    UNION ALL
    SELECT store_id, 'order fact ' || id, due_at, applied_at, quarantined_at, received_at, received_at
      FROM earning_orderfact
    UNION ALL
    SELECT store_id, 'inbound event ' || id, due_at, applied_at, quarantined_at, received_at, received_at
      FROM integrations_inboundevent
    UNION ALL
    SELECT store_id, 'order notice ' || id, due_at, applied_at, quarantined_at, received_at, received_at
      FROM customers_ordernotice
    UNION ALL
    SELECT store_id, 'fulfilment ' || id, due_at, applied_at, quarantined_at, received_at, received_at
      FROM spending_fulfilment
    UNION ALL
    -- An import that waits for a person is not due.
    SELECT store_id, 'coupon import ' || id, due_at, CASE WHEN due_at IS NULL THEN received_at END, quarantined_at,
           received_at, received_at
      FROM spending_couponimport
    UNION ALL
    -- A code that the shop did not make is asked for again within some minutes, or given up.
    SELECT store_id, 'redemption ' || id, CASE WHEN state = 'pending' THEN issued_at + interval '10 minutes' END,
           CASE WHEN state <> 'pending' THEN issued_at END, NULL, issued_at, issued_at
      FROM spending_redemption
"""
ACTIVITIES = "SELECT count(*) FROM earning_activity WHERE store_id = %(store)s AND received_at >= %(since)s"
ORDERS = "SELECT count(*) FROM earning_order WHERE store_id = %(store)s AND updated_at >= %(since)s"


def money(name: str) -> str:
    """An amount of a fact. What is none counts as nothing, as the product reads it."""
    number = r"'^\s*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?\s*$'"
    return f"CASE WHEN data ->> '{name}' ~ {number} THEN (data ->> '{name}')::numeric ELSE 0 END"


STATUSES = "ARRAY['pending', 'processing', 'paid', 'fulfilled', 'completed']"
# What was told of each order.
TOLD = f"""
    SELECT order_external_id, bool_and(applied_at IS NOT NULL AND due_at IS NULL) AS is_applied,
           bool_or(kind = 'status') AS has_body, max(rank) AS rank, bool_or(kind = 'closed') AS is_closed,
           bool_or(kind = 'cancelled') AND NOT bool_or(kind = 'reopened') AS is_cancelled,
           bool_or(is_refund) AS has_refund, COALESCE(sum(amount) FILTER (WHERE is_refund), 0) AS refunds
      FROM (SELECT *, kind = 'refund' AND NOT COALESCE((data -> 'is_uncounted')::boolean, false) AS is_refund,
                   abs({money("amount")}) AS amount, array_position({STATUSES}, data ->> 'status') AS rank
              FROM earning_orderfact WHERE store_id = %(store)s) AS fact
     GROUP BY order_external_id
"""
AMOUNTS = ("total", "subtotal", "tax", "shipping", "discount")
# The amounts of each order by the body that is believed: the newest, the furthest, the one that a person picked, the
# lowest. What it leaves blank the next one tells.
BELIEVED = """
    SELECT order_external_id, {amounts}
      FROM (SELECT order_external_id, data, row_number() OVER (
                   ORDER BY COALESCE(data ->> 'updated_at', '') COLLATE "C" DESC,
                   COALESCE(array_position({statuses}, data ->> 'status'), 0) DESC,
                   COALESCE((data ->> 'picked')::numeric, 0) DESC, {total}, identity COLLATE "C") AS precedence
              FROM earning_orderfact WHERE store_id = %(store)s AND kind = 'status') AS body
     GROUP BY order_external_id
""".format(
    statuses=STATUSES,
    total=money("total"),
    amounts=", ".join(
        f"(array_agg({money(name)} ORDER BY precedence)"
        f" FILTER (WHERE data ->> '{name}' NOT IN ('', '[]', '{{}}')))[1] AS {name}"
        for name in AMOUNTS
    ),
)

INVARIANTS = [
    Invariant(
        "L3", "an order earns by one activity", ORDERS,
        """
        SELECT format('order %%s has %%s purchases of its customer', purchase.external_id, count(activity.id))
          FROM earning_order AS purchase
          LEFT JOIN earning_activity AS activity ON activity.store_id = purchase.store_id
           AND activity.order_id = purchase.id AND activity.action = 'purchase'
           AND activity.customer_id = purchase.customer_id
         WHERE purchase.store_id = %(store)s AND purchase.customer_id IS NOT NULL AND purchase.status <> ''
         GROUP BY purchase.id HAVING count(activity.id) <> 1
        UNION ALL
        SELECT format('activity %%s is of order %%s, which customer %%s does not have', activity.id, activity.order_id,
                      activity.customer_id)
          FROM earning_activity AS activity
          LEFT JOIN earning_order AS purchase ON purchase.store_id = activity.store_id
           AND purchase.id = activity.order_id AND purchase.customer_id = activity.customer_id
         WHERE activity.store_id = %(store)s AND activity.order_id IS NOT NULL AND purchase.id IS NULL
        """,
    ),
    Invariant(
        "L5", "no fact is due and idle for over a minute",
        f"SELECT count(*) FROM ({FACTS}) AS fact WHERE store_id = %(store)s AND received_at >= %(since)s",
        f"""
        SELECT format('%%s is due since %%s', fact.row, fact.due_at) FROM ({FACTS}) AS fact
         WHERE store_id = %(store)s AND due_at < clock_timestamp() - interval '60 seconds'
        UNION ALL
        SELECT format('%%s is neither due, applied nor quarantined', fact.row) FROM ({FACTS}) AS fact
         WHERE store_id = %(store)s AND due_at IS NULL AND applied_at IS NULL AND quarantined_at IS NULL
        """,
    ),
    Invariant(
        "L7", "an order claws back at most what it earned, a full refund all of it", ORDERS,
        """
        SELECT format('order %%s nets %%s points, refunded %%s of %%s', purchase.external_id, sum(entry.points),
                      purchase.refunded, purchase.total)
          FROM earning_order AS purchase
          JOIN earning_activity AS activity ON activity.store_id = purchase.store_id
           AND activity.order_id = purchase.id AND activity.due_at IS NULL
          JOIN customers_ledgerentry AS entry ON entry.store_id = purchase.store_id
           AND entry.source = 'activity:' || activity.id
           AND entry.wallet_id IN (SELECT id FROM customers_wallet WHERE customer_id = activity.customer_id)
         WHERE purchase.store_id = %(store)s
         GROUP BY purchase.id
        HAVING sum(entry.points) < 0
            OR (sum(entry.points) <> 0 AND (purchase.is_cancelled
                OR (purchase.has_refund AND purchase.refunded >= purchase.total)))
        """,
    ),
    Invariant(
        "L7", "a purchase keeps the share that was not refunded, once its order has come far enough", ACTIVITIES,
        """
        SELECT format('activity %%s is %%s with %%s of %%s, refunded %%s of %%s', activity.id, activity.state,
                      activity.points, activity.decision ->> 'points', purchase.refunded, purchase.total)
          FROM earning_activity AS activity
          JOIN earning_order AS purchase ON purchase.store_id = activity.store_id AND purchase.id = activity.order_id
         CROSS JOIN LATERAL (
               SELECT (decision ->> 'points')::numeric * (total - refunded) / NULLIF(total, 0) AS share) AS kept
         WHERE activity.store_id = %(store)s AND activity.state IN ('approved', 'pending') AND activity.due_at IS NULL
           AND activity.decision ->> 'outcome' = 'awarded'
           AND (activity.points < share - 0.000001 OR activity.points >= share + 1  -- what the rounding may leave
             OR (activity.state = 'approved' AND NOT purchase.is_awardable AND activity.asked_state <> 'approved'))
        """,
    ),
    Invariant(
        "L7", "the ledger holds what each activity is worth, and no more", ACTIVITIES,
        """
        SELECT format('activity %%s (%%s) is worth %%s (%%s pending), the ledger holds %%s (%%s)', fact.id, fact.state,
                      COALESCE(fact.points, 0), COALESCE(fact.pending, 0),
                      COALESCE(posted.points, 0), COALESCE(posted.pending, 0))
          FROM (SELECT id, state, customer_id, 'activity:' || id AS source,
                       CASE WHEN state = 'approved' THEN points ELSE 0 END AS points,
                       CASE WHEN state = 'pending' THEN points ELSE 0 END AS pending
                  FROM earning_activity WHERE store_id = %(store)s) AS fact
          FULL JOIN (
                SELECT customer_id, source, sum(points) AS points, sum(pending) AS pending
                  FROM customers_ledgerentry WHERE store_id = %(store)s AND source LIKE 'activity:%%'
                 GROUP BY customer_id, source) AS posted
            ON posted.source = fact.source AND posted.customer_id = fact.customer_id
         WHERE fact.id IS NULL OR COALESCE(posted.points, 0) <> fact.points
            OR COALESCE(posted.pending, 0) <> fact.pending
        UNION ALL
        SELECT format('activity %%s is %%s by rule %%s, version %%s; its explanation says %%s', activity.id,
                      activity.state, activity.rule_id, activity.rule_version, activity.decision ->> 'state')
          FROM earning_activity AS activity
          LEFT JOIN earning_earningrule AS rule ON rule.store_id = activity.store_id AND rule.id = activity.rule_id
         WHERE activity.store_id = %(store)s AND activity.applied_at IS NOT NULL
           AND (activity.decision ->> 'state' IS DISTINCT FROM activity.state
             OR (activity.state IN ('approved', 'pending')
                 AND (activity.decision ->> 'outcome' = 'awarded') <> (activity.rule_id IS NOT NULL))
             OR (activity.decision ->> 'outcome' = 'awarded'
                 AND NOT activity.decision -> 'rules' @> jsonb_build_array(jsonb_build_object(
                     'pays', true, 'rule', rule.public_id::text, 'version', activity.rule_version))))
        """,
    ),
    Invariant(
        "L11", "orders stand as their facts say", ORDERS,
        f"""
        SELECT format('order %%s: %%s, cancelled %%s, refunded %%s of %%s; told: cancelled %%s, refunded %%s',
                      purchase.external_id, purchase.status, purchase.is_cancelled, purchase.refunded, purchase.total,
                      told.is_cancelled, told.refunds)
          FROM earning_order AS purchase
          LEFT JOIN ({TOLD}) AS told ON told.order_external_id = purchase.external_id
         WHERE purchase.store_id = %(store)s AND told.is_applied IS DISTINCT FROM false
           AND (told.order_external_id IS NULL OR purchase.is_cancelled <> told.is_cancelled
             OR array_position({STATUSES}, purchase.status) <> told.rank
             OR purchase.has_refund <> (told.has_refund OR told.is_closed)
             OR abs(purchase.refunded - CASE WHEN told.is_closed THEN purchase.total
                    WHEN told.has_body THEN LEAST(told.refunds, purchase.total) ELSE told.refunds END) > 0.00005)
        UNION ALL
        SELECT format('order %%s of %%s (%%s), told: %%s (%%s)', purchase.external_id, purchase.total,
                      purchase.subtotal, body.total, body.subtotal)
          FROM earning_order AS purchase
          JOIN ({TOLD}) AS told ON told.order_external_id = purchase.external_id AND told.is_applied
          JOIN ({BELIEVED}) AS body ON body.order_external_id = purchase.external_id
         WHERE purchase.store_id = %(store)s
           AND ({" OR ".join(f"abs(purchase.{name} - COALESCE(body.{name}, 0)) > 0.00005" for name in AMOUNTS)})
        UNION ALL
        SELECT format('order %%s of %%s, refunded %%s, counts for %%s', external_id, total, refunded, counted)
          FROM earning_order
         WHERE store_id = %(store)s AND counted IS DISTINCT FROM CASE WHEN is_awardable AND NOT is_cancelled
           AND NOT (has_refund AND refunded >= total) THEN total - refunded END
        UNION ALL
        SELECT format('%%s is told of and applied, yet is no order', told.order_external_id)
          FROM ({TOLD}) AS told
          LEFT JOIN earning_order AS purchase
            ON purchase.store_id = %(store)s AND purchase.external_id = told.order_external_id
         WHERE told.is_applied AND purchase.id IS NULL
        """,
    ),
    Invariant(
        "L11", "customers' totals are those of their orders", ORDERS,
        """
        SELECT format('customer %%s has %%s orders of %%s, their orders come to %%s of %%s', customer.id,
                      customer.orders_count, customer.orders_total, count(purchase.counted),
                      COALESCE(sum(purchase.counted), 0))
          FROM customers_customer AS customer
          LEFT JOIN earning_order AS purchase
            ON purchase.store_id = customer.store_id AND purchase.customer_id = customer.id
         WHERE customer.store_id = %(store)s
         GROUP BY customer.id
        HAVING customer.orders_count <> count(purchase.counted)
            OR customer.orders_total <> COALESCE(sum(purchase.counted), 0)
        """,
    ),
    Invariant(
        "L12", "what paid an activity is a rule of the store, as it was", ENTRIES,
        """
        SELECT format('activity %%s was paid by rule %%s, version %%s', activity.id, activity.rule_id,
                      activity.rule_version)
          FROM earning_activity AS activity
          LEFT JOIN earning_earningruleversion AS version ON version.store_id = activity.store_id
           AND version.rule_id = activity.rule_id AND version.number = activity.rule_version
         WHERE activity.store_id = %(store)s AND (activity.rule_id IS NOT NULL OR activity.rule_version IS NOT NULL)
           AND version.id IS NULL
        """,
    ),
]  # fmt: skip
