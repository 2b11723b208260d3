"""The dashboard's pages of the widget."""

import html
import re

import pytest
from django.urls import reverse

from conftest import PASSWORD
from integrations.models import Widget, WidgetFault, WidgetOrigin, WidgetSecret
from integrations.tests.servers import Receiver, respond
from integrations.widget import identity
from integrations.widget.models import default_look
from integrations.widget.texts import SECTIONS, TEXTS

LOOK = default_look() | {"is_enabled": "on", "birthday_order": "mdy", "sections": ["earn", "rewards"]}


@pytest.fixture
def owners(sign_in, owner):
    return sign_in(owner)


def url(store, name: str, *args) -> str:
    return reverse(f"display:{name}", args=[store.slug, *args])


def test_setting_up_is_one_press(owners, store):
    page = owners.get(url(store, "look"))
    assert "Set up the widget" in page.content.decode()
    assert not Widget.objects.exists()  # looking makes nothing
    for name in ("texts", "domains", "install"):
        assert owners.get(url(store, name)).status_code in (200, 404)
    owners.post(url(store, "set_up"))
    owners.post(url(store, "set_up"))
    widget = Widget.objects.get()
    assert widget.key.startswith("w_") and widget.is_enabled


def test_look_is_saved_and_checked(owners, store, widget):
    owners.post(
        url(store, "look"), LOOK | {"accent": "#AA0033", "side": "left", "login_url": "https://shop.example/in"}
    )
    widget.refresh_from_db()
    assert (widget.look["accent"], widget.look["side"], widget.birthday_order) == ("#aa0033", "left", "mdy")
    assert widget.hidden_sections == ["codes", "history", "birthday"]
    for wrong in (
        {"accent": "red"}, {"accent": "#12345"}, {"accent": "#aabbcc;x"}, {"side": "top"}, {"icon": "x"},
        {"login_url": "javascript:alert(1)"}, {"register_url": "ftp://shop.example"}, {"sections": ["all"]},
    ):  # fmt: skip
        assert owners.post(url(store, "look"), LOOK | wrong).status_code == 200
    widget.refresh_from_db()
    assert widget.look["accent"] == "#aa0033"


def test_every_text_can_be_written_anew(owners, store, widget):
    page = owners.get(url(store, "texts")).content.decode()
    assert all(f'name="{name}"' in page for name in TEXTS)
    owners.post(url(store, "texts"), {"title": "  Our club ", "next_reward": "{points} missing"})
    widget.refresh_from_db()
    assert widget.texts == {"title": "Our club", "next_reward": "{points} missing"}
    assert widget.all_texts["title"] == "Our club" and widget.all_texts["close"] == "Close"
    answer = owners.post(url(store, "texts"), {"title": "{balance} of mine"})
    assert "{balance} is not filled in here" in html.unescape(answer.content.decode())


def test_the_preview_shows_invented_data_to_our_own_page_only(owners, store, widget, add_reward):
    add_reward(name="Ten off")
    answer = owners.get(url(store, "preview"))
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer
    assert "Ten off" in answer.content.decode()
    assert "frame-src 'self'" in owners.get(url(store, "look"))["Content-Security-Policy"]


# --- Domains ------------------------------------------------------------------------------------


@pytest.fixture
def local_fine(settings):
    settings.DEBUG = True


def test_the_stores_domain_needs_no_proof(owners, store, widget):
    page = owners.get(url(store, "domains")).content.decode()
    assert "https://acme.example" in page and "https://www.acme.example" in page


def test_an_address_is_written_as_its_origin(owners, store, widget):
    for address in ("https://Shop.Example/de/?x", "shop.example", "https://shop.example:443"):
        owners.post(url(store, "domains"), {"origin": address})
    assert [row.origin for row in WidgetOrigin.objects.all()] == ["https://shop.example"]
    assert WidgetOrigin.objects.get().verified_at is None


@pytest.mark.parametrize(
    "address",
    ["http://shop.example", "null", "*", "https://*.shop.example", "https://a@b.example", "javascript:1", "https://",
     "http://127.0.0.1:8000", "https://localhost", "file:///x", "https://shop", "https://shop.example:x"],
)  # fmt: skip
def test_what_is_no_address_of_a_shop(owners, store, widget, address):
    assert owners.post(url(store, "domains"), {"origin": address}).status_code == 200
    assert not WidgetOrigin.objects.exists()


