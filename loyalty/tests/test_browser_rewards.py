"""Rewards in a browser: made, changed and taken by a person, by hand and on a phone."""

import struct
import zlib
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from conftest import make_customer, open_store, staff
from customers import adjustments
from loyalty.stores.tenancy import acting_for
from loyalty.tests.test_browser import WCAG_AA, sign_in
from spending import redemptions, rewarding
from spending.rewards import KINDS

pytestmark = pytest.mark.django_db(transaction=True)


def png() -> bytes:
    """The smallest picture that a browser draws: one blue pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\x40\x60\xf0")) + chunk(b"IEND", b"")


@pytest.fixture
def shop(transactional_db):
    store = open_store("acme")
    staff(store, "owner", "owner@acme.example")
    with acting_for(store.pk):
        member = make_customer(store, "c1", "james@shop.example")
        adjustments.adjust(store, member, Decimal(2000), "Opening balance", actor="test")
        for kind, name in (("fixed_amount", "Fiver"), ("custom", "Latte art evening"), ("variable_amount", "Your sum")):
            rewarding.create(
                store, kind, actor="test", name=name, points=Decimal(100), settings=KINDS[kind].defaults(),
                code_source="none" if kind == "custom" else "generated",
            )  # fmt: skip
        for reward in store.rewards.all():
            redemptions.redeem(store, member, reward)
        taken = store.redemptions.filter(reward__kind="custom").get()
        redemptions.cancel(store, taken, reason="Ill that day", actor="test")
    return store


@pytest.mark.parametrize("size", [{"width": 1280, "height": 900}, {"width": 390, "height": 844}])
def test_a_reward_is_made_with_a_picture_and_seen_as_shoppers_see_it(open_page, shop, size):
    page = open_page(viewport=size)
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/spending/")
    page.get_by_role("link", name="Add reward").click()
    page.get_by_role("link", name="Percentage off").click()
    page.get_by_label("Name", exact=True).fill("Ten for you")
    page.get_by_label("Cost").fill("700")
    page.get_by_label("Made by Loyalty").check()
    expect(page.get_by_label("List of codes")).to_be_hidden()
    page.get_by_label("Codes begin with").fill("TEN-")
    page.get_by_label("A code is good for").select_option("weeks")
    page.get_by_label("How many").fill("2")
    expect(page.locator("#summary")).to_contain_text(
        "Customers spend 700 points and get 10% off. Their code is good for 2 weeks."
    )
    page.locator("summary", has_text="How shoppers see it").click()
    page.get_by_label("Picture").set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.get_by_text("This is no PNG, JPEG or WebP picture.")).to_be_visible()
    page.get_by_label("Picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png()})
    expect(page.locator("#summary img.picture")).to_be_visible()
    assert page.locator("#summary img.picture").evaluate("image => image.naturalWidth") == 1
    page.get_by_role("button", name="Add reward").click()
    expect(page.get_by_text("“Ten for you” is on offer.")).to_be_visible()
    expect(page.get_by_role("row", name="Ten for you").locator("img.picture")).to_be_visible()


def test_a_picture_is_taken_away_again(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/spending/add/percentage/")
    page.locator("summary", has_text="How shoppers see it").click()
    page.get_by_label("Picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png()})
    expect(page.locator("#summary img.picture")).to_be_visible()
    page.get_by_role("button", name="Use the icon instead").click()
    expect(page.locator("#summary img.picture")).to_be_hidden()


def test_a_change_of_a_live_reward_is_seen_and_then_saved_in_one_go(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/spending/")
    page.get_by_role("link", name="Fiver").click()
    page.get_by_label("Cost").fill("150")
    expect(page.locator("#changes")).to_contain_text("This becomes version 2")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("is version 2 now")).to_be_visible()
    page.get_by_role("link", name="Fiver").click()
    page.get_by_role("link", name="version 2").click()
    expect(page.get_by_role("row", name="Costs")).to_contain_text("150 points")


def test_support_takes_a_reward_for_a_customer_and_gives_its_points_back(open_page, shop):
    page = open_page()
    sign_in(page, "owner@acme.example")
    with acting_for(shop.pk):
        member = shop.customers.get()
    page.goto(f"/s/acme/customers/{member.public_id}/?tab=rewards")
    page.get_by_role("link", name="Redeem Your sum for them").click()
    page.get_by_label("How many steps").fill("5")
    page.get_by_role("button", name="Look at the result").click()
    expect(page.locator("#drawer")).to_contain_text("5 EUR off")
    page.get_by_role("button", name="Take it for 500 points").click()
    expect(page.get_by_text("has the code")).to_be_visible()
    expect(page.locator("#balance")).to_have_text("1,300 points")
    page.get_by_role("link", name="Your sum", exact=True).first.click()
    page.locator("#drawer summary", has_text="Cancel it").click()
    expect(page.locator("#drawer")).to_contain_text("the balance goes from 1,300 to 1,800 points")
    page.locator("#drawer").get_by_label("Reason").first.fill("By mistake")
    page.get_by_role("button", name="Cancel it and give back 500 points").click()
    expect(page.get_by_text("500 points went back")).to_be_visible()
    expect(page.locator("#balance")).to_have_text("1,800 points")


@pytest.fixture
def addresses(shop):
    with acting_for(shop.pk):
        member, rewards = shop.customers.get(), list(shop.rewards.all())
        redeemed = [f"redemptions/{row.public_id}/" for row in shop.redemptions.all()]
    of_rewards = [f"spending/{reward.public_id}/" for reward in rewards]
    take = [f"redemptions/add/{member.public_id}/{reward.public_id}/" for reward in rewards]
    inside = [
        "", "spending/", "spending/add/", *(f"spending/add/{kind}/" for kind in KINDS), "redemptions/",
        "redemptions/?q=nothing", *of_rewards, f"{of_rewards[0]}versions/", *redeemed, *take,
        f"customers/{member.public_id}/?tab=rewards", f"customers/{member.public_id}/", "settings/",
    ]  # fmt: skip
    return [f"/s/acme/{path}" for path in inside]


OPEN_ALL = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"


@pytest.mark.parametrize(("scheme", "looked_at"), [("light", WCAG_AA), ("dark", ["color-contrast"])])
def test_pages_pass_the_accessibility_rules(open_page, addresses, scheme, looked_at):
    page, found = open_page(color_scheme=scheme), []
    sign_in(page, "owner@acme.example")
    for address in addresses:
        page.goto(address)
        page.evaluate(OPEN_ALL)
        for problem in Axe().run(page, options={"runOnly": looked_at}).response["violations"]:
            found += [f"{address} {problem['id']}: {node['html'][:160]}" for node in problem["nodes"]]
    assert found == [], "\n".join(found)


def test_phone_needs_no_sideways_scrolling(open_page, addresses):
    page, too_wide = open_page(viewport={"width": 390, "height": 844}), []
    sign_in(page, "owner@acme.example")
    for address in addresses:
        page.goto(address)
        page.evaluate(OPEN_ALL)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            too_wide.append(address)
    assert too_wide == []
