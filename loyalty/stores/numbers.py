"""How numbers are written for people: points in the store's own unit, money with its currency."""

from decimal import Decimal

from babel.numbers import format_currency, format_decimal

from .models import Store

MINUS = "\N{MINUS SIGN}"
NOTHING = "–"


def number(points: Decimal | int | None, store: Store) -> str:
    """1204.50 is "1,204.50" with two decimals, 1204 is "1,204" with none. Never hides a part that is there."""
    if points is None:
        return NOTHING
    pattern = f"#,##0.{'0' * store.points_decimals}{'#' * (6 - store.points_decimals)}"
    return format_decimal(Decimal(points), pattern, locale="en").replace("-", MINUS)


def points(value: Decimal | int | None, store: Store) -> str:
    """With the store's own unit: "1,204 stars"."""
    return NOTHING if value is None else f"{number(value, store)} {store.points_unit(Decimal(value))}"


def signed(value: Decimal | int | None, store: Store) -> str:
    """A movement: "+100 points", "−40 points"."""
    return f"{'+' if value is not None and value > 0 else ''}{points(value, store)}"


def money(amount: Decimal | None, currency: str) -> str:
    """ "29.99 EUR", with as many decimals as the currency has."""
    if amount is None:
        return NOTHING
    return format_currency(amount, currency, "#,##0.00 ¤¤", locale="en").replace("\u00a0", " ").replace("-", MINUS)
