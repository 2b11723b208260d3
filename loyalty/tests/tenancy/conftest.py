from types import SimpleNamespace

import pytest

from .objects import objects_of


@pytest.fixture
def theirs(store, owner) -> SimpleNamespace:
    """One object of each kind in `store`, which nobody of another store must reach. They say “quokka”."""
    store.name, store.domain = "Quokka Ltd", "quokka.example"
    store.save()
    return objects_of(store, owner, "quokka")


@pytest.fixture
def mine(other_store, stranger) -> SimpleNamespace:
    """The same of the store whose people ask. They say “wombat”."""
    return objects_of(other_store, stranger, "wombat")
