"""Everything running, from a merchant's first reward to a shopper's refunded code: every step by hand in a browser."""

from decimal import Decimal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Page, expect

from conftest import PASSWORD, make_customer, open_store, staff
from earning import rules
from integrations import connections, registry
from integrations.models import Widget, WidgetSecret
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from loyalty.tests.running import wait_until
from loyalty.tests.test_browser import WCAG_AA, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

CODES = 100_000
SIZES = {"desktop": {"viewport": {"width": 1280, "height": 900}},
         "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True}}  # fmt: skip


def demo_store() -> Store:
    store = open_store("demo", is_demo=True)
    owner = staff(store, "owner", "owner@demo.example")
    owner.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1000)  # the tests' own hash is not for the product
    owner.save(update_fields=["password"])
    connections.connect(store, registry.get("lootly"))
    with acting_for(store.pk):
        Widget.objects.create(store=store)
        WidgetSecret.issue(store)
        rules.create(store, "purchase", actor="test", name="Buy coffee", points=Decimal(10))
        make_customer(store, "1001", "anna@shop.example", first_name="Anna")
    return store


def looked_at(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": WCAG_AA}).response["violations"]
    assert [f"{page.url} {one['id']}" for one in found if one["impact"] in ("serious", "critical")] == []


def offer_a_reward(page: Page) -> None:
    page.goto("/s/demo/spending/")
    page.get_by_role("link", name="Add reward").first.click()
    page.get_by_role("link", name="Amount off").click()
    page.get_by_label("Name", exact=True).fill("5 EUR off")
    page.get_by_label("Cost").fill("100")
    page.get_by_label("From an uploaded list").check()
    page.get_by_role("button", name="Add reward").click()


def import_codes(page: Page, file: Path) -> None:
    file.write_text("".join(f"FIVE-{number:06d}\n" for number in range(CODES)))
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_role("button", name="Import 100,000 codes").click(timeout=60_000)
    expect(page.get_by_text("100,000 codes added")).to_be_visible(timeout=90_000)
    looked_at(page)


def place_an_order(page: Page) -> None:
    page.goto("/demo/shop/")
    page.get_by_label("Shopper").select_option("1001")
    page.get_by_role("button", name="Go on as this shopper").click()
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("is placed. Its points arrive")).to_be_visible()


def points_arrive(store: Store) -> None:
    """The panel shows what there is when it is opened."""

    def are_there() -> bool:
        with acting_for(store.pk):
            return store.wallets.filter(balance__gt=0).exists()

    wait_until(are_there, 30, "the order's points are there")


def redeem(page: Page) -> str:
    page.get_by_role("button", name="Rewards", exact=True).click()
    panel = page.frame_locator("iframe")
    panel.get_by_role("button", name="Rewards", exact=True).click()
    panel.get_by_role("button", name="Take it: 5 EUR off").click(timeout=20_000)
    panel.get_by_role("button", name="Yes, take it").click()
    code = panel.locator("code").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator("#code")).to_have_value(code)
    return code


def redemption_shows(page: Page, state: str) -> None:
    """The dashboard's list, as it is looked at again until it tells."""
    for _ in range(20):
        page.goto("/s/demo/redemptions/")
        if page.locator("main table").get_by_text(state).count():
            return
        page.wait_for_timeout(500)
    pytest.fail(f"No redemption is {state}")


@pytest.mark.parametrize("size", SIZES)
def test_a_reward_is_offered_taken_used_and_given_back(running_product, chromium, tmp_path, size):
    store = demo_store()
    complaints: list[str] = []
    desk, shop = (chromium.new_context(base_url=running_product.url, **SIZES[size]).new_page() for _ in range(2))
    for page in (desk, shop):
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    sign_in(desk, "owner@demo.example")
    offer_a_reward(desk)
    import_codes(desk, tmp_path / "codes.csv")

    place_an_order(shop)
    points_arrive(store)
    code = redeem(shop)
    assert code == "FIVE-000000"
    redemption_shows(desk, "Issued")
    shop.get_by_role("button", name="Place the order").click()
    expect(shop.get_by_text("Your code took 5.00 EUR off")).to_be_visible()
    redemption_shows(desk, "Used")
    shop.get_by_role("button", name="Refund order").first.click()
    expect(shop.get_by_text("is refunded")).to_be_visible()
    redemption_shows(desk, "Cancelled")
    looked_at(desk)
    looked_at(shop)
    with acting_for(store.pk):
        # The first order's points are left; what the code cost came back, what its order earned went.
        assert store.wallets.get().balance == store.entries.get(seq=1).points
        assert store.coupon_codes.filter(state="free").count() == CODES - 1
    assert complaints == []
    for page in (desk, shop):
        page.context.close()
