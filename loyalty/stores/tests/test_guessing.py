"""Guessing at passwords and codes: how many are looked at, who waits, and that the owner gets in all the same."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse

from conftest import PASSWORD, sized
from loyalty.stores import broker, guessing, known_browsers
from loyalty.stores.accounts import name_of
from loyalty.stores.guessing import Guess, TooSoon

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture(autouse=True)
def behind_proxy(settings):
    settings.BEHIND_PROXY = True


@pytest.fixture
def looked_at(monkeypatch) -> list[str]:
    """Every password that was hashed to be compared."""
    tried: list[str] = []
    hashed = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda self, word, salt: tried.append(word) or hashed(self, word, salt)
    )
    return tried


def sign_in(client: Client, email: str, password: str, address: str = "203.0.113.1"):
    return client.post(
        reverse("account_login"), {"login": email, "password": password}, headers={"X-Forwarded-For": address}
    )


def let_pass(seconds: float, *guesses: Guess) -> None:
    for guess in guesses:
        if broker.client.exists(guess.key):
            broker.client.hincrbyfloat(guess.key, "at", -seconds)


def addresses(many: int) -> list[str]:
    return [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(many)]


def test_a_network_of_guessers_gets_twenty_tries_an_hour_and_the_owner_gets_in(client, owner, looked_at):
    assert sign_in(client, owner.email, PASSWORD).status_code == 302  # so this browser is known
    client.post(reverse("account_logout"))
    looked_at.clear()
    account, passed = Guess("account", name_of(owner)), 0.0
    for address in addresses(sized(200, 10_000)):  # each comes as soon as it makes sense to
        answer = sign_in(Client(), owner.email, "not this one", address)
        if answer.status_code == 429 and passed < HOUR - 600:
            passed += int(answer["Retry-After"])
            let_pass(int(answer["Retry-After"]), account)
    assert 10 <= len(looked_at) <= 20
    refused = sign_in(Client(), owner.email, PASSWORD)
    assert refused.status_code == 429 and "Try again in" in refused.text  # nobody is told that it was right
    assert len(looked_at) <= 20
    assert sign_in(client, owner.email, PASSWORD).status_code == 302


def test_the_mailed_link_lets_the_owner_in_from_a_new_browser_while_others_guess(client, owner):
    exhaust(Guess("account", name_of(owner)))
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    assert sign_in(client, owner.email, PASSWORD).status_code == 429
    client.post(reverse("account_reset_password"), {"email": owner.email})
    page = client.get(re.search(r"http\S+(/accounts/\S+)", mail.outbox[-1].body)[1], follow=True)
    new = {"password1": "another long one", "password2": "another long one"}
    assert client.post(page.redirect_chain[-1][0], new).url == reverse("home")
    client.post(reverse("account_logout"))
    assert sign_in(client, owner.email, "another long one").status_code == 302


def exhaust(*guesses: Guess) -> None:
    with pytest.raises(TooSoon):
        while True:
            guessing.take(*guesses)


def test_each_further_wrong_try_waits_twice_as_long_up_to_ten_minutes(db):
    guess, waits = Guess("account", "user 1"), []
    for _ in range(13):
        with pytest.raises(TooSoon) as refused:
            while True:
                guessing.take(guess)
        waits.append(refused.value.seconds)
        let_pass(refused.value.seconds, guess)
    assert waits[:6] == pytest.approx([10, 20, 40, 80, 160, 320], abs=1)
    assert waits[6:] == pytest.approx([600] * 7, abs=1)


def test_tries_at_the_same_moment_do_not_slip_through(db):
    def attempt(number: int) -> bool:
        try:
            guessing.take(Guess("account", "user 1"), Guess("address", f"10.0.0.{number}"))
        except TooSoon:
            return False
        return True

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(attempt, range(200))) == guessing.FREE["account"]


def test_a_right_password_is_not_counted_and_forgives_nothing(client, owner):
    account = Guess("account", name_of(owner))
    for _ in range(guessing.FREE["account"]):
        sign_in(Client(), owner.email, "wrong")
        assert sign_in(Client(), owner.email, PASSWORD, "203.0.113.9").status_code in (302, 429)
    assert int(broker.client.hget(account.key, "tries")) == guessing.FREE["account"]


def test_an_address_that_tries_many_accounts_waits_and_a_neighbour_in_the_same_household_too(looked_at):
    for number in range(40):
        sign_in(Client(), f"person{number}@shop.example", "wrong", f"2001:db8:1:2::{number:x}")
    assert len(looked_at) == guessing.FREE["address"]
    assert sign_in(Client(), "other@shop.example", "wrong", "2001:db8:1:3::1").status_code == 200


def test_a_mark_of_another_account_or_a_forged_one_is_worth_nothing(rf, owner, manager):
    marked = Client()
    sign_in(marked, owner.email, PASSWORD)
    request = rf.get("/")
    name = known_browsers.cookie_name(name_of(owner))
    request.COOKIES = {name: marked.cookies[name].value}
    assert known_browsers.find(request, name_of(owner))
    other = known_browsers.cookie_name(name_of(manager))
    request.COOKIES = {other: marked.cookies[name].value, name: "forged:" + marked.cookies[name].value[7:]}
    assert known_browsers.find(request, name_of(manager)) is None
    assert known_browsers.find(request, name_of(owner)) is None


def test_a_stolen_mark_is_good_for_a_handful_of_guesses(client, owner, looked_at):
    sign_in(client, owner.email, PASSWORD)
    client.post(reverse("account_logout"))
    looked_at.clear()
    answers = [sign_in(client, owner.email, "wrong").status_code for _ in range(20)]
    assert len(looked_at) == guessing.FREE["browser"] and answers[-1] == 429
    assert sign_in(Client(), owner.email, PASSWORD).status_code == 302  # and holds up nobody else


def test_codes_of_the_second_step_are_guessed_at_the_same_pace(owner):
    TOTP.activate(owner, generate_totp_secret())
    codes = RecoveryCodes.activate(owner).get_unused_codes()
    for number in range(guessing.FREE["code"]):
        thief = Client()
        sign_in(thief, owner.email, PASSWORD, f"10.0.0.{number}")
        page = thief.post(
            reverse("mfa_authenticate"), {"code": "000000"}, headers={"X-Forwarded-For": f"10.0.0.{number}"}
        )
        assert "That is not right" in page.text
    assert thief.post(reverse("mfa_authenticate"), {"code": codes[0]}).status_code == 429
    assert len(RecoveryCodes.activate(owner).get_unused_codes()) == 10  # it was not looked at


def test_the_support_admin_has_no_door_of_its_own(client, owner):
    owner.is_staff = True
    owner.save()
    asked = client.get(reverse("admin:index"), follow=True)
    assert asked.redirect_chain[-1][0].startswith(reverse("account_login"))
    exhaust(Guess("account", name_of(owner)))
    entered = client.post(reverse("admin:login"), {"username": owner.email, "password": PASSWORD})
    assert entered.url.startswith(reverse("account_login"))
    assert client.get(reverse("admin:index")).status_code == 302


def test_while_tries_cannot_be_counted_nobody_signs_in_and_facts_are_stored(client, api, owner, monkeypatch, looked_at):
    fact = {"action": "visit", "customer": {"external_id": "c1"}, "external_id": "1"}
    with monkeypatch.context() as patched:
        patched.setattr(broker, "client", redis.Redis(port=1, socket_connect_timeout=0.1))
        patched.setattr(broker, "_closed_until", 0.0)
        answer = sign_in(client, owner.email, PASSWORD)
        assert answer.status_code == 503 and answer["Retry-After"] == "10"
        assert "Nobody can sign in at the moment" in answer.text and looked_at == []
        assert api.post("/api/v1/activities", fact).status_code in (201, 202)


@pytest.mark.parametrize("page", ["account_signup", "account_reset_password"])
def test_pages_that_send_mail_rest_too_while_nothing_is_counted(client, settings, page):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert client.post(reverse(page), {"email": "ada@shop.example"}).status_code == 503


def test_no_web_thread_sleeps(client, owner):
    exhaust(Guess("account", name_of(owner)), Guess("address", "203.0.113.1"))
    began = time.monotonic()
    assert sign_in(client, owner.email, PASSWORD).status_code == 429
    assert time.monotonic() - began < 1
