"""The members of a signed body, with their text as it was sent.

Values and texts come from one scanner, so what is verified and what is acted on cannot differ.
"""

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from loyalty.stores.bounded_json import DECODER, BadJSON, bounded_text, check_lengths, check_name, scan

_OPENING = re.compile(r"[ \t\n\r]*\{[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_CLOSING = re.compile(r"[ \t\n\r]*\}[ \t\n\r]*\Z")


class Member(NamedTuple):
    name: str
    value: Any
    text: str  # `"name":value` as sent, without space around the colon


def split(body: bytes) -> list[Member]:
    """The top-level members in wire order. Raises BadJSON or TooLarge.

    NUL and halves of surrogate pairs pass: only a sender who proved to be one is told of them.
    """
    members = scan(_split, bounded_text(body))
    if len({member.name for member in members}) != len(members):
        raise BadJSON("duplicate_name", "A name appears twice in one object.")
    check_lengths(body, [member.value for member in members])
    return members


def _split(text: str) -> list[Member]:
    members: list[Member] = []
    at = _skip(_OPENING, text, 0)
    if text.startswith("}", at):
        _skip(_CLOSING, text, at)
        return members
    while True:
        if not text.startswith('"', at):
            raise JSONDecodeError("a name is missing", text, at)
        name, name_end = scanstring(text, at + 1, True)
        check_name(name)
        value_at = _skip(_COLON, text, name_end)
        value, value_end = DECODER.scan_once(text, value_at)  # type: ignore[attr-defined]
        members.append(Member(name, value, f"{text[at:name_end]}:{text[value_at:value_end]}"))
        comma = _COMMA.match(text, value_end)
        if comma is None:
            _skip(_CLOSING, text, value_end)
            return members
        at = comma.end()


def _skip(expected: re.Pattern[str], text: str, at: int) -> int:
    found = expected.match(text, at)
    if found is None:
        raise JSONDecodeError("something else is expected", text, at)
    return found.end()
