"""Taking a reward and giving it back. Points and code move in one transaction, or not at all.

Locks are taken in the house's order: Wallet, Reward, CouponCode, Redemption.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from customers import ledger
from customers.models import Customer, Topic
from loyalty.stores import broker, clock
from loyalty.stores.facts import told_now
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import explaining, issuing, usage
from .code_sources import SOURCES, CodeNotMade, Handed
from .coupons import Issued, OutOfCodes
from .models import Fulfilment, Redemption, Reward
from .offers import Verdict, end_of, expires_at, judge, worth
from .outcomes import CannotCancel, about, cancel, expire, hand_over, lock, mark_used, record, spending_of

State = Redemption.State
FULFIL = "integrations.tasks.fulfil"
PATIENCE = timedelta(seconds=60)

__all__ = [
    "CannotCancel", "RedemptionConflict", "Refused", "begin", "cancel", "expire", "finish", "finish_pending",
    "hand_over", "mark_used", "redeem", "reissue",
]  # fmt: skip


class Refused(Exception):
    """The reward was not taken and nothing changed. `code` is for machines, the message for people."""

    def __init__(self, code: str, message: str, verdict: Verdict | None = None) -> None:
        super().__init__(message)
        self.code, self.verdict = code, verdict


class RedemptionConflict(ValueError):
    """The identity belongs to an earlier redemption of something else."""


def redeem(
    store: Store, customer: Customer, reward: Reward, *,
    multiplier: int = 1, source: str = "api", actor: str = "", identity: str = "",
) -> Redemption:  # fmt: skip
    """Take a reward now. The same `identity` never takes points twice: it returns the first redemption.

    Raises Refused, or RedemptionConflict. A reward whose code the shop makes may not be taken inside another
    transaction, since the points must be safely taken before the shop is asked.
    """
    is_remote = SOURCES[reward.code_source].is_remote
    with acting_for(store.pk, durable=is_remote):
        redemption = begin(
            store, customer, reward, multiplier=multiplier, source=source, actor=actor, identity=identity
        )
    return finish(store, redemption) if is_remote else redemption


def begin(
    store: Store, customer: Customer, reward: Reward, *,
    multiplier: int = 1, source: str = "api", actor: str = "", identity: str = "", at: datetime | None = None,
) -> Redemption:  # fmt: skip
    """The part of `redeem` that is in the caller's transaction. A pending redemption needs `finish` once it ended.

    `at` is when it happened, for a history that is told later.
    """
    purses = ledger.lock_wallets(store.pk, [customer.pk])
    first = repeated(store, customer, reward, multiplier, identity)
    told = {"source": source, "actor": actor, "identity": identity, "issued_at": at or clock.now()}
    return first or take(store, customer, reward, multiplier, purses, told)


def repeated(store, customer: Customer, reward: Reward, multiplier: int, identity: str) -> Redemption | None:
    first = store.redemptions.filter(identity=identity).select_related("reward").first() if identity else None
    if first and (first.customer_id, first.reward_id, first.multiplier) != (customer.pk, reward.pk, multiplier):
        raise RedemptionConflict("This id was used for another redemption.")
    return first and as_it_ended(first)


def as_it_ended(redemption: Redemption) -> Redemption:
    """What an earlier call came to. One that the shop refused stays refused."""
    is_remote = SOURCES[redemption.reward.code_source].is_remote
    if is_remote and redemption.state == State.CANCELLED and not redemption.code:
        raise Refused("coupon_failed", redemption.cancel_reason)
    return redemption


def take(store, customer, reward, multiplier, purses, told: dict[str, Any]) -> Redemption:
    """`told`: the redemption's fields that the caller says."""
    if reward.total_limit:  # its takers go one after the other, so that the last one goes to one of them
        store.rewards.select_for_update().values("pk").get(pk=reward.pk)
    now = told["issued_at"]
    seen = usage.look(store, customer, [reward], now)[reward.pk]
    if seen.is_other_reward:
        reward.refresh_from_db()
        return take(store, customer, reward, multiplier, purses, told)
    verdict = judge(reward, seen.shopper, seen.taken, now, multiplier=multiplier)
    handed = hand_out(store, reward, verdict)
    redemption = Redemption(
        store=store, customer=customer, reward=reward, reward_version=reward.version, points=verdict.cost,
        multiplier=multiplier, state=State.PENDING if SOURCES[reward.code_source].is_remote else State.ISSUED,
        value=worth(reward, multiplier) or handed.value, code=handed.code,
        coupon_id=handed.coupon and handed.coupon.pk,
        decision=verdict.data, expires_at=ends_at(store, reward, handed.coupon, now), **told,
    )  # fmt: skip
    issuing.insert(redemption, about(redemption))
    spent = spending_of(redemption, verdict.cost, reward.name, redemption.actor, is_first=True)
    spent.effective_at = now
    ledger.settle(store, [spent], purses)
    if redemption.state == State.ISSUED:
        fulfil(store, redemption)
    return redemption


