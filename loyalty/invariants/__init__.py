"""What must always hold of the books, as queries that return the rows which break it.

The ids are those of the reliability contract; one store at a time, with `%(store)s` and `%(since)s`.
"""

from . import books, facts, spending
from .queries import Invariant

__all__ = ["INVARIANTS", "Invariant"]

INVARIANTS: list[Invariant] = sorted(
    [*books.INVARIANTS, *facts.INVARIANTS, *spending.INVARIANTS], key=lambda one: int(one.id.removeprefix("L"))
)
