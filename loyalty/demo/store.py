"""The demo store: a coffee shop with a year behind it.

It is told day by day like any other, under ids that come out the same each time; told again, nothing changes.
So making it may be interrupted and simply starts over. `is_demo` says that it is complete.
"""

import random
from decimal import Decimal

from django.db import connection, transaction

from customers import adjustments, enrolment
from customers.models import Customer
from integrations.models import Widget, WidgetSecret
from loyalty.stores.models import Store, User
from loyalty.stores.opening import open_store
from loyalty.stores.tenancy import acting_for

from . import history, people, programme, telling
from .redeeming import Shoppers

SLUG = "demo"
EMAIL = "demo@loyalty.example"
SEED = 1729


def find() -> Store | None:
    """The demo store, complete or not. No merchant's store has its slug."""
    return Store.objects.filter(slug=SLUG).first()


@transaction.atomic
def begin() -> Store:
    """The store with its rules. Its owner cannot sign in until it is complete."""
    owner = User.objects.create_user(EMAIL, name="Demo", is_staff=True)
    store = open_store(owner, "Harbour Coffee", slug=SLUG, domain="harbour-coffee.example", timezone="Europe/Berlin")
    with acting_for(store.pk):
        programme.set_up(store, actor=owner.email)
    return store


def live_a_year(store: Store, customers: int) -> None:
    """The year before the store was made."""
    rng, now = random.Random(SEED), store.local(store.created_at)  # noqa: S311 - invents, guards nothing
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # what a crash of the server loses is told again
    telling.tell(store, history.year_of(people.invent(customers, now.date(), rng), now, rng))
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")


def complete(store: Store, password: str) -> User:
    """The last of it, in the transaction that hands out the keys: what support did, and who may sign in."""
    members = store.customers.filter(state=Customer.State.ENROLLED, wallets__balance__gt=100)
    late, twice, rude = members.order_by("-pk")[:3]
    adjustments.adjust(store, late, Decimal(100), "The parcel arrived late", actor=EMAIL)
    adjustments.adjust(store, twice, Decimal(-50), "The quiz had paid twice", actor=EMAIL)
    enrolment.block(rude, True)
    Shoppers(store).settle_down()
    Widget.objects.create(store=store)
    WidgetSecret.issue(store)
    owner = User.objects.get(email=EMAIL)
    owner.set_password(password)
    owner.save(update_fields=["password"])
    store.is_demo = True
    store.save(update_fields=["is_demo"])
    return owner
