"""The widget on a shop's page, as shoppers meet it: guest, member, code, keyboard, phone."""

from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from conftest import apply_all, make_customer, open_store, staff
from customers import adjustments
from earning import rules
from integrations import connections, registry
from integrations.models import Widget, WidgetSecret
from integrations.tests.servers import Receiver, respond
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from loyalty.tests.test_browser import WCAG_AA, sign_in
from spending import rewarding

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
XSS = "<img src=x onerror=document.title='pwned'>{balance}\"'"


@pytest.fixture
def demo(transactional_db) -> Store:
    store = open_store("demo", is_demo=True)
    connections.connect(store, registry.get("lootly"))
    with acting_for(store.pk):
        Widget.objects.create(store=store)
        WidgetSecret.issue(store)
        rules.create(store, "purchase", actor="test", name="Buy coffee", points=Decimal(10))
        rules.create(store, "review", actor="test", name="Write a review", points=50, approval="by_hand",
                     limit="count", limit_value=2, limit_period="month")  # fmt: skip
        anna = make_customer(store, "1001", "anna@shop.example", first_name="Anna")
        adjustments.adjust(store, anna, Decimal(600), "A present", actor="test")
        for name, points in (("5 off", 500), ("Big one", 5000)):
            rewarding.create(
                store, "fixed_amount", actor="test", name=name, points=Decimal(points), code_source="generated",
                settings=rewarding.clean_settings("fixed_amount", {"value": "5"}),
            )  # fmt: skip
    return store


def shop_as(page: Page, shopper: str) -> None:
    page.goto("/demo/shop/")
    page.get_by_label("Shopper").select_option(shopper)
    page.get_by_role("button", name="Go on as this shopper").click()
    expect(page.get_by_text("You are")).to_be_visible()


def open_panel(page: Page):
    page.get_by_role("button", name="Rewards", exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=2).first).to_be_visible()
    return frame


def test_guests_see_what_there_is_and_where_to_join(open_page, demo):
    page = open_page()
    page.goto("/demo/shop/")
    frame = open_panel(page)
    expect(frame.get_by_role("heading", name="Collect points with every order")).to_be_visible()
    expect(frame.get_by_text("10 points for each EUR spent")).to_be_visible()
    expect(frame.get_by_text("5 off")).to_be_visible()
    expect(frame.get_by_role("button", name="Take it")).to_have_count(0)
    assert frame.get_by_role("link", name="Join now").get_attribute("href").endswith("/demo/shop/#who")
    assert page.context.cookies() == [] or {c["name"] for c in page.context.cookies()} <= {"loyalty_csrf"}


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_from_an_order_to_a_code_used_on_the_next(open_page, demo, device):
    page = open_page(**device)
    shop_as(page, "1001")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("is placed. Its points arrive")).to_be_visible()
    apply_all(demo)
    page.evaluate("window.heard = []; addEventListener('widgetRewardRedeemed', (e) => heard.push(e.detail.coupon))")
    frame = open_panel(page)
    expect(frame.locator("#balance")).to_have_text("729")
    frame.get_by_role("button", name="Rewards", exact=True).click()
    frame.get_by_role("button", name="Take it: 5 off").click()
    expect(frame.get_by_text("This takes 500 points from your balance of 729 points.")).to_be_visible()
    frame.get_by_role("button", name="Yes, take it").click()
    expect(frame.get_by_role("heading", name="Yours: 5 off")).to_be_focused()
    code = frame.locator("code").inner_text()
    heard = page.evaluate("heard")
    assert [(one["coupon_code"], bool(one["redemption_id"]), bool(one["reward_id"])) for one in heard] == [
        (code, True, True)
    ]
    page.keyboard.press("Escape")
    expect(page.locator("#code")).to_have_value(code)  # the shop heard of it
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_text("Your code took 5.00 EUR off")).to_be_visible()
    apply_all(demo)
    with acting_for(demo.pk):
        redemption = demo.redemptions.get()
        assert (redemption.state, redemption.order_discount) == ("used", Decimal("5"))
    page.get_by_role("button", name="Refund order").first.click()
    expect(page.get_by_text("is refunded")).to_be_visible()
    apply_all(demo)
    frame = open_panel(page)
    frame.get_by_role("button", name="My codes").click()
    expect(frame.get_by_text("Taken back")).to_be_visible()
    frame.get_by_role("button", name="History").click()
    expect(frame.get_by_text("A present")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_the_keyboard_goes_in_round_and_out_again(open_page, demo):
    page = open_page()
    shop_as(page, "1001")
    launcher = page.get_by_role("button", name="Rewards", exact=True)
    expect(launcher).to_have_attribute("aria-expanded", "false")
    launcher.focus()
    page.keyboard.press("Enter")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#title")).to_be_focused()
    expect(launcher).to_have_attribute("aria-expanded", "true")
    expect(frame.locator("#tab-earn")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.dataset.loyaltyWidget") == ""  # still inside
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    expect(page.locator("iframe")).to_be_hidden()


def test_a_member_says_their_birthday(open_page, demo):
    page = open_page()
    shop_as(page, "1001")
    frame = open_panel(page)
    for name, value in (("Day", "30"), ("Month", "2"), ("Year", "1990")):
        frame.get_by_label(name).fill(value)
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("That is not a date.")).to_be_visible()
    frame.get_by_label("Day").fill("3")
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("Your birthday: 3 February")).to_be_visible()


