"""Which page gets a token, for whom, and what the token is good for."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from conftest import make_customer
from integrations.models import Connection, WidgetFault, WidgetSecret
from integrations.widget.models import Widget, WidgetOrigin
from integrations.widget.sessions import Session
from integrations.widget.tests.conftest import Browser, md5, signature_of


def faults(store) -> dict[str, int]:
    return dict(store.widget_faults.values_list("reason", "count"))


def mode(answer) -> str:
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["mode"]


def test_an_old_tag_reads_and_a_new_signature_does_all(page, legacy, signing, customer):
    assert mode(page.enter_legacy(legacy, "c1")) == "read_only"
    answer = page.enter_signed(signing)
    assert mode(answer) == "full"
    assert answer.json()["data"]["expires_in"] == 600
    assert Session.of(page.token).customer_id == "c1"


def test_tags_that_came_along_need_no_set_up(page, legacy, customer, store):
    assert not Widget.objects.filter(store=store).exists()
    assert mode(page.enter_legacy(legacy, "c1")) == "read_only"


def test_nobody_signed_in_is_a_guest_whatever_the_signature(page, legacy, signing, store):
    assert mode(page.enter_legacy(legacy, "")) == "guest"
    assert mode(page.enter_legacy(legacy, "", customer_signature="rubbish")) == "guest"
    assert mode(page.enter(api_key=signing.key)) == "guest"
    assert faults(store) == {}


def test_a_wrong_signature_makes_a_guest_and_is_counted(page, legacy, signing, store):
    assert mode(page.enter_legacy(legacy, "c1", customer_signature=md5("c2" + legacy.secret))) == "guest"
    assert mode(page.enter_legacy(legacy, "c1", customer_signature=md5("c2" + legacy.secret))) == "guest"
    old = signature_of(signing, "c1", issued=int(time.time()) - 1000)
    assert mode(page.enter(api_key=signing.key, customer_id="c1", customer_signature=old)) == "guest"
    assert faults(store) == {"wrong": 2, "expired": 1}
    assert Session.of(page.token).customer_id == ""


def test_the_public_shop_id_is_no_customers_signature(page, legacy, store):
    shop_id = md5("acme.example" + legacy.secret)
    assert mode(page.enter_legacy(legacy, "acme.example", customer_signature=shop_id)) == "guest"
    assert faults(store) == {"bad_id": 1}


def test_old_signatures_can_be_switched_off(page, legacy, widget, store, customer):
    page.enter_legacy(legacy, "c1")
    Widget.objects.update(legacy="off")
    assert page.get("home").status_code == 401  # a token that is out already, too
    assert mode(page.enter_legacy(legacy, "c1")) == "guest"
    assert faults(store) == {"switched_off": 1}


def test_a_native_key_knows_no_old_signature(page, widget, store):
    assert mode(page.enter(api_key=widget.key, customer_id="c1", customer_signature=md5("c1"))) == "guest"
    assert faults(store) == {"no_secret": 1}


def test_the_new_signature_works_with_an_old_tags_key(page, legacy, signing, customer):
    signing.key = legacy.key
    answer = page.enter_legacy(legacy, "c1", customer_signature=signature_of(signing, "c1"))
    assert mode(answer) == "full"


def test_the_shop_id_must_fit_the_domain_as_it_is_given(page, legacy):
    given = "https://ACME.example"
    assert mode(page.enter_legacy(legacy, shop_domain=given, shop_id=md5(given + legacy.secret))) == "guest"
    answer = page.enter_legacy(legacy, shop_domain=given)
    assert (answer.status_code, answer.json()["error"]) == (403, "shop_mismatch")
    assert answer["Access-Control-Allow-Origin"] == page.origin  # so that its console can say why


@pytest.mark.parametrize("domain", ["evil.example", "", "acme.example.evil.example", "evilacme.example", "%"])
def test_the_tags_domain_must_be_a_verified_one(page, legacy, domain):
    answer = page.enter_legacy(legacy, shop_domain=domain, shop_id=md5(domain + legacy.secret))
    assert (answer.status_code, answer.json()["error"]) == (403, "domain_not_verified")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://acme.example", "https://acme.example.evil.example", "https://sub.acme.example",
     "https://acme.example:8443", "null", "", "https://ACME.example"],
)  # fmt: skip
def test_only_pages_of_verified_origins_get_in(client, signing, origin):
    answer = Browser(client, origin).enter(api_key=signing.key)
    assert (answer.status_code, answer.json()["error"]) == (403, "origin_not_verified")
    assert "Access-Control-Allow-Origin" not in answer
    assert "Origin" in answer["Vary"]


def test_origins_are_the_domain_its_www_the_shops_address_and_proven_ones(client, store, legacy, signing):
    Connection.objects.update(settings={"endpoints": {"shop_url": "https://shop.acme.example/de/"},
                                        "new_endpoints": {"shop_url": "https://taken.example/"}})  # fmt: skip
    WidgetOrigin.objects.create(store=store, origin="https://proven.example", verified_at=timezone.now())
    WidgetOrigin.objects.create(store=store, origin="https://claimed.example")
    found = {}
    for host in ("acme", "www.acme", "shop.acme", "proven", "claimed", "taken"):
        found[host] = Browser(client, f"https://{host}.example").enter(api_key=signing.key).status_code
    assert found == {"acme": 200, "www.acme": 200, "shop.acme": 200, "proven": 200, "claimed": 403, "taken": 403}


def preflight(client, origin, name="token"):
    return client.options(
        f"/widget/v1/{name}", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )  # fmt: skip


def test_the_browsers_question_before_a_call(client, store, widget):
    answer = preflight(client, "https://acme.example")
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == "https://acme.example"
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Origin" in answer["Vary"]
    for origin in ("https://evil.example", "null", "https://sub.acme.example", "http://acme.example"):
        assert "Access-Control-Allow-Origin" not in preflight(client, origin), origin


def test_the_answer_is_for_the_stores_own_pages_only(client, store, other_store, signing):
    """`rival.example` may ask, since some store has it; it may not read this store's answer."""
    assert preflight(client, "https://rival.example")["Access-Control-Allow-Origin"]
    answer = Browser(client, "https://rival.example").enter(api_key=signing.key)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer


