"""Members of calls by any of their spellings: case, `_`, `-` and spaces do not matter."""

from datetime import date
from typing import Any

from customers.identities import BadIdentity, normal_email

from . import values
from .refusals import Refused, invalid, missing

SPELLINGS = {
    "customer_id": ("customerid", "id", "customer.id"),
    "email": ("email", "customeremail", "customer.email"),
    "customer_ids": ("customerids", "ids", "customers"),
    "emails": ("emails", "customeremails"),
    "action_id": ("actionid", "action"),
    "reward_id": ("rewardid", "reward"),
    "points": ("points", "point", "pointvalue", "pointsvalue", "value", "amount"),
    "balance": ("pointbalance", "pointsbalance", "balance", "points"),
    "birthday": ("birthday", "birthdate", "dateofbirth", "dob"),
    "tier": ("viptier", "tier", "tierid", "tiername"),
    "reason": ("reason", "note", "description"),
    "call_id": ("transactionid", "reference", "idempotencykey"),
}
MANY = 250
Named = tuple[str | None, str | None]  # an id, an e-mail address


def plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


class Fields:
    """What a call gives. Each reader refuses what it cannot use; an absent or blank value is None."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._given: dict[str, list[Any]] = {}
        nested = {f"customer.{name}": value for name, value in values.mapping(members.get("customer")).items()}
        for name, value in (members | nested).items():
            self._given.setdefault(plain(name), []).append(value)

    def has(self, field: str) -> bool:
        return any(spelling in self._given for spelling in SPELLINGS[field])

    def value(self, field: str) -> Any:
        told = [value for spelling in SPELLINGS[field] for value in self._given.get(spelling, ())]
        told = [value for value in told if not values.is_blank(value)]
        if any(str(value) != str(told[0]) for value in told):
            raise Refused(400, "ambiguous_field", f"“{field}” is given twice with different values.", field)
        return told[0] if told else None

    def identifier(self, field: str, longest: int = 64) -> str | None:
        value = self.value(field)
        return None if value is None else values.identifier(value, field, longest)

    def needed(self, field: str, longest: int = 191) -> str:
        return values.identifier(self.value(field), field, longest)

    def customer(self) -> Named:
        """The id and the e-mail address, one of them at least."""
        external_id, email = self.maybe_customer()
        if not external_id and not email:
            raise missing("customer_id", "Say who: a customer_id or an email.")
        return external_id, email

    def maybe_customer(self) -> Named:
        is_guest = values.is_guest(self.value("customer_id"))
        return None if is_guest else self.identifier("customer_id"), self.email()

    def email(self) -> str | None:
        value = self.value("email")
        return None if value is None else email_of(value, "email")

    def points(self) -> int | None:
        value = self.value("points")
        return None if value is None else values.whole(value, "points", 1)

    def balance(self) -> int | None:
        value = self.value("balance")
        return None if value is None else values.whole(value, "balance", 0)

    def birthday(self) -> date | None:
        value = self.value("birthday")
        found = values.birthday(value) if isinstance(value, str) and len(value.strip()) == 10 else None
        if value is not None and found is None:
            raise invalid("birthday", "“birthday” must be a past date as YYYY-MM-DD.")
        return found

    def reason(self) -> str:
        value = self.value("reason")
        if value is not None and (not isinstance(value, str) or len(value) > 255):
            raise invalid("reason", "“reason” must be a text of at most 255 characters.")
        return (value or "").strip()

    def many_customers(self) -> list[Named]:
        """Ids, then e-mail addresses, each in the order they were given."""
        ids: list[Named] = [
            (values.identifier(one, "customer_ids", 64), None) for one in listed(self.value("customer_ids"))
        ]
        emails: list[Named] = [(None, email_of(one, "emails")) for one in listed(self.value("emails"))]
        if not ids and not emails:
            raise missing("customer_ids", "Say who: customer_ids or emails.")
        if len(ids) + len(emails) > MANY:
            raise invalid("customer_ids", f"Ask for at most {MANY} customers at a time.")
        return ids + emails


def email_of(value: Any, field: str) -> str:
    try:
        found = normal_email(value) if isinstance(value, str) else None
    except BadIdentity:
        found = None
    if found is None:
        raise invalid(field, f"“{field}” must be an e-mail address.")
    return found


def listed(value: Any) -> list[Any]:
    """A list, or one text with commas."""
    if isinstance(value, str):
        return [one for one in (part.strip() for part in value.split(",")) if one]
    return value if isinstance(value, list) else [] if value is None else [value]
