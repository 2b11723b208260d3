"""What a customer has and how much of a reward's limits is used: one statement, whatever the history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.models import Customer
from loyalty.stores.models import Store
from loyalty.stores.periods import period
from loyalty.stores.sets import run_set

from .models import Reward
from .offers import Shopper, Taken

# Counted no further than the limit, so that it costs the same however often the reward was taken.
LOOK = """
SELECT customer.state, customer.tags, wallet.balance,
       (SELECT count(*) FROM (SELECT FROM spending_redemption WHERE store_id = %(store)s AND reward_id = %(reward)s
           AND customer_id = %(customer)s AND state <> 'cancelled'
           AND issued_at >= %(own_from)s AND issued_at < %(own_until)s LIMIT %(own_limit)s) AS taken),
       (SELECT count(*) FROM (SELECT FROM spending_redemption WHERE store_id = %(store)s AND reward_id = %(reward)s
           AND state <> 'cancelled'
           AND issued_at >= %(all_from)s AND issued_at < %(all_until)s LIMIT %(all_limit)s) AS taken),
       (reward.version, reward.is_enabled) <> (%(version)s, %(is_enabled)s)
  FROM customers_customer AS customer, customers_wallet AS wallet, spending_reward AS reward
 WHERE customer.store_id = %(store)s AND customer.id = %(customer)s
   AND wallet.store_id = %(store)s AND wallet.customer_id = %(customer)s AND wallet.unit = 'points'
   AND reward.store_id = %(store)s AND reward.id = %(reward)s
"""


@dataclass(frozen=True, slots=True)
class Seen:
    shopper: Shopper
    taken: Taken
    is_other_reward: bool  # changed since the caller read it


def look(store: Store, customer: Customer, reward: Reward, now: datetime) -> Seen:
    [(state, tags, balance, by_customer, in_all, is_other_reward)] = run_set(
        LOOK,
        {"store": store.pk, "customer": customer.pk, "reward": reward.pk}
        | {"version": reward.version, "is_enabled": reward.is_enabled}
        | limit("own", reward.customer_limit, period(reward.customer_limit_period, now, store.tz))
        | limit("all", reward.total_limit, period(reward.total_limit_period, now, store.tz)),
        is_prepared=True,
    )
    return Seen(Shopper(state, tags, balance), Taken(by_customer, in_all), is_other_reward)


def limit(whose: str, most: int | None, within: tuple[datetime, datetime]) -> dict[str, Any]:
    start, end = within
    return {f"{whose}_from": start, f"{whose}_until": end, f"{whose}_limit": most or 0}
