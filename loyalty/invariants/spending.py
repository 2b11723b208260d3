"""What points were taken for, and the codes that were given."""

from .queries import Invariant

REDEMPTIONS = "SELECT count(*) FROM spending_redemption WHERE store_id = %(store)s AND issued_at >= %(since)s"
CODES = "SELECT count(*) FROM spending_couponcode WHERE store_id = %(store)s AND created_at >= %(since)s"
# What the ledger posted for each redemption, by its source.
SPENT = """
    SELECT source, customer_id, sum(points) AS points, count(*) AS entries, bool_and(kind = 'redeem') AS is_redeem,
           min(effective_at) FILTER (WHERE revision = 1) AS taken_at
      FROM customers_ledgerentry WHERE store_id = %(store)s AND source LIKE 'redemption:%%'
     GROUP BY source, customer_id
"""
TOLD = """
    SELECT data ->> 'redemption' AS public_id, customer_id, topic, count(*) AS times FROM customers_event
     WHERE store_id = %(store)s AND topic IN ('reward.redeemed', 'redemption.used', 'redemption.cancelled',
           'redemption.expired') GROUP BY 1, 2, 3
"""

INVARIANTS = [
    Invariant(
        "L8", "what was taken is paid by one debit, at its price", REDEMPTIONS,
        f"""
        SELECT format('redemption %%s (%%s) cost %%s, the ledger took %%s', redemption.id, redemption.state,
                      redemption.points, -COALESCE(spent.points, 0))
          FROM spending_redemption AS redemption
          LEFT JOIN ({SPENT}) AS spent
            ON spent.source = 'redemption:' || redemption.id AND spent.customer_id = redemption.customer_id
         WHERE redemption.store_id = %(store)s AND (spent.taken_at IS DISTINCT FROM redemption.issued_at
            OR (redemption.state <> 'cancelled'
                AND (spent.entries <> 1 OR -spent.points <> redemption.points OR NOT spent.is_redeem)))
        UNION ALL
        SELECT format('the ledger took %%s for %%s, which customer %%s does not have', -spent.points, spent.source,
                      spent.customer_id)
          FROM ({SPENT}) AS spent
          LEFT JOIN spending_redemption AS redemption ON redemption.store_id = %(store)s
           AND 'redemption:' || redemption.id = spent.source AND redemption.customer_id = spent.customer_id
         WHERE redemption.id IS NULL
        UNION ALL
        SELECT format('redemption %%s cost %%s for %%s of reward %%s, version %%s', redemption.id, redemption.points,
                      redemption.multiplier, redemption.reward_id, redemption.reward_version)
          FROM spending_redemption AS redemption
          LEFT JOIN spending_rewardversion AS version ON version.store_id = redemption.store_id
           AND version.reward_id = redemption.reward_id AND version.number = redemption.reward_version
         WHERE redemption.store_id = %(store)s AND redemption.points IS DISTINCT FROM
               (version.values ->> 'points')::numeric * redemption.multiplier
        """,
    ),
    Invariant(
        "L8", "a code is issued once, and what was taken has its code", CODES,
        """
        SELECT format('code %%s (%%s) was issued %%s times', coupon.id, coupon.state, count(redemption.id))
          FROM spending_couponcode AS coupon
          LEFT JOIN spending_redemption AS redemption
            ON redemption.store_id = coupon.store_id AND redemption.coupon_id = coupon.id
         WHERE coupon.store_id = %(store)s AND (coupon.state <> 'free' OR redemption.id IS NOT NULL)
         GROUP BY coupon.id
        HAVING count(redemption.id) > 1 OR (count(redemption.id) = 1 AND coupon.state = 'free')
            OR (count(redemption.id) = 0 AND coupon.state IN ('issued', 'used', 'void'))
            OR (count(redemption.id) = 0 AND coupon.state = 'expired' AND (coupon.expires_on IS NULL
                OR coupon.expires_on > (clock_timestamp() AT TIME ZONE 'UTC')::date))
        UNION ALL
        SELECT format('redemption %%s (%%s) has the code “%%s”, its list %%s', redemption.id, redemption.state,
                      redemption.code, COALESCE(coupon.code || ' (' || coupon.state || ')', 'none'))
          FROM spending_redemption AS redemption
          JOIN spending_rewardversion AS version ON version.store_id = redemption.store_id
           AND version.reward_id = redemption.reward_id AND version.number = redemption.reward_version
          LEFT JOIN spending_couponcode AS coupon
            ON coupon.store_id = redemption.store_id AND coupon.id = redemption.coupon_id
         WHERE redemption.store_id = %(store)s
           AND CASE version.values ->> 'code_source'
               WHEN 'none' THEN redemption.code <> '' OR redemption.state = 'pending'
               WHEN 'generated' THEN redemption.code = '' OR redemption.state = 'pending'
               WHEN 'pool' THEN coupon.code IS DISTINCT FROM redemption.code
                 OR (redemption.state <> 'cancelled' AND coupon.state <> redemption.state)
               ELSE redemption.coupon_id IS NOT NULL
                 OR (redemption.state <> 'cancelled' AND (redemption.state = 'pending') <> (redemption.code = '')) END
        """,
    ),
    Invariant(
        "L9", "what was cancelled cost nothing in the end, and its code is void", REDEMPTIONS,
        f"""
        SELECT format('redemption %%s is cancelled, yet the ledger keeps %%s in %%s entries', redemption.id,
                      -COALESCE(spent.points, 0), COALESCE(spent.entries, 0))
          FROM spending_redemption AS redemption
          LEFT JOIN ({SPENT}) AS spent
            ON spent.source = 'redemption:' || redemption.id AND spent.customer_id = redemption.customer_id
         WHERE redemption.store_id = %(store)s AND redemption.state = 'cancelled'
           AND (spent.entries IS DISTINCT FROM 2 OR spent.points <> 0)
        UNION ALL
        SELECT format('redemption %%s is cancelled, yet its code %%s is %%s', redemption.id, redemption.coupon_id,
                      coupon.state)
          FROM spending_redemption AS redemption
          LEFT JOIN spending_couponcode AS coupon
            ON coupon.store_id = redemption.store_id AND coupon.id = redemption.coupon_id
         WHERE redemption.store_id = %(store)s AND redemption.state = 'cancelled' AND redemption.coupon_id IS NOT NULL
           AND coupon.state IS DISTINCT FROM 'void'
        UNION ALL
        SELECT format('redemption %%s is %%s: used at %%s, cancelled at %%s, ends at %%s', id, state, used_at,
                      cancelled_at, expires_at)
          FROM spending_redemption
         WHERE store_id = %(store)s AND ((state = 'cancelled') <> (cancelled_at IS NOT NULL)
            OR (state = 'used' AND used_at IS NULL) OR (state NOT IN ('used', 'cancelled') AND used_at IS NOT NULL)
            OR (state = 'expired' AND (expires_at > clock_timestamp()) IS NOT FALSE))
        """,
    ),
    Invariant(
        "L12", "codes are of an import of their pool, what replaces a redemption is of its customer", CODES,
        """
        SELECT format('code %%s is of import %%s, pool %%s', code.id, code.coupon_import_id, code.pool_id)
          FROM spending_couponcode AS code
          LEFT JOIN spending_couponimport AS file ON file.store_id = code.store_id AND file.id = code.coupon_import_id
           AND file.pool_id = code.pool_id
         WHERE code.store_id = %(store)s AND file.id IS NULL
        UNION ALL
        SELECT format('redemption %%s (%%s) is replaced by %%s', redemption.id, redemption.state,
                      redemption.replaced_by_id)
          FROM spending_redemption AS redemption
          LEFT JOIN spending_redemption AS other ON other.store_id = redemption.store_id
           AND other.id = redemption.replaced_by_id AND other.customer_id = redemption.customer_id
           AND other.reward_id = redemption.reward_id AND other.id > redemption.id AND redemption.state = 'cancelled'
         WHERE redemption.store_id = %(store)s AND redemption.replaced_by_id IS NOT NULL AND other.id IS NULL
        """,
    ),
    Invariant(
        "L15", "each step of a redemption is told once", REDEMPTIONS,
        f"""
        SELECT format('redemption %%s is %%s, which %%s events “%%s” tell', redemption.id, redemption.state,
                      COALESCE(told.times, 0), step.topic)
          FROM spending_redemption AS redemption
          JOIN (VALUES ('issued', 'reward.redeemed'), ('used', 'reward.redeemed'), ('expired', 'reward.redeemed'),
                       ('used', 'redemption.used'), ('expired', 'redemption.expired'),
                       ('cancelled', 'redemption.cancelled')) AS step (state, topic) ON step.state = redemption.state
          LEFT JOIN ({TOLD}) AS told ON told.public_id = redemption.public_id::text AND told.topic = step.topic
           AND told.customer_id = redemption.customer_id
         WHERE redemption.store_id = %(store)s AND told.times IS DISTINCT FROM 1
        UNION ALL
        SELECT format('events “%%s” tell of redemption %%s, which is %%s', told.topic, told.public_id,
                      COALESCE(redemption.state, 'none of theirs'))
          FROM ({TOLD}) AS told
          LEFT JOIN spending_redemption AS redemption ON redemption.store_id = %(store)s
           AND redemption.public_id::text = told.public_id AND redemption.customer_id = told.customer_id
         WHERE CASE told.topic
               WHEN 'redemption.used' THEN redemption.state IN ('used', 'cancelled')
               WHEN 'redemption.expired' THEN redemption.state IN ('expired', 'used', 'cancelled')
               WHEN 'redemption.cancelled' THEN redemption.state = 'cancelled'
               ELSE redemption.state <> 'pending' END IS NOT TRUE
        """,
    ),
]  # fmt: skip
