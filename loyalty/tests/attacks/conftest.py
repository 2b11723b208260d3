"""A store with one of everything, and calls that nobody slows down."""

from types import SimpleNamespace

import pytest

from integrations.models import Widget
from loyalty.stores import guessing, rate_limits
from loyalty.stores.models import ApiKey
from loyalty.stores.rate_limits import Taken
from loyalty.stores.tenancy import acting_for
from loyalty.tests.one_of_each import theirs  # noqa: F401
from spending import coupon_steps


@pytest.fixture
def unhurried(monkeypatch) -> None:
    """No limits: what is tried here is tried often."""
    monkeypatch.setattr(rate_limits, "take", lambda bucket, rate=None: Taken(True, 100, 99, 0, 0))
    monkeypatch.setattr(guessing, "take", lambda *guesses: None)
    monkeypatch.setattr("integrations.dialects.openloyalty.credential_views.count_refresh", lambda *about: None)


@pytest.fixture
def committed(request, transactional_db, store) -> SimpleNamespace:
    """The same for requests of a real server, which see what is committed."""
    with acting_for(store.pk):
        return request.getfixturevalue("those")


@pytest.fixture
def those(unhurried, store, owner, theirs, work) -> SimpleNamespace:  # noqa: F811
    """What `theirs` has, with keys to it."""
    work(store)
    coupon_steps.work(store.pk)
    Widget.objects.filter(store=store).update(is_enabled=True)
    _, theirs.clear_key = ApiKey.issue(store, "attacks")
    theirs.store, theirs.owner, theirs.signing = store, owner, SimpleNamespace()
    return theirs
