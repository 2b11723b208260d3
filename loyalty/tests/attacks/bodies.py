"""Bodies that no honest sender makes, each made of one that an honest sender does."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

UNKNOWN = ("surprise",)  # a member that no call knows
HERE = "\x01here\x01"  # stands where a fragment of JSON goes that Python's encoder would never write


@dataclass(frozen=True)
class Body:
    name: str
    make: Callable[[], bytes]
    headers: dict[str, str] = field(default_factory=dict)
    is_hopeless: bool = True  # nobody may take it; of the others, some wires take some
    is_nasty: bool = False  # always tried, also when only a few are
    announced_by: str = ""  # "type" or "coding": the headers say something else than is there

    @property
    def raw(self) -> bytes:
        return self.make()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def text_of(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# --- Instead of a value -----------------------------------------------------------------------

# What strict JSON or the limits forbid, wherever it stands.
FORBIDDEN = {
    "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "1e400": "1e400", "1E+999999": "1E+999999",
    "-1e400": "-1e400", "1e-41": "1e-41", "5,000 digits": "9" * 5_000, "5,000 decimals": "0." + "1" * 5_000,
    "41 digits": "1" * 41, "an exponent of 5,000 digits": "1e" + "9" * 5_000, "33 levels": nested(33),
    "2,000 levels": nested(2_000), "100,000 levels": nested(100_000), "33 objects": '{"a":' * 33 + "1" + "}" * 33,
    "a name twice": '{"a":1,"a":2}', "a name twice, once escaped": '{"a":1,"\\u0061":2}',
    "a name twice further in": '[{"b":{"a":1,"a":1}}]', "a NUL": '"a\\u0000b"', "a NUL as a name": '{"a\\u0000":1}',
    "half a pair": '"\\ud800"', "the other half": '"\\udfff x"', "halves in disorder": '"\\udc00\\ud800"',
    "half a pair as a name": '{"\\ud83d":1}', "a raw line break": '"a\nb"', "a raw NUL": '"a\0b"',
    "a name of 257": '{"' + "n" * 257 + '":1}', "a text of 64 KiB and one": '"' + "x" * 65_537 + '"',
    "odd digits": "\u0661\u0662", "wide digits": "\uff11", "a plus": "+1", "hexadecimal": "0x10", "a leading 0": "01",
    "a bare point": "1.", "a word": "undefined", "True": "True", "single quotes": "'x'", "a comment": "/**/1",
    "a trailing comma": "[1,]", "an unclosed text": '"x', "an unclosed list": "[1", "an unknown escape": '"\\x41"',
    "200,000 names": "{" + ",".join(f'"{number}":1' for number in range(200_000)) + "}",
    "20,001 items": "[" + "1," * 20_000 + "1]",
}  # fmt: skip

# What is JSON, and seldom what the call is about.
ODD = {
    "null": "null", "a list": "[]", "an object": "{}", "true": "true", "false": "false", "an empty text": '""',
    "a space": '" "', "a huge text": '"' + "x" * 60_000 + '"', "a text of 256": '"' + "x" * 256 + '"',
    "zero": "0", "minus zero": "-0", "minus one": "-1", "32 bits and one": "2147483648",
    "63 bits": "9223372036854775807",
    "64 bits": "9223372036854775808", "128 bits": str(2**128), "40 digits": "9" * 40, "10^39": "1e39",
    "10^-40": "1e-40",
    "over-precise": "0.1234567", "over-precise text": '"0.1234567"', "a negative text": '"-5"', "text 0": '"0"',
    "text 1e3": '"1e3"', "text NaN": '"NaN"', "text Infinity": '"Infinity"', "text sNaN": '"sNaN"',
    "text 1e400": '"1e400"', "text of 5,000 digits": '"' + "9" * 5_000 + '"',
    "digits of another script": '"\u0661\u0662"',
    "a wide digit": '"\uff15"', "year 0": '"0000-00-00"', "year 0, a moment": '"0000-01-01T00:00:00Z"',
    "year 1": '"0001-01-01T00:00:00+14:00"', "year 9999": '"9999-12-31"',
    "the last moment": '"9999-12-31T23:59:59-14:00"',
    "30 February": '"2026-02-30"', "30 February, a moment": '"2026-02-30T00:00:00Z"',
    "hour 25": '"2026-01-01T25:00:00Z"',
    "a zone of 99 hours": '"2026-01-01T00:00:00+99:00"', "no such kind": '"no_such_kind"',
    "no character": '"\\ufffe\\uffff"', "line separators": '"\\u2028\\u2029"',
    "a script": '"<script>alert(1)</script>"',
    "a quote": '"\' OR 1=1 --"', "a template": '"{{ 7*7 }}%s%n${x}"', "a path": '"../../etc/passwd"',
    "right to left": '"\u202eabc"', "an unpaired accent": '"\u0301"', "a list of nothing": "[null]",
    "lists in lists": nested(20), "a nameless member": '{"":{}}', "a member of Python": '{"__class__":{"__init__":1}}',
    "an id": '"019f0000-0000-7000-8000-000000000000"', "half an id": '"019f0000"', "an address": '"a@b"',
    "a long address": '"' + "a" * 300 + '@shop.example"', "300 names": text_of(dict.fromkeys(map(str, range(300)), 1)),
    "300 items": text_of([{}] * 300), "a float's artefact": "0.30000000000000004", "text true": '"true"',
    "text null": '"null"',
}  # fmt: skip

WRAPPERS = {"": "%s", " in a list": "[%s]", " in an object": '{"id":%s}'}
NASTY = {
    "5,000 digits", "100,000 levels", "200,000 names", "half a pair", "a NUL", "NaN", "1e400", "a name twice",
    "an unclosed text", "a raw NUL",
}  # fmt: skip


def places_of(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where a value stands: each member, and the first item of each list."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, item in inner:
        yield from places_of(item, (*path, name))


def replaced(value: Any, path: tuple, fragment: str) -> bytes:
    marked: Any = json.loads(json.dumps(value))
    inside = marked
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = HERE
    return text_of(marked).replace(json.dumps(HERE), fragment).encode()


def with_fragments(example: dict[str, Any]) -> Iterator[Body]:
    """Every field of the example, and one that nobody knows, as each of the fragments."""
    for path in [*places_of(example), UNKNOWN]:
        where, put = ".".join(map(str, path)), partial(partial, replaced, example, path)
        for around, wrapper in WRAPPERS.items():
            for what, fragment in FORBIDDEN.items():
                is_nasty = not around and what in NASTY and path == UNKNOWN
                yield Body(f"{where}: {what}{around}", put(wrapper % fragment), is_nasty=is_nasty)
            for what, fragment in ODD.items():
                yield Body(f"{where}: {what}{around}", put(wrapper % fragment), is_hopeless=False)


# --- The body as a whole ----------------------------------------------------------------------


def as_a_whole(example: dict[str, Any]) -> Iterator[Body]:
    text = text_of(example)
    raw = text.encode()
    first = json.dumps(next(iter(example), "a")).encode()
    whole = {
        "empty": b"", "spaces": b"  ", "a text": b'"x"', "a number": b"1", "null": b"null", "true": b"true",
        "a list": b"[1]", "a list of it": b"[" + raw + b"]", "an unclosed object": raw[:-1],
        "half": raw[: len(raw) // 2],
        "it twice": raw + raw, "bytes after it": raw + b"x", "a NUL after it": raw + b"\0",
        "a NUL before it": b"\0" + raw,
        "a mark before it": b"\xef\xbb\xbf" + raw, "bad UTF-8": raw[:-1] + b',"a":"\xe9"}',
        "half a letter": raw[:-1] + b',"a":"\xc3"}', "a long form of a slash": raw[:-1] + b',"a":"\xc0\xaf"}',
        "a raw surrogate": raw[:-1] + b',"a":"\xed\xa0\x80"}', "UTF-16": text.encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-le"), "UTF-32": text.encode("utf-32"), "a form": b"a=1&b=2",
        "XML": b"<?xml version='1.0'?><a/>", "pickle": b"\x80\x04\x95.",
        "a member twice": raw[:-1] + b"," + first + b":1," + first + b":1}",
        "an hmac twice": b'{"key":"dummy-key","hmac":"x","hmac":"y"}',
    }  # fmt: skip
    nasty = {"empty", "null", "a mark before it", "bad UTF-8", "UTF-16", "a member twice"}
    for name, body in whole.items():
        yield Body(name, partial(bytes, body), is_nasty=name in nasty)
    yield Body("6 MB of spaces in it", lambda: raw[:-1] + b" " * 6_000_000 + b"}")
    yield Body("6 MB", lambda: b'{"a":"' + b"x" * 6_000_000 + b'"}', is_nasty=True)


TYPES = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "application/xml", "application/jsonp", "x", "", ";",
)  # fmt: skip
CHARSETS = ("utf-16", "latin-1", "no-such", "\xfc", "utf-7", "idna")
CODINGS = ("gzip", "br", "deflate", "identity, gzip", "no-such")


def announced(example: dict[str, Any]) -> Iterator[Body]:
    """The example itself, announced as something else. Some wires read JSON whatever is said of it."""
    raw = partial(bytes, text_of(example).encode())

    def told(name: str, by: str, header: str, value: str) -> Body:
        return Body(name, raw, {header: value}, is_hopeless=False, announced_by=by)

    for kind in TYPES:
        yield told(f"as {kind!r}", "type", "CONTENT_TYPE", kind)
    for charset in CHARSETS:
        yield told(f"in {charset}", "coding", "CONTENT_TYPE", f"application/json; charset={charset}")
    for coding in CODINGS:
        yield told(f"coded as {coding}", "coding", "HTTP_CONTENT_ENCODING", coding)


# --- All of them ------------------------------------------------------------------------------


def of(example: dict[str, Any]) -> list[Body]:
    return [*as_a_whole(example), *with_fragments(example), *announced(example)]


def some(example: dict[str, Any], number: int, seed: object) -> list[Body]:
    """The nastiest, and others by the seed's choice."""
    nasty, rest = [], []
    for body in of(example):
        (nasty if body.is_nasty else rest).append(body)
    return nasty + random.Random(str(seed)).sample(rest, min(len(rest), max(0, number - len(nasty))))