def test_a_token_ends_after_ten_minutes_and_is_bound_to_its_origin(page, client, signing, customer):
    page.enter_signed(signing)
    assert page.get("home").status_code == 200
    assert page.get("home", Origin="https://www.acme.example").status_code == 403
    assert client.get("/widget/v1/home", headers={"Authorization": f"Bearer {page.token}"}).status_code == 200
    assert page.get("home")["Access-Control-Allow-Origin"] == page.origin
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        assert page.get("home").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 3000])
def test_no_token_no_data(page, widget, token):
    page.token = token
    for name in ("home", "codes", "history"):
        assert page.get(name).status_code == 401
    assert page.post("redeem", {}).status_code == 401


def test_a_changed_token_is_no_token(page, signing, customer):
    page.enter_signed(signing)
    page.token = page.token[:-2] + ("aa" if page.token[-2:] != "aa" else "bb")
    assert page.get("home").status_code == 401


def test_a_token_of_one_store_opens_no_other(page, client, store, other_store, signing):
    theirs = make_customer(other_store, "c1")
    page.enter_signed(signing)
    assert page.get("home").json()["data"]["member"] is None  # their c1 is not ours
    forged = Session(other_store.pk, signing.key, page.origin, "v1", "c1").token()
    page.token = forged
    assert page.get("home").status_code == 401
    assert theirs.wallets.get().balance == 0


def test_a_widget_that_is_off_opens_to_nobody(page, signing, customer):
    page.enter_signed(signing)
    Widget.objects.update(is_enabled=False)
    assert page.get("home").status_code == 401
    assert page.enter_signed(signing).json()["error"] == "widget_off"


def test_two_secrets_live_side_by_side(page, store, signing, customer):
    newer, clear = WidgetSecret.issue(store)
    assert mode(page.enter_signed(signing)) == "full"
    signing.key_id, signing.secret, older = newer.key_id, clear, (signing.key_id, signing.secret)
    assert mode(page.enter_signed(signing)) == "full"
    WidgetSecret.issue(store)
    signing.key_id, signing.secret = older
    assert mode(page.enter_signed(signing)) == "guest"
    assert faults(store) == {"unknown_key": 1}


def test_a_signature_is_good_until_it_ends_since_scripts_run_again(page, signing, customer):
    signature = signature_of(signing, "c1")
    for _ in range(2):
        answer = page.enter(api_key=signing.key, customer_id="c1", customer_signature=signature)
        assert mode(answer) == "full"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b" ", 400), (b"[]", 400), (b"{", 400), (b'{"api_key": 5}', 400), (b'{"api_key": "\\u0000"}', 400),
     (b'{"api_key":"x","api_key":"x"}', 400), (b"\xff", 400), (b'{"api_key": "nobody"}', 404),
     (b'{"api_key": null}', 404), (b"{" + b" " * 20_000 + b"}", 413)],
)  # fmt: skip
def test_odd_bodies_are_refused(page, widget, body, status):
    assert page.post("token", body).status_code == status


def test_writes_must_be_json_that_no_form_can_send(page, signing, customer):
    page.enter_signed(signing)
    for name in ("token", "redeem", "birthday", "join"):
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            assert page.post(name, "{}", content_type=content_type).status_code == 415


def test_reading_calls_take_no_post_and_writing_ones_no_get(page, signing, customer):
    page.enter_signed(signing)
    for name in ("token", "redeem", "birthday", "join"):
        answer = page.get(name)
        assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    for name in ("home", "codes", "history"):
        assert page.post(name, {}).status_code == 405


def test_answers_set_no_cookies_and_are_kept_nowhere(page, signing, customer):
    answer = page.enter_signed(signing)
    assert not answer.cookies and answer["Cache-Control"] == "no-store"
    assert not page.get("home").cookies


def test_who_asks_without_end_is_slowed(page, signing):
    codes = {page.enter(api_key=signing.key).status_code for _ in range(60)}
    assert codes == {200, 429}


def test_faults_are_counted_under_load_without_a_lost_one(store):
    for _ in range(3):
        WidgetFault.note(store, "wrong")
    assert faults(store) == {"wrong": 3}
