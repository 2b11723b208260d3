"""The one JSON reader of every entry point: strict JSON, with limits checked before it costs anything.

Numbers with a fraction or an exponent come out as Decimal, whole ones as int; a float never appears.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000  # members and items together
MAX_NAME = 256
MAX_TEXT = 64 * 1024
MAX_DIGITS = 40
MAX_EXPONENT = 40

# Also matches an unclosed string, so that no input makes it look at a byte twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_EMPTY = re.compile(rb"\[[ \t\n\r]*\]|\{[ \t\n\r]*\}")
# Escapes that may spell a NUL or half of a surrogate pair; raw ones are refused as control character or bad UTF-8.
_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class BadJSON(ValueError):
    """Not JSON, or not within the limits. `code` is for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class TooLarge(ValueError):
    """More bytes than this entry point takes."""


def loads(body: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """The value of a body. Raises BadJSON or TooLarge; an empty body is BadJSON."""
    value = scan(DECODER.decode, bounded_text(body, max_bytes))
    check_lengths(body, value)
    if _ODD_ESCAPE.search(body):
        check_characters(value)
    return value


def bounded_text(body: bytes, max_bytes: int = MAX_BYTES) -> str:
    """The text of a body whose size, nesting and number of values are within the limits."""
    if len(body) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes.")
    if not body:
        raise BadJSON("empty", "The body is empty.")
    opened = body.count(b"[") + body.count(b"{")
    if opened > MAX_DEPTH or opened + body.count(b",") > MAX_VALUES:
        _check_shape(_STRING.sub(b"0", body))
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadJSON("not_utf8", "The body is not UTF-8.") from error
    if text[0] == "\ufeff":
        raise BadJSON("byte_order_mark", "The body starts with a byte order mark.")
    return text


def scan(scanner: Callable[[str], Any], text: str) -> Any:
    """Run a scanner made of DECODER, with its errors as BadJSON."""
    try:
        return scanner(text)
    except JSONDecodeError as error:
        raise BadJSON("syntax", f"The body is not JSON: {error.msg} at character {error.pos}.") from error
    except StopIteration as error:
        raise BadJSON("syntax", f"The body is not JSON: no value at character {error.value}.") from error


def check_lengths(body: bytes, value: Any) -> None:
    """Refuse texts over the limit. A short body cannot hold one."""
    if len(body) > MAX_TEXT:
        _walk(value, _check_length)


def check_characters(value: Any) -> None:
    """Refuse NUL and halves of surrogate pairs, in names too: neither can be stored."""
    _walk(value, _check_characters)


def check_name(name: str) -> None:
    if len(name) > MAX_NAME:
        raise BadJSON("name_too_long", f"A name is longer than {MAX_NAME} characters.")


def _check_shape(shape: bytes) -> None:
    """Count on a body without its strings; exact for JSON, and what is not JSON is refused later."""
    opened = shape.count(b"[") + shape.count(b"{")
    filled = opened - len(_EMPTY.findall(shape))
    # Each container but the first is a value itself; a filled one has a value more than it has commas.
    if opened > MAX_VALUES + 1 or filled + shape.count(b",") > MAX_VALUES:
        raise BadJSON("too_many_values", f"The body has more than {MAX_VALUES} values.")
    depth = 0
    for bracket in _BRACKET.finditer(shape):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadJSON("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJSON("duplicate_name", "A name appears twice in one object.")
    if found:
        check_name(max(found, key=len))
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise BadJSON("number_too_long", f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _decimal(number: str) -> Decimal:
    mantissa, _, exponent = number.lower().partition("e")
    if len(mantissa.lstrip("-").replace(".", "")) > MAX_DIGITS:
        raise BadJSON("number_too_long", f"A number has more than {MAX_DIGITS} digits.")
    if exponent and (len(exponent) > MAX_DIGITS or abs(int(exponent)) > MAX_EXPONENT):
        raise BadJSON("number_too_big", f"A number's exponent is beyond {MAX_EXPONENT}.")
    return Decimal(number)


def _constant(name: str) -> None:
    raise BadJSON("not_a_number", f"{name} is not JSON.")


def _walk(value: Any, check: Callable[[str], None]) -> None:
    if isinstance(value, str):
        check(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            check(name)
            _walk(item, check)
    elif isinstance(value, list):
        for item in value:
            _walk(item, check)


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise BadJSON("text_too_long", f"A text is longer than {MAX_TEXT} characters.")


def _check_characters(text: str) -> None:
    if "\x00" in text:
        raise BadJSON("bad_character", "A text has a NUL character.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise BadJSON("bad_character", "A text has half of a surrogate pair.")


DECODER = JSONDecoder(
    parse_float=_decimal,
    parse_int=_whole,
    parse_constant=_constant,
    object_pairs_hook=_object,
    strict=True,
)