def test_what_a_merchant_writes_is_shown_and_never_run(open_page, demo):
    with acting_for(demo.pk):
        texts = dict.fromkeys(["launcher", "title", "balance", "earn", "rewards", "codes", "history", "take"], XSS)
        look = {"accent": "red;}body{display:none", "side": XSS, "icon": XSS, "theme": XSS, "launcher": XSS}
        Widget.objects.filter(store=demo).update(texts=texts, look=look)
        demo.rewards.update(name=XSS, text=XSS, icon="x-y")
        demo.rules.update(name=XSS, text=XSS)
    page = open_page()
    shop_as(page, "1001")
    page.locator("[data-loyalty-widget] button").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#balance")).to_have_text("600")
    frame.locator("#tab-rewards").click()
    frame.get_by_role("button", name="<img").last.click()
    expect(frame.locator("#title")).to_have_text(XSS)
    frame.get_by_role("button", name="Yes, take it").click()
    expect(frame.locator("#taken")).to_contain_text("<img src=x")
    assert frame.locator("img").count() == 0
    assert page.title() != "pwned" and page.frames[1].title() != "pwned"
    assert page.locator("body").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("shopper", ["", "1001"], ids=["guest", "member"])
def test_the_panel_passes_the_accessibility_rules(open_page, demo, scheme, shopper):
    page = open_page(color_scheme=scheme)
    if shopper:
        shop_as(page, shopper)
    else:
        page.goto("/demo/shop/")
    frame = open_panel(page)
    problems = violations(page)
    if shopper:
        for tab in ("Rewards", "My codes", "History"):
            frame.get_by_role("button", name=tab, exact=True).click()
            expect(frame.locator(f"#tab-{ {'My codes': 'codes'}.get(tab, tab.lower()) }")).to_have_attribute(
                "aria-current", "page"
            )
            problems += violations(page)
    assert problems == [], "\n".join(problems)


def violations(page: Page) -> list[str]:
    result = Axe().run(page, options={"runOnly": WCAG_AA})
    return [f"{one['id']}: {node['html'][:200]}" for one in result.response["violations"] for node in one["nodes"]]


def test_the_tag_is_read_again_and_another_shopper_drops_the_token(open_page, demo):
    page = open_page()
    shop_as(page, "1001")
    frame = open_panel(page)
    expect(frame.locator("#balance")).to_have_text("600")
    rerun = """() => new Promise((done) => {
        const script = document.createElement('script');
        script.src = '/js/integrations/magento/script.js?shop=x#renew';
        script.onload = done;
        document.head.append(script);
    })"""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/token") else None)
    page.evaluate(rerun)
    assert asked == []  # nothing changed
    assert page.locator("[data-loyalty-widget] button").count() == 1
    page.evaluate("document.getElementById('lootly-widget').dataset.customerId = ''")
    page.evaluate(rerun)
    expect(frame.get_by_role("heading", name="Collect points with every order")).to_be_visible()
    assert len(asked) == 1
    assert page.locator("[data-loyalty-widget] button").count() == 1


def test_a_shop_that_is_not_the_stores_shows_nothing_and_the_console_says_why(chromium, live_server, demo):
    page = chromium.new_page(base_url=live_server.url)
    seed = "<script src='/js/integrations/common/script.js'></script>"
    body = f"<!DOCTYPE html><div id='lootly-widget' data-api-key='{Widget.objects.get().key}'"
    body += f" data-shop-domain='evil.example' data-customer-id=''></div>{seed}"
    page.route("**/demo/shop/", lambda route: route.fulfill(content_type="text/html", body=body))
    with page.expect_console_message(lambda line: line.type == "warning") as message:
        page.goto("/demo/shop/")
    assert "data-shop-domain is not a verified domain" in message.value.text
    assert page.locator("[data-loyalty-widget] button").count() == 0
    page.close()


@pytest.fixture
def elsewhere(demo):
    """Another server on this machine, that a page of a shop may stand on."""
    with Receiver() as server:

        def serve(body: str, policy: str = "") -> str:
            headers = ["Content-Type: text/html", *([f"Content-Security-Policy: {policy}"] if policy else [])]
            server.behaviours = [respond("200 OK", body.encode(), *headers)]
            return f"http://127.0.0.1:{server.port}"

        yield serve


