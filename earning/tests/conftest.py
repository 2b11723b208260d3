import pytest


@pytest.fixture
def page(sign_in, owner):
    """The owner's browser."""
    return sign_in(owner)
