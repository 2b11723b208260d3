"""What a customer could take now, and why not the rest. Changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from customers.models import Customer
from loyalty.stores import clock
from loyalty.stores.models import Store

from . import usage
from .code_sources import with_codes
from .models import Reward
from .offers import Verdict, judge


@dataclass(frozen=True, slots=True)
class Offered:
    reward: Reward
    verdict: Verdict


def check(store: Store, customer: Customer, reward: Reward, multiplier: int = 1) -> Verdict:
    """Whether it could be taken now, and why not. Changes nothing."""
    [one] = judged(store, customer, [(reward, multiplier)])
    return one.verdict


def offers_for(store: Store, customer: Customer) -> list[Offered]:
    """Every reward that is switched on, in the merchant's order, with what would happen if this customer took it."""
    return offered(store, customer, store.rewards.filter(is_enabled=True))


def offered(store: Store, customer: Customer, rewards: Iterable[Reward]) -> list[Offered]:
    """What would happen if this customer took each: the least of it where the amount is theirs to choose."""
    return judged(store, customer, [(reward, reward.reward_kind.bounds(reward.settings)[0]) for reward in rewards])


def judged(store: Store, customer: Customer, asked: list[tuple[Reward, int]]) -> list[Offered]:
    """As many statements for a hundred rewards as for one."""
    now, rewards = clock.now(), [reward for reward, _ in asked]
    seen, stocked = usage.look(store, customer, rewards, now), with_codes(store, rewards)
    offers = []
    for reward, multiplier in asked:
        found = seen[reward.pk]
        verdict = judge(reward, found.shopper, found.taken, now, multiplier=multiplier)
        offers.append(Offered(reward, verdict if reward.pk in stocked else verdict.without_codes()))
    return offers
