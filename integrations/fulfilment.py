"""Rewards that a store's own system hands over: told by webhook until it says 2xx.

The row is the record, as everywhere. It is claimed, sent with no transaction open, then stamped.
"""

import json
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from uuid_utils.compat import uuid7

from customers import attention
from integrations import outgoing, standard_webhooks
from integrations.outgoing import Answer, BadAddress, NoAnswer, TooSlow
from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending import redemptions
from spending.models import Fulfilment, Redemption

from .models import FulfilmentSecret

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# The wait before each try. Ten tries, about three days.
DELAYS = (
    0 * SECOND, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
JITTER = 0.2
LEASE = 45 * SECOND
LONGEST = 45  # seconds that a worker may be at it: it begins no call after 20
BUSY = {429, 502, 504}
GONE = 410


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one row, claimed by this process."""

    store: Store
    pk: int
    token: Any
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int | None
    error: str  # "" when the reward was taken on
    is_busy: bool = False
    retry_after: timedelta = timedelta()

    @property
    def is_final(self) -> bool:
        return self.status == GONE


def deliver_due(store_id: int, seconds: float = 20.0) -> int:
    """Tell what is due until nothing is or the time is up. Returns how many were told."""
    store, until, told = Store.objects.get(pk=store_id), time.monotonic() + seconds, 0
    while time.monotonic() < until and (claimed := claim(store)):
        stamp(claimed, send(claimed))
        told += 1
    return told


def claim(store: Store) -> Try | None:
    """Take the row that waits longest. The try counts before it is made, so a crash counts too."""
    now = clock.now()
    with acting_for(store.pk):
        free = store.fulfilments.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), due_at__lte=now)
        locked = free.select_for_update(skip_locked=True, of=("self",)).select_related(
            "redemption__reward", "redemption__customer"
        )
        row = locked.order_by("due_at").first()
        while row and (is_over(row) or row.attempts >= len(DELAYS)):
            close(store, row)
            row = locked.order_by("due_at").first()
        if row is None:
            return None
        row.attempts, row.claimed_until, row.claim_token = row.attempts + 1, now + LEASE, uuid7()
        row.save(update_fields=["attempts", "claimed_until", "claim_token"])
        body = body_of(row)
        signed = standard_webhooks.headers(f"msg_{row.public_id}", body, secret_of(store).live_secrets)
        return Try(store, row.pk, row.claim_token, row.url, signed | {"Content-Type": "application/json"}, body)


def is_over(row: Fulfilment) -> bool:
    return row.redemption.state in (Redemption.State.CANCELLED, Redemption.State.USED)


def close(store: Store, row: Fulfilment) -> None:
    """There is nothing left to tell, or no worker lived to say how its last try went."""
    if not is_over(row):
        return give_up(store, row, "The last try was cut off.")
    row.due_at, row.applied_at = None, clock.now()
    row.save(update_fields=["due_at", "applied_at"])


def body_of(row: Fulfilment) -> bytes:
    redemption, customer = row.redemption, row.redemption.customer
    told = {
        "type": "reward.fulfil",
        "timestamp": row.received_at.isoformat(),
        "data": {
            "redemption_id": str(redemption.public_id),
            "reward": {"id": str(redemption.reward.public_id), "name": redemption.reward.name},
            "customer": {
                "id": str(customer.public_id), "external_id": customer.external_id, "email": customer.email,
                "first_name": customer.first_name, "last_name": customer.last_name,
            },
            "points": f"{redemption.points.normalize():f}",
            "code": redemption.code or None,
        },
    }  # fmt: skip
    return json.dumps(told, separators=(",", ":")).encode()


def send(claimed: Try) -> Outcome:
    try:
        return outcome_of(outgoing.send("POST", claimed.url, claimed.body, claimed.headers))
    except TooSlow as error:
        return Outcome(None, f"It took too long. {error}", is_busy=True)
    except (NoAnswer, BadAddress) as error:
        return Outcome(None, f"It could not be reached. {error}")


def outcome_of(answer: Answer) -> Outcome:
    if answer.is_ok:
        return Outcome(answer.status, "")
    asked = answer.headers.get("retry-after", "")
    seconds = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 0
    words = answer.body[:200].decode(errors="replace").replace("\x00", "")
    error = f"It answered {answer.status}. {words}".strip()
    return Outcome(answer.status, error, answer.status in BUSY, timedelta(seconds=seconds))


def stamp(claimed: Try, outcome: Outcome) -> None:
    store = claimed.store
    with acting_for(store.pk):
        mine = store.fulfilments.select_for_update(of=("self",)).filter(claim_token=claimed.token)
        row = mine.select_related("redemption__customer", "redemption__reward").filter(pk=claimed.pk).first()
        if row is None or row.due_at is None:
            return
        row.answered_status, row.error, row.claimed_until = outcome.status, outcome.error, None
        if outcome.error and (outcome.is_final or row.attempts >= len(DELAYS)):
            give_up(store, row, outcome.error)
        elif outcome.error:
            row.due_at = clock.now() + wait(row.attempts, outcome)
            row.save(update_fields=["due_at", "answered_status", "error", "claimed_until"])
        else:
            row.due_at, row.applied_at = None, clock.now()
            row.save(update_fields=["due_at", "applied_at", "answered_status", "error", "claimed_until"])
            redemptions.hand_over(store, row.redemption)


def wait(attempts: int, outcome: Outcome) -> timedelta:
    """Longer for a system that is overloaded, or as it asks, within once to twice the plan."""
    plan = DELAYS[attempts] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    asked = 2 * plan if outcome.is_busy else plan
    return min(max(outcome.retry_after or asked, plan), 2 * plan)


def give_up(store: Store, row: Fulfilment, error: str) -> None:
    row.due_at, row.claimed_until, row.quarantined_at, row.error = None, None, clock.now(), error
    row.save(update_fields=["due_at", "claimed_until", "quarantined_at", "error", "answered_status"])
    attention.show(
        store, "fulfilment_failed", customer=row.redemption.customer, fulfilment=row.pk,
        reward=row.redemption.reward.name, why=error,
    )  # fmt: skip


# --- The secret -----------------------------------------------------------------------------------


def secret_of(store: Store) -> FulfilmentSecret:
    """Made when it is first needed: the merchant is shown one when they ask for a new one."""
    made = FulfilmentSecret(store=store)
    made.seal(standard_webhooks.new_secret())
    FulfilmentSecret.objects.bulk_create([made], ignore_conflicts=True)
    return FulfilmentSecret.objects.get(store=store)


def rotate_secret(store: Store) -> str:
    """A new secret, in clear for this once; the one before it signs beside it for another day."""
    clear = standard_webhooks.new_secret()
    secret_of(store).rotate(clear)
    return clear
