"""Importing codes in a browser: upload, dry run, confirm, progress that moves by itself, done."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from conftest import open_store, staff
from loyalty.stores import batches
from loyalty.stores.models import Store
from loyalty.tests.test_browser import WCAG_AA, sign_in
from spending import coupon_imports, coupon_slices, coupon_steps
from spending.models import CouponImport

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
ROWS = 3_000


def a_slice(store: Store) -> None:
    """What a worker does in one go; here it waits for the page to show each."""
    batches.work(CouponImport, store.pk, coupon_steps.apply, limit=1)


def looked_at(page: Page) -> None:
    """Nothing serious for screen readers, no sideways scrolling."""
    result = Axe().run(page, options={"runOnly": WCAG_AA})
    found = [
        f"{page.url} {problem['id']}: {node['html'][:160]}"
        for problem in result.response["violations"] for node in problem["nodes"]
    ]  # fmt: skip
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.parametrize("size", SIZES)
def test_from_an_empty_list_to_codes_that_can_be_handed_out(open_page, transactional_db, monkeypatch, tmp_path, size):
    monkeypatch.setattr(coupon_slices, "PART", 8_192)
    monkeypatch.setattr(coupon_imports, "PART", 8_192)
    store = open_store("acme")
    staff(store, "owner", "owner@acme.example")
    file = tmp_path / "summer.csv"
    file.write_text("code\n" + "".join(f"SUMMER-{n:05d}\n" for n in range(ROWS)) + "summer-00001\nhas space\n")
    page = open_page(viewport=SIZES[size])
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/spending/codes/")
    looked_at(page)
    page.get_by_role("link", name="Add list").click()
    looked_at(page)
    page.get_by_label("Name", exact=True).fill("Five off")
    page.get_by_role("button", name="Add list").click()
    expect(page.get_by_role("heading", name="Import codes")).to_be_visible()
    looked_at(page)
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()

    expect(page.get_by_role("heading", name="Checking the whole file")).to_be_visible()
    page.evaluate("window.isStillHere = true")
    a_slice(store)
    expect(page.get_by_role("progressbar")).not_to_have_attribute("value", "0")  # moves without a reload
    assert page.evaluate("window.isStillHere")
    looked_at(page)
    coupon_steps.work(store.pk)

    expect(page.get_by_role("button", name="Import 3,000 codes")).to_be_visible()
    expect(page.get_by_text("The code has a space in it.")).to_be_visible()
    expect(page.get_by_text("The first line names the columns and is no code.")).to_be_visible()
    page.locator("summary", has_text="Read it differently").click()
    looked_at(page)
    page.get_by_role("button", name="Import 3,000 codes").click()

    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    a_slice(store)
    expect(page.get_by_role("progressbar")).not_to_have_attribute("value", "0")
    coupon_steps.work(store.pk)
    expect(page.get_by_text("3,000 codes added to “Five off”")).to_be_visible()
    looked_at(page)

    page.get_by_role("link", name="Show the list").click()
    expect(page.get_by_text("SUMMER-02999")).to_be_visible()
    looked_at(page)
    page.get_by_role("link", name="Imports", exact=True).click()
    page.get_by_role("link", name="summer.csv").click()
    page.get_by_role("button", name="Undo import").click()
    page.get_by_role("button", name="Delete 3,000 codes").click()
    coupon_steps.work(store.pk)
    expect(page.get_by_text("No code of this file is in the list any more.")).to_be_visible()


def test_a_file_in_another_encoding_is_chosen_by_how_it_reads(open_page, transactional_db, tmp_path):
    store = open_store("acme")
    staff(store, "owner", "owner@acme.example")
    file = tmp_path / "herbst.csv"
    file.write_bytes("ÄPFEL-1\nBIRNE-1\n".encode("cp1252"))
    page = open_page()
    sign_in(page, "owner@acme.example")
    page.goto("/s/acme/spending/codes/add/")
    page.get_by_label("Name", exact=True).fill("Herbst")
    page.get_by_role("button", name="Add list").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    coupon_steps.work(store.pk)
    expect(page.get_by_role("heading", name="Which of these reads right?")).to_be_visible()
    looked_at(page)
    page.get_by_label("ÄPFEL-1 Western European (Windows)").check()
    page.get_by_role("button", name="Check it that way").click()
    coupon_steps.work(store.pk)
    expect(page.get_by_role("button", name="Import 2 codes")).to_be_visible()
