from conftest import make_customer
from customers import newcomers
from customers.identities import Identity
from customers.models import Customer


def people(*external_ids, **fields):
    return [Identity.of(external_id=external_id, **fields) for external_id in external_ids]


def test_a_thousand_strangers_become_guests_in_a_few_statements(store, django_assert_max_num_queries):
    strangers = [Identity.of(external_id=f"n{number}", email=f"n{number}@shop.example") for number in range(1000)]

    with django_assert_max_num_queries(12):
        newcomers.welcome(store, strangers + strangers[:10])

    assert store.customers.filter(state=Customer.State.GUEST).count() == 1000
    assert store.wallets.count() == 1000
    assert store.events.filter(topic="customer.created").count() == 1000


def test_whoever_shares_an_identifier_is_left_to_be_looked_at(store):
    known = make_customer(store, "known", "known@shop.example")
    known.aliases.create(store=store, external_id="old")

    newcomers.welcome(
        store,
        [
            *people("known", "old", "new"),
            *people("a", email="known@shop.example"),
            *people("b", "c", email="twice@shop.example"),
            Identity.of(email="d@shop.example"),
            Identity.of(external_id="e", phone="1"), Identity.of(external_id="f", phone="1"),
        ],
    )  # fmt: skip

    made = store.customers.exclude(pk=known.pk)
    assert {(one.external_id, one.email) for one in made} == {("new", None), (None, "d@shop.example")}
    assert store.wallets.count() == 3


def test_another_stores_people_are_nobody_here(store, other_store):
    make_customer(other_store, "n1", "n1@shop.example")

    newcomers.welcome(store, [Identity.of(external_id="n1", email="n1@shop.example")])

    assert store.customers.get().external_id == "n1"
