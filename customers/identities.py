"""Who is meant: how callers name a person, and whom they find by it."""

import re
import unicodedata
from dataclasses import dataclass

from loyalty.stores.models import Store

from .models import Customer

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class BadIdentity(ValueError):
    """Nothing that names a person, or something that cannot: the message says what."""


class IdentityConflict(BadIdentity):
    """The given identifiers belong to different customers."""


class Erased(BadIdentity):
    """This person was erased, and stays so."""


def normal_email(email: str | None) -> str | None:
    email = (email or "").strip().lower()
    if not email:
        return None
    # Letters newer than this Python have a lower case that only the database knows: it would refuse them.
    if len(email) > 254 or not EMAIL.fullmatch(email) or "Cn" in map(unicodedata.category, email):
        raise BadIdentity("This is not an e-mail address.")
    return email


@dataclass(frozen=True, slots=True)
class Identity:
    """How a caller names a person; each part optional, the first that finds someone decides."""

    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    card_number: str | None = None

    @classmethod
    def of(cls, external_id=None, email=None, phone=None, card_number=None) -> "Identity":
        def text(value):
            return (str(value).strip() or None) if value is not None else None

        identity = cls(text(external_id), normal_email(email), text(phone), text(card_number))
        if not (identity.external_id or identity.email or identity.phone or identity.card_number):
            raise BadIdentity("Say who: an external id or an e-mail address.")
        return identity


def find(store: Store, identity: Identity) -> Customer | None:
    """The customer meant, or None. External id (own, then linked) decides, then e-mail, card, phone."""
    customers = store.customers
    if identity.external_id:
        found = customers.filter(external_id=identity.external_id).first()
        found = found or customers.filter(aliases__store=store, aliases__external_id=identity.external_id).first()
        if found:
            return found
    for field in ("email", "card_number", "phone"):
        value = getattr(identity, field)
        if value and (found := customers.filter(**{field: value}).first()):
            return found
    return None
