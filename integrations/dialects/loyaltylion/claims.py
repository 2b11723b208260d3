"""Taking rewards and giving them back, as this wire asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from customers import identities
from customers.identities import BadIdentity, Identity
from customers.models import Customer
from integrations.models import Connection
from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.retrying import TWINS, retried
from loyalty.stores.tenancy import acting_for
from spending import redemptions
from spending.models import Redemption, Reward
from spending.offers import Shopper, in_dates, tagged
from spending.redemptions import CannotCancel

from . import rewards, values
from .keys import Key
from .refusals import Refused, invalid, not_found
from .values import Fields

State = Redemption.State
UNFINISHED = 202  # kept under a key until the shop has made the code
REFUSALS = {
    "insufficient_points": "insufficient_points",
    "not_enrolled": "customer_not_enrolled",
    "blocked": "customer_blocked",
    "limit_reached": "reward_limit_reached",
    "out_of_codes": "reward_out_of_stock",
    "coupon_failed": "reward_out_of_stock",
    "bad_amount": "invalid",
}
NOT_FOR_THEM = "reward_not_enabled_for_customer"
Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    reward_id: int
    multiplier: int
    variant_id: str | None
    session: Shape | None


def read(members: Mapping[str, Any]) -> Told:
    fields = Fields(members)
    told = Told(
        reward_id=fields.read("reward_id", values.integer, is_required=True) or 0,
        multiplier=fields.read("multiplier", values.positive) or 1,
        variant_id=fields.read("variant_id", values.identifier),
        session=fields.read("session", values.properties),
    )
    fields.check()
    return told


def customer_named(store: Store, merchant_id: str) -> Customer:
    try:
        found = identities.find(store, Identity.of(external_id=merchant_id.strip()))
    except BadIdentity:
        found = None
    if found is None:
        raise not_found()
    return found


# --- What is on offer -----------------------------------------------------------------------------


def live(store: Store) -> list[Reward]:
    now = clock.now()
    rows = store.rewards.filter(is_enabled=True).select_related("store")
    return [row for row in rows if in_dates(row, now)["ok"]]


def available(store: Store, customer: Customer) -> list[Reward]:
    """Affordable or not. Only members take rewards."""
    if customer.state != Customer.State.ENROLLED:
        return []
    shopper = Shopper(customer.state, customer.tags, customer.wallets.get(unit="points").balance)
    return [row for row in live(store) if all(check["ok"] for check in tagged(row, shopper))]


# --- Taking ---------------------------------------------------------------------------------------


def claim(connection: Connection, merchant_id: str, told: Told, key: Key | None, actor: str) -> tuple[int, Shape]:
    """The status and the answer. Points and code move together or not at all; the shop is asked without a lock."""
    store = connection.store

    def take() -> tuple[int, Shape]:
        with acting_for(store.pk):
            customer = customer_named(store, merchant_id)
            if key and (first := key.first()):
                return first.status, first.answer
            status, answer = begin(connection, customer, told, actor)
            if key:
                key.keep(status, answer)
            return status, answer

    status, answer = retried(take, TWINS)
    return finish(connection, answer["redemption"], key) if status == UNFINISHED else (status, answer)


def begin(connection: Connection, customer: Customer, told: Told, actor: str) -> tuple[int, Shape]:
    store = connection.store
    try:
        reward = reward_of(store, told)
        row = redemptions.begin(
            store, customer, reward, multiplier=told.multiplier, source=connection.dialect, actor=actor
        )
    except redemptions.Refused as refused:
        return refusal(refused)
    except Refused as refused:
        return refused.status, refused.body
    if told.session:
        row.details |= {"session": told.session}
        row.save(update_fields=["details"])
    return (UNFINISHED, {"redemption": row.pk}) if row.state == State.PENDING else (201, shown(row, connection))


def reward_of(store: Store, told: Told) -> Reward:
    """Raises Refused, with the words that this wire has for a reward that is not there."""
    reward = store.rewards.filter(pk=told.reward_id).first()
    if reward is None:
        raise Refused(422, NOT_FOR_THEM, "This store has no such reward.")
    if reward.kind == "free_product" and told.variant_id != reward.settings.get("product_id"):
        raise Refused(422, "invalid_variant_id", "Name the variant that the reward gives as variant_id.")
    least, most = reward.reward_kind.bounds(reward.settings)
    if not least <= told.multiplier <= most:
        raise invalid({"multiplier": f"must be from {least} to {most}"})
    return reward


def finish(connection: Connection, redemption_id: int, key: Key | None) -> tuple[int, Shape]:
    """Have the shop make the code of a claim whose points are taken, and keep the answer for good."""
    store = connection.store
    with acting_for(store.pk):
        row = store.redemptions.select_related("reward", "customer").get(pk=redemption_id)
    try:
        row = redemptions.finish(store, row)
        status, answer = 201, shown(row, connection)
    except redemptions.Refused as refused:
        status, answer = refusal(refused)
    if key:
        with acting_for(store.pk):
            key.keep(status, answer)
    return status, answer


def refusal(refused: redemptions.Refused) -> tuple[int, Shape]:
    mapped = Refused(422, REFUSALS.get(refused.code, NOT_FOR_THEM), str(refused))
    return mapped.status, mapped.body


def shown(row: Redemption, connection: Connection) -> Shape:
    return {"claimed_reward": rewards.claimed_reward(row, connection)}


# --- Giving back ----------------------------------------------------------------------------------


def refund(connection: Connection, merchant_id: str, claimed_reward_id: int, actor: str) -> Shape:
    store = connection.store
    claimed = store.redemptions.filter(customer=customer_named(store, merchant_id)).select_related("reward")
    row = claimed.filter(pk=claimed_reward_id).first()
    if row is None:
        raise not_found()
    try:
        is_new = redemptions.cancel(store, row, reason="Refunded by your shop", actor=actor)
    except CannotCancel as error:
        raise Refused(422, "reward_already_used", str(error)) from error
    if not is_new:
        raise Refused(422, "reward_already_refunded", "The points of this claim were given back before.")
    return shown(row, connection) | {"remote_resource_deleted": False}
