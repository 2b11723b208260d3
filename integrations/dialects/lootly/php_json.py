"""JSON as PHP's json_encode writes it with default flags: the text that shops sign."""

from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

INTEGERS = range(-(2**63), 2**63)  # PHP turns whole numbers beyond these into floats


def encode(value: Any, digits_of: Callable[[float], str] = repr) -> str:
    """`digits_of` spells a float: `repr` as PHP does since 7.1, `seventeen_digits` as older hosts do."""
    if isinstance(value, str):
        return _encode_text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value in INTEGERS:
        return str(value)
    if isinstance(value, int | Decimal):
        return encode_float(float(value), digits_of)
    if isinstance(value, dict):
        members = (f"{encode(name)}:{encode(item, digits_of)}" for name, item in value.items())
        return "{" + ",".join(members) + "}"
    return "[" + ",".join(encode(item, digits_of) for item in value) + "]"


def _encode_text(text: str) -> str:
    if "\x7f" in text:  # the one character that Python escapes and PHP does not
        return '"' + "\x7f".join(_encode_text(part)[1:-1] for part in text.split("\x7f")) + '"'
    return encode_basestring_ascii(text).replace("/", "\\/")


def encode_float(value: float, digits_of: Callable[[float], str] = repr) -> str:
    number = Decimal(digits_of(value)).normalize()
    text, first = "".join(map(str, number.as_tuple().digits)), number.adjusted()  # first: the first digit's exponent
    minus = "-" if number.is_signed() else ""
    if not value:
        return f"{minus}0"
    if first < -4 or first > 16:
        return f"{minus}{text[0]}.{text[1:] or '0'}e{first:+d}"
    if first < 0:
        return f"{minus}0.{'0' * (-first - 1)}{text}"
    whole, fraction = text[: first + 1].ljust(first + 1, "0"), text[first + 1 :]
    return f"{minus}{whole}.{fraction}" if fraction else f"{minus}{whole}"


def seventeen_digits(value: float) -> str:
    return f"{value:.16e}"


def has_float(value: Any) -> bool:
    """Whether the spelling of floats matters for this value."""
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    if isinstance(value, list):
        return any(map(has_float, value))
    return isinstance(value, Decimal) or (type(value) is int and value not in INTEGERS)
