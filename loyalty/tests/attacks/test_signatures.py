"""Signatures of shops: every genuine one is taken, no other is, whoever made it and however."""

import base64
import hashlib
import hmac
import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from conftest import StrangerAPIClient, StrangerClient, apply_all, sized
from integrations import exact_json
from integrations.dialects.lootly import php_json, signature
from integrations.dialects.lootly.authentication import NOBODYS_SECRET
from integrations.dialects.lootly.signature import Unverifiable
from integrations.dialects.lootly.tests.conftest import Shop, connect
from integrations.dialects.lootly.tests.signing import KEY, PAYLOADS, SECRET, mac_of, signed
from integrations.dialects.lootly.webhook import WebhookHeaders
from integrations.dialects.loyaltylion.tests.conftest import basic
from integrations.dialects.loyaltylion.tests.conftest import connect as connect_loyaltylion
from loyalty.stores.bounded_json import TooLarge, loads
from loyalty.stores.models import ApiKey

SENDERS = Path(__file__).parent / "senders"
RECORDED = [path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))]


def verifies(body: bytes, *secrets: str) -> bool:
    try:
        return signature.verify(signature.read(body), secrets or (SECRET,))
    except (Unverifiable, TooLarge):
        return False


# --- Genuine ----------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("php"), reason="needs PHP; bodies that it signed are among the recorded ones")
def test_what_php_signs_is_taken():
    number = sized(500, 20_000)
    command = ["php", str(SENDERS / "signed.php"), str(number), "1"]
    bodies = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    assert len(set(bodies)) == number
    assert [body for body in bodies if not verifies(body)] == []


def test_what_node_signed_is_taken():
    bodies = (SENDERS / "signed_by_node.txt").read_bytes().splitlines()
    assert len(bodies) == 60
    assert [body for body in bodies if not verifies(body)] == []


def python_signed(chance: random.Random) -> bytes:
    members = {"id": chance.randrange(10**9), "total_price": f"{chance.randrange(10**6) / 100:.2f}", "key": KEY}
    members |= {"".join(chance.choices('ab"é/\\😀{', k=3)) + str(n): chance.random() * 100 for n in range(3)}
    style = {"separators": (",", ":"), "ensure_ascii": chance.random() < 0.5}
    sent = list((members | {"hmac": mac_of(json.dumps(members, sort_keys=True, **style))}).items())
    chance.shuffle(sent)
    return json.dumps(dict(sent), **style).encode()


def php_style(chance: random.Random) -> bytes:
    return signed(**{name: chance.randrange(10**6) for name in ("id", "points", "t")}, note=chance.choice("abc/é"))


# --- Forged -----------------------------------------------------------------------------------


def members_of(body: bytes) -> dict:
    return loads(body)


def written(members: dict) -> bytes:
    return exact_json.dumps(members).encode()


def flipped(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << chance.randrange(8))]) + body[at + 1 :]


def cut(body: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(body))
    return body[:start] + body[start + chance.randrange(1, 9) :]


def said_twice(body: bytes, chance: random.Random) -> bytes:
    name = json.dumps(chance.choice(list(members_of(body))))
    more = f"{name}:{chance.choice(['1', 'null', '[]', json.dumps(KEY)])}".encode()
    return b"{" + more + b"," + body[1:] if chance.random() < 0.5 else body[:-1] + b"," + more + b"}"


def with_one_more(body: bytes, chance: random.Random) -> bytes:
    return written({chance.choice(["points", "a", "z", "HMAC", "hmac ", "customer_id2", ""]): 1} | members_of(body))


def with_one_less(body: bytes, chance: random.Random) -> bytes:
    members = members_of(body)
    del members[chance.choice(list(members))]
    return written(members)


def juggled(body: bytes, chance: random.Random) -> bytes:
    """Another type that loose languages take for the same."""
    members = members_of(body)
    name = chance.choice(list(members))
    value = members[name]
    members[name] = chance.choice(
        [str(value), f"{value} ", f"0{value}", [value], {"0": value}, bool(value), None, 0, ""]
    )
    return written(members)


