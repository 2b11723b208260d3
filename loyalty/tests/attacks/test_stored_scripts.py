"""Text of merchants and customers that is a script: shown as text, wherever it is shown.

The browser is told to ignore the pages' own policy, which would stop most of it: here the pages themselves must.
"""

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.test import Client
from playwright.sync_api import Page

from conftest import sized
from customers import adjustments
from integrations.models import Widget
from integrations.widget.texts import TEXTS
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from loyalty.tests.one_of_each import routes
from loyalty.tests.test_headers import filled
from loyalty.tests.test_widget import demo  # noqa: F401
from spending.models import CodePool, CouponCode, CouponImport

pytestmark = pytest.mark.django_db(transaction=True)

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x: onerror=alert(2)>", '"><svg onload=alert(3)>', "'><svg onload=alert(4)>",
    "</textarea><svg onload=alert(5)>", "</title><svg onload=alert(6)>", "javascript:alert(7)",
    "</script><script>alert(8)//",
    '" onfocus=alert(9) autofocus x="', "<details open ontoggle=alert(10)>",
    "{{constructor.constructor('alert(11)')()}}",
    "<iframe srcdoc='<script>parent.alert(12)</script>'>", "</style><svg onload=alert(13)>",
    "--><svg onload=alert(14)>",
]  # fmt: skip
# Not text that somebody wrote: what it must look like is checked where it is written, and pages are found by it.
TECHNICAL = {
    "slug", "currency", "timezone", "identity", "key", "key_id", "prefix", "last_four", "origin", "dialect", "source",
    "action",
    "kind", "unit", "state", "status", "topic", "outcome", "event", "password", "email", "language", "secret",
    "challenge",
    "identifier", "action_id", "role", "external_id", "order_external_id", "icon", "code_source", "legacy",
}  # fmt: skip
RUNNING = "[onerror],[onload],[onfocus],[ontoggle],[srcdoc],a[href^='javascript:' i]"
RUNS = f'[...document.querySelectorAll("{RUNNING}")].map((element) => element.outerHTML)'
HEARING = "window.heard = []; window.alert = (what) => window.heard.push(what)"


def written_fields(model: type[models.Model]) -> list[models.Field]:
    return [
        field for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not (field.choices or field.primary_key or field.unique or field.name in TECHNICAL)
    ]  # fmt: skip


def plant(first: int) -> list[str]:
    """A payload in each text of each row. What a constraint or a fence refuses stays as it is."""
    number, planted = count(first), []
    for model in apps.get_models():
        if model._meta.app_label not in ("stores", "customers", "earning", "spending", "integrations"):
            continue
        for field in written_fields(model):
            payload = PAYLOADS[next(number) % len(PAYLOADS)]
            if len(payload) > (field.max_length or 1_000):
                payload = "<svg onload=alert()>"[: field.max_length]
            try:
                with transaction.atomic():
                    if model._base_manager.update(**{field.name: payload}):
                        planted.append(f"{model.__name__}.{field.name}")
            except DatabaseError:
                continue
    return planted


def plant_more(store: Store) -> None:
    """In values that hold texts, and where rows are only added."""
    first, other = PAYLOADS[2], PAYLOADS[8]
    store.customers.update(tags=[first], properties={first: other})
    store.activities.update(properties={first: other})
    Widget.objects.filter(store=store).update(texts={"launcher": PAYLOADS[1], "title": PAYLOADS[2]}, is_enabled=True)


def pages(store: Store, those: Any, client: Client) -> list[str]:
    store_pages = [route for route in dict.fromkeys(routes()) if route.startswith("s/<slug:slug>/")]
    admin = [f"admin/{app}/{name}/" for app, name in (
        ("customers", "customer"), ("customers", "ledgerentry"), ("earning", "activity"), ("earning", "earningrule"),
        ("spending", "reward"), ("spending", "redemption"), ("spending", "couponcode"), ("integrations", "connection"),
        ("integrations", "inboundevent"), ("stores", "store"), ("stores", "user"), ("stores", "apikey"),
    )]  # fmt: skip
    paths = ["/" + filled(route, store, those) for route in store_pages] + [f"/{path}" for path in admin]
    changes = [
        f"/admin/customers/customer/{those.customer.pk}/change/",
        f"/admin/spending/reward/{those.reward.pk}/change/",
    ]
    return [path for path in paths + changes if is_page(client.get(path))]


def is_page(answer: Any) -> bool:
    return answer.status_code == 200 and answer["Content-Type"].startswith("text/html") and not answer.streaming


@pytest.fixture
def browser(chromium, live_server, owner, sign_in):
    """A context of the owner's, who is a superuser too; and a client with the same session."""
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client = sign_in(owner)
    with chromium.new_context(bypass_csp=True, base_url=live_server.url) as context:
        context.add_init_script(HEARING)
        for name, morsel in client.cookies.items():
            context.add_cookies([{"name": name, "value": morsel.value, "url": live_server.url}])
        yield context, client


