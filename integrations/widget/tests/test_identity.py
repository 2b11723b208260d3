"""The two signatures of the published contract, and everything that only looks like one."""

import hashlib

import pytest

from integrations.widget import identity
from integrations.widget.identity import WrongSignature

SECRET, KEY = "dummy-widget-secret", "dummy-key"
VECTOR = (
    "v1:wk_1:1700000000:1700000600:n0nce_abcdefghij:4b3e7daf6ce9d0762876fa29abd32471f201ad930ea9c229f422cb2ad62d1b3d"
)
NOW = 1700000100


def check(signature, customer_id="c9", *, now=NOW, secrets=None, key=KEY):
    return identity.check_v1(
        customer_id, signature, api_key=key, secrets={"wk_1": SECRET} if secrets is None else secrets, now=now
    )


def test_the_published_vector():
    assert identity.sign_v1(SECRET, "wk_1", KEY, "c9", 1700000000, 1700000600, "n0nce_abcdefghij") == VECTOR
    assert check(VECTOR).key_id == "wk_1"


@pytest.mark.parametrize(
    ("reason", "arguments"),
    [
        ("wrong", {"customer_id": "c8"}),
        ("wrong", {"key": "other-key"}),
        ("wrong", {"secrets": {"wk_1": "another"}}),
        ("unknown_key", {"secrets": {"wk_2": SECRET}}),
        ("unknown_key", {"secrets": {}}),
        ("unknown_key", {"secrets": {"wk_1": ""}}),
        ("expired", {"now": 1700000600}),
        ("too_early", {"now": 1700000000 - 301}),
    ],
)
def test_v1_holds_for_one_customer_one_key_and_some_minutes(reason, arguments):
    with pytest.raises(WrongSignature) as refused:
        check(VECTOR, **arguments)
    assert refused.value.reason == reason


def test_v1_lives_fifteen_minutes_at_most():
    def signed(seconds):
        return identity.sign_v1(SECRET, "wk_1", KEY, "c9", NOW, NOW + seconds, "n" * 16)

    assert check(signed(900))
    for seconds in (901, 0, -5):
        with pytest.raises(WrongSignature) as refused:
            check(signed(seconds))
        assert refused.value.reason == "too_long"


@pytest.mark.parametrize(
    "signature",
    [
        "", "v1", "v1:", VECTOR[:-1], VECTOR + "0", VECTOR.upper(), VECTOR + ":x", " " + VECTOR, VECTOR + "\n",
        VECTOR.replace("1700000000", "01700000000"), VECTOR.replace("1700000000", "-700000000"),
        VECTOR.replace("1700000000", "١٧٠٠٠٠٠٠٠٠"), VECTOR.replace("n0nce_abcdefghij", "short"),
        VECTOR.replace("n0nce_abcdefghij", "n" * 65), VECTOR.replace("wk_1", "wk:1"), VECTOR.replace("v1", "v2"),
        "\u0000" * 64, "é" * 64,
    ],
)  # fmt: skip
def test_what_is_not_spelled_as_v1(signature):
    with pytest.raises(WrongSignature) as refused:
        check(signature)
    assert refused.value.reason == "malformed"


def test_parts_cannot_borrow_from_their_neighbours():
    one = identity.mac_of(SECRET, "wk_1", "key1", "2c", 1, 2, "n" * 16)
    other = identity.mac_of(SECRET, "wk_1", "key12", "c", 1, 2, "n" * 16)
    assert one != other


def v0(customer_id, secret="dummy-secret"):
    return hashlib.md5(f"{customer_id}{secret}".encode()).hexdigest()


def test_v0_is_lower_case_md5_of_id_and_secret():
    identity.check_v0("c9", v0("c9"), ["other", "dummy-secret"])
    for signature, secrets in [
        (v0("c8"), ["dummy-secret"]), (v0("c9").upper(), ["dummy-secret"]), (v0("c9", ""), [""]), (v0("c9"), []),
        ("", ["dummy-secret"]), ("é" * 32, ["dummy-secret"]), (v0("c9") + "\n", ["dummy-secret"]),
    ]:  # fmt: skip
        with pytest.raises(WrongSignature):
            identity.check_v0("c9", signature, secrets)


def test_v0_is_no_prefix_of_anything():
    """Length extension needs the secret in front; here it stands behind. A longer id needs its own signature."""
    with pytest.raises(WrongSignature):
        identity.check_v0("c9dummy-secret\x80", v0("c9"), ["dummy-secret"])


@pytest.mark.parametrize(
    "customer_id",
    ["shop.example", "www.shop.example", "https://shop.example", "shop.example/", "shop.example:8443", "SHOP.example",
     "localhost", "localhost:8000", "127.0.0.1:8000", "my-shop", "x" * 65, "é", "a\nb", "a\x00", ""],
)  # fmt: skip
def test_a_domain_is_no_customer(customer_id):
    """The shop id is public, and it is the v0 signature of a customer with the domain's name."""
    with pytest.raises(WrongSignature) as refused:
        identity.check_id(customer_id, "my-shop")
    assert refused.value.reason == "bad_id"


@pytest.mark.parametrize("customer_id", ["1", "c9", "000000123", "anna@shop.example", "a b", "x" * 64, "12.5", "a-b_c"])
def test_ids_that_shops_have(customer_id):
    identity.check_id(customer_id, "shop.example")