def swapped(body: bytes, chance: random.Random) -> bytes:
    members = members_of(body)
    one, other = chance.choice(list(members)), chance.choice(list(members))
    members[one], members[other] = members[other], members[one]
    return written(members)


def with_other_mac(body: bytes, chance: random.Random) -> bytes:
    members = members_of(body)
    mac = base64.b64decode(members["hmac"])
    text = php_json.encode({name: value for name, value in members.items() if name != "hmac"})
    members["id"], members["hmac"] = chance.randrange(10**6), chance.choice(
        [
            members["hmac"], mac.hex(), members["hmac"].rstrip("="), base64.urlsafe_b64encode(mac).decode() + " ", "",
            None,
            0, True, [members["hmac"]], {"$ne": ""}, mac_of(text, ""), mac_of(text, KEY), mac_of(text, NOBODYS_SECRET),
            mac_of("", SECRET[:-1]), base64.b64encode(hashlib.sha256((SECRET + text).encode()).digest()).decode(),
            base64.b64encode(hmac.digest(text.encode(), SECRET.encode(), "sha256")).decode(), mac_of("{}"), mac_of(""),
        ]
    )  # fmt: skip
    return written(members)


def with_moved_mac(body: bytes, chance: random.Random) -> bytes:
    members = members_of(body)
    mac = members.pop("hmac")
    return written(
        chance.choice([{"customer": {"hmac": mac}}, {"data": members}, {"hmac": {"hmac": mac}}, {"HMAC": mac}])
        | members
    )


def extended(body: bytes, chance: random.Random) -> bytes:
    """As length extension would: padding and more behind what was signed."""
    padding = b"\x80" + bytes(chance.randrange(8, 60)) + (len(body) * 8).to_bytes(8, "big")
    return chance.choice(
        [body + padding + b'"points":1', body[:-1] + padding + b',"points":1}', body + body, body + b"}"]
    )


def nested(body: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"[" + body + b"]", b'{"a":' + body + b"}", json.dumps(body.decode()).encode()])


def of_another(body: bytes, chance: random.Random) -> bytes:
    """The signature of one genuine body under another."""
    other = members_of(chance.choice(RECORDED))
    members = members_of(body)
    return written(members | {"hmac": other["hmac"]}) if members["hmac"] != other["hmac"] else b""


FORGERIES: list[Callable[[bytes, random.Random], bytes]] = [
    flipped, cut, said_twice, with_one_more, with_one_less, juggled, swapped, with_other_mac, with_moved_mac, extended,
    nested, of_another,
]  # fmt: skip


def forged(number: int) -> Iterator[tuple[bytes, bytes]]:
    chance = random.Random(1)
    genuine = RECORDED + [make(chance) for make in (python_signed, php_style) for _ in range(20)]
    assert all(map(verifies, genuine))
    for turn in range(number):
        body = chance.choice(genuine)
        yield body, FORGERIES[turn % len(FORGERIES)](body, chance)


def says_the_same(one: bytes, other: bytes) -> bool:
    """Another spelling is no forgery: an escape in capitals, a space, 10.0 for 10."""
    return signature.read(one).identity == signature.read(other).identity


def test_nothing_forged_is_taken():
    tried, taken = 0, []
    for genuine, body in forged(sized(5_000, 200_000)):
        tried += 1
        if verifies(body) and not says_the_same(genuine, body):
            taken.append(body)
    assert taken == []
    assert tried >= 5_000


def test_forged_calls_get_the_same_answer_and_leave_nothing(store, client):
    connect(store)
    shop, answers = Shop(client), set()
    for genuine, body in forged(sized(60, 2_000)):
        if verifies(body) and says_the_same(genuine, body):
            continue
        answer = shop.post("points-add", body)
        answers.add((answer.status_code, answer.content, tuple(answer.items())))
    assert {(status, content) for status, content, _ in answers} == {(401, b'{"error": "unauthorized"}')}
    assert len(answers) == 1
    assert not store.inbound_events.exists() and not store.entries.exists()


# --- An unknown key and a bad signature -------------------------------------------------------


def lootly_asked(store) -> tuple[Callable, Callable]:
    connect(store)
    shop = Shop(StrangerClient())
    return lambda: shop.post("customer", signed(secret="x", t=1)), lambda: shop.post(
        "customer", signed(key="nobody", t=1)
    )


