"""Text of merchants and customers that is a script: shown as text, wherever it is shown.

The browser is told to ignore the pages' own policy, which would stop most of it: here the pages themselves must.
"""

import random
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.test import Client

from conftest import sized
from integrations.models import Widget
from loyalty.stores.models import Store
from loyalty.tests.one_of_each import routes
from loyalty.tests.test_headers import filled

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
