"""Rewards that the store's own system hands over: signed, told again and again, and given up in the open."""

import base64
import hmac
import json
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from conftest import PASSWORD, apply_all, balance, make_customer, see
from customers import ledger
from customers.attention import open_events, resolve
from integrations import fulfilment, outgoing, standard_webhooks, tasks
from integrations.fulfilment import DELAYS, Outcome, deliver_due
from integrations.models import FulfilmentSecret
from loyalty.attention import item_of
from loyalty.stores import broker
from spending import redemptions, rewarding
from spending.models import Fulfilment

from .servers import Receiver, hangs, hangs_up, respond

QUICK = outgoing.Limits(connect=0.3, total=0.5, body=64 * 1024)


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    settings.OUTGOING_LOOPBACK = True
    monkeypatch.setattr(outgoing.send, "__defaults__", (b"", None, QUICK))


@pytest.fixture
def ann(store):
    ann = make_customer(store, "7", "ann@shop.example", first_name="Ann", last_name="Lee")
    ledger.settle(store, [ledger.Settlement(ann.pk, "test", points=Decimal(5000))])
    return ann


@pytest.fixture
def take(store, ann):
    """take(url): the customer takes a reward that the system at this address hands over."""

    def take(url: str = "https://system.example/hook") -> Fulfilment:
        chosen = {"fulfilment": "webhook", "webhook_url": "https://system.example/hook"}
        reward = rewarding.create(
            store, "custom", actor="test", name="Workshop", points=Decimal(500),
            settings=rewarding.clean_settings("custom", chosen),
        )  # fmt: skip
        row = redemptions.redeem(store, ann, reward)
        told = store.fulfilments.get(redemption=row)
        assert told.url == "https://system.example/hook"
        store.fulfilments.filter(pk=told.pk).update(url=url)
        return told

    return take


def item(store):
    [event] = open_events(store)
    return item_of(event)


def due(row: Fulfilment, in_seconds: float = -1) -> None:
    Fulfilment.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(seconds=in_seconds))


# --- Telling --------------------------------------------------------------------------------------


def test_a_2xx_means_that_it_is_handed_over(store, ann, take):
    with Receiver(respond("202 Accepted")) as receiver:
        row = take(receiver.url)
        assert deliver_due(store.pk) == 1
        assert deliver_due(store.pk) == 0
    row.refresh_from_db()
    assert (row.due_at, row.answered_status, row.error, row.redemption.state) == (None, 202, "", "used")
    assert row.redemption.used_at
    assert json.loads(receiver.bodies[0]) == {
        "type": "reward.fulfil",
        "timestamp": row.received_at.isoformat(),
        "data": {
            "redemption_id": str(row.redemption.public_id),
            "reward": {"id": str(row.redemption.reward.public_id), "name": "Workshop"},
            "customer": {
                "id": str(ann.public_id), "external_id": "7", "email": "ann@shop.example",
                "first_name": "Ann", "last_name": "Lee",
            },
            "points": "500", "code": None,
        },
    }  # fmt: skip
    assert receiver.headers()["content-type"] == "application/json"


def genuine(receiver: Receiver, secret: str, number: int = -1) -> bool:
    """As the libraries of Standard Webhooks check it."""
    headers, body = receiver.headers(number), receiver.bodies[number]
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 5
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256").digest()
    return f"v1,{base64.b64encode(mac).decode()}" in headers["webhook-signature"].split(" ")


def test_every_try_is_signed_anew_under_the_same_id(store, take):
    secret = fulfilment.rotate_secret(store)
    with Receiver(respond("500 Oops"), respond()) as receiver:
        row = take(receiver.url)
        deliver_due(store.pk)
        due(row)
        deliver_due(store.pk)
    assert genuine(receiver, secret, 0)
    assert genuine(receiver, secret, 1)
    assert receiver.bodies[0] == receiver.bodies[1]
    assert receiver.headers(0)["webhook-id"] == receiver.headers(1)["webhook-id"] == f"msg_{row.public_id}"