def test_the_own_computer_may_show_it_while_trying_things_out(owners, store, widget, local_fine):
    owners.post(url(store, "domains"), {"origin": "http://127.0.0.1:5173/"})
    row = WidgetOrigin.objects.get()
    assert (row.origin, row.verified_by, row.verified_at is None) == ("http://127.0.0.1:5173", "local", False)


@pytest.fixture
def claim(store, widget, settings):
    """An address whose server we are."""
    settings.OUTGOING_LOOPBACK = True

    def claimed(server) -> WidgetOrigin:
        return WidgetOrigin.objects.create(store=store, origin=f"http://127.0.0.1:{server.port}")

    return claimed


def prove(owners, store, row, monkeypatch) -> WidgetOrigin:
    monkeypatch.setattr("integrations.widget.verifying.is_local", lambda origin: False)
    owners.post(url(store, "origin_verify", row.pk))
    row.refresh_from_db()
    return row


def test_a_file_or_a_tag_proves_an_address(owners, store, claim, monkeypatch):
    missing = respond("404 Not Found")
    with Receiver() as server:
        row = claim(server)
        server.behaviours = [respond(body=f" {row.challenge}\n".encode())]
        assert prove(owners, store, row, monkeypatch).verified_by == "file"
        assert b"GET /.well-known/loyalty-verification.txt" in server.requests[0]
    with Receiver() as server:
        row = claim(server)
        page = f'<html><head><META Name="loyalty-verification" content=" {row.challenge} "></head>'
        server.behaviours = [missing, respond(body=page.encode())]
        assert prove(owners, store, row, monkeypatch).verified_by == "meta"


def test_anything_else_proves_nothing(owners, store, claim, monkeypatch):
    with Receiver() as server:
        row = claim(server)
        for body, status in (
            (b"", "200 OK"), (b"another", "200 OK"), (f"<p>{row.challenge}</p>".encode(), "200 OK"),
            (row.challenge.encode(), "404 Not Found"), (b"\xff\x00<meta", "200 OK"), (b"", "302 Found"),
        ):  # fmt: skip
            server.behaviours = [respond(status, body)]
            assert prove(owners, store, row, monkeypatch).verified_at is None
    answer = owners.post(url(store, "origin_verify", row.pk), follow=True)  # nobody is there any more
    assert "could not be asked" in html.unescape(answer.content.decode())


def test_a_removed_address_is_gone(owners, store, widget):
    row = WidgetOrigin.objects.create(store=store, origin="https://shop.example")
    owners.post(url(store, "origin_remove", row.pk))
    assert not WidgetOrigin.objects.exists()


# --- Install ------------------------------------------------------------------------------------


def test_a_secret_is_shown_once_and_two_live_at_a_time(sign_in, owner, store, widget):
    owners = sign_in(owner, long_ago=True)
    assert owners.post(url(store, "secret_create")).url.startswith(reverse("account_reauthenticate"))
    assert not WidgetSecret.objects.exists()
    owners.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = owners.post(url(store, "secret_create"))
    clear = re.search(r'id="new-secret">([0-9a-f]{64})<', page.content.decode())[1]
    assert page["Cache-Control"] == "no-store"
    assert clear == WidgetSecret.objects.get().clear
    assert clear not in owners.get(url(store, "install")).content.decode()
    for _ in range(2):
        owners.post(url(store, "secret_create"))
    assert [row.key_id for row in WidgetSecret.live(store)] == ["wk_3", "wk_2"]
    owners.post(url(store, "secret_retire", WidgetSecret.objects.get(number=3).pk))
    assert [row.key_id for row in WidgetSecret.live(store)] == ["wk_2"]


def test_the_snippet_is_filled_in(owners, store, widget):
    page = html.unescape(owners.get(url(store, "install")).content.decode())
    assert f'data-api-key="{widget.key}"' in page and 'data-shop-domain="acme.example"' in page
    assert "/js/integrations/common/script.js" in page
    assert all(language in page for language in ("PHP", "Python", "Node.js", "Ruby"))


