"""Where a person is signed in: seen, ended from elsewhere, and never taken over."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conftest import PASSWORD
from loyalty.stores import sessions, tasks

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def signed_in(user, user_agent: str, password: str = PASSWORD) -> Client:
    client = Client(headers={"User-Agent": user_agent})
    client.post(reverse("account_login"), {"login": user.email, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("stores:store_list")).status_code == 200


def test_each_place_is_listed_and_the_others_are_ended(owner):
    phone, laptop = signed_in(owner, PHONE), signed_in(owner, LAPTOP)
    page = laptop.get(reverse("usersessions_list")).text
    assert page.count("Safari on iPhone") == 1 and page.count("Firefox on Linux") == 1 and page.count("This one") == 1
    assert "From 127.0.0.1" in page
    laptop.post(reverse("usersessions_list"))
    assert not is_in(phone) and is_in(laptop)
    assert "Sign out everywhere else" not in laptop.get(reverse("usersessions_list")).text


def test_a_place_from_before_places_were_listed_appears_when_it_is_used(owner):
    phone, laptop = signed_in(owner, PHONE), signed_in(owner, LAPTOP)
    UserSession.objects.all().delete()
    sessions._seen.clear()
    assert is_in(phone)
    assert "Safari on iPhone" in laptop.get(reverse("usersessions_list")).text


def test_being_seen_is_written_once_a_minute(owner, monkeypatch):
    phone = signed_in(owner, PHONE)
    is_in(phone)
    first = UserSession.objects.get().last_seen_at
    is_in(phone)
    assert UserSession.objects.get().last_seen_at == first
    monkeypatch.setattr(sessions, "EVERY", 0.0)
    is_in(phone)
    assert UserSession.objects.get().last_seen_at > first


def test_a_new_password_ends_the_other_places(owner):
    phone, laptop = signed_in(owner, PHONE), signed_in(owner, LAPTOP)
    new = {"oldpassword": PASSWORD, "password1": "another long one", "password2": "another long one"}
    laptop.post(reverse("account_change_password"), new)
    assert not is_in(phone) and is_in(laptop)


def test_signing_in_takes_over_no_session_that_was_there_before(owner):
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["loyalty_session"] = before = session.session_key
    client.post(reverse("account_login"), {"login": owner.email, "password": PASSWORD})
    after = client.cookies["loyalty_session"].value
    assert after != before
    client.cookies["loyalty_session"] = before
    assert not is_in(client)


def test_the_session_of_who_signed_out_is_worth_nothing(owner):
    client = signed_in(owner, LAPTOP)
    kept = client.cookies["loyalty_session"].value
    page = client.get(reverse("stores:store_list"))
    assert page["Cache-Control"] == "private, no-store"  # so nothing of it is shown afterwards
    client.post(reverse("account_logout"))
    client.cookies["loyalty_session"] = kept
    assert not is_in(client)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (PHONE, "Safari on iPhone"), (LAPTOP, "Firefox on Linux"), ("", "Unknown"), ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 Version/17 Safari/605.1", "Safari on Mac"),
        ("<script>alert(1)</script>", "<script>alert(1)<"),
    ],
)  # fmt: skip
def test_devices_are_named_as_people_call_them(user_agent, device):
    assert sessions.device_of(user_agent) == device


def test_sessions_that_ran_out_are_forgotten_and_others_stay(owner):
    phone, laptop = signed_in(owner, PHONE), signed_in(owner, LAPTOP)
    Session.objects.filter(pk=phone.session.session_key).update(expire_date=timezone.now())
    tasks.forget_sessions()
    assert Session.objects.get().pk == laptop.session.session_key
    assert is_in(laptop)
