"""What points buy on this wire: rewards that give a code for a fixed number of points."""

from decimal import ROUND_CEILING, Decimal

from django.db.models import QuerySet
from django.utils import timezone

from customers.models import Customer
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending import redemptions
from spending.code_sources import SOURCES
from spending.models import Redemption, Reward
from spending.offers import Shopper, in_dates, tagged

from . import people
from .balances import Call, Data, whole
from .refusals import Refused, unknown
from .shop_members import moment
from .told import SOURCE

WITHOUT_CODE_OR_PRICE = ("custom", "variable_amount")
# The core's refusals in this wire's words; the rest are reasons that lie in the customer or the time.
REFUSALS = {
    "insufficient_points": "insufficient_points",
    "limit_reached": "limit_reached",
    "out_of_codes": "sold_out",
    "coupon_failed": "coupon_failed",
}


def rewards(call: Call) -> list[Data]:
    """What is on offer to everybody, and with a customer also what only some may take."""
    external_id, email = call.fields.maybe_customer()
    customer = people.find(call.store, external_id, email) if external_id or email else None
    return [
        {
            "reward_id": str(reward.pk),
            "reward_name": reward.name,
            "points_required": int(reward.points.to_integral_value(ROUND_CEILING)),
            "minimum_order_amount": amount(reward.minimum_order),
        }
        for reward in listed(call.store).filter(is_enabled=True)
        if is_offered(call.store, reward, customer)
    ]


def listed(store: Store) -> QuerySet[Reward]:
    """Rewards that this wire has words for."""
    return store.rewards.exclude(kind__in=WITHOUT_CODE_OR_PRICE).exclude(code_source=Reward.CodeSource.NONE)


def is_offered(store: Store, reward: Reward, customer: Customer | None) -> bool:
    shopper = Shopper(customer.state, customer.tags, Decimal(0)) if customer else Shopper("", [], Decimal(0))
    checks = [in_dates(reward, timezone.now()), *tagged(reward, shopper)]
    is_limited = bool(reward.tags_any or reward.tags_none) and customer is None
    has_source = reward.code_source != Reward.CodeSource.SHOP or SOURCES[reward.code_source].has_codes(store, reward)
    return has_source and not is_limited and all(check["ok"] for check in checks)


def amount(value: Decimal | None) -> int | float:
    """A JSON number: this wire has no text here."""
    value = value or Decimal(0)
    return int(value) if value == value.to_integral_value() else float(value)


def redeem_reward(call: Call) -> Data:
    """Never a success without a code. The redemption is named by the call: told again it is the same one."""
    with acting_for(call.store.pk):
        customer, reward = call.customer(), reward_of(call.store, call.fields.needed("reward_id", 64))
    try:
        row = redemptions.redeem(call.store, customer, reward, source=SOURCE, actor=SOURCE, identity=call.identity)
    except redemptions.Refused as refused:
        raise Refused(409, REFUSALS.get(refused.code, "not_eligible"), str(refused)) from refused
    if row.state == Redemption.State.CANCELLED:
        raise Refused(409, "coupon_failed", row.cancel_reason)
    with acting_for(call.store.pk):
        return {"data": shown(row, call.store.wallets.get(customer=customer).balance)}


def reward_of(store: Store, reward_id: str) -> Reward:
    number = int(reward_id) if reward_id.isascii() and reward_id.isdecimal() and len(reward_id) < 19 else 0
    reward = listed(store).filter(pk=number).first()
    if reward is None:
        raise unknown("reward")
    return reward


def shown(row: Redemption, balance: Decimal) -> Data:
    return {
        "coupon_code": row.code,
        "redemption_id": str(row.public_id),
        "reward_id": str(row.reward_id),
        "points_spent": int(row.points.to_integral_value(ROUND_CEILING)),
        "points_balance": whole(balance),
        "expires_at": moment(row.expires_at) if row.expires_at else None,
    }