def test_a_shop_of_another_origin_under_a_strict_policy(open_page, live_server, demo, elsewhere):
    """The script, the token and the frame all come from another host than the page."""
    ours, key = live_server.url, Widget.objects.get().key
    policy = f"default-src 'none'; script-src {ours}; connect-src {ours}; frame-src {ours}"
    origin = elsewhere("")
    elsewhere(
        f"""<!DOCTYPE html><title>Shop</title><div id="lootly-widget" data-api-key="{key}"
        data-shop-domain="{origin}" data-customer-id=""></div><link rel="icon" href="data:,">
        <script src="{ours}/js/integrations/common/script.js?shop=x"></script>""",
        policy.replace("default-src 'none'", "default-src 'none'; img-src data:"),
    )
    with acting_for(demo.pk):
        demo.widget_origins.create(origin=origin, verified_at=timezone.now())
    page = open_page()
    page.goto(f"{origin}/")
    frame = open_panel(page)
    expect(frame.get_by_text("5 off")).to_be_visible()
    assert page.context.cookies() == []


def test_another_page_cannot_embed_the_panel(chromium, live_server, elsewhere):
    page = chromium.new_page()
    address = f"{live_server.url}/widget/v1/frame?key={Widget.objects.get().key}"
    page.goto(elsewhere(f"<!DOCTYPE html><iframe src='{address}'></iframe>"))
    page.wait_for_timeout(1500)
    assert page.frames[1].locator("#panel").count() == 0
    page.close()


def test_messages_that_are_not_the_panels_are_not_heard(open_page, demo):
    page = open_page()
    shop_as(page, "1001")
    open_panel(page)
    page.evaluate("window.heard = []; addEventListener('widgetRewardRedeemed', (e) => heard.push(e.detail))")
    forged = "{loyalty: 1, type: 'redeemed', coupon_code: 'X', redemption_id: '1', reward_id: '2'}"
    page.evaluate(f"window.postMessage({forged}, '*')")
    page.frames[1].evaluate(f"parent.postMessage({forged.replace('loyalty: 1', 'loyalty: 2')}, '*')")
    page.frames[1].evaluate("parent.postMessage({loyalty: 1, type: 'toString'}, '*')")
    page.frames[1].evaluate("parent.postMessage({loyalty: 1, type: 'redeemed', coupon_code: 5}, '*')")
    page.evaluate("document.querySelector('div[data-loyalty-widget]').shadowRoot.querySelector('iframe')"
                  ".contentWindow.postMessage({loyalty: 1, type: 'session', token: 5}, '*')")  # fmt: skip
    page.wait_for_timeout(400)
    assert page.evaluate("heard") == []
    expect(page.frame_locator("iframe").locator("#balance")).to_have_text("600")


def test_first_paint_is_light_and_shifts_nothing(open_page, demo):
    page = open_page()
    shop_as(page, "1001")
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => { for (const one of list.getEntries()) shift += one.value })
            .observe({type: 'layout-shift', buffered: true})"""
    )
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: answer.request.sizes()["responseBodySize"]}))
    page.reload()
    open_panel(page)
    ours = {
        url: size
        for url, size in sizes.items()
        if "/widget/v1/" in url or "/js/integrations/" in url or url.endswith(".svg")
    }
    assert len(ours) >= 5
    assert not [url for url in sizes if not url.startswith(page.url.split("/demo")[0])]  # nobody else is asked
    small = {url: size for url, size in ours.items() if "icons.svg" not in url}
    assert sum(small.values()) < 20_000, small
    assert page.evaluate("shift") == 0


# --- The dashboard's pages ----------------------------------------------------------------------------


@pytest.fixture
def desk(demo):
    staff(demo, "owner", "owner@demo.example")
    with acting_for(demo.pk):
        demo.widget_origins.create(origin="https://claimed.example")
    return demo


def test_the_preview_follows_what_is_typed(open_page, desk):
    page = open_page()
    sign_in(page, "owner@demo.example")
    page.goto("/s/demo/display/")
    frame = page.frame_locator("#preview")
    expect(frame.locator("#balance")).to_have_text("640")
    expect(frame.get_by_role("button", name="Rewards", exact=True).first).to_be_visible()
    page.get_by_label("History").uncheck()
    expect(frame.locator("#tab-history")).to_have_count(0)
    page.get_by_label("Colour", exact=True).fill("#ffcc00")
    accent = "getComputedStyle(document.querySelector('header')).backgroundColor"
    assert page.frames[1].evaluate(accent) == "rgb(255, 204, 0)"
    assert page.frames[1].evaluate("getComputedStyle(document.querySelector('header')).color") == "rgb(0, 0, 0)"
    page.get_by_label("Preview for").select_option("guest")
    expect(frame.get_by_role("heading", name="Collect points with every order")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Texts").click()
    page.get_by_label("Title", exact=True).fill("Our club")
    expect(page.frame_locator("#preview").locator("#title")).to_have_text("Our club")


@pytest.mark.parametrize("device", [{}, PHONE | {"color_scheme": "dark"}], ids=["desktop", "dark phone"])
def test_the_pages_of_the_dashboard_are_fit_for_all(open_page, desk, device):
    page = open_page(**device)
    sign_in(page, "owner@demo.example")
    found = []
    for path in ("", "texts/", "domains/", "install/"):
        page.goto(f"/s/demo/display/{path}")
        found += [f"{path} {problem}" for problem in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth") > page.viewport_size["width"]:
            found.append(f"{path} is too wide")
    assert found == [], "\n".join(found)
