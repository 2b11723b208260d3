import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import pytest
from django.db import transaction

from conftest import make_customer, sized
from loyalty.stores.models import Store, User
from loyalty.tests.one_of_each import changed, fingerprint, objects_of

from .callers import Caller, text_of, without

EACH = sized(1, 1_000)  # how many of the foreign ids each place gets


@pytest.fixture
def theirs(store, owner) -> SimpleNamespace:
    """One object of each kind in `store`, which nobody of another store must reach. They say “quokka”."""
    store.name, store.domain = "Quokka Ltd", "quokka.example"
    store.save()
    return objects_that_say(store, owner, "quokka")


@pytest.fixture
def mine(other_store, stranger) -> SimpleNamespace:
    """The same of the store whose people ask. They say “wombat”."""
    return objects_that_say(other_store, stranger, "wombat")


def objects_that_say(store: Store, user: User, word: str) -> SimpleNamespace:
    customer = make_customer(store, f"{word}-1", f"{word}@shop.example", first_name=word.title())
    return objects_of(store, customer, user, word)


@pytest.fixture
def foreign(theirs) -> list[str]:
    """Whatever names an object of theirs: by our ids and by the shop's."""
    rows = [row for row in vars(theirs).values() if hasattr(row, "pk")]
    ids = [str(row.public_id) for row in rows if hasattr(row, "public_id")]
    names = [theirs.customer.external_id, theirs.customer.email, theirs.order_id, theirs.redemption.code]
    prefixed = [f"external_id:{theirs.customer.external_id}", f"email:{theirs.customer.email}"]
    return [*ids, *{str(row.pk) for row in rows}, *names, *prefixed, theirs.key.prefix, theirs.widget.key]


@pytest.fixture
def probe(foreign) -> Callable[..., None]:
    """Ask as somebody else, with foreign ids in one place; nothing of theirs may be told."""
    turn = itertools.cycle(foreign)

    def ask(caller: Caller, method: str, path: str, fill: Callable[[str], tuple[str, bytes]], kind: str) -> None:
        for value in itertools.islice(turn, min(EACH, len(foreign))):
            query, body = fill(value)
            answer = caller.ask(method, path + query, body, kind)
            said, where = text_of(answer), (method, path + query, body[:500], value)
            assert answer.status_code < 500, where
            assert "quokka" not in without(said, value), (*where, said[:2000])

    return ask


@pytest.fixture
def unmoved(theirs) -> Callable[[], AbstractContextManager[None]]:
    """Whatever is done inside moves no row of theirs, and is undone."""
    before = fingerprint(theirs.store)

    @contextmanager
    def watched() -> Iterator[None]:
        with transaction.atomic():
            yield
            after = fingerprint(theirs.store)
            transaction.set_rollback(True)
        assert changed(before, after) == set()

    return watched
