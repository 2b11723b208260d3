"""Which dialects are spoken here. One line switches a dialect on and mounts its urls."""

from django.urls import URLPattern, URLResolver, include, path

from .dialects import Dialect
from .dialects.lootly.dialect import Lootly
from .dialects.loyaltylion.dialect import LoyaltyLion
from .dialects.openloyalty.dialect import OpenLoyalty

DIALECTS: dict[str, Dialect] = {dialect.key: dialect for dialect in (Lootly(), LoyaltyLion(), OpenLoyalty())}


def get(key: str) -> Dialect:
    """The dialect of `Connection.dialect`. KeyError: it is not spoken here (any more)."""
    return DIALECTS[key]


def urlpatterns() -> list[URLPattern | URLResolver]:
    """For loyalty/urls.py, after the native routes, which win where a dialect's paths meet them."""
    return [path(dialect.prefix, include(dialect.urlconf)) for dialect in DIALECTS.values()]
