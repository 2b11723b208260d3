"""Who a shop means. Its id decides; an e-mail address finds only customers without an id."""

from collections.abc import Iterable
from functools import cached_property

from customers import enrolment, identities
from customers.identities import Identity
from customers.models import Customer
from integrations.dialects import LOOK_UP
from loyalty.stores import broker
from loyalty.stores.models import Store

from .refusals import invalid
from .serializers import Person


def find(store: Store, external_id: str | None, email: str | None) -> Customer | None:
    """The customer a call names. Refuses an id and an e-mail address of two customers."""
    by_id = identities.find(store, Identity(external_id=external_id)) if external_id else None
    by_email = identities.find(store, Identity(email=email)) if email else None
    if by_id and by_email and by_id.pk != by_email.pk:
        raise invalid("email", "This e-mail address is another customer's.")
    if by_email and external_id and not by_id and by_email.external_id:
        raise invalid("email", "This e-mail address is another customer's.")
    return by_id or by_email


def identity_of(customer: Customer) -> Identity:
    """Names a known customer and teaches nothing new about them."""
    return Identity(customer.external_id) if customer.external_id else Identity(email=customer.email)


def meet(store: Store, person: Person) -> Customer:
    """Find or make the customer of a shop account, and learn what is new about them."""
    email = None if belongs_to_another(store, person) else person.email
    customer = enrolment.identify(store, Identity(person.external_id, email), is_registered=True)
    enrolment.update_profile(
        customer,
        first_name=person.first_name,
        last_name=person.last_name,
        birthday=person.birthday,
        properties={name: value for name, value in address_of(person).items() if value},
    )
    if email is None and person.email:
        enrolment.show_conflict(customer, "email", person.email)
    if not (customer.email or customer.first_name or customer.last_name):
        broker.nudge(LOOK_UP, store.pk)
    return customer


class People:
    """The customers that a batch of events names, looked up in one go. Only unknown ones and news cost more."""

    def __init__(self, store: Store, persons: Iterable[Person]) -> None:
        self.store = store
        ids = {person.external_id for person in persons if person.external_id}
        self._known = {one.external_id: one for one in store.customers.filter(external_id__in=ids)} if ids else {}

    def meet(self, person: Person) -> Customer:
        known = self._known.get(person.external_id)
        if known is None or has_news(known, person):
            known = self._known[person.external_id] = meet(self.store, person)
        return known

    @cached_property
    def joined(self) -> set[int]:
        """Who of them told that they made an account."""
        names = {sign_up_of(customer): customer.pk for customer in self._known.values()}
        told = self.store.activities.filter(action="sign_up", external_id__in=names)
        return {names[name] for name in told.values_list("external_id", flat=True)}


def sign_up_of(customer: Customer) -> str:
    """The external id of the activity that a customer joined by."""
    return f"customer:{customer.pk}"


def has_news(known: Customer, person: Person) -> bool:
    told = {
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "birthday": person.birthday,
    }
    return any(value and value != getattr(known, name) for name, value in told.items()) or any(
        value and known.properties.get(name) != value for name, value in address_of(person).items()
    )


def address_of(person: Person) -> dict[str, str]:
    return {"country": person.country, "zip": person.zip}


def belongs_to_another(store: Store, person: Person) -> bool:
    """The e-mail address is that of a customer with another id: there it stays."""
    if not person.email:
        return False
    holder = identities.find(store, Identity(email=person.email))
    if holder is None or holder.external_id == person.external_id:
        return False
    known = identities.find(store, Identity(external_id=person.external_id))
    return holder.external_id is not None if known is None else holder.pk != known.pk
