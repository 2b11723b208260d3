"""Taking a reward from the widget. With an old signature: a few a day, and each is told by mail."""

import logging
from smtplib import SMTPException
from uuid import UUID

from django.core.mail import send_mail

from customers.models import Customer
from loyalty.stores.mail import subject
from loyalty.stores.numbers import points
from loyalty.stores.tenancy import acting_for
from spending import redemptions
from spending.models import Redemption, Reward

from .bodies import Refusal
from .doors import Visit
from .models import WidgetAllowance

logger = logging.getLogger(__name__)

SOURCES = {"v1": "widget", "v0": "widget_v0"}  # Redemption.source, by how the customer was proved


def redeem(visit: Visit, reward_id: str, multiplier: int, call_id: str) -> Redemption:
    """Raises Refusal. The same `call_id` never takes points twice."""
    store = visit.store
    with acting_for(store.pk):
        customer = known(visit)
        reward = reward_of(visit, reward_id)
        identity = f"widget:{customer.pk}:{call_id}"
        is_again = store.redemptions.filter(identity=identity).exists()
    if visit.session.proof == "v0" and not is_again:
        return redeem_for_today(visit, customer, reward, multiplier, identity)
    return take(visit, customer, reward, multiplier, identity)


def known(visit: Visit) -> Customer:
    customer = visit.customer()
    if customer is None:
        raise Refusal(404, "customer_not_found", "This customer is not in the programme yet.")
    return customer


def reward_of(visit: Visit, reward_id: str) -> Reward:
    try:
        return visit.store.rewards.get(public_id=UUID(reward_id))
    except (Reward.DoesNotExist, ValueError) as error:
        raise Refusal(404, "reward_not_found", "There is no such reward.") from error


def redeem_for_today(visit: Visit, customer: Customer, reward: Reward, multiplier: int, identity: str) -> Redemption:
    """One of the few a day; it is not used up by a reward that is refused."""
    store = visit.store
    with acting_for(store.pk):
        if not WidgetAllowance.take(store, customer, visit.widget.legacy_daily):
            raise Refusal(409, "daily_limit", "No more rewards can be taken here today.")
    try:
        redemption = take(visit, customer, reward, multiplier, identity)
    except Refusal:
        with acting_for(store.pk):
            WidgetAllowance.give_back(store, customer)
        raise
    tell(customer, redemption)
    return redemption


def take(visit: Visit, customer: Customer, reward: Reward, multiplier: int, identity: str) -> Redemption:
    source = SOURCES[visit.session.proof]
    try:
        return redemptions.redeem(
            visit.store, customer, reward, multiplier=multiplier, source=source, actor="the customer", identity=identity
        )
    except redemptions.Refused as error:
        raise Refusal(409, error.code, str(error)) from error
    except redemptions.RedemptionConflict as error:
        raise Refusal(409, "id_conflict", str(error)) from error


def tell(customer: Customer, redemption: Redemption) -> None:
    """The customer's word against a signature that anybody may have copied."""
    if not customer.email:
        return
    store = redemption.store
    text = (
        f"Your {store.name} account took “{redemption.reward.name}” for {points(redemption.points, store)}.\n\n"
        f"If that was not you, please tell {store.name}: they can take the code back and return your "
        f"{store.points_name_plural}.\n"
    )
    try:
        send_mail(subject(f"Reward taken: {redemption.reward.name}"), text, None, [customer.email])
    except (OSError, SMTPException):
        logger.exception("The mail about redemption %s was not sent", redemption.public_id)
