"""Rules about an address look into what the caller told of the activity."""

import pytest

from conftest import balance
from customers.identities import Identity
from earning import activities
from earning.activities import NewActivity

URL = "https://social.example/acme"


@pytest.mark.parametrize(("told", "points"), [({"url": URL}, 50), ({"url": f"{URL}/other"}, 0), ({}, 50)])
def test_a_follow_pays_unless_it_is_of_another_address(store, customer, add_rule, work, told, points):
    add_rule(store, "instagram_follow", points=50, settings={"url": URL})
    identity = Identity.of(external_id=customer.external_id)
    activities.record(store, NewActivity("instagram_follow", identity, properties=told))
    work(store)
    assert balance(customer) == points
    assert store.activities.get().state == "approved"
