"""Signing in as only a browser can tell: passkeys, and what is left in it after signing out."""

import pytest
from playwright.sync_api import Page, expect

from conftest import PASSWORD, open_store, staff
from loyalty.stores.models import Store

from .test_browser import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db) -> Store:
    store = open_store("acme")
    staff(store, "owner", "owner@acme.example")
    return store


def plug_in_authenticator(page: Page) -> None:
    """A device that keeps passkeys and knows its owner's finger."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": device})


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


def test_a_passkey_is_added_named_used_and_removed(open_page, shop):
    page = open_page()
    plug_in_authenticator(page)
    sign_in(page, "owner@acme.example")
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("10 of 10 are left")).to_be_visible()  # so that nobody is locked out

    sign_out(page)
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url("**/s/acme/")

    sign_out(page)
    page.get_by_label("E-mail").fill("owner@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="The second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/s/acme/")

    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Old laptop")).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None yet.")).to_be_visible()


def test_a_passkey_says_that_it_is_still_you(open_page, shop, settings):
    page = open_page()
    plug_in_authenticator(page)
    sign_in(page, "owner@acme.example")
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("10 of 10 are left")).to_be_visible()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_role("link", name="Use a passkey").click()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 60
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()


def test_without_a_passkey_the_page_says_so_and_the_password_still_works(open_page, shop):
    page = open_page()
    plug_in_authenticator(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("alert")).to_contain_text("no passkey for your account")
    sign_in(page, "owner@acme.example")


def test_at_an_address_of_numbers_the_page_says_why_there_are_no_passkeys(open_page, shop, live_server):
    page = open_page(base_url=live_server.url.replace("localhost", "127.0.0.1"))
    sign_in(page, "owner@acme.example")
    page.goto("/accounts/2fa/webauthn/add/")
    expect(page.get_by_role("alert")).to_contain_text("open http://localhost")
    expect(page.get_by_role("button", name="Add passkey")).to_be_disabled()


def test_after_signing_out_the_way_back_shows_nothing(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/customers/")
    sign_out(page)
    for _ in range(3):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
