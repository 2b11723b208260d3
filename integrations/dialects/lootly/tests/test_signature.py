"""Section 2 of the contract: what verifies, what never does, and that both halves of the reader agree."""

import contextlib
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from integrations.dialects.lootly import php_json, signature
from integrations.dialects.lootly.members import split
from integrations.dialects.lootly.signature import Unverifiable
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads

from .signing import KEY, PAYLOADS, SECRET, mac_of, recorded, signed

VECTORS = {
    "A": (
        r'{"customer":{"id":"c9","first_name":"Zo\u00e9","email":"z@example.test","default_address":{"zip":"1",'
        r'"country":"FR"}},"discount_codes":[{"code":"\u00c9\/1"}],"id":"A-1\/7","key":"dummy-key",'
        r'"total_price":"20.00"}',
        "Ypn+D1CqodNL+3a79EawvADQFU1/Q6OD8eG6hu8aze4=",
    ),
    "B": (
        r'{"customer":{"last_name":"\ud83d\ude00","birthday":"","default_address":{}},"discount_codes":[],"id":501,'
        r'"key":"dummy-key","taxes_included":1}',
        "BsToRS4U7zTZJ1zyMeE4U2dORiFIrZZEYVdPMcYCkHA=",
    ),
    "C": (
        r'{"id":"000000042","key":"dummy-key","products":[{"quantity":"1.0000","item_spent_amount":'
        r'0.30000000000000004,"applied_rule_ids":null}],"transactions":[{"amount":12}]}',
        "0xWDedr/c7GGGAg/hK6LkaV/+i6v5fRxv5O89bC2qJE=",
    ),
    "D": (r'{"key":"dummy-key","t":1700000000}', "Y7KiFQ8DOpIISFpti4AQZf54SIXnBfI2Y4Q9pX06dfs="),
    "E": (
        r'{"api_endpoint":"https:\/\/shop.example\/x\/y","key":"dummy-key","shop_url":"https:\/\/shop.example\/"}',
        "03YwhCtgYF9cO31KmgC/9ovXTY3cVYXP8KjDAX+805Y=",
    ),
}
ORDERS = {"B": ["id", "taxes_included", "discount_codes", "customer", "key"], "E": ["shop_url", "api_endpoint", "key"]}


def verifies(body: bytes, *secrets: str) -> bool:
    return signature.verify(signature.read(body), secrets or (SECRET,))


def sent(vector: str, order: list[str] | None = None, **change) -> bytes:
    """A vector with its hmac, in another order or with other members."""
    text, mac = VECTORS[vector]
    texts = {member.name: member.text for member in split(text.encode())}
    texts |= {name: f'"{name}":{value}' for name, value in change.items()}
    return ("{" + ",".join([texts[name] for name in order or texts] + [f'"hmac":"{mac}"']) + "}").encode()


@pytest.mark.parametrize("vector", VECTORS)
def test_vectors_verify_as_signed_in_wire_order_and_written_by_others(vector):
    text, mac = VECTORS[vector]
    assert mac_of(text) == mac
    assert verifies(sent(vector))
    assert verifies(sent(vector, ORDERS.get(vector)))
    assert verifies(sent(vector, sorted(split_names(text), reverse=True)))
    # Signed as PHP writes it, sent as another language's JSON does: spaces, raw letters and slashes.
    plain = json.dumps(json.loads(text) | {"hmac": mac}, ensure_ascii=False, indent=1)
    assert verifies(plain.encode())


def split_names(text: str) -> list[str]:
    return [member.name for member in split(text.encode())]


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_recorded_bodies_verify_and_say_what_json_says(name):
    body = recorded(name)
    call = signature.read(body)
    assert verifies(body)
    assert call.key == KEY
    assert call.values | {"key": call.key} == {n: v for n, v in loads(body).items() if n != "hmac"}


def test_there_are_recorded_bodies():
    assert len(list(PAYLOADS.glob("*.json"))) == 19


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_any_flipped_byte_breaks_a_recorded_body(name):
    body = recorded(name)
    for at in range(len(body)):
        for bit in (1, 16):
            forged = body[:at] + bytes([body[at] ^ bit]) + body[at + 1 :]
            with contextlib.suppress(Unverifiable):
                assert not verifies(forged), forged


def test_old_hosts_that_print_17_digits_verify_when_sent_by_others():
    text = '{"amount":0.10000000000000001,"key":"dummy-key"}'
    assert verifies(f'{{"key":"dummy-key","amount":0.1,"hmac":"{mac_of(text)}"}}'.encode())


def test_digit_names_that_php_sorts_by_value_verify_in_wire_order():
    text = '{"9":1,"10":2,"key":"dummy-key"}'
    assert verifies(f'{{"9":1,"10":2,"key":"dummy-key","hmac":"{mac_of(text)}"}}'.encode())


def test_hmac_may_stand_anywhere_and_be_escaped():
    _, mac = VECTORS["D"]
    assert verifies(f'{{"\\u0068mac":"{mac}","key":"dummy-key","t":1700000000}}'.encode())
    assert verifies(f'{{"key":"dummy-key","hmac":"{mac}","t":1700000000}}'.encode())


