"""PHP 8's own answers, recorded from `json_encode(json_decode(...))`."""

import shutil
import subprocess
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.dialects.lootly import php_json
from loyalty.stores.bounded_json import loads

# What is sent, what PHP writes, and what hosts with 17 digits write where that differs.
NUMBERS = [
    ("10.0", "10", None),
    ("1.50", "1.5", None),
    ("-0.0", "-0", None),
    ("0", "0", None),
    ("1e2", "100", None),
    ("0.1", "0.1", "0.10000000000000001"),
    ("0.30000000000000004", "0.30000000000000004", None),
    ("33.3333", "33.3333", "33.333300000000001"),
    ("0.0001", "0.0001", None),
    ("1e-5", "1.0e-5", "1.0000000000000001e-5"),
    ("1.5e-7", "1.5e-7", "1.4999999999999999e-7"),
    ("1e15", "1000000000000000", None),
    ("1e16", "10000000000000000", None),
    ("1e17", "1.0e+17", None),
    ("1234567890123456.5", "1234567890123456.5", None),
    ("12345678901234567.0", "12345678901234568", None),
    ("9223372036854775807", "9223372036854775807", None),
    ("-9223372036854775808", "-9223372036854775808", None),
    ("9223372036854775808", "9.223372036854776e+18", "9.2233720368547758e+18"),
    ("123456789012345678901", "1.2345678901234568e+20", None),
    ("-1.5e-10", "-1.5e-10", None),
    ("1e22", "1.0e+22", None),
]


@pytest.mark.parametrize(("sent", "written", "with_17_digits"), NUMBERS)
def test_numbers_are_spelled_as_php_spells_them(sent, written, with_17_digits):
    number = loads(sent.encode())
    assert php_json.encode(number) == written
    assert php_json.encode(number, php_json.seventeen_digits) == (with_17_digits or written)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('/"\\', r'"\/\"\\"'),
        ("Zoë é", r'"Zo\u00eb \u00e9"'),
        ("\U0001f600", r'"\ud83d\ude00"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ("\b\t\n\f\r\x0b\x1f", r'"\b\t\n\f\r\u000b\u001f"'),
        ("\x7f</&>'", '"\x7f<\\/&>\'"'),
        ("\\u007f", r'"\\u007f"'),
    ],
)
def test_text_is_escaped_as_php_escapes_it(text, written):
    assert php_json.encode(text) == written


def test_empty_containers_keep_their_kind():
    assert php_json.encode({"a": [], "b": {}, "c": [None, True, False, {"": ""}]}) == (
        '{"a":[],"b":{},"c":[null,true,false,{"":""}]}'
    )


@pytest.mark.parametrize(("value", "matters"), [({"a": [1]}, False), ({"a": [Decimal(1)]}, True), ([2**63], True)])
def test_only_floats_have_a_second_spelling(value, matters):
    assert php_json.has_float(value) is matters


numbers = st.integers(-(2**66), 2**66) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.map("k{}".format), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
AS_PHP = 'while (($line = fgets(STDIN)) !== false) echo json_encode(json_decode($line)), "\\n";'


@pytest.mark.skipif(not shutil.which("php"), reason="the recorded answers above stand in for PHP")
@given(st.lists(values, min_size=40, max_size=40))
@settings(max_examples=10, deadline=None)
def test_it_is_what_the_php_on_this_machine_writes(cases):
    sent = [php_json.encode(case) for case in cases]
    answer = subprocess.run(
        ["php", "-r", AS_PHP], input="\n".join(sent) + "\n", capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == [php_json.encode(loads(text.encode())) for text in sent]
