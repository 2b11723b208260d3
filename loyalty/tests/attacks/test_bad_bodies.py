"""Bad bodies, to every call of every wire: refused at once, never with a failure of ours, and nothing changes."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse

from conftest import sized
from loyalty.stores.tenancy import acting_for
from loyalty.tests.one_of_each import changed, everything

from . import bodies
from .bodies import Body, text_of
from .wires import WIRES, Call

LONGEST = 1.0  # seconds
# Where it is noted that somebody called, and why it was refused.
LOGS = {
    "integrations_inboundevent", "integrations_connection", "integrations_connectiontoken", "integrations_widgetfault",
    "stores_apikey", "integrations_widgetsecret",
}  # fmt: skip


@pytest.mark.parametrize("wire", WIRES)
def test_every_call_that_is_mounted_has_an_example(wire, db):
    mounted, _ = WIRES[wire]
    assert mounted() == set(calls_told(wire))


def calls_told(wire: str) -> set[str]:
    from . import wires

    if wire == "widget":
        return {"token", "redeem", "join", "birthday"}
    return set(getattr(wires, wire.upper()))


@pytest.mark.parametrize("wire", WIRES)
def test_every_example_is_genuine(wire, those):
    _, calls = WIRES[wire]
    refused = []
    for name, call in calls(those).items():
        with transaction.atomic():
            answer = call.send_example()
            is_too_late = call.example is None and answer.status_code == 409  # what it is about is in another state
            refused += [] if answer.status_code < 400 or is_too_late else [(name, answer.content)]
            transaction.set_rollback(True)
    assert refused == []


def tried(call: Call, body: Body) -> tuple[HttpResponse, float]:
    """The answer and how long it took. What was taken for good is undone: it is no bad body then."""
    raw = body.raw
    began = time.perf_counter()
    with transaction.atomic():
        answer = call.send(raw, body.headers)
        took = time.perf_counter() - began
        if answer.status_code < 400:
            transaction.set_rollback(True)
    return answer, took


def faults_of(name: str, call: Call, body: Body) -> Iterator[str]:
    answer, took = tried(call, body)
    if answer.status_code >= 500 or (call.is_hopeless(body) and answer.status_code < 400):
        yield f"{name}: {body.name}: {answer.status_code} {answer.content[:200]!r}"
    if took > LONGEST and tried(call, body)[1] > LONGEST:  # a machine that has other things to do is slow once
        yield f"{name}: {body.name}: took {took:.1f} s"


@pytest.mark.parametrize("wire", WIRES)
def test_bad_bodies_are_refused_and_change_nothing(wire, those):
    _, calls = WIRES[wire]
    tries = [
        (name, call, body)
        for name, call in calls(those).items()
        for body in bodies.some(call.example or {}, sized(30, 300), name)
    ]
    before = everything()
    faults = [fault for one in tries for fault in faults_of(*one)]
    assert faults == []
    assert changed(before, everything()) - LOGS == set()


def test_there_are_hundreds_of_bodies_for_each_call():
    assert len({body.name for body in bodies.of({"a": 1})}) >= 300


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wire", WIRES)
def test_a_body_shorter_than_announced_is_refused(wire, live_server, store, committed):
    """The example itself, which would be taken, and then nothing, though more was announced."""
    with acting_for(store.pk):
        calls = WIRES[wire][1](committed)
        before = everything()
    for call in [call for call in calls.values() if call.example][:3]:
        assert 400 <= status_of_torn(live_server, call, call.seal(text_of(call.example).encode())) < 500, call.path
    with acting_for(store.pk):
        assert changed(before, everything()) - LOGS == set()


def status_of_torn(live_server: Any, call: Call, raw: bytes) -> int:
    told = {"HTTP_HOST": "localhost", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw) + 10)}
    headers = {name.removeprefix("HTTP_").replace("_", "-"): value for name, value in (told | call.headers).items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((live_server.thread.host, live_server.thread.port), timeout=10) as connected:
        connected.sendall(f"{call.method} {call.path} HTTP/1.1\r\n{head}\r\n".encode() + raw)
        connected.shutdown(socket.SHUT_WR)
        return int(connected.makefile("rb").readline().split()[1])
