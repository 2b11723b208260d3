"""Where a redemption's code comes from. A new source is one class; `register` makes it known.

Sources of this app are at hand inside the transaction. One that has to ask somebody else (`is_remote`) makes
its code after the points are taken, without a lock; see redemptions.finish.
"""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from loyalty.stores.models import Store

from . import coupons
from .models import Redemption, Reward
from .rewards import GENERATED, NO_CODE, POOL, Discount

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no letters or digits that look alike
LENGTH = 12


class CodeNotMade(Exception):
    """The remote maker refused or did not answer; the message says why. The points go back."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A code, and where it was uploaded the row that it is."""

    code: str = ""
    coupon: coupons.Issued | None = None
    value: Decimal | None = None


class CodeSource:
    key: ClassVar[str]
    is_remote: ClassVar[bool] = False

    def with_codes(self, store: Store, rewards: list[Reward]) -> set[int]:
        """The ids of those of its rewards for which there would be a code."""
        return {reward.pk for reward in rewards}

    def has_codes(self, store: Store, reward: Reward) -> bool:
        return bool(self.with_codes(store, [reward]))

    def take(self, store: Store, reward: Reward) -> Handed:
        """A code for one redemption, in its transaction. Raises coupons.OutOfCodes."""
        return Handed()

    def make(self, redemption: Redemption, discount: Discount | None) -> str:
        """A remote source's code. Asked again for the same redemption it finds the one it made. Raises CodeNotMade."""
        raise CodeNotMade("This store has no shop that makes codes.")


SOURCES: dict[str, CodeSource] = {}


def register(source: type[CodeSource]) -> type[CodeSource]:
    SOURCES[source.key] = source()
    return source


@register
class NoCode(CodeSource):
    key = NO_CODE


@register
class Generated(CodeSource):
    key = GENERATED

    def take(self, store, reward):
        return Handed(reward.code_prefix + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


@register
class Pool(CodeSource):
    key = POOL

    def with_codes(self, store, rewards):
        stocked = coupons.stocked(store)
        return {reward.pk for reward in rewards if reward.pool_id in stocked}

    def take(self, store, reward):
        coupon = coupons.take(store, reward.pool)
        return Handed(coupon.code, coupon, coupon.value)


def with_codes(store: Store, rewards: list[Reward]) -> set[int]:
    """The ids of the rewards for which there would be a code; each source is asked once."""
    found: set[int] = set()
    for key in {reward.code_source for reward in rewards}:
        found |= SOURCES[key].with_codes(store, [reward for reward in rewards if reward.code_source == key])
    return found
