"""What a customer has and how much of some rewards' limits is used: one statement, whatever the history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.models import Customer
from loyalty.stores.models import Store
from loyalty.stores.periods import period
from loyalty.stores.sets import recordset, run_set

from .models import Reward
from .offers import Shopper, Taken

# Counted no further than the limit, so that it costs the same however often the reward was taken.
LOOK = """
SELECT asked.id, customer.state, customer.tags, wallet.balance,
       (SELECT count(*) FROM (SELECT FROM spending_redemption WHERE store_id = %(store)s AND reward_id = asked.id
           AND customer_id = %(customer)s AND state <> 'cancelled'
           AND issued_at >= asked.own_from AND issued_at < asked.own_until LIMIT asked.own_limit) AS taken),
       (SELECT count(*) FROM (SELECT FROM spending_redemption WHERE store_id = %(store)s AND reward_id = asked.id
           AND state <> 'cancelled'
           AND issued_at >= asked.all_from AND issued_at < asked.all_until LIMIT asked.all_limit) AS taken),
       (reward.version, reward.is_enabled) <> (asked.version, asked.is_enabled)
  FROM json_to_recordset(%(asked)s::json) AS asked (id bigint, version integer, is_enabled boolean,
       own_from timestamptz, own_until timestamptz, own_limit bigint,
       all_from timestamptz, all_until timestamptz, all_limit bigint),
       customers_customer AS customer, customers_wallet AS wallet, spending_reward AS reward
 WHERE customer.store_id = %(store)s AND customer.id = %(customer)s
   AND wallet.store_id = %(store)s AND wallet.customer_id = %(customer)s AND wallet.unit = 'points'
   AND reward.store_id = %(store)s AND reward.id = asked.id
"""


@dataclass(frozen=True, slots=True)
class Seen:
    shopper: Shopper
    taken: Taken
    is_other_reward: bool  # changed since the caller read it


def look(store: Store, customer: Customer, rewards: Iterable[Reward], now: datetime) -> dict[int, Seen]:
    """By the reward's id."""
    asked = [
        {"id": reward.pk, "version": reward.version, "is_enabled": reward.is_enabled}
        | limit("own", reward.customer_limit, period(reward.customer_limit_period, now, store.tz))
        | limit("all", reward.total_limit, period(reward.total_limit_period, now, store.tz))
        for reward in rewards
    ]
    params = {"store": store.pk, "customer": customer.pk, "asked": recordset(asked)}
    return {
        pk: Seen(Shopper(state, tags, balance), Taken(by_customer, in_all), is_other_reward)
        for pk, state, tags, balance, by_customer, in_all, is_other_reward in run_set(LOOK, params, is_prepared=True)
    }


def limit(whose: str, most: int | None, within: tuple[datetime, datetime]) -> dict[str, Any]:
    start, end = within
    return {f"{whose}_from": start, f"{whose}_until": end, f"{whose}_limit": most or 0}
