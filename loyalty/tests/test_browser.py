"""What only a browser can tell: points that appear without a reload, the keyboard, contrast, a phone's width."""

import json
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from conftest import PASSWORD, apply_all, make_customer, open_store, staff
from customers.identities import Identity
from earning import activities, rules
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/s/**")


@pytest.fixture
def shop(transactional_db):
    store = open_store("acme")
    staff(store, "owner", "owner@acme.example")
    with acting_for(store.pk):
        rules.create(store, "custom", actor="test", name="Coffee tasting", identifier="tasting", points=100)
        rules.create(store, "review", actor="test", name="Write a review", points=50, approval="by_hand")
        make_customer(store, "c1", "james@shop.example")
    tell(store, "custom:tasting")
    tell(store, "review")
    tell(store, "podcast")
    return store


def tell(store: Store, action: str) -> None:
    activities.record(store, activities.NewActivity(action, Identity.of(external_id="c1")))
    apply_all(store)


def test_from_signing_up_to_the_first_points_without_a_reload(open_page, live_server, transactional_db):
    page = open_page(timezone_id="Europe/Stockholm")
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill("hanna@nordlicht.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Store name").fill("Nordlicht")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Stockholm")  # the browser knew
    page.get_by_role("button", name="Open the store").click()
    page.get_by_role("link", name="Add an action").click()
    page.get_by_role("link", name="Custom action").click()
    page.get_by_label("Name", exact=True).fill("Coffee tasting")
    page.get_by_role("spinbutton", name="Points").fill("120")
    expect(page.locator("#summary")).to_contain_text("120 points")  # said while typing
    page.get_by_role("button", name="Add action").click()
    action_id = page.locator("#action-id").inner_text()

    page.get_by_role("link", name="API keys").first.click()
    page.get_by_role("button", name="Add key").click()
    page.get_by_label("Name", exact=True).fill("Web shop")
    page.locator("dialog[open]").get_by_role("button", name="Add key").click()
    key = page.locator("#new-key").inner_text()

    page.get_by_label("Main", exact=True).get_by_role("link", name="Activity").click()
    expect(page.get_by_text("No activity yet")).to_be_visible()
    page.evaluate("window.isStillHere = true")
    body = {"action": action_id, "customer": {"email": "anna@shop.example"}, "external_id": "t-1"}
    call(f"{live_server.url}/api/v1/activities", key, body)
    apply_all(Store.objects.get())
    expect(page.get_by_role("row", name="Coffee tasting")).to_contain_text("120 points")
    assert page.evaluate("window.isStillHere")


def call(url: str, key: str, body: dict) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status in (200, 201, 202)


def test_poll_keeps_focus_and_the_open_drawer(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/activity/")
    line = page.get_by_role("link", name="Write a review")
    line.focus()
    name = line.get_attribute("id")
    tell(shop, "podcast")
    expect(page.locator("#activity-rows tbody tr")).to_have_count(4)
    assert page.evaluate("document.activeElement.id") == name
    line.click()
    expect(page.locator("#drawer")).to_contain_text("Waiting for you")
    tell(shop, "podcast")
    expect(page.locator("#activity-rows tbody tr")).to_have_count(5)
    expect(page.locator("#drawer")).to_contain_text("Waiting for you")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()


def test_approving_in_the_drawer_gives_the_points(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/activity/?state=waiting")
    page.get_by_role("link", name="Write a review").click()
    page.get_by_role("button", name="Approve 50 points").click()
    expect(page.get_by_text("is approved")).to_be_visible()
    with acting_for(shop.pk):
        assert shop.customers.get().wallets.get().balance == 150


def test_change_of_a_live_rule_is_seen_and_then_saved_in_one_go(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/earning/")
    page.get_by_role("link", name="Write a review").click()
    page.get_by_role("spinbutton", name="Points").fill("75")
    page.locator("summary", has_text="Limit").click()
    page.get_by_label("Times", exact=True).check()
    page.get_by_label("At most").fill("2")
    expect(page.locator("#changes")).to_contain_text("This becomes version 2")
    expect(page.locator("#changes")).to_contain_text("75 points")
    expect(page.locator("#changes")).to_contain_text("2 times per customer")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("runs as version 2 now")).to_be_visible()


def test_keyboard_searches_jumps_and_closes(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/activity/")
    page.keyboard.press("/")
    page.keyboard.type("james@")
    page.keyboard.press("Enter")
    page.wait_for_url("**/activity/?q=james*")
    page.locator("h1").click()
    page.keyboard.press("Control+k")
    page.keyboard.type("nonsense")
    expect(page.get_by_text("No page or store is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette li:visible").first).to_contain_text("Home")  # as if it were never used
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/keys/")
    page.get_by_role("button", name="Add key").click()
    expect(page.locator("#add-key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#add-key")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("/")  # nothing to search here: anywhere else
    page.keyboard.type("needs a look")
    page.keyboard.press("Enter")
    page.wait_for_url("**/attention/")


def test_light_and_dark_follow_the_system_and_the_switch(open_page, shop):
    page = open_page(color_scheme="dark")
    theme = "document.documentElement.dataset.bsTheme"
    page.goto("/accounts/login/")
    assert page.evaluate(theme) == "dark"
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    assert page.evaluate(theme) == "light"


PAGES = ["", "attention/", "earning/", "earning/add/", "earning/add/purchase/", "activity/", "customers/",
         "customers/add/", "integrations/", "integrations/calls/", "settings/", "settings/keys/",
         "settings/people/"]  # fmt: skip


@pytest.fixture
def addresses(shop):
    with acting_for(shop.pk):
        shop.activities.filter(action="podcast").update(quarantined_at=timezone.now(), decision=None, error="Boom")
        rule = shop.rules.get(kind="custom")
        why = [f"activity/{row.public_id}/" for row in shop.activities.all()]
    inside = [f"/s/acme/{path}" for path in [*PAGES, f"earning/{rule.public_id}/", *why]]
    account = ["2fa/", "2fa/webauthn/", "2fa/webauthn/add/", "sessions/", "two-steps/", "password/change/"]
    return ["/stores/", "/stores/add/", *[f"/accounts/{path}" for path in account], *inside]


WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.mark.parametrize(("scheme", "looked_at"), [("light", WCAG_AA), ("dark", ["color-contrast"])])
def test_pages_pass_the_accessibility_rules(open_page, addresses, scheme, looked_at):
    page = open_page(color_scheme=scheme)
    found = []
    for address in ["/accounts/login/", "/accounts/signup/", None, *addresses]:
        if address is None:
            sign_in(page, "owner@acme.example")
            continue
        page.goto(address)
        result = Axe().run(page, options={"runOnly": looked_at})
        for problem in result.response["violations"]:
            found += [f"{address} {problem['id']}: {node['html'][:160]}" for node in problem["nodes"]]
    assert found == [], "\n".join(found)


def test_phone_needs_no_sideways_scrolling(open_page, addresses):
    page = open_page(viewport={"width": 390, "height": 844})
    sign_in(page, "owner@acme.example")
    too_wide = []
    for address in addresses:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            too_wide.append(address)
    assert too_wide == []
    page.goto("/s/acme/")
    page.get_by_label("Main, on a phone").get_by_role("button", name="More").click()
    page.locator("#sheet").get_by_role("link", name="Settings").click()
    page.wait_for_url("**/settings/")
