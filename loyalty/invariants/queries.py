"""What an invariant is, and how many rows of the ledger there are to look at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    id: str
    says: str
    checked: str  # how many rows were looked at
    broken: str  # the offending rows, a readable line each


ENTRIES = "SELECT count(*) FROM customers_ledgerentry WHERE store_id = %(store)s AND created_at >= %(since)s"
WALLETS = "SELECT count(*) FROM customers_wallet WHERE store_id = %(store)s"
