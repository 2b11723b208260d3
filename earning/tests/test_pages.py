"""Who may look at the Earning and Activity pages, and who may change what they show."""

import pytest

from earning import orders
from earning.models import Activity, EarningRule

from .telling import record


@pytest.fixture
def addresses(store, customer, add_rule):
    rule = add_rule(store, identifier="tasting", approval="by_hand")
    activity = record(store)
    orders.record_fact(store, "o-1", "status", identity="1", data={"status": "completed"})
    return {
        "look": ["earning/", "earning/add/", "earning/add/custom/", f"earning/{rule.public_id}/", "activity/",
                 f"activity/{activity.public_id}/"],
        "edit": ["earning/add/custom/", "earning/add/custom/preview/", f"earning/{rule.public_id}/",
                 f"earning/{rule.public_id}/preview/", f"earning/{rule.public_id}/switch/"],
        "support": [f"activity/{activity.public_id}/decide/", f"activity/{activity.public_id}/retry/",
                    f"activity/facts/{store.order_facts.get().pk}/retry/", "activity/retry/"],
    }  # fmt: skip


def test_viewer_looks_at_everything_and_changes_nothing(sign_in, viewer, owner, store, addresses):
    client = sign_in(viewer)
    before = list(EarningRule.objects.values()), list(Activity.objects.values())
    for path in addresses["look"]:
        assert client.get(f"/s/acme/{path}").status_code == 200, path
    for path in addresses["edit"] + addresses["support"]:
        refused = client.post(f"/s/acme/{path}", {"state": "approved", "is_enabled": "0"})
        assert refused.status_code == 403, path
        assert "You can ask owner@acme.example" in refused.text
    assert (list(EarningRule.objects.values()), list(Activity.objects.values())) == before


def test_support_decides_activities_and_leaves_rules_alone(sign_in, support, store, addresses):
    client = sign_in(support)
    for path in addresses["edit"]:
        assert client.post(f"/s/acme/{path}").status_code == 403, path
    for path in addresses["support"]:
        assert client.post(f"/s/acme/{path}", {"state": "approved"}).status_code == 302, path


def test_stranger_finds_nothing(sign_in, stranger, store, addresses):
    client = sign_in(stranger)
    for path in {*addresses["look"], *addresses["edit"], *addresses["support"]}:
        assert client.get(f"/s/acme/{path}").status_code in (404, 405), path
        assert client.post(f"/s/acme/{path}").status_code in (404, 405), path


def test_rows_of_another_store_are_not_found_in_ones_own(sign_in, stranger, store, addresses):
    client = sign_in(stranger)
    for path in addresses["look"][3:4] + addresses["look"][5:]:
        assert client.get(f"/s/rival/{path}").status_code == 404, path
    for path in (addresses["edit"][2], addresses["edit"][4], addresses["support"][0]):
        assert client.post(f"/s/rival/{path}", {"state": "approved"}).status_code == 404, path


def test_signing_in_comes_first(client, store, addresses):
    answer = client.get("/s/acme/activity/")
    assert answer.headers["Location"] == "/accounts/login/?next=/s/acme/activity/"
    polled = client.get("/s/acme/activity/", headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"].startswith("/accounts/login/")
