"""The Rewards pages: what they say, what they change, and for whom."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from conftest import make_customer, staff
from customers import adjustments
from spending import redemptions, rewarding
from spending.models import RewardImage
from spending.rewards import KINDS

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


@pytest.fixture
def member(store):
    customer = make_customer(store, "c9", "anna@shop.example")
    adjustments.adjust(store, customer, Decimal(5000), "Opening balance", actor="test")
    return customer


def five_off(**changes):
    """The add form of an amount off as a browser sends it untouched, but for `changes`."""
    return {
        "name": "5 EUR off", "points": "500", "icon": "discount", "settings-value": "5", "code_source": "generated",
        "validity": "", "customer_limit_period": "ever", "total_limit_period": "ever",
    } | changes  # fmt: skip


def as_sent(form) -> dict:
    return {name: form[name].value() for name in form.fields if form[name].value() not in (None, False, [])}


# --- The list -----------------------------------------------------------------------------------


def test_empty_list_teaches_the_next_step(page, store):
    answer = page.get("/s/acme/spending/")
    assert "Nothing to spend points on yet" in answer.text
    assert 'href="/s/acme/spending/add/"' in answer.text


def test_list_says_what_each_reward_gives_costs_and_how_often_it_was_taken(page, store, member, add_reward, add_codes):
    reward = add_reward(name="A fiver", code_source="pool", settings={"value": "5"}, customer_limit=1,
                        customer_limit_period="month", minimum_order=Decimal(20))  # fmt: skip
    add_codes(reward.pool, 30)
    add_reward("percentage", name="Ten", is_enabled=False)
    redemptions.redeem(store, member, reward)
    answer = page.get("/s/acme/spending/")
    for words in ("A fiver", "5 EUR off.", "500 points", "Once per customer a month", "On orders from 20.00 EUR"):
        assert words in answer.text
    assert re.search(r"1<span class=\"muted\"> time · 500 points", answer.text)
    assert re.search(r'Codes left">\s*29', answer.text)
    assert 'aria-checked="false"' in answer.text


def test_an_empty_or_low_list_of_codes_is_told(page, store, member, add_reward, add_codes):
    reward = add_reward(code_source="pool")
    assert "Sold out" in page.get("/s/acme/spending/").text
    add_codes(reward.pool, 3)
    assert "3 left" in page.get("/s/acme/spending/").text


def test_rewards_are_moved_up_and_down_in_the_order_of_display(page, store, add_reward):
    first, second = add_reward(name="First"), add_reward(name="Second")
    page.post(f"/s/acme/spending/{second.public_id}/move/", {"to": "up"})
    assert list(store.rewards.all()) == [second, first]
    page.post(f"/s/acme/spending/{second.public_id}/move/", {"to": "down"})
    assert list(store.rewards.all()) == [first, second]


def test_a_reward_is_switched_off_without_a_new_version(page, store, add_reward):
    reward = add_reward()
    answer = page.post(f"/s/acme/spending/{reward.public_id}/switch/", {"is_enabled": "0"}, follow=True)
    reward.refresh_from_db()
    assert (reward.is_enabled, reward.version) == (False, 1)
    assert "nobody can take it" in answer.text


# --- Adding -------------------------------------------------------------------------------------


def test_gallery_offers_every_kind(page, store):
    answer = page.get("/s/acme/spending/add/")
    for kind in KINDS.values():
        assert f"/s/acme/spending/add/{kind.key}/" in answer.text
    drawn = Path(finders.find("vendor/tabler-icons/icons.svg")).read_text()
    assert {kind.icon for kind in KINDS.values()} <= set(re.findall(r'id="([^"]+)"', drawn))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_form_of_every_kind_opens_and_saves_as_it_stands(page, store, kind):
    sent = as_sent(page.get(f"/s/acme/spending/add/{kind}/").context["form"])
    if kind == "free_product":
        sent |= {"settings-product_id": "101", "settings-product_name": "House blend"}
    answer = page.post(f"/s/acme/spending/add/{kind}/", sent)
    assert answer.status_code == 302, answer.context and answer.context["form"].errors
    assert store.rewards.get().kind == kind


def test_added_reward_keeps_what_was_chosen(page, store):
    store.timezone = "Europe/Berlin"
    store.save(update_fields=["timezone"])
    changes = {
        "minimum_order": "20", "code_prefix": "HC-", "validity": "days", "validity_count": "30", "customer_limit": "1",
        "customer_limit_period": "month", "total_limit": "100", "tags_any": "vip, gold", "text": "For you",
        "active_from": "2026-12-01T00:00", "email_subject": "Yours", "email_text": "Here it is",
    }  # fmt: skip
    page.post("/s/acme/spending/add/fixed_amount/", five_off(**changes))
    reward = store.rewards.get()
    assert (reward.points, reward.settings, reward.minimum_order) == (500, {"value": "5"}, 20)
    assert (reward.code_source, reward.code_prefix, reward.pool) == ("generated", "HC-", None)
    assert (reward.validity, reward.validity_count) == ("days", 30)
    assert (reward.customer_limit, reward.customer_limit_period, reward.total_limit) == (1, "month", 100)
    assert reward.tags_any == ["vip", "gold"]
    assert reward.active_from.isoformat() == "2026-11-30T23:00:00+00:00"  # midnight in the store
    assert reward.versions.get().actor == "user:owner@acme.example"


def test_a_reward_from_a_list_makes_one_named_after_it_or_takes_the_one_chosen(page, store):
    page.post("/s/acme/spending/add/fixed_amount/", five_off(code_source="pool", name="Fiver"))
    pool = store.code_pools.get()
    assert pool.name == "Fiver"
    page.post("/s/acme/spending/add/fixed_amount/", five_off(code_source="pool", pool=str(pool.public_id)))
    assert [reward.pool for reward in store.rewards.all()] == [pool, pool]


def test_a_list_or_picture_of_another_store_is_refused(page, store, other_store, add_reward):
    pool = add_reward(of=other_store, code_source="pool").pool
    image = RewardImage.objects.create(store=other_store, content_type="image/png", content=PNG)
    changes = {"code_source": "pool", "pool": str(pool.public_id), "image": str(image.public_id)}
    errors = page.post("/s/acme/spending/add/fixed_amount/", five_off(**changes)).context["form"].errors
    assert set(errors) == {"pool", "image"}
    assert not store.rewards.exists()


def test_errors_are_listed_on_top_with_links_to_their_fields(page, store):
    changes = {"name": "", "points": "-1", "settings-value": "0", "customer_limit": "0", "email_text": "Hi"}
    answer = page.post("/s/acme/spending/add/fixed_amount/", five_off(**changes))
    for field in ("name", "points", "settings-value", "customer_limit", "email_subject"):
        assert f'<a href="#id_{field}">' in answer.text, field
    changes = {
        "points": "1.5",
        "validity": "weeks",
        "active_from": "2026-12-02T00:00",
        "active_until": "2026-12-01T00:00",
    }
    answer = page.post("/s/acme/spending/add/fixed_amount/", five_off(**changes))
    for field in ("points", "validity_count", "active_until"):
        assert f'<a href="#id_{field}">' in answer.text, field
    assert not store.rewards.exists()


def test_conflicting_settings_of_a_kind_are_told_at_their_field(page, store):
    sent = as_sent(page.get("/s/acme/spending/add/variable_amount/").context["form"])
    sent |= {"settings-minimum_steps": "5", "settings-maximum_steps": "2"}
    answer = page.post("/s/acme/spending/add/variable_amount/", sent)
    assert '<a href="#id_settings-maximum_steps">' in answer.text
    assert not store.rewards.exists()


# --- Looking before saving ------------------------------------------------------------------------


def test_the_form_says_in_one_sentence_what_it_means_while_it_is_filled_in(page, store):
    changes = {"minimum_order": "20", "customer_limit": "1", "customer_limit_period": "month", "validity": "months",
               "validity_count": "3"}  # fmt: skip
    answer = page.post("/s/acme/spending/add/fixed_amount/preview/", five_off(**changes))
    said = " ".join(answer.text.split())
    assert (
        "Customers spend 500 points and get 5 EUR off an order of at least 20.00 EUR, once per customer a month. "
        "Their code is good for 3 months." in said
    )
    assert page.post("/s/acme/spending/add/fixed_amount/preview/", five_off(points="")).status_code == 204


def test_a_change_of_a_live_reward_is_shown_before_it_is_saved(page, store, add_reward):
    reward = add_reward(name="5 EUR off", settings={"value": "5"})
    address = f"/s/acme/spending/{reward.public_id}/"
    sent = as_sent(page.get(address).context["form"]) | {"points": "400", "validity": "weeks", "validity_count": "2"}
    review = page.post(address, sent)
    assert "Nothing is saved yet" in review.text
    assert ("Costs", "500 points", "400 points") in review.context["changes"]
    assert ("Code is good for", "Does not expire", "2 weeks") in review.context["changes"]
    reward.refresh_from_db()
    assert reward.version == 1
    answer = page.post(address, sent | {"seen": review.context["seen"]}, follow=True)
    reward.refresh_from_db()
    assert (reward.version, reward.points) == (2, 400)
    assert "is version 2 now" in answer.text


def test_a_reward_that_is_off_is_saved_at_once_and_an_untouched_one_makes_no_version(page, store, add_reward):
    reward = add_reward(is_enabled=False)
    address = f"/s/acme/spending/{reward.public_id}/"
    sent = as_sent(page.get(address).context["form"])
    assert "Nothing was changed" in page.post(address, sent, follow=True).text
    page.post(address, sent | {"points": "400"})
    reward.refresh_from_db()
    assert reward.version == 2


def test_versions_say_what_each_changed(page, store, add_reward):
    reward = add_reward(settings={"value": "5"})
    rewarding.change(reward, actor="user:anna@acme.example", points=Decimal(300), settings={"value": "7.50"})
    answer = page.get(f"/s/acme/spending/{reward.public_id}/versions/")
    assert [row["version"].number for row in answer.context["rows"]] == [2, 1]
    assert ("Costs", "500 points", "300 points") in answer.context["rows"][0]["changes"]
    assert ("Gives", "5 EUR off", "7.50 EUR off") in answer.context["rows"][0]["changes"]
    assert "anna@acme.example" in answer.text


# --- Pictures -------------------------------------------------------------------------------------


def upload(page, content, name="x.png"):
    return page.post("/s/acme/spending/images/", {"file": SimpleUploadedFile(name, content)})


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg"), (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp")],
)
def test_a_picture_is_shown_to_everybody_as_what_it_is(page, client, store, add_reward, content, content_type):
    answer = upload(page, content, "whatever.txt")
    assert answer.headers["HX-Trigger-After-Swap"]
    image = store.reward_images.get()
    reward = add_reward()
    address = f"/s/acme/spending/{reward.public_id}/"
    sent = as_sent(page.get(address).context["form"]) | {"image": str(image.public_id)}
    page.post(address, sent | {"seen": page.post(address, sent).context["seen"]})
    reward.refresh_from_db()
    assert reward.image == image
    shown = client.get(f"/images/acme/{image.public_id}")
    assert (shown.status_code, shown.content, shown.headers["Content-Type"]) == (200, content, content_type)
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in shown.headers["Cache-Control"] and "Vary" not in shown.headers


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or WebP"), (b"", "no PNG"),
     (PNG + b"\0" * 300_000, "at most 300 kB")],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(page, store, content, said):
    assert said in upload(page, content).text
    assert not store.reward_images.exists()


def test_pictures_that_no_reward_shows_are_forgotten_after_a_day(page, store, add_reward):
    shown, unused = (RewardImage.objects.create(store=store, content_type="image/png", content=PNG) for _ in range(2))
    add_reward(image=shown)
    store.reward_images.update(created_at=timezone.now() - timedelta(days=2))
    upload(page, PNG)
    assert set(store.reward_images.all()) == {shown, store.reward_images.latest("id")}
    assert not store.reward_images.filter(pk=unused.pk).exists()


def test_a_picture_is_found_under_its_own_store_only(client, store, other_store):
    image = RewardImage.objects.create(store=store, content_type="image/png", content=PNG)
    assert client.get(f"/images/rival/{image.public_id}").status_code == 404
    assert client.get(f"/images/nobody/{image.public_id}").status_code == 404


# --- Who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_only_owners_and_managers_change_rewards(store, add_reward, sign_in, role):
    reward = add_reward()
    client = sign_in(staff(store, role))
    assert client.get(f"/s/acme/spending/{reward.public_id}/").status_code == 200
    for path, sent in (
        (f"{reward.public_id}/", five_off(points="1")), ("add/fixed_amount/", five_off()), ("images/", {}),
        (f"{reward.public_id}/switch/", {"is_enabled": "0"}), (f"{reward.public_id}/move/", {"to": "up"}),
    ):  # fmt: skip
        assert client.post(f"/s/acme/spending/{path}", sent).status_code == 403, path
    reward.refresh_from_db()
    assert (reward.points, reward.is_enabled, store.rewards.count()) == (500, True, 1)