def loyaltylion_asked(store) -> tuple[Callable, Callable]:
    shop = connect_loyaltylion(store)

    def asked(token: str) -> Callable:
        return lambda: StrangerClient().get("/v2/rewards", headers={"Authorization": basic(token, "wrong")})

    return asked(shop.connection.key), asked("0" * len(shop.connection.key))


def native_asked(store) -> tuple[Callable, Callable]:
    _, key = ApiKey.issue(store, "test")

    def asked(clear: str) -> Callable:
        return lambda: StrangerAPIClient().get("/api/v1/rewards", HTTP_AUTHORIZATION=f"Bearer {clear}")

    return asked(key[:-3] + ("abc" if key[-3:] != "abc" else "xyz")), asked("z" * len(key))


@pytest.mark.parametrize("asked", [lootly_asked, loyaltylion_asked, native_asked])
def test_a_wrong_secret_and_an_unknown_key_look_and_cost_the_same(store, asked):
    wrong, unknown = asked(store)
    wrong()  # the first is noted for the merchant; further ones of the same minute are not
    seen = []
    for ask in (wrong, unknown):
        with CaptureQueriesContext(
            database,
        ) as queries:
            answer = ask()
        seen.append((answer.status_code, answer.content, sorted(answer.items()), len(queries)))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401
    times: list[list[float]] = [[], []]
    for _ in range(sized(40, 400)):
        for ask, taken in zip((wrong, unknown), times, strict=True):
            began = time.process_time()
            ask()
            taken.append(time.process_time() - began)
    slower, faster = sorted(map(median, times), reverse=True)
    assert slower < 1.5 * faster


# --- Replayed ---------------------------------------------------------------------------------


def told_again(body: bytes, chance: random.Random) -> bytes:
    """The same call, as a recorder plays it: byte for byte, or written in another way."""
    members = list(members_of(body).items())
    chance.shuffle(members)
    return chance.choice([body, json.dumps(dict(members), indent=1).encode(), written(dict(members))])


def ledger_of(store) -> tuple:
    entries = store.entries.order_by("id").values_list("source", "points", "pending", "balance_after")
    return tuple(entries), store.customers.count(), store.orders.count(), store.redemptions.count()


def test_a_call_that_is_played_again_does_nothing(unhurried, store, client, customer, add_rule):
    add_rule(store, "purchase", 1)
    connect(store)
    shop, chance, calls = Shop(client), random.Random(1), []
    for number in range(sized(34, 334)):
        order = {"id": f"R{number}", "total_price": "30.00", "customer": {"id": "c1"}}
        calls += [
            ("orders-completed", signed(**order)),
            ("refunds-create", signed(id=f"R{number}", transactions=[{"id": f"r{number}", "amount": "10.00"}])),
            ("points-add", signed(customer_id="c1", points=5, call_id=f"p{number}")),
        ]
    for event, body in calls:
        assert shop.post(event, body).status_code == 200
    apply_all(store)
    before = ledger_of(store)
    assert len(calls) >= 100 and len(before[0]) > 60
    chance.shuffle(calls)
    for event, body in calls:
        assert shop.post(event, told_again(body, chance)).status_code == 200
    apply_all(store)
    assert ledger_of(store) == before


def test_a_signed_time_long_ago_or_ahead_is_refused_and_a_signed_id_counts_once(store, client, customer):
    connect(store)
    body = json.dumps({"key": KEY, "customer_id": "c1", "points": 5}).encode()

    def sent(message_id: str, at: float) -> int:
        message = f"{message_id}.{int(at)}.".encode() + body
        signs = {"webhook-id": message_id, "webhook-timestamp": str(int(at))}
        signs["webhook-signature"] = "v1," + WebhookHeaders.sign(message, SECRET).decode()
        return Shop(client).post("points-add", body, headers=signs).status_code

    now = time.time()
    assert {sent("old", now - age) for age in (310, 3_600, 10**8, -310, -3_600, -(10**8))} == {401}
    assert {sent("m1", now + shift) for shift in (0, -1, -200, 200)} == {200}
    assert store.entries.count() == 1
