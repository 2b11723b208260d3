"""A store's link to this dialect, made on its first call."""

from integrations import connections
from integrations.models import Connection
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .dialect import OpenLoyalty

DIALECT = OpenLoyalty()
NEW_STORE = {"points_decimals": 6, "points_rounding": Store.Rounding.HALF_UP}


def connection_of(store: Store) -> Connection:
    mine = Connection.objects.filter(store=store, dialect=DIALECT.key)
    with acting_for(store.pk):
        found = mine.first()
        if found is None:
            Store.objects.select_for_update().get(pk=store.pk)  # twins wait here, and then find it
            found = mine.first() or first_connection(store)
    return found


def first_connection(store: Store) -> Connection:
    if not store.connections.exists() and not store.rules.exists() and not store.customers.exists():
        Store.objects.filter(pk=store.pk).update(**NEW_STORE)
        store.refresh_from_db(fields=list(NEW_STORE))
    return connections.connect(store, DIALECT)[0]
