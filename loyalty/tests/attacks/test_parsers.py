"""What reads strangers' bytes ends soon and with its own errors only, whatever the bytes are."""

import ast
import importlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from conftest import sized
from integrations.dialects.lootly import signature
from integrations.dialects.lootly.members import split
from integrations.dialects.lootly.signature import Unverifiable
from integrations.dialects.lootly.tests.signing import PAYLOADS
from integrations.dialects.lootly.webhook import WebhookHeaders
from integrations.dialects.loyaltylion import authentication
from integrations.dialects.loyaltylion.refusals import Refused
from integrations.widget import identity
from integrations.widget.identity import WrongSignature
from integrations.widget.sessions import Session
from loyalty.stores.api import CursorPages
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.problems import Problem
from spending.coupon_csv import Reader
from spending.csv_layout import EncodingNeeded, Unreadable, look

ROOT = Path(__file__).resolve().parents[3]
LONGEST = 0.1  # seconds
PATTERN_LONGEST = 0.05
BODIES = [path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))]
PIECES = [
    b'"', b"\\", b"\\u", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"NaN", b"-", b"1e999", b"9" * 50, b"0", b"null", b"\n", b"\r", b"\r\n", b"\t", b";", b"|", b'""', b" ", b"=",
    b".", b"%00",
    b'"hmac":', b'"key":', b"{" * 40, b"[" * 40, b"a" * 300, b"\xe2\x80\xa8", b"+", b"/", b"v1:", b"\x1f\x8b",
    b"PK\x03\x04",
]  # fmt: skip


def mutated(corpus: list[bytes], number: int) -> Iterator[bytes]:
    chance = random.Random(1)
    for _ in range(number):
        body = bytearray(chance.choice(corpus))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(body) + 1)
            match chance.randrange(5):
                case 0:
                    body[at:at] = chance.choice(PIECES)
                case 1:
                    del body[at : at + chance.randrange(1, 20)]
                case 2 if at < len(body):
                    body[at] ^= 1 << chance.randrange(8)
                case 3:
                    body[at:at] = body[chance.randrange(len(body) + 1) :][: chance.randrange(40)]
                case _:
                    body[at : at + 3] = chance.randbytes(3)
        yield bytes(body)


def read_csv(body: bytes) -> None:
    rows = Reader([body[:50], body[50:]], look(body, "", ""), today=date(2026, 1, 1))
    for _ in rows:
        pass


def read_tokens(body: bytes) -> None:
    text = body.decode("latin-1")
    assert Session.of(text) is None
    CursorPages().decoded(text)


def read_page_signature(body: bytes) -> None:
    text = body.decode("latin-1")
    identity.check_id(text, "shop.example")
    identity.check_v1("c1", text, api_key="k", secrets={"wk_1": "s"}, now=1700000000)


def read_headers(body: bytes) -> None:
    text = body.decode("latin-1")
    assert not WebhookHeaders(text[:20], text[20:40], text[40:]).verify(body, ["secret"])


def read_credentials(body: bytes) -> None:
    authentication.authenticate("Basic " + body.decode("latin-1"))


CSV = [
    b"code,value,expires\r\nA1,5,2026-12-31\r\nB2,6,\r\n", b"CODE;VALUE\n\"A;1\";5\n", "Code\té\nÄ-1\t1\n".encode(),
    "code,x\nA,1\n".encode("utf-16"), b"A1\nA2\nA3",
]  # fmt: skip
TOKENS = [
    b"eyJzdG9yZV9pZCI6MX0:1xV0Ps:vAz4HGsC6VSjSmQlZq7t1HjZ4PgzBCy0cVAlOV6YAQw", b"YmVmb3JlOjEyMw", b"YmVmb3JlOjEyMw==",
    b"v1:wk_1:1700000000:1700000600:n0nce_abcdefghij:" + b"4b" * 32, b"msg_1 1700000000 v1,AAAA v1,BBBB",
    b"a2V5OnNlY3JldA==",
]  # fmt: skip
PARSERS: dict[str, tuple[Callable[[bytes], object], list[bytes], tuple[type[Exception], ...]]] = {
    "loader": (loads, BODIES, (BadJSON, TooLarge)),
    "signed body": (signature.read, BODIES, (Unverifiable, TooLarge)),
    "csv": (read_csv, CSV, (Unreadable, EncodingNeeded)),
    "tokens": (read_tokens, TOKENS, (Problem,)),
    "page signatures": (read_page_signature, TOKENS, (WrongSignature,)),
    "webhook headers": (read_headers, TOKENS, ()),
    "credentials": (read_credentials, TOKENS, (Refused,)),
}


