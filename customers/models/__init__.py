"""Who takes part in the programme and what they own."""

from .events import Event, OrderNotice, Resolution, Topic
from .ledger import LedgerEntry, LedgerSeal
from .people import Customer, CustomerAlias, Points, Wallet

__all__ = [
    "Customer", "CustomerAlias", "Event", "LedgerEntry", "LedgerSeal", "OrderNotice", "Points", "Resolution", "Topic",
    "Wallet",
]  # fmt: skip
