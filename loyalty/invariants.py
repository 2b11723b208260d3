"""What must always hold of the books, as queries that return the rows which break it.

The ids are those of the reliability contract; one store at a time, with `%(store)s` and `%(since)s`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    id: str
    says: str
    checked: str  # how many rows were looked at
    broken: str  # the offending rows, a readable line each


ENTRIES = "SELECT count(*) FROM customers_ledgerentry WHERE store_id = %(store)s AND created_at >= %(since)s"
WALLETS = "SELECT count(*) FROM customers_wallet WHERE store_id = %(store)s"
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
REDEMPTIONS = "SELECT count(*) FROM spending_redemption WHERE store_id = %(store)s AND issued_at >= %(since)s"
# What the ledger posted for each redemption, by its source.
SPENT = """
    SELECT substr(source, 12)::bigint AS redemption_id, customer_id, sum(points) AS points, count(*) AS entries,
           bool_and(kind = 'redeem') AS is_redeem
      FROM customers_ledgerentry WHERE store_id = %(store)s AND source LIKE 'redemption:%%'
     GROUP BY source, customer_id
"""
TOLD = """
    SELECT data->>'redemption' AS public_id, topic, count(*) AS times FROM customers_event
     WHERE store_id = %(store)s AND topic IN ('reward.redeemed', 'redemption.used', 'redemption.cancelled',
           'redemption.expired') GROUP BY 1, 2
