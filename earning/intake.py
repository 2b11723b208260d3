"""From what a native call says to stored activities: checked, stored and answered item by item."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework.exceptions import APIException, ValidationError

from customers.identities import Identity
from customers.models import Customer
from customers.serializers import IDENTIFIERS
from loyalty.stores.authentication import require
from loyalty.stores.models import ApiKey, Store
from loyalty.stores.problems import Problem
from loyalty.stores.serializers import in_zone
from loyalty.stores.tenancy import acting_for

from . import activities
from .activities import ActivityConflict
from .inserting import NewActivity, Recorded
from .models import Activity
from .naming import told_action
from .serializers import NewActivitySerializer, receipt

# One serializer, built once: building it costs more than checking with it.
NEW_ACTIVITY = NewActivitySerializer()
PLAIN = {"action", "customer", "external_id", "occurred_at", "properties"}
FLAT = (str, int, bool, type(None))
REFUSALS = (APIException, Problem, ValueError)


@dataclass(slots=True)
class Accepted:
    """A fact that is stored; `first` is the one that it repeats."""

    new: NewActivity
    recorded: Recorded
    first: Activity | None = None

    @property
    def status(self) -> int:
        return 201 if self.recorded.is_new else 200

    @property
    def receipt(self) -> dict[str, Any]:
        if self.first:
            return receipt(self.first)
        return {
            "id": str(self.recorded.public_id), "action": self.new.action, "external_id": self.new.external_id,
            "state": "pending", "points": "0",
        }  # fmt: skip


Answers = list[Accepted | Exception]


def accept(key: ApiKey, items: Sequence[Any]) -> Answers:
    """Store what can be stored: one answer each, in order. A bad item does not hold back the rest."""
    told = each(items, checked)
    customers = customers_of(key.store, told)
    news = each(told, lambda one: new_activity(key, one, customers))
    return with_repeats(key.store, record(key.store, news))


def checked(item: Any) -> dict[str, Any]:
    return at_a_glance(item) or NEW_ACTIVITY.run_validation(item)


def at_a_glance(item: Any) -> dict[str, Any] | None:
    """The serializer's result for the usual shape, at a fifth of its cost. None: let it look, and say what is wrong."""
    if type(item) is not dict or not item.keys() <= PLAIN:
        return None
    who, properties, external_id = item.get("customer"), item.get("properties", {}), item.get("external_id", "")
    if not (is_text(item.get("action"), 80) and (external_id == "" or is_text(external_id, 255))):
        return None
    if type(who) is not dict or who.keys() != {"external_id"} or not is_text(who["external_id"], 255):
        return None
    if type(properties) is not dict or len(properties) > 100 or not all(type(v) in FLAT for v in properties.values()):
        return None
    told = {"action": item["action"], "external_id": external_id, "properties": properties}
    if "occurred_at" in item:
        try:
            told["occurred_at"] = NEW_ACTIVITY.fields["occurred_at"].run_validation(item["occurred_at"])
        except ValidationError:
            return None
    return told | {"customer": {"identity": Identity(who["external_id"])}}


def is_text(value: Any, longest: int) -> bool:
    return type(value) is str and 0 < len(value) <= longest and value == value.strip()


def each(items: Iterable[Any], step: Callable[[Any], Any]) -> list[Any]:
    """The step's result or refusal for each; what was refused before stays refused."""

    def attempt(item: Any) -> Any:
        try:
            return step(item)
        except REFUSALS as refusal:
            return refusal

    return [item if isinstance(item, Exception) else attempt(item) for item in items]


def customers_of(store: Store, told: Iterable[Any]) -> dict[UUID, Customer]:
    """Those who are named by our own id, in one statement."""
    ids = {one["customer"]["id"] for one in told if not isinstance(one, Exception) and "id" in one["customer"]}
    if not ids:
        return {}
    with acting_for(store.pk):
        return {customer.public_id: customer for customer in store.customers.filter(public_id__in=ids)}


def new_activity(key: ApiKey, told: dict[str, Any], customers: dict[UUID, Customer]) -> NewActivity:
    store, points = key.store, told.get("points")
    if points is not None:
        require(key, ApiKey.Scope.ADJUST)
        if points != round(points, store.points_decimals):
            raise ValidationError({"points": [f"This store counts points with {store.points_decimals} decimals."]})
    return NewActivity(
        action=told_action(store, told["action"]),
        identity=identity_of(told["customer"], customers),
        external_id=told.get("external_id", ""),
        occurred_at=in_zone(store, told.get("occurred_at")),
        properties=told.get("properties", {}),
        asked_state=told.get("state", ""),
        asked_points=points,
    )


def identity_of(who: dict[str, Any], customers: dict[UUID, Customer]) -> Identity:
    if "id" not in who:
        return who["identity"]
    if customer := customers.get(who["id"]):
        return Identity(**{name: getattr(customer, name) for name in IDENTIFIERS})
    raise Problem(404, "not-found", f"This store has no customer {who['id']}.")


def record(store: Store, news: list[NewActivity | Exception]) -> Answers:
    whole = [new for new in news if isinstance(new, NewActivity)]
    recorded = iter(activities.record_many(store, whole) if whole else ())

    def answer(new: NewActivity) -> Accepted | Exception:
        done = next(recorded)
        return done if isinstance(done, Exception) else Accepted(new, done)

    return [answer(new) if isinstance(new, NewActivity) else new for new in news]


def with_repeats(store: Store, answers: Answers) -> Answers:
    """Look up the facts that were told before. Told with another content they are conflicts."""
    repeats = {one.recorded.id for one in answers if isinstance(one, Accepted) and not one.recorded.is_new}
    if not repeats:
        return answers
    with acting_for(store.pk):
        firsts = store.activities.in_bulk(repeats)

    def compared(one: Accepted) -> Accepted:
        one.first = firsts.get(one.recorded.id)
        if one.first and (differing := differences(one.first, one.new)):
            raise ActivityConflict(
                f"“{one.new.external_id}” was reported before with other {' and '.join(differing)}. "
                "Send a new external_id for a new fact, or approve, decline or void the one that is there."
            )
        return one

    return each(answers, compared)


def differences(first: Activity, new: NewActivity) -> list[str]:
    """What this call says otherwise than the first. What it leaves out is no difference."""
    told = {"occurred_at": new.occurred_at, "points": new.asked_points, "properties": new.properties or None}
    known = {"occurred_at": first.occurred_at, "points": first.asked_points, "properties": first.properties}
    return [name for name, value in told.items() if value is not None and value != known[name]]
