"""Pages that claim to speak for a shopper and do not: none gets more than a guest does."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.core import signing as django_signing

from conftest import StrangerClient, make_customer, sized
from integrations.widget import identity
from integrations.widget.models import Widget, WidgetSecret
from integrations.widget.sessions import SALT, Session
from integrations.widget.tests.conftest import Browser, legacy, md5, signature_of, signing, widget  # noqa: F401

Tag = dict[str, str]


@pytest.fixture
def shop(unhurried, widget, signing, legacy, store, other_store, customer):  # noqa: F811
    """A store with both kinds of tag, its neighbour, and what a forger may have seen of them."""
    make_customer(store, "c2", "mia@shop.example")
    make_customer(other_store, "c1", "eve@shop.example")
    Widget.objects.create(store=other_store)
    neighbour, signing.neighbours_secret = WidgetSecret.issue(other_store)
    signing.neighbours_key_id = neighbour.key_id
    signing.legacy = legacy
    return signing


# --- Signatures -------------------------------------------------------------------------------


def tag_of(shop, signature: str, customer_id: str = "c1", key: str = "") -> Tag:
    return {"api_key": key or shop.key, "customer_id": customer_id, "customer_signature": signature}


def v1(
    shop,
    customer_id: str = "c1",
    *,
    secret: str = "",
    key_id: str = "",
    key: str = "",
    issued: int = 0,
    life: int = 600,
):
    issued = issued or int(time.time())
    args = (secret or shop.secret, key_id or shop.key_id, key or shop.key, customer_id, issued, issued + life)
    return identity.sign_v1(*args, "n" * 16)


def parts(signature: str, **changes: str) -> str:
    named = dict(zip(("version", "key_id", "issued", "expires", "nonce", "mac"), signature.split(":"), strict=True))
    return ":".join((named | changes).values())


def flipped(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ (1 << chance.randrange(7))) + text[at + 1 :]


def forged_v1(shop, chance: random.Random) -> Iterator[Tag]:
    now, genuine = int(time.time()), v1(shop)
    later = str(now + 800)
    for signature in (
        v1(shop, issued=now - 1_000), v1(shop, issued=now - 601), v1(shop, issued=now + 400), v1(shop, life=901),
        v1(shop, life=10**6), v1(shop, life=-1), v1(shop, life=0), v1(shop, key="other"), v1(shop, secret="x"),
        v1(shop, secret=shop.neighbours_secret), v1(shop, secret=shop.legacy.secret), v1(shop, secret=shop.key),
        v1(shop, secret=shop.neighbours_secret, key_id=shop.neighbours_key_id), v1(shop, key_id="wk_99"), v1(shop,
        "c2"),
        parts(genuine, expires=later), parts(genuine, nonce="m" * 16), parts(genuine, issued=str(now - 1)),
        parts(genuine, version="v0"), parts(genuine, version="v2"), parts(genuine, mac="0" * 64), parts(genuine,
        mac=""),
        parts(genuine, key_id=""), parts(genuine, mac=genuine[-64:].upper()), genuine + ":", ":" + genuine, genuine * 2,
        parts(genuine, expires=later + "0" * 5), parts(genuine, issued="0" + str(now)), md5("c1" + shop.secret),
    ):  # fmt: skip
        yield tag_of(shop, signature)
    for customer_id in (
        "c2",
        "C1",
        "c1 ",
        " c1",
        "c1\0",
        "c1:",
        "1",
        "c",
        "c11",
        "ｃ1",
        "acme.example",
        "https://acme.example",
    ):
        yield tag_of(shop, genuine, customer_id)
    yield from (tag_of(shop, flipped(genuine, chance)) for _ in range(50))
    yield from boundaries(shop)


def boundaries(shop) -> Iterator[Tag]:
    """The same characters, parted otherwise between key, customer and times."""
    now = int(time.time())
    for shift in range(1, 11):
        customer_id = shop.key[-shift:] + "c1"
        signature = identity.sign_v1(
            shop.secret, shop.key_id, shop.key[:-shift], customer_id, now, now + 600, "n" * 16
        )  # fmt: skip
        yield tag_of(shop, signature)
        yield tag_of(shop, v1(shop, f"c1:{now}"[: 2 + shift]))


def forged_v0(shop, chance: random.Random) -> Iterator[Tag]:
    secret, genuine = shop.legacy.secret, md5("c1" + shop.legacy.secret)
    shown = {"shop_domain": "acme.example", "shop_id": md5("acme.example" + secret)}

    def tag(signature: str, customer_id: str = "c1") -> Tag:
        return tag_of(shop, signature, customer_id, shop.legacy.key) | shown

    for signature in (
        genuine.upper(), genuine + " ", genuine + "\0", genuine[:-1], genuine * 2, "0" * 32, "", "0", shown["shop_id"],
        md5("c1"), md5(secret + "c1"), md5("c1" + shop.secret), md5("c1" + shop.legacy.key), md5(""),
        md5("c1acme.example"),
        hashlib.sha1(("c1" + secret).encode()).hexdigest(), hmac.digest(secret.encode(), b"c1", "md5").hex(),
        base64.b64encode(bytes.fromhex(genuine)).decode(), md5("c1" + secret.upper()), md5(" c1" + secret),
    ):  # fmt: skip
        yield tag(signature)
    for customer_id in (
        "acme.example",
        "ACME.example",
        "https://acme.example",
        "acme.example/",
        "www.acme.example",
        "localhost",
    ):
        yield tag(md5(customer_id + secret), customer_id)  # the public shop id is the signature of such a customer
    for cut in range(1, 20):  # no border between id and secret: characters wander from one to the other
        yield tag(md5("c1" + secret), "c1" + secret[:cut])
    for customer_id in ("c2", "C1", "c", "c11", "1", "c1" + "\x80" + "\0" * 8, "c1\x80"):
        yield tag(genuine, customer_id)
    yield from (tag(flipped(genuine, chance)) for _ in range(40))


@pytest.mark.parametrize("kind", [forged_v1, forged_v0])
def test_forged_signatures_make_guests(shop, store, kind):
    Widget.objects.filter(store=store).update(legacy="redeem")
    taken, tried = [], 0
    for turn in range(sized(1, 25)):
        for tag in kind(shop, random.Random(turn)):
            page = Browser(StrangerClient())
            answer = page.enter(**tag)
            tried += 1
            assert answer.status_code in (200, 400, 403), (tag, answer.content)
            if answer.status_code == 200 and answer.json()["data"]["mode"] != "guest":
                taken.append(tag)
            elif answer.status_code == 200:
                assert Session.of(page.token).customer_id == ""
    assert taken == []
    assert tried >= 90


def test_the_genuine_ones_beside_them_are_taken(shop, store):
    page = Browser(StrangerClient())
    assert page.enter(**tag_of(shop, v1(shop))).json()["data"]["mode"] == "full"
    assert page.enter_legacy(shop.legacy, "c1").json()["data"]["mode"] == "read_only"


# --- Tokens -----------------------------------------------------------------------------------


def forged_tokens(shop, store, other_store, chance: random.Random) -> Iterator[str]:
    origin = "https://acme.example"
    genuine = Session(store.pk, shop.key, origin, "v1", "c1")
    token = genuine.token()
    content, stamp, mac = token.split(":")
    claims = json.loads(base64.urlsafe_b64decode(content + "=="))
    richer = base64.urlsafe_b64encode(json.dumps(claims | {"customer_id": "c2"}).encode()).decode().rstrip("=")
    yield from (
        f"{richer}:{stamp}:{mac}", f"{content}:{stamp}:", f"{content}:{stamp}", content, f"{content}:zzzzzz:{mac}", "",
        f"{content}:{stamp}:{mac}:{mac}", f".{content}:{stamp}:{mac}", token[::-1], token.upper(), f"{token}x",
        f"{token}é",
        django_signing.dumps(claims, salt="another"), django_signing.dumps(claims, key="x", salt=SALT),
 django_signing.dumps(claims), django_signing.dumps([], salt=SALT),
        django_signing.dumps({}, salt=SALT), django_signing.dumps(claims | {"more": 1}, salt=SALT),
        django_signing.dumps(None, salt=SALT), django_signing.dumps(claims | {"key": ["x"]}, salt=SALT),
        replace(genuine, store_id=other_store.pk).token(), replace(genuine, key="nobody").token(),
        replace(genuine, key="").token(), replace(genuine, store_id=0).token(),
    )  # fmt: skip
    for _ in range(40):
        yield flipped(token, chance)
    for _ in range(20):
        yield token[: chance.randrange(len(token))]


def test_forged_tokens_open_nothing(shop, store, other_store):
    page, opened = Browser(StrangerClient()), []
    own: Callable[[], int] = lambda: page.get("home").status_code  # noqa: E731
    page.token = Session(store.pk, shop.key, "https://acme.example", "v1", "c1").token()
    assert own() == 200
    for turn in range(sized(1, 25)):
        for token in forged_tokens(shop, store, other_store, random.Random(turn)):
            page.token = token.encode("utf-8", "ignore").decode("latin-1")
            if own() != 401:
                opened.append(token)
    assert opened == []


def test_a_genuine_token_is_good_for_its_own_origin_only(shop, store):
    page = Browser(StrangerClient())
    page.token = Session(store.pk, shop.key, "https://acme.example", "v1", "c1").token()
    for origin in (
        "https://evil.example",
        "null",
        "http://acme.example",
        "https://acme.example:8443",
        "https://acme.example.",
    ):
        assert page.get("home", Origin=origin).status_code == 403, origin