def test_both_secrets_of_a_rotation_verify_and_an_empty_one_never_does():
    body = signed(t=1)
    assert verifies(body, "new", SECRET)
    assert verifies(body, SECRET, "old")
    assert not verifies(body, "new")
    assert not signature.verify(signature.read(body), [])
    assert not verifies(signed(secret="", t=1), "")


def test_other_numbers_texts_and_members_do_not_verify():
    assert not verifies(sent("D", t="1700000001"))
    assert not verifies(sent("D", t='"1700000000"'))
    assert not verifies(sent("A", total_price='"20.01"'))
    assert not verifies(sent("A", ["customer", "id", "key", "total_price"]))
    assert not verifies(sent("D", ["key", "t", "more"], more="1"))
    assert not verifies(sent("B", customer='{"last_name":"\\ud83d\\ude00","birthday":"","default_address":[]}'))


MAC = VECTORS["D"][1]
UNVERIFIABLE = [
    b"", b"null", b"[]", b'"x"', b"1", b"{}", b"{", b"{} {}", b"\xff", "\ufeff{}".encode(), "{}".encode("utf-16"),
    b'{"key":"dummy-key","t":1}', f'{{"t":1,"hmac":"{MAC}"}}'.encode(), f'{{"key":1,"hmac":"{MAC}"}}'.encode(),
    f'{{"key":null,"hmac":"{MAC}"}}'.encode(), f'{{"key":"cl\u00e9","hmac":"{MAC}"}}'.encode(),
    f'{{"key":"a\\u0000","hmac":"{MAC}"}}'.encode(), f'{{"key":"{"k" * 65}","hmac":"{MAC}"}}'.encode(),
    b'{"key":"dummy-key","hmac":1}', b'{"key":"dummy-key","hmac":null}', b'{"key":"dummy-key","hmac":""}',
    b'{"key":"dummy-key","hmac":"AAAA"}', '{"key":"dummy-key","hmac":"\u00e9"}'.encode(),
    f'{{"key":"dummy-key","hmac":"{MAC[:-1]}"}}'.encode(), f'{{"key":"dummy-key","hmac":"{MAC}\\n"}}'.encode(),
    f'{{"key":"dummy-key","hmac":" {MAC}"}}'.encode(), f'{{"key":"dummy-key","hmac":"{MAC[:-2]}t="}}'.encode(),
    f'{{"key":"dummy-key","t":1700000000,"hmac":"{MAC}","hmac":"{MAC}"}}'.encode(),
    f'{{"key":"dummy-key","t":1700000000,"t":1700000000,"hmac":"{MAC}"}}'.encode(),
    f'{{"key":"dummy-key","t":1700000000,"hmac":"{MAC}"}}x'.encode(),
    f'{{"key":"dummy-key","t":1700000000,"hmac":"{MAC}",}}'.encode(),
    f'{{"key":"dummy-key","t":NaN,"hmac":"{MAC}"}}'.encode(),
    f'{{"key":"dummy-key","t":{"1" * 41},"hmac":"{MAC}"}}'.encode(),
    f'{{"key":"dummy-key","t":{"[" * 40}{"]" * 40},"hmac":"{MAC}"}}'.encode(),
    f'{{"key":"dummy-key","t":{{"a":1,"a":1}},"hmac":"{MAC}"}}'.encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", UNVERIFIABLE)
def test_unverifiable_bodies_are_told_apart_from_wrong_signatures(body):
    with pytest.raises(Unverifiable):
        signature.read(body)


def test_a_body_over_a_megabyte_is_too_large():
    with pytest.raises(TooLarge):
        signature.read(b" " * (1024 * 1024 + 1))


def test_identity_ignores_order_spacing_credentials_and_nothing_else():
    body = signed(id=7, total="1.50")
    identity = signature.read(body).identity
    reordered = json.dumps(dict(reversed(json.loads(body).items())), indent=2).encode()
    assert signature.read(reordered).identity == identity
    assert signature.read(signed(key="other", secret="other", id=7, total="1.50")).identity == identity
    assert signature.read(signed(id="7", total="1.50")).identity != identity
    assert signature.read(signed(id=7, total="1.5")).identity != identity


texts = st.text('a"\\/é\u2028\U0001f600 {}[],:', max_size=6)
members = st.dictionaries(
    texts.filter(lambda name: name not in ("key", "hmac")),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=5,
)


@given(members, st.booleans(), st.sampled_from([None, 2]), st.randoms(use_true_random=False))
def test_signed_members_verify_however_another_language_writes_them(values, ascii_only, indent, random):
    signed_text = php_json.encode(dict(sorted((values | {"key": KEY}).items())))
    wire = list((values | {"key": KEY, "hmac": mac_of(signed_text)}).items())
    random.shuffle(wire)
    body = json.dumps(dict(wire), ensure_ascii=ascii_only, indent=indent).encode()
    assert verifies(body)
    assert signature.read(body).values == values


@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8 e-+.1truekyhmac', max_size=40).map(str.encode))
def test_slicer_and_parser_agree_on_any_bytes(body):
    try:
        whole = loads(body)
    except BadJSON as error:
        assume(error.code != "bad_character")  # the slicer leaves these for after the signature
        whole = None
    try:
        parts = {member.name: member.value for member in split(body)}
    except BadJSON:
        parts = None
    assert parts == whole if isinstance(whole, dict) else parts is None