def test_old_signatures_have_a_switch(owners, store, widget):
    owners.post(url(store, "legacy_update"), {"legacy": "redeem", "legacy_daily": "5"})
    widget.refresh_from_db()
    assert (widget.legacy, widget.legacy_daily) == ("redeem", 5)
    for wrong in ({"legacy": "all", "legacy_daily": "5"}, {"legacy": "off", "legacy_daily": "0"}):
        owners.post(url(store, "legacy_update"), wrong)
    widget.refresh_from_db()
    assert widget.legacy == "redeem"


def test_failed_signatures_are_told_with_their_reason(owners, store, widget):
    for reason in ("wrong", "wrong", "expired"):
        WidgetFault.note(store, reason)
    page = html.unescape(owners.get(url(store, "install")).content.decode())
    assert identity.REASONS["wrong"] in page and identity.REASONS["expired"] in page


def test_viewers_look_and_change_nothing(sign_in, viewer, store, widget):
    client = sign_in(viewer)
    for name in ("look", "texts", "domains", "install", "preview"):
        assert client.get(url(store, name)).status_code == 200
    for name in ("look", "texts", "domains", "set_up", "secret_create", "legacy_update"):
        assert client.post(url(store, name), {"origin": "https://x.example"}).status_code == 403
    assert not WidgetSecret.objects.exists() and not WidgetOrigin.objects.exists()


# --- What browsers fetch ------------------------------------------------------------------------------


def test_the_loader_is_kept_for_five_minutes_and_names_the_version(client, db):
    for path in ("common", "magento", "woocommerce", "anything"):
        answer = client.get(f"/js/integrations/{path}/script.js?shop=x")
        assert answer.status_code == 200 and answer["Cache-Control"] == "public, max-age=300"
        assert answer["Content-Type"].startswith("text/javascript")
    address = re.search(r'"(/widget/v1/files/\w+/widget\.js)"', answer.content.decode())[1]
    integrity = re.search(r'"(sha384-[A-Za-z0-9+/=]+)"', answer.content.decode())[1]
    file = client.get(address)
    assert file["Access-Control-Allow-Origin"] == "*" and "immutable" in file["Cache-Control"]
    assert integrity == integrity_of(file.content)
    older = client.get(address.replace(address.split("/")[4], "0" * 16))
    assert older.content == file.content and "immutable" not in older["Cache-Control"]
    zipped = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert zipped["Content-Encoding"] == "gzip" and len(zipped.content) < len(file.content)
    assert not answer.cookies


def integrity_of(content: bytes) -> str:
    import base64
    import hashlib

    return f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"


@pytest.mark.parametrize("name", ["loader.js", "launcher.js", "../app.js", "x", "settings.js"])
def test_only_the_widgets_files_are_served(client, db, name):
    assert client.get(f"/widget/v1/files/x/{name}").status_code == 404


def test_the_frame_opens_on_verified_pages_only_and_keeps_nothing(client, store, widget):
    WidgetOrigin.objects.create(store=store, origin="https://claimed.example")
    answer = client.get(f"/widget/v1/frame?key={widget.key}")
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors https://acme.example https://www.acme.example" in policy
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert "X-Frame-Options" not in answer and not answer.cookies
    assert client.get("/widget/v1/frame?key=x").status_code == client.get("/widget/v1/frame").status_code == 404


def test_without_any_verified_page_the_frame_opens_nowhere(client, store, widget):
    type(store).objects.update(domain="")
    assert "frame-ancestors 'none'" in client.get(f"/widget/v1/frame?key={widget.key}")["Content-Security-Policy"]


def test_merchants_texts_cannot_leave_their_place(client, store, widget):
    Widget.objects.update(texts={"title": "</script><script>alert(1)</script>", "loading": "<b>x</b>"})
    page = client.get(f"/widget/v1/frame?key={widget.key}").content.decode()
    assert "<script>alert" not in page and "<b>x" not in page
    assert set(SECTIONS) == {"earn", "rewards", "codes", "history", "birthday"}
