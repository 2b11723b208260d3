"""Calls that write, and every call's paths. Each returns the value of `data`, or raises Refused and changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from customers import adjustments, enrolment, ledger
from customers.identities import Identity
from customers.models import Customer, LedgerEntry
from earning import activities, applying, explaining
from earning.activities import NewActivity
from earning.models import EarningRule
from loyalty.stores.models import Store

from . import people
from .balances import Call, Data, balance, balance_of, balances, whole
from .refusals import Refused, invalid, missing, unknown
from .rewards import redeem_reward, rewards
from .told import SOURCE


@dataclass(frozen=True, slots=True)
class CallKind:
    name: str  # what the inbox calls it, by whatever path it came
    perform: Callable[[Call], Data | list[Data]]
    writes: bool = False
    is_alone: bool = False  # it may have to ask the shop, so it has transactions of its own


def add_points(call: Call) -> Data:
    return adjust(call, 1, "Points added by your shop")


def subtract_points(call: Call) -> Data:
    return adjust(call, -1, "Points taken by your shop")


def adjust(call: Call, sign: int, reason: str) -> Data:
    points, reason = call.fields.points(), call.fields.reason() or reason
    customer = call.customer()
    if points is None:
        raise missing("points", "“points” is missing.")
    entry = post(call, customer, sign * Decimal(points), reason)
    return {
        "status": "approved",
        "activity_id": str(entry.public_id),
        "points": points,
        "points_balance": whole(entry.balance_after),
    }


def post(call: Call, customer: Customer, points: Decimal, reason: str) -> LedgerEntry:
    try:
        return adjustments.adjust(call.store, customer, points, reason, actor=SOURCE, identity=call.identity)
    except ledger.InsufficientPoints as error:
        raise Refused(409, "insufficient_points", str(error)) from error
    except adjustments.BadAdjustment as error:
        raise invalid("points", str(error)) from error


def update_customer(call: Call) -> Data:
    """Birthday, tier, balance: one or more. The balance moves by one adjustment, or none if it is so already."""
    fields, customer = call.fields, call.customer()
    birthday, target = fields.birthday(), fields.balance()
    if birthday is None and target is None and not fields.has("tier"):
        raise missing("balance", "Give a birthday, a tier or a balance.")
    if fields.value("tier") is not None:
        raise unknown("tier")  # a blank one means automatic, which it is
    enrolment.update_profile(customer, birthday=birthday)
    if target is not None:
        purse = ledger.lock_wallets(call.store.pk, [customer.pk])[customer.pk]
        if difference := target - purse.balance:
            post(call, customer, difference, fields.reason() or "Balance set by your shop")
    return balance_of(call.store, customer)


def custom_action(call: Call) -> Data:
    """Pays a custom action at once; whoever has not joined yet gets the points on joining."""
    fields, store = call.fields, call.store
    external_id, email = fields.customer()
    rule, points = rule_of(store, fields.needed("action_id")), fields.points()
    customer = people.find(store, external_id, email)
    if customer is None and email is None:
        raise unknown("customer")
    told = activities.record(
        store,
        NewActivity(
            action=rule.action,
            identity=people.identity_of(customer) if customer else Identity(external_id, email),
            external_id=fields.identifier("call_id", 191) or call.identity,
            asked_state="enrolled",
            asked_points=None if points is None else Decimal(points),
            asked_rule_id=rule.pk,
            source=SOURCE,
        ),
    )
    applying.apply_now(store, [told.id])
    return outcome_of(store, told.id)


def rule_of(store: Store, action_id: str) -> EarningRule:
    rules = store.rules.filter(Q(action_id=action_id) | Q(action=f"custom:{action_id}"), kind="custom")
    found = sorted(rules, key=lambda rule: rule.action_id != action_id)
    if not found:
        raise unknown("action")
    return found[0]


def outcome_of(store: Store, activity_id: int) -> Data:
    activity = store.activities.get(pk=activity_id)
    is_awarded = (activity.decision or {}).get("outcome") == "awarded" and activity.state in ("approved", "pending")
    wallet = store.wallets.get(customer_id=activity.customer_id)
    answer = {
        "status": activity.state if is_awarded else "declined",
        "activity_id": str(activity.public_id),
        "points": whole(activity.points) if is_awarded else 0,
        "points_balance": whole(wallet.balance),
    }
    return answer if is_awarded else answer | {"reason": explaining.headline(activity.decision, store)}


KINDS = {
    CallKind("rewards-list", rewards): (),
    CallKind("customer", balance): ("point-balance", "points-balance", "get-point-balance"),
    CallKind("redeem-reward", redeem_reward, writes=True, is_alone=True): (),
    CallKind("point-balances", balances): ("points-balances", "get-point-balances"),
    CallKind("points-add", add_points, writes=True): ("add-points",),
    CallKind("points-subtract", subtract_points, writes=True): ("subtract-points", "points-remove"),
    CallKind("customers-update", update_customer, writes=True): ("customer-update", "update-customer"),
    CallKind("custom-action", custom_action, writes=True): ("custom-api-action",),
}
CALLS: dict[str, CallKind] = {path: kind for kind, aliases in KINDS.items() for path in (kind.name, *aliases)}
