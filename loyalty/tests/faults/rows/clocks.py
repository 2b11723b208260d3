"""Clocks are wrong: of a worker and beat by two days, of the web by ten minutes. PostgreSQL's is right."""

import contextlib
import random
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import uuid4

import libfaketime
from celery import current_app
from django.utils import timezone

from earning import rules
from integrations.dialects.lootly.webhook import TOLERANCE, WebhookHeaders
from loyalty.local.processes import Process
from loyalty.stores.models import ApiKey
from loyalty.stores.tenancy import acting_for
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Call, Line, Shop, customer_of
from loyalty.tests.faults.stack import Stack, moment_of
from spending import redemptions
from spending.models import Redemption

LIBRARY = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
DAYS, MINUTES = ("+2d", "-2d"), ("+10m", "-10m")
KEY_LIVES = 3.0  # seconds
EXACT = 1.0  # seconds that an end may be off by
LEFT = timedelta(seconds=10)  # around the tolerance, so that a slow machine proves nothing false


@row("G12", "clocks: worker and beat 2 days off, web 10 minutes off", quick=6, full=60, seconds=40)
def clocks_are_wrong(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with put_right(stack):
        for number in stack.rounds((times + 2) // 3):
            days, minutes = DAYS[number % 2], MINUTES[(number + rng.randrange(2)) % 2]
            for process, by in ((stack.beat, days), (stack.worker, days), (stack.web, minutes)):
                set_clock(stack, process, by)
                outcome.faults += 1
            off = abs(clock_of_web(stack) - timezone.now())
            outcome.expect(off > timedelta(minutes=9), f"the web's clock is off by {off} only: nothing is shown")
            with stack.traffic(rng) as shop:
                key_ends(shop, outcome)
                tolerance_is_exact(shop, outcome)
                codes_end(shop, outcome)
                birthdays_come(shop, outcome)
            settled = moment_of(lambda: waiting(shop) == 0, 20)
            outcome.expect(settled is not None, f"with {days} and {minutes} {waiting(shop)} facts are not applied")
    return outcome


def set_clock(stack: Stack, process: Process, by: str) -> None:
    stack.restart(process, LD_PRELOAD=str(LIBRARY), FAKETIME=by, DONT_FAKE_MONOTONIC="1")


@contextlib.contextmanager
def put_right(stack: Stack) -> Iterator[None]:
    try:
        yield
    finally:
        for process in (stack.beat, stack.worker, stack.web):
            stack.restart(process, LD_PRELOAD="", FAKETIME="", DONT_FAKE_MONOTONIC="")


def clock_of_web(stack: Stack) -> datetime:
    """What the web says in every answer."""
    with urllib.request.urlopen(f"{stack.url}/livez", timeout=10) as answer:
        return parsedate_to_datetime(answer.headers["Date"])


def key_ends(shop: Shop, outcome: Outcome) -> None:
    """An API key is good until its end, to the second, whatever a slow machine takes to ask and to answer."""
    end, exact = timezone.now() + timedelta(seconds=KEY_LIVES), timedelta(seconds=EXACT)
    with acting_for(shop.store.pk):
        _, key = ApiKey.issue(shop.store, "short", expires_at=end)
    asked, status = timezone.now(), 201
    with Line(replace(shop, answers=[])) as send:  # refusals are expected here
        while status == 201 and asked < end + 2 * exact:
            asked, fact = timezone.now(), f"visit-{next(shop.numbers)}"
            call = shop.visit(fact)
            status = send(Call(call.path, call.body, (), call.headers | {"Authorization": f"Bearer {key}"})).status
            if status == 201:
                shop.acknowledged[fact] += 1
                outcome.expect(asked <= end + exact, "a key was good after its end")
            time.sleep(0.05)
    outcome.expect(status == 401, f"a key that has ended was answered {status}")
    outcome.expect(timezone.now() >= end - exact, "a key ended before its end")


def tolerance_is_exact(shop: Shop, outcome: Outcome) -> None:
    """A signed time within five minutes is taken, and no other."""
    for edge in (-TOLERANCE, TOLERANCE):
        for inside in (True, False):
            slack = LEFT if (edge > 0) != inside else -LEFT
            moment = timezone.now() + timedelta(seconds=edge) + slack
            status = status_of(shop, moment)
            outcome.expect((status == 200) == inside, f"a call signed {edge:+} s away, {slack}, was answered {status}")


def status_of(shop: Shop, moment: datetime) -> int:
    fact = f"order-{next(shop.numbers)}"
    call = shop.order(fact)
    name, timestamp = uuid4().hex, str(int(moment.timestamp()))
    signature = WebhookHeaders.sign(f"{name}.{timestamp}.".encode() + call.body, shop.lootly_secret).decode()
    signed = {"webhook-id": name, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}
    with Line(replace(shop, answers=[])) as send:  # refusals are expected here
        answer = send(Call(call.path, call.body, (), call.headers | signed))
    if answer.status == 200:
        shop.acknowledged[fact] += 1
    return answer.status


def codes_end(shop: Shop, outcome: Outcome) -> None:
    """Of two codes the one whose time is over ends, and the one that has an hour left stays."""
    now = timezone.now()
    with acting_for(shop.store.pk):
        taken = [taken_by(shop, now + left) for left in (timedelta(seconds=-1), timedelta(hours=1))]
    current_app.send_task("spending.tasks.expire")
    moment_of(lambda: states(taken)[0] == Redemption.State.EXPIRED, 10)
    outcome.expect(states(taken) == ["expired", "issued"], f"codes that ended and did not are {states(taken)}")


def taken_by(shop: Shop, expires_at: datetime) -> Redemption:
    fact = f"redemption-{next(shop.numbers)}"
    customer = shop.store.customers.get(external_id=customer_of(fact))
    redemption = redemptions.redeem(shop.store, customer, shop.reward)
    Redemption.objects.filter(store=shop.store, pk=redemption.pk).update(expires_at=expires_at)
    shop.acknowledged[fact] += 1
    shop.redemptions.setdefault(fact, set()).add(str(redemption.public_id))
    return redemption


def states(taken: list[Redemption]) -> list[str]:
    with acting_for(taken[0].store_id):
        rows = Redemption.objects.filter(store_id=taken[0].store_id, pk__in=[one.pk for one in taken])
        return list(rows.order_by("pk").values_list("state", flat=True))


def birthdays_come(shop: Shop, outcome: Outcome) -> None:
    """Who has a birthday today is paid for it, and who has it tomorrow is not yet."""
    today = timezone.now().astimezone(UTC).date()
    with acting_for(shop.store.pk):
        rules.create(shop.store, "birthday", actor="faults", name="Birthday", points=Decimal(0))
        for external_id, day in (("c38", today), ("c39", today + timedelta(days=1))):
            born = date(1992, day.month, day.day)  # a leap year
            mine = shop.store.customers.filter(external_id=external_id)
            mine.update(birthday=born, birthday_set_at=datetime(2020, 1, 1, tzinfo=UTC))
    current_app.send_task("earning.tasks.record_calendar_facts")
    moment_of(lambda: "c38" in kept(shop), 10)
    outcome.expect(kept(shop) == ["c38"], f"birthdays were kept of {kept(shop)}, of c38 they should have been")


def kept(shop: Shop) -> list[str]:
    with acting_for(shop.store.pk):
        facts = shop.store.activities.filter(action="birthday").order_by("customer_id")
        return list(facts.values_list("customer__external_id", flat=True))


def waiting(shop: Shop) -> int:
    with acting_for(shop.store.pk):
        return shop.store.activities.filter(due_at__isnull=False).count()