def test_the_published_example_of_the_standard():
    message = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    signature = standard_webhooks.signature(message, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_for_a_day(store, take):
    old, new = fulfilment.rotate_secret(store), fulfilment.rotate_secret(store)
    with Receiver(respond("500 Oops")) as receiver:
        row = take(receiver.url)
        deliver_due(store.pk)
        assert genuine(receiver, old)
        assert genuine(receiver, new)
        FulfilmentSecret.objects.update(old_secret_until=timezone.now())
        due(row)
        deliver_due(store.pk)
        assert not genuine(receiver, old)
        assert genuine(receiver, new)
    assert len(base64.b64decode(new.removeprefix("whsec_"))) == 32
    assert new.encode() not in bytes(FulfilmentSecret.objects.get().sealed_secret)


def test_a_taken_reward_reaches_the_worker_by_its_task(store, take, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args: sent.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        take()
    assert (redemptions.FULFIL, [store.pk]) in sent
    assert tasks.fulfil.name == redemptions.FULFIL


def test_the_sweep_finds_what_was_lost(store, take, monkeypatch, django_capture_on_commit_callbacks):
    row, sent = take(), []
    Fulfilment.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args: sent.append(name))
    monkeypatch.setattr(tasks, "stores_due", lambda model, idle: [store.pk] if model is Fulfilment else [])
    broker.client.flushdb()
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()
    assert sent == [redemptions.FULFIL]


def test_one_worker_at_a_time_tells_a_store(store, take):
    with Receiver() as receiver:
        take(receiver.url)
        with broker.alone(redemptions.FULFIL, store.pk, 45) as is_alone:
            assert is_alone
            tasks.fulfil(store.pk)
            assert receiver.touched == 0
        tasks.fulfil(store.pk)
        assert receiver.touched == 1


def test_a_worker_that_fails_lets_the_next_one_go_on(store, monkeypatch):
    def fail(store_id):
        raise RuntimeError

    monkeypatch.setattr(fulfilment, "deliver_due", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            tasks.fulfil(store.pk)


# --- Failing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "status", "why"),
    [
        (respond("500 Oops", b"broken\x00"), 500, "It answered 500. broken"),
        (respond("301 Moved", b"", "Location: /elsewhere"), 301, "It answered 301."),
        (respond("404 Not Found"), 404, "It answered 404."),
        (hangs, None, "It took too long."),
        (hangs_up, None, "It could not be reached."),
        (b"SSH-2.0\r\n", None, "It could not be reached."),
    ],
)
def test_everything_else_is_told_again_later(store, ann, take, behaviour, status, why):
    with Receiver(behaviour) as receiver:
        row = take(receiver.url)
        assert deliver_due(store.pk) == 1
    row.refresh_from_db()
    assert (row.attempts, row.answered_status, row.redemption.state) == (1, status, "issued")
    assert row.error.startswith(why)
    assert timedelta(seconds=2) < row.due_at - timezone.now() < timedelta(seconds=13)
    assert deliver_due(store.pk) == 0
    assert not open_events(store)


def test_an_address_inside_is_never_called(store, take, settings):
    settings.OUTGOING_LOOPBACK = False
    with Receiver() as receiver:
        row = take(f"https://127.0.0.1:{receiver.port}/")
        deliver_due(store.pk)
        assert receiver.touched == 0
    row.refresh_from_db()
    assert "could not be reached" in row.error


def test_the_waits_are_those_that_are_promised():
    hours = [delay / timedelta(hours=1) for delay in DELAYS]
    assert hours == [0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    for attempts in range(1, 10):
        waits = [fulfilment.wait(attempts, Outcome(500, "x")) / DELAYS[attempts] for _ in range(200)]
        assert 0.8 <= min(waits) < 0.9 < 1.1 < max(waits) <= 1.2
        busy = [fulfilment.wait(attempts, Outcome(503, "x", is_busy=True)) / DELAYS[attempts] for _ in range(200)]
        assert 1.6 <= min(busy) < max(busy) <= 2.4


@pytest.mark.parametrize(("asked", "least", "most"), [(1, 4, 6), (7, 7, 7), (3600, 8, 12)])
def test_a_system_may_say_when_to_come_again_within_reason(asked, least, most):
    waits = [fulfilment.wait(1, Outcome(429, "x", True, timedelta(seconds=asked))) for _ in range(100)]
    assert timedelta(seconds=least) <= min(waits) <= max(waits) <= timedelta(seconds=most)


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_overloaded_system_is_given_twice_the_time(status):
    outcome = fulfilment.outcome_of(outgoing.Answer(status, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b""))
    assert (outcome.is_busy, outcome.retry_after) == (True, timedelta())
    assert not fulfilment.outcome_of(outgoing.Answer(500, {}, b"")).is_busy


def test_a_410_ends_it_at_once(store, take):
    with Receiver(respond("410 Gone")) as receiver:
        row = take(receiver.url)
        deliver_due(store.pk)
    row.refresh_from_db()
    assert (row.due_at, row.attempts, row.answered_status) == (None, 1, 410)
    assert row.quarantined_at
    assert "It answered 410." in item(store).title


def test_after_ten_tries_a_person_decides(store, ann, take, django_capture_on_commit_callbacks):
    with Receiver(respond("500 Oops")) as receiver:
        row = take(receiver.url)
        for _ in range(12):
            due(row)
            deliver_due(store.pk)
            row.refresh_from_db()
            if row.quarantined_at:
                break
        assert receiver.touched == 10
    assert (row.attempts, row.due_at) == (10, None)
    assert balance(ann) == 4500  # the merchant owes it still
    waiting = item(store)
    assert "“Workshop”" in waiting.title
    assert [choice.key for choice in waiting.choices] == ["retry", "hand_over", "dismiss"]

    with Receiver() as mended:
        Fulfilment.objects.filter(pk=row.pk).update(url=mended.url)
        assert resolve(waiting, "retry", actor="ann") == "Your system is told again now."
        deliver_due(store.pk)
        assert mended.touched == 1
    row.redemption.refresh_from_db()
    assert row.redemption.state == "used"


def test_a_system_that_is_down_for_a_day_gets_all_of_it_once(store, ann, take):
    """In fast time: what waits is an hour nearer to its next try each time."""
    with Receiver(respond("503 Down")) as down, Receiver() as mended:
        rows = [take(down.url) for _ in range(8)]
        for hour in range(24 + 24):
            if hour == 24:
                store.fulfilments.update(url=mended.url)
            store.fulfilments.update(due_at=F("due_at") - timedelta(hours=1))
            while deliver_due(store.pk):
                pass
        assert down.touched >= 6 * len(rows)
        ids = [mended.headers(number)["webhook-id"] for number in range(mended.touched)]
    assert len(ids) == len(set(ids)) == len(rows)
    assert {row.redemption.state for row in store.fulfilments.select_related("redemption")} == {"used"}
    assert not open_events(store)


def test_handed_over_by_hand(store, take):
    with Receiver(respond("410 Gone")) as receiver:
        row = take(receiver.url)
        deliver_due(store.pk)
    resolve(item(store), "hand_over", actor="ann")
    row.redemption.refresh_from_db()
    assert row.redemption.state == "used"


def test_what_was_taken_back_meanwhile_is_not_told(store, ann, take):
    with Receiver() as receiver:
        row = take(receiver.url)
        redemptions.cancel(store, row.redemption, reason="x", actor="support")
        assert deliver_due(store.pk) == 0
        assert receiver.touched == 0
    row.refresh_from_db()
    assert (row.due_at, row.quarantined_at) == (None, None)


def test_taken_back_while_it_was_told_stays_taken_back(store, ann, take):
    row = take()
    claimed = fulfilment.claim(store)
    redemptions.cancel(store, row.redemption, reason="x", actor="support")
    fulfilment.stamp(claimed, Outcome(200, ""))
    row.redemption.refresh_from_db()
    assert (row.redemption.state, balance(ann)) == ("cancelled", 5000)


def test_a_try_that_was_cut_off_counts_and_another_worker_goes_on(store, take):
    row = take()
    lost = fulfilment.claim(store)
    assert fulfilment.claim(store) is None  # it has 45 seconds
    Fulfilment.objects.filter(pk=row.pk).update(claimed_until=timezone.now())
    taken_over = fulfilment.claim(store)
    fulfilment.stamp(lost, Outcome(500, "late"))  # the first one wakes up
    row.refresh_from_db()
    assert (row.attempts, row.claim_token, row.error) == (2, taken_over.token, "")
    fulfilment.stamp(taken_over, Outcome(200, ""))
    row.redemption.refresh_from_db()
    assert row.redemption.state == "used"


def test_a_killer_is_given_up_too(store, take):
    row = take()
    Fulfilment.objects.filter(pk=row.pk).update(attempts=10)
    assert fulfilment.claim(store) is None
    assert "cut off" in item(store).title


def test_one_failing_does_not_hold_up_the_next(store, take):
    with Receiver(respond("500 Oops")) as failing, Receiver() as working:
        take(failing.url), take(working.url)
        assert deliver_due(store.pk) == 2
        assert (failing.touched, working.touched) == (1, 1)


def test_another_stores_rewards_are_not_told(store, other_store, take):
    see(other_store)
    with Receiver() as receiver:
        take(receiver.url)
        assert deliver_due(other_store.pk) == 0


def test_the_worker_is_the_one_of_the_other_facts(store, take):
    """Rewards of this kind do not need anything else to have happened."""
    take()
    apply_all(store)
    assert store.fulfilments.get().due_at


# --- The page -------------------------------------------------------------------------------------


@pytest.fixture
def page(store, owner, client):
    client.force_login(owner)
    return reverse("integrations:fulfilment", args=[store.slug])


def test_the_page_shows_what_was_told(store, client, page, take):
    with Receiver(respond("410 Gone")) as receiver:
        take(receiver.url)
        deliver_due(store.pk)
    take()
    content = client.get(page).content.decode()
    assert content.count("Workshop</td>") == 2
    for words in ("Given up", "Being told", "It answered 410."):
        assert words in content
    assert page in client.get(reverse("integrations:connection_list", args=[store.slug])).content.decode()


def test_the_secret_is_shown_once_to_who_gives_the_password(store, sign_in, owner, page):
    client = sign_in(owner, long_ago=True)
    address = reverse("integrations:fulfilment_secret_rotate", args=[store.slug])
    asked = client.post(address)
    assert asked.url.startswith(reverse("account_reauthenticate"))
    assert not FulfilmentSecret.objects.filter(store=store).exists()
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = client.post(address)
    secret = fulfilment.secret_of(store).secret
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret not in client.get(page).content.decode()


def test_viewers_and_strangers_make_no_secret(store, client, viewer, stranger):
    address = reverse("integrations:fulfilment_secret_rotate", args=[store.slug])
    client.force_login(viewer)
    assert client.post(address).status_code == 403
    client.force_login(stranger)
    assert client.post(address).status_code == 404
    assert not FulfilmentSecret.objects.filter(store=store).exists()