def took(read: Callable[[bytes], object], body: bytes, expected: tuple[type[Exception], ...]) -> float:
    began = time.perf_counter()
    with suppress(*expected):
        read(body)
    return time.perf_counter() - began


@pytest.mark.parametrize("parser", PARSERS)
def test_no_bytes_surprise_a_parser_or_hold_it_up(parser, monkeypatch):
    monkeypatch.setattr(authentication, "find_connection", lambda token: None)
    read, corpus, expected = PARSERS[parser]
    for body in mutated(corpus, sized(50_000, 1_000_000)):
        if took(read, body, expected) > LONGEST:  # once may be the machine's other work
            assert took(read, body, expected) <= LONGEST, body


def test_both_readers_of_a_body_say_the_same():
    for body in mutated(BODIES, sized(50_000, 1_000_000)):
        try:
            whole = loads(body)
        except BadJSON as error:
            whole = error.code if error.code == "bad_character" else None
        try:
            parts = {member.name: member.value for member in split(body)}
        except BadJSON:
            parts = None
        assert parts == whole if isinstance(whole, dict) else parts is None or whole == "bad_character"


@pytest.mark.parametrize(
    "body",
    [b"[" * 900_000, b'{"a":' * 180_000, b'"' + b"\\" * 900_000, b'["' + b'\\"' * 450_000, b"[" + b"[]," * 300_000,
     b'{"' + b"x" * 900_000, b"9" * 900_000, b"[" + b"1," * 450_000, b'"' + b"\\ud800" * 150_000 + b'"',
     b" " * 900_000],
)  # fmt: skip
@pytest.mark.parametrize("parser", ["loader", "signed body"])
def test_long_hostile_bodies_cost_little(parser, body):
    read, _, expected = PARSERS[parser]
    assert min(took(read, body, expected) for _ in range(2)) <= 10 * LONGEST


# --- Patterns ---------------------------------------------------------------------------------

USES = ("compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer", "subn")


def sources() -> Iterator[Path]:
    for app in ("loyalty", "customers", "earning", "spending", "integrations"):
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"tests", "migrations", "bench"} & set(path.parts):
                yield path


def calls_of_re(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Each use of a pattern, and the name that it is kept under, if it is."""
    tree = ast.parse(path.read_text())
    named = {id(node.value): node.targets[0].id for node in ast.walk(tree)
             if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in USES:
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "re":
                yield node, named.get(id(node), "")


def pattern_of(path: Path, call: ast.Call, name: str) -> re.Pattern:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if name and hasattr(module, name):
        return getattr(module, name)
    # Written where it is used, of constants of its module.
    return re.compile(eval(compile(ast.Expression(call.args[0]), str(path), "eval"), dict(vars(module))))


def uses_of(path: Path, call: ast.Call, name: str, everything: str) -> set[str]:
    """How the pattern is used, by its name; a pattern that is handed on may be searched for."""
    if call.func.attr != "compile":
        found = {call.func.attr}
    else:
        found = set(re.findall(rf"\b{name}\.({'|'.join(USES[1:])})\b", everything)) if name else set()
    return {use if use in ("match", "fullmatch") else "search" for use in found} or {"search"}


def patterns() -> dict[str, tuple[re.Pattern, set[str]]]:
    everything = "\n".join(path.read_text() for path in sources())
    return {
        f"{path.relative_to(ROOT)}:{call.lineno}": (pattern_of(path, call, name), uses_of(path, call, name, everything))
        for path in sources() for call, name in calls_of_re(path)
    }  # fmt: skip


def hostile(pattern: re.Pattern, length: int) -> Iterator[str]:
    """Long repetitions of what the pattern itself is made of, ending in what it does not expect."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    letters = dict.fromkeys([*re.sub(r"\\.", "", source), *'a0 -.@:/"\\['])
    units = [*letters][:24]
    for unit in units + [one + other for one in units[:10] for other in units[:10] if one != other]:
        for start in ("", "x@", "https://", '"'):
            yield start + unit * (length // len(unit)) + "\x01!"


def time_of(pattern: re.Pattern, uses: set[str], text: str) -> float:
    subject = text if isinstance(pattern.pattern, str) else text.encode()
    began = time.perf_counter()
    for use in uses:
        getattr(pattern, use)(subject)
    return time.perf_counter() - began


def test_no_pattern_of_ours_can_be_held_up():
    found, slow = patterns(), []
    assert len(found) >= 50
    for where, (pattern, uses) in found.items():
        for text in hostile(pattern, sized(2_000, 20_000)):
            if time_of(pattern, uses, text) > PATTERN_LONGEST and time_of(pattern, uses, text) > PATTERN_LONGEST:
                slow.append((where, pattern.pattern, text[:20]))
                break
    assert slow == []
