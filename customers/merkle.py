"""A hash over many lines that also proves a single one. Pure; bin/verify-ledger does the same sums by itself."""

from collections.abc import Sequence
from hashlib import sha256

Proof = list[tuple[str, str]]  # the side on which the sibling stands, "L" or "R", and its hash in hex


def leaf(line: str) -> bytes:
    return sha256(b"\x00" + line.encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def above(level: Sequence[bytes]) -> list[bytes]:
    """The next level up; the last one of an odd level goes up as it is."""
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def root(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves)
    while len(level) > 1:
        level = above(level)
    return level[0]


def proof(leaves: Sequence[bytes], place: int) -> Proof:
    """What must be hashed onto leaf number `place` to reach the root."""
    found: Proof = []
    level = list(leaves)
    while len(level) > 1:
        sibling = place ^ 1
        if sibling < len(level):
            found.append(("L" if sibling < place else "R", level[sibling].hex()))
        level, place = above(level), place // 2
    return found