"""

INVARIANTS = [
    Invariant(
        "L1", "wallets are the sums of their entries", WALLETS,
        """
        SELECT format('wallet %%s holds %%s (%%s pending), its entries sum to %%s (%%s)',
                      wallet.id, wallet.balance, wallet.pending, COALESCE(sum(entry.points), 0),
                      COALESCE(sum(entry.pending), 0))
          FROM customers_wallet AS wallet
          LEFT JOIN customers_ledgerentry AS entry
            ON entry.store_id = wallet.store_id AND entry.wallet_id = wallet.id
         WHERE wallet.store_id = %(store)s
         GROUP BY wallet.id
        HAVING wallet.balance <> COALESCE(sum(entry.points), 0) OR wallet.pending <> COALESCE(sum(entry.pending), 0)
            OR wallet.last_seq <> count(entry.id)
            OR wallet.earned <> COALESCE(sum(entry.points) FILTER (WHERE kind IN ('earn', 'import', 'write_off')), 0)
            OR wallet.spent <> -COALESCE(sum(entry.points) FILTER (WHERE kind = 'redeem'), 0)
            OR wallet.expired <> -COALESCE(sum(entry.points) FILTER (WHERE kind = 'expire'), 0)
        """,
    ),
    Invariant(
        "L2", "the app role may only add entries", "SELECT 3",
        """
        SELECT format('%%s may %%s on %%s', grantee, privilege_type, table_name)
          FROM information_schema.role_table_grants
         WHERE table_name IN ('customers_ledgerentry', 'customers_event') AND grantee = 'loyalty_app'
           AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
        UNION ALL
        SELECT format('the append-only trigger of %%s is missing or off', fenced)
          FROM unnest(ARRAY['customers_ledgerentry', 'customers_event']) AS fenced
         WHERE (SELECT count(*) FROM pg_trigger
                 WHERE tgrelid = fenced::regclass AND tgenabled = 'O' AND NOT tgisinternal) < 2
        """,
    ),
    Invariant(
        "L3", "one fact posts once per effect", ENTRIES,
        """
        SELECT format('wallet %%s: %%s revision %%s stands %%s times', wallet_id, source, revision, count(*))
          FROM customers_ledgerentry WHERE store_id = %(store)s
         GROUP BY wallet_id, source, revision HAVING count(*) > 1
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
        "L6", "only a corrected earn overdraws", ENTRIES,
        """
        SELECT format('entry %%s (%%s) leaves %%s', id, kind, balance_after) FROM customers_ledgerentry
         WHERE store_id = %(store)s AND points < 0 AND kind <> 'earn' AND balance_after < 0
        """,
    ),
    Invariant(
        "L7", "an order claws back at most what it earned, a full refund all of it",
        "SELECT count(*) FROM earning_order WHERE store_id = %(store)s AND updated_at >= %(since)s",
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
        "L8", "a code is issued once; what was taken is paid by one debit and has its code", REDEMPTIONS,
        f"""
        SELECT format('redemption %%s (%%s) cost %%s, the ledger took %%s', redemption.id, redemption.state,
                      redemption.points, -COALESCE(spent.points, 0))
          FROM spending_redemption AS redemption
          LEFT JOIN ({SPENT}) AS spent
            ON spent.redemption_id = redemption.id AND spent.customer_id = redemption.customer_id
         WHERE redemption.store_id = %(store)s AND redemption.state <> 'cancelled'
           AND (spent.entries IS DISTINCT FROM 1 OR -spent.points <> redemption.points OR NOT spent.is_redeem)
        UNION ALL
        SELECT format('the ledger took %%s for redemption %%s, which customer %%s does not have', -spent.points,
                      spent.redemption_id, spent.customer_id)
          FROM ({SPENT}) AS spent
          LEFT JOIN spending_redemption AS redemption ON redemption.store_id = %(store)s
           AND redemption.id = spent.redemption_id AND redemption.customer_id = spent.customer_id
         WHERE redemption.id IS NULL
        UNION ALL
        SELECT format('code %%s (%%s) was issued %%s times', coupon.id, coupon.state, count(redemption.id))
          FROM spending_couponcode AS coupon
          LEFT JOIN spending_redemption AS redemption
            ON redemption.store_id = coupon.store_id AND redemption.coupon_id = coupon.id
         WHERE coupon.store_id = %(store)s AND (coupon.state <> 'free' OR redemption.id IS NOT NULL)
         GROUP BY coupon.id
        HAVING count(redemption.id) > 1 OR (count(redemption.id) = 1 AND coupon.state = 'free')
            OR (count(redemption.id) = 0 AND coupon.state IN ('issued', 'used'))
        UNION ALL
        SELECT format('redemption %%s (%%s) has the code “%%s”, its list %%s', redemption.id, redemption.state,
                      redemption.code, COALESCE(coupon.code || ' (' || coupon.state || ')', 'none'))
          FROM spending_redemption AS redemption
          JOIN spending_rewardversion AS version ON version.store_id = redemption.store_id
           AND version.reward_id = redemption.reward_id AND version.number = redemption.reward_version
          LEFT JOIN spending_couponcode AS coupon
            ON coupon.store_id = redemption.store_id AND coupon.id = redemption.coupon_id
         WHERE redemption.store_id = %(store)s AND redemption.state IN ('issued', 'used', 'expired')
           AND CASE version.values->>'code_source'
               WHEN 'none' THEN redemption.code <> ''
               WHEN 'pool' THEN (coupon.code, coupon.state) IS DISTINCT FROM (redemption.code, redemption.state)
               ELSE redemption.code = '' END
        """,
    ),
    Invariant(
        "L9", "what was cancelled cost nothing in the end, and its code is void", REDEMPTIONS,
        f"""
        SELECT format('redemption %%s is cancelled, yet the ledger keeps %%s in %%s entries', redemption.id,
                      -COALESCE(spent.points, 0), COALESCE(spent.entries, 0))
          FROM spending_redemption AS redemption
          LEFT JOIN ({SPENT}) AS spent
            ON spent.redemption_id = redemption.id AND spent.customer_id = redemption.customer_id
         WHERE redemption.store_id = %(store)s AND redemption.state = 'cancelled'
           AND (spent.entries IS DISTINCT FROM 2 OR spent.points <> 0)
        UNION ALL
        SELECT format('redemption %%s is cancelled, yet its code %%s is %%s', redemption.id, coupon.id, coupon.state)
          FROM spending_redemption AS redemption
          JOIN spending_couponcode AS coupon
            ON coupon.store_id = redemption.store_id AND coupon.id = redemption.coupon_id
         WHERE redemption.store_id = %(store)s AND redemption.state = 'cancelled' AND coupon.state <> 'void'
        """,
    ),
    Invariant(
        "L10", "sequence and balances chain without a gap", ENTRIES,
        """
        SELECT format('wallet %%s breaks at seq %%s', wallet_id, seq) FROM (
            SELECT wallet_id, seq, points, pending, balance_after, pending_after,
                   COALESCE(lag(seq) OVER chain, 0) AS seq_before,
                   COALESCE(lag(balance_after) OVER chain, 0) AS balance_before,
                   COALESCE(lag(pending_after) OVER chain, 0) AS pending_before
              FROM customers_ledgerentry WHERE store_id = %(store)s
            WINDOW chain AS (PARTITION BY wallet_id ORDER BY seq)) AS link
         WHERE seq <> seq_before + 1 OR balance_after <> balance_before + points
            OR pending_after <> pending_before + pending
        """,
    ),
    Invariant(
        "L12", "no row points into another store", ENTRIES,
        """
        SELECT format('entry %%s is of wallet %%s, customer %%s', entry.id, entry.wallet_id, entry.customer_id)
          FROM customers_ledgerentry AS entry
          LEFT JOIN customers_wallet AS wallet ON wallet.store_id = entry.store_id AND wallet.id = entry.wallet_id
           AND wallet.customer_id = entry.customer_id
         WHERE entry.store_id = %(store)s AND wallet.id IS NULL
        UNION ALL
        SELECT format('activity %%s was paid by rule %%s', activity.id, activity.rule_id)
          FROM earning_activity AS activity
          LEFT JOIN earning_earningrule AS rule ON rule.store_id = activity.store_id AND rule.id = activity.rule_id
         WHERE activity.store_id = %(store)s AND activity.rule_id IS NOT NULL AND rule.id IS NULL
        UNION ALL
        SELECT format('code %%s is of import %%s, pool %%s', code.id, code.coupon_import_id, code.pool_id)
          FROM spending_couponcode AS code
          LEFT JOIN spending_couponimport AS file ON file.store_id = code.store_id AND file.id = code.coupon_import_id
           AND file.pool_id = code.pool_id
         WHERE code.store_id = %(store)s AND file.id IS NULL
        """,
    ),
    Invariant(
        "L13", "issued = outstanding + redeemed + expired - adjusted", WALLETS,
        """
        SELECT format('the books are off by %%s', difference) FROM (
            SELECT (SELECT COALESCE(sum(balance), 0) FROM customers_wallet WHERE store_id = %(store)s)
                 - (SELECT COALESCE(sum(points), 0) FROM customers_ledgerentry WHERE store_id = %(store)s)
                AS difference) AS books
         WHERE difference <> 0
        """,
    ),
    Invariant(
        "L14", "points and money are exact decimals", "SELECT 1",
        """
        SELECT format('%%s.%%s is %%s', table_name, column_name, data_type) FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type IN ('real', 'double precision')
           AND (table_name LIKE 'customers\\_%%' OR table_name LIKE 'earning\\_%%' OR table_name LIKE 'spending\\_%%')
        """,
    ),
    Invariant(
        "L15", "each ledger effect and each step of a redemption has one event", ENTRIES,
        f"""
        SELECT format('entry %%s has %%s events', entry.id, count(event.id)) FROM customers_ledgerentry AS entry
          LEFT JOIN customers_event AS event ON event.store_id = entry.store_id AND event.entry_id = entry.id
           AND event.customer_id = entry.customer_id
         WHERE entry.store_id = %(store)s GROUP BY entry.id HAVING count(event.id) <> 1
        UNION ALL
        SELECT format('redemption %%s is %%s, which %%s events “%%s” tell', redemption.id, redemption.state,
                      COALESCE(told.times, 0), step.topic)
          FROM spending_redemption AS redemption
          JOIN (VALUES ('issued', 'reward.redeemed'), ('used', 'reward.redeemed'), ('expired', 'reward.redeemed'),
                       ('used', 'redemption.used'), ('expired', 'redemption.expired'),
                       ('cancelled', 'redemption.cancelled')) AS step (state, topic) ON step.state = redemption.state
          LEFT JOIN ({TOLD}) AS told ON told.public_id = redemption.public_id::text AND told.topic = step.topic
         WHERE redemption.store_id = %(store)s AND told.times IS DISTINCT FROM 1
        """,
    ),
]  # fmt: skip