def hand_out(store: Store, reward: Reward, verdict: Verdict) -> Handed:
    """A code, if the reward may be taken. Raises Refused."""
    if verdict.is_ok:
        try:
            return SOURCES[reward.code_source].take(store, reward)
        except OutOfCodes:
            verdict = verdict.without_codes()
    raise Refused(verdict.code, explaining.refusal(verdict, store), verdict)


def ends_at(store: Store, reward: Reward, coupon: Issued | None, now: datetime) -> datetime | None:
    """The sooner of the reward's validity and the end that the code came with."""
    moments = [expires_at(reward, now, store.tz)]
    if coupon is not None and coupon.expires_on:
        moments.append(end_of(coupon.expires_on, store.tz))
    return min(filter(None, moments), default=None)


def fulfil(store: Store, redemption: Redemption) -> None:
    """Have the merchant's own system told, where it hands the reward over."""
    settings = redemption.reward.settings
    if settings.get("fulfilment") == "webhook":
        Fulfilment.objects.create(store=store, redemption=redemption, url=settings["webhook_url"], **told_now())
        broker.nudge(FULFIL, store.pk)


def finish(store: Store, redemption: Redemption) -> Redemption:
    """Have the shop make the code of a pending redemption; its refusal gives the points back. Raises Refused."""
    if redemption.state != State.PENDING:
        return as_it_ended(redemption)
    reward = redemption.reward
    discount = reward.reward_kind.discount(reward.settings, redemption.multiplier)
    try:
        code = SOURCES[reward.code_source].make(redemption, discount)
    except CodeNotMade as error:
        with acting_for(store.pk):
            cancel(store, redemption, reason=str(error), actor="shop")
        raise Refused("coupon_failed", str(error)) from error
    with acting_for(store.pk):
        [row] = lock(store, [redemption.pk])
        if row.state == State.PENDING:
            row.state, row.code, row.details = State.ISSUED, code, redemption.details
            row.save(update_fields=["state", "code", "details"])
            record(row, Topic.REWARD_REDEEMED)
            fulfil(store, row)
    return as_it_ended(row)


@transaction.atomic
def reissue(store: Store, redemption: Redemption, *, reason: str, actor: str) -> Redemption:
    """Cancel and hand out another code for the same points, for a customer whose code does not work.

    Raises Refused (such as: no code is left), CannotCancel; then everything stays as it was.
    """
    if SOURCES[redemption.reward.code_source].is_remote:
        raise CannotCancel("This code lives in the shop. Cancel it, then let the customer take the reward again.")
    if not cancel(store, redemption, reason=reason, actor=actor):
        raise CannotCancel("This was cancelled before; its points are back already.")
    customer = redemption.customer
    purses = ledger.lock_wallets(store.pk, [customer.pk])
    told = {"source": "support", "actor": actor, "issued_at": clock.now()}
    new = take(store, customer, redemption.reward, redemption.multiplier, purses, told)
    store.redemptions.filter(pk=redemption.pk).update(replaced_by=new)
    return new


def finish_pending(store: Store) -> int:
    """Redemptions whose process ended while the shop was asked: ask again, or give the points back."""
    late = store.redemptions.filter(state=State.PENDING, issued_at__lt=clock.now() - PATIENCE)
    with acting_for(store.pk):
        rows = list(late.select_related("reward", "customer").order_by("issued_at")[:5])
    for row in rows:
        with suppress(Refused):
            finish(store, row)
    return len(rows)