def test_no_text_runs_on_any_page(browser, store, committed):
    context, client = browser
    page, seen, ran = context.new_page(), 0, []
    for turn in range(sized(1, len(PAYLOADS))):
        planted = plant(turn)
        assert len(planted) >= 40, planted
        plant_more(store)
        shown = pages(store, committed, client)
        for path in random.Random(turn).sample(shown, sized(25, len(shown))):
            page.goto(path, wait_until="load")
            ran += [(path, what) for what in page.evaluate("window.heard") + page.evaluate(RUNS)]
            seen += 1
    assert ran == []
    assert seen >= 25


# --- The widget -------------------------------------------------------------------------------

RUNS_IN_SHADOWS = f"""[...document.querySelectorAll("*")].filter((one) => one.shadowRoot)
    .flatMap((one) => [...one.shadowRoot.querySelectorAll("{RUNNING}")].map((element) => element.outerHTML))"""


def plant_in_widget(store: Store, turn: int) -> None:
    """All that a merchant or a shopper can set and the panel, its button or the shop's page shows."""
    number = count(turn)

    def payload() -> str:
        return PAYLOADS[next(number) % len(PAYLOADS)]

    with acting_for(store.pk):
        look = dict.fromkeys(("accent", "side", "icon", "theme", "launcher"), payload())
        Widget.objects.filter(store=store).update(
            texts={name: payload() for name in TEXTS} | {"balance": "{points_name}" + payload()}, look=look,
            login_url="javascript:alert(20)", register_url="JavaScript:alert(21)//http://x.example",
        )  # fmt: skip
        Store.objects.filter(pk=store.pk).update(name=payload(), points_name=payload()[:30])
        Store.objects.filter(pk=store.pk).update(points_name_plural=payload()[:30])
        for rule in store.rules.all():
            store.rules.filter(pk=rule.pk).update(
                name=payload(),
                text=payload(),
                icon=payload()[:30],
                settings=rule.settings | {"url": "javascript:alert(22)"},
            )
        for reward in store.rewards.all():
            store.rewards.filter(pk=reward.pk).update(name=payload(), text=payload(), icon=payload()[:30])
        pool = CodePool.objects.create(store=store, name=payload())
        made = {"store": store, "pool": pool}
        batch = CouponImport.objects.create(state="done", file_name="x", digest=b"", due_at=None, **made)
        CouponCode.objects.create(coupon_import=batch, code=f"<svg/onload=alert(23{turn})>", **made)
        store.rewards.filter(points=500).update(code_source="pool", pool=pool)
        anna = store.customers.get()
        adjustments.adjust(store, anna, Decimal(507), payload(), actor=payload())
        store.customers.update(first_name=payload(), last_name=payload(), tags=[payload()])


def heard(page: Page) -> list[str]:
    page.wait_for_timeout(50)
    everywhere = [what for frame in page.frames for what in frame.evaluate("window.heard") + frame.evaluate(RUNS)]
    return everywhere + page.evaluate(RUNS_IN_SHADOWS)


def walk(page: Page, shopper: str) -> Iterator[str]:
    """Through all views of the panel, as somebody who takes a reward. Says which one is open."""
    page.goto("/demo/shop/")
    yield "the shop"
    if shopper:
        page.locator("select[name=shopper]").select_option(shopper)
        page.locator("form:has(select[name=shopper]) button").click()
    page.locator("[data-loyalty-widget] button").click()
    frame = page.frame_locator("iframe")
    frame.locator("#title").wait_for()
    frame.locator("li").first.wait_for()
    yield "home"
    if not shopper:
        return
    for tab in ("rewards", "history", "codes", "earn"):
        frame.locator(f"#tab-{tab}").click()
        frame.locator("#view li, #view p").first.wait_for()
        yield tab
    frame.locator("#birthday button").click()
    yield "no birthday"
    frame.locator("#tab-rewards").click()
    frame.locator("#view li button").first.click()
    frame.locator("#confirm").wait_for()
    yield "asked"
    frame.locator("#confirm").click()
    frame.locator("#taken").wait_for()
    assert frame.locator("code").inner_text().startswith("<svg/onload=")
    frame.locator("main button").last.click()
    frame.locator("#tab-codes").click()
    frame.locator("#view code").first.wait_for()
    yield "taken"


def test_no_text_runs_in_the_widget_or_in_the_shop_around_it(chromium, live_server, demo):  # noqa: F811
    ran, seen = [], Counter()
    for turn in range(sized(1, len(PAYLOADS))):
        plant_in_widget(demo, turn)
        for shopper in ("", "1001"):
            with chromium.new_context(bypass_csp=True, base_url=live_server.url) as context:
                context.add_init_script(HEARING)
                page = context.new_page()
                page.set_default_timeout(8000)
                for view in walk(page, shopper):
                    seen[view] += 1
                    ran += [(view, what) for what in heard(page)]
    assert ran == []
    assert len(seen) == 9


def test_the_browser_would_have_told(chromium, live_server):
    """Each payload that can run by itself runs where it is put into a page as it is."""
    with chromium.new_context(bypass_csp=True, base_url=live_server.url) as context:
        context.add_init_script(HEARING)
        page, heard = context.new_page(), []
        page.goto("/livez")
        for payload in PAYLOADS:
            page.set_content(f"<!DOCTYPE html><p title='{payload}'></p><i>{payload}</i>")
            page.wait_for_timeout(30)
            heard += page.evaluate("window.heard.splice(0)") + page.evaluate(RUNS)
    assert len(heard) >= 8
