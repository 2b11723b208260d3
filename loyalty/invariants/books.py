"""Wallets, entries and the events that tell of them."""

from .queries import ENTRIES, WALLETS, Invariant

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
        UNION ALL
        SELECT format('customer %%s has %%s wallets of points', customer.id, count(wallet.id))
          FROM customers_customer AS customer
          LEFT JOIN customers_wallet AS wallet
            ON wallet.store_id = customer.store_id AND wallet.customer_id = customer.id AND wallet.unit = 'points'
         WHERE customer.store_id = %(store)s GROUP BY customer.id HAVING count(wallet.id) <> 1
        """,
    ),
    Invariant(
        "L2", "the app role may only add entries", "SELECT 3",
        """
        SELECT format('%%s may %%s on %%s', grantee, privilege_type, table_name)
          FROM information_schema.role_table_grants
         WHERE table_name IN ('customers_ledgerentry', 'customers_event', 'customers_ledgerseal')
           AND grantee = 'loyalty_app' AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
        UNION ALL
        SELECT format('the append-only trigger of %%s is missing or off', fenced)
          FROM unnest(ARRAY['customers_ledgerentry', 'customers_event', 'customers_ledgerseal']) AS fenced
         WHERE (SELECT count(*) FROM pg_trigger
                 WHERE tgrelid = fenced::regclass AND tgenabled = 'O' AND NOT tgisinternal) < 2
        """,
    ),
    Invariant(
        "L3", "one fact posts once per effect, each of its corrections after the one before", ENTRIES,
        """
        SELECT format('wallet %%s: %%s has %%s entries up to revision %%s', wallet_id, source, count(*), max(revision))
          FROM customers_ledgerentry WHERE store_id = %(store)s
         GROUP BY wallet_id, source
        HAVING count(*) <> count(DISTINCT revision) OR count(*) <> max(revision) OR min(revision) <> 1
            OR count(DISTINCT kind) <> 1
        UNION ALL
        SELECT format('entry %%s of %%s is a “%%s”', id, source, kind) FROM customers_ledgerentry
          JOIN (VALUES ('activity', 'earn'), ('adjust', 'adjust'), ('redemption', 'redeem'), ('write_off', 'write_off'))
               AS known (name, fits) ON split_part(source, ':', 1) = name
         WHERE store_id = %(store)s AND kind <> fits
        UNION ALL
        SELECT format('%%s of wallet %%s has %%s entries and comes to %%s', source, wallet_id, count(*), sum(points))
          FROM customers_ledgerentry WHERE store_id = %(store)s AND kind = 'adjust'
         GROUP BY wallet_id, source HAVING count(*) > 2 OR (count(*) = 2 AND sum(points) <> 0)
        """,
    ),
    Invariant(
        "L6", "only a corrected earn overdraws, and what writes a debt off ends at zero", ENTRIES,
        """
        SELECT format('entry %%s (%%s) of %%s leaves %%s', id, kind, points, balance_after) FROM customers_ledgerentry
         WHERE store_id = %(store)s AND points < 0 AND kind <> 'earn' AND balance_after < 0
        UNION ALL
        SELECT format('entry %%s writes off %%s and leaves %%s', id, points, balance_after) FROM customers_ledgerentry
         WHERE store_id = %(store)s AND kind = 'write_off' AND points > 0 AND balance_after <> 0
        UNION ALL
        SELECT format('%%s of wallet %%s takes back more than it wrote off', source, wallet_id)
          FROM customers_ledgerentry WHERE store_id = %(store)s AND kind = 'write_off'
         GROUP BY wallet_id, source HAVING sum(points) < 0
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
        "L12", "no entry points into another wallet or store", ENTRIES,
        """
        SELECT format('entry %%s is of wallet %%s, customer %%s', entry.id, entry.wallet_id, entry.customer_id)
          FROM customers_ledgerentry AS entry
          LEFT JOIN customers_wallet AS wallet ON wallet.store_id = entry.store_id AND wallet.id = entry.wallet_id
           AND wallet.customer_id = entry.customer_id
         WHERE entry.store_id = %(store)s AND wallet.id IS NULL
        """,
    ),
    Invariant(
        "L13", "outstanding = issued - redeemed - expired + adjusted", WALLETS,
        """
        SELECT format('%%s are outstanding, the books say %%s', outstanding, told) FROM (
            SELECT COALESCE(sum(balance), 0) AS outstanding,
                   COALESCE(sum(earned - spent - expired), 0)
                 + (SELECT COALESCE(sum(points), 0) FROM customers_ledgerentry
                     WHERE store_id = %(store)s AND kind IN ('adjust', 'hold')) AS told
              FROM customers_wallet WHERE store_id = %(store)s) AS books
         WHERE outstanding <> told
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
        "L15", "each ledger effect has one event, its own", ENTRIES,
        """
        SELECT format('entry %%s has %%s events of its own', entry.id, count(event.id))
          FROM customers_ledgerentry AS entry
          LEFT JOIN customers_event AS event ON event.store_id = entry.store_id AND event.entry_id = entry.id
           AND event.customer_id = entry.customer_id AND event.public_id = entry.public_id
           AND event.created_at = entry.created_at AND event.topic = 'points.moved'
         WHERE entry.store_id = %(store)s GROUP BY entry.id HAVING count(event.id) <> 1
        UNION ALL
        SELECT format('event %%s (%%s) tells of entry %%s', event.id, event.topic, event.entry_id)
          FROM customers_event AS event
          LEFT JOIN customers_ledgerentry AS entry ON entry.store_id = event.store_id AND entry.id = event.entry_id
           AND event.topic = 'points.moved'
         WHERE event.store_id = %(store)s AND (event.entry_id IS NOT NULL OR event.topic = 'points.moved')
           AND entry.id IS NULL
        """,
    ),
]  # fmt: skip
