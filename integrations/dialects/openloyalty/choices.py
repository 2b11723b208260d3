"""Lists that callers' forms offer."""

import zoneinfo

from babel import Locale
from babel.numbers import list_currencies

from .settings import IDENTIFIERS

ENGLISH = Locale("en")
# Babel also knows regions of the world, by number, and a few codes that are of no country.
NOT_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
COUNTRIES = {code: name for code, name in ENGLISH.territories.items() if code.isalpha() and code not in NOT_COUNTRIES}


def named(names: dict[str, str]) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in sorted(names.items(), key=lambda item: item[1])]


CHOICES = {
    "currency": lambda: named({code: ENGLISH.currencies.get(code, code) for code in list_currencies("en")}),
    "country": lambda: named(COUNTRIES),
    "language": lambda: named({code: name for code, name in ENGLISH.languages.items() if len(code) == 2}),
    "timezone": lambda: named({name: name for name in zoneinfo.available_timezones()}),
    "identificationMethods": lambda: named({name: name for name in IDENTIFIERS}),
}
