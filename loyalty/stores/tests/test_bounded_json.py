"""reliability.md 6, "Bounded loader": what is read exactly, what is refused, and that refusing is cheap."""

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.stores.bounded_json import BadJSON, TooLarge, loads


def test_numbers_come_out_exact():
    assert loads(b'{"a": 0.1, "b": 10.50, "c": 12345678901234567890, "d": 1e2, "e": -0.0}') == {
        "a": Decimal("0.1"), "b": Decimal("10.50"), "c": 12345678901234567890, "d": Decimal(100), "e": Decimal("-0.0"),
    }  # fmt: skip
    assert str(loads(b"[10.50]")[0]) == "10.50"
    assert type(loads(b"[7]")[0]) is int


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b" {} \n", b'{"":{}}'])
def test_any_json_value_is_read(body):
    assert loads(body) == json.loads(body)


REFUSED = {
    "empty": [b""],
    "syntax": [
        b" ", b"{", b"}", b"{}{}", b"{} x", b"[1,]", b'{"a":1,}', b"{'a':1}", b'{"a" 1}', b'{"a":}', b"nul", b"[",
        b'"', b'"\\', b'"\\u12"', b'"\\x"', b'"\x01"', b'"\x00"', b"01", b"+1", b".5", b"1.", b"0x10", b"1e", b"--1",
        "\u0661".encode(), b"{}\x00", "{}".encode("utf-16-le"), b"\x0b{}", b"<a>", b"a=1",
        b"[" + b"]" * 33,
    ],
    "byte_order_mark": ["\ufeff{}".encode()],
    "not_utf8": [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', "{}".encode("utf-16")],
    "duplicate_name": [b'{"a":1,"a":1}', b'[{"b":{"a":1,"\\u0061":2}}]'],
    "not_a_number": [b"NaN", b"[Infinity]", b'{"a":-Infinity}'],
    "number_too_long": [b"1" * 41, b"-" + b"1" * 41, b"[%s]" % (b"9" * 5000), b"0." + b"1" * 40],
    "number_too_big": [b"1e400", b"1E+999999", b"1e41", b"1e-41", b"1e" + b"9" * 5000, b"1.5e-99999999999"],
    "too_deep": [b"[" * 33 + b"]" * 33, b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 2000 + b"]" * 2000],
    "too_many_values": [
        b"[" + b"1," * 20_000 + b"1]", b"[" + b"[]," * 20_000 + b"[]]", b"[" * 100_000, b"[]" * 100_000,
        b"{" + b",".join(b'"%d":1' % n for n in range(50_000)) + b"}",
    ],
    "name_too_long": [b'{"%s":1}' % (b"a" * 257), b'[{"a":{"%s":1}}]' % (b"a" * 300)],
    "text_too_long": [b'["%s"]' % (b"a" * 65_537), b'{"a":{"b":"%s"}}' % ("é" * 65_537).encode()],
    "bad_character": [
        b'"\\u0000"', b'{"a\\u0000":1}', b'["\\ud800"]', b'["\\uDC00\\ud83d"]', b'{"a":{"\\udfff":1}}', b'"\\uD83Dx"',
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body"),
    [(code, body) for code, bodies in REFUSED.items() for body in bodies],
)
def test_bad_input_is_refused_by_name_and_at_once(code, body):
    started = time.perf_counter()
    with pytest.raises(BadJSON) as refused:
        loads(body)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert time.perf_counter() - started < 0.5


def test_the_limits_themselves_are_allowed():
    assert loads(b"[" * 32 + b"]" * 32)
    assert len(loads(b"[" + b"1," * 19_999 + b"1]")) == 20_000
    assert loads(b"9" * 40) == int("9" * 40)
    assert loads(b"[1e40, 1E-40, 1e+0040]") == [
        Decimal("1e40"),
        Decimal("1e-40"),
        Decimal("1e40"),
    ]
    assert loads(b'{"%s":"%s"}' % (b"a" * 256, b"b" * 65_536))


def test_brackets_commas_and_escapes_inside_texts_do_not_count():
    text = '[{,"\\' * 8_000
    assert loads(json.dumps({"a": text}).encode()) == {"a": text}
    assert loads(b'["\\\\u0000", "\\\\ud800", "\\ud83d\\ude00"]') == [
        "\\u0000",
        "\\ud800",
        "😀",
    ]


def test_a_body_over_the_limit_is_not_even_scanned():
    with pytest.raises(TooLarge):
        loads(b"[" * (1024 * 1024 + 1))
    with pytest.raises(TooLarge):
        loads(b'{"a":1}', max_bytes=6)
    assert loads(b'{"a":1}', max_bytes=7) == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        b'"\\"' * 349_525,
        b'"' * 1_048_576,
        b"[]" * 524_288,
        b'{"a":' * 200_000,
        b"," * 1_048_576,
    ],
)
def test_a_megabyte_made_to_be_slow_is_refused_within_a_second(body):
    started = time.perf_counter()
    with pytest.raises(BadJSON):
        loads(body)
    assert time.perf_counter() - started < 1


letters = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])  # both are refused
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(letters, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(letters, max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_what_json_writes_is_read_back(value, ensure_ascii, indent):
    assert loads(json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode()) == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8 e-+.1atrufalsn', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(body):
    try:
        loads(body)
    except BadJSON:
        pass
    else:
        json.loads(body)
