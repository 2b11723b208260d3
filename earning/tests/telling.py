"""Facts for tests: told and applied at once."""

from conftest import apply_all
from customers.identities import Identity
from earning import activities
from earning.models import Activity


def record(store, action="custom:tasting", customer="c1", **values) -> Activity:
    told = activities.record(store, activities.NewActivity(action, Identity.of(external_id=customer), **values))
    apply_all(store)
    return store.activities.get(pk=told.id)
