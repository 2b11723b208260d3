"""The integrations' pages: connecting, secrets shown once, and calls applied again."""

import re
from hashlib import sha256
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from conftest import PASSWORD, Owner
from integrations import connections, inbox, registry
from integrations.call_views import matching
from integrations.models import Connection, ConnectionToken, InboundEvent
from loyalty.stores.tenancy import acting_for

LOOTLY = {"name": "Main shop", "integration": "woocommerce", "award_on": "", "rewardable": "total"}


def page(name, store, *args):
    return reverse(f"integrations:{name}", args=[store.slug, *args])


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def connection(store) -> Connection:
    return connections.connect(store, registry.get("lootly"), "Main shop")[0]


@pytest.fixture
def call(connection) -> InboundEvent:
    return InboundEvent.objects.create(
        store=connection.store, connection=connection, event="orders-closed", identity="1", body='{"id":"7"}',
        outcome="unknown", error="This event is not known.", due_at=None,
    )  # fmt: skip


@pytest.fixture
def confirmed(store, client):
    """A signed-in browser that gave its password again just now."""

    def browser(user) -> Client:
        client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        return client

    return browser


# --- Connecting ---------------------------------------------------------------------------------


def test_every_dialect_is_offered_and_so_is_our_own_api(store, sign_in, viewer):
    said = text(sign_in(viewer).get(page("connection_list", store)))
    for dialect in registry.DIALECTS.values():
        assert dialect.label in said
    assert "/api/v1/customers" in said


@pytest.mark.parametrize("key", list(registry.DIALECTS))
def test_every_dialect_connects_and_says_where_to_point_the_shop(store, sign_in, manager, key):
    client, address = sign_in(manager), page("connection_create", store, key)
    form = client.get(address).context["form"]
    fields = {name: field.initial for name, field in form.fields.items()} | {"name": "Main shop"}
    answer = client.post(address, {name: value for name, value in fields.items() if value not in (None, False)})
    made = store.connections.get()
    assert (made.dialect, made.name, made.is_enabled) == (key, "Main shop", True)
    assert "http://" in text(answer)
    assert registry.get(key).default_settings().keys() == made.settings.keys()


def test_a_secret_is_shown_once_and_kept_by_no_cache(store, sign_in, owner):
    client = sign_in(owner)
    answer = client.post(page("connection_create", store, "lootly"), LOOTLY)
    made = store.connections.get()
    assert made.secret in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert made.settings["rewardable"] == "total"
    again = text(client.get(page("connection_detail", store, made.public_id)))
    assert made.key in again
    assert made.secret not in again


def test_a_wrong_setting_is_said_at_its_field_and_connects_nothing(store, sign_in, owner):
    answer = sign_in(owner).post(page("connection_create", store, "lootly"), LOOTLY | {"rewardable": "everything"})
    assert "rewardable" in answer.context["form"].errors
    assert not store.connections.exists()


def test_a_store_has_one_connection_of_a_dialect_that_allows_one(store, sign_in, owner):
    client, address = sign_in(owner), page("connection_create", store, "openloyalty")
    for _ in range(2):
        client.post(address, {"name": "Members", "identificationMethod": "email"})
    assert store.connections.count() == 1


def test_an_unknown_dialect_is_not_there(store, sign_in, owner):
    assert sign_in(owner).get(page("connection_create", store, "nonsense")).status_code == 404


def test_settings_can_be_changed_and_leave_others_alone(store, connection, sign_in, manager):
    connections.configure(connection, kept_by_api="yes")
    sign_in(manager).post(page("connection_update", store, connection.public_id), LOOTLY | {"name": "Outlet"})
    connection.refresh_from_db()
    assert (connection.name, connection.settings["integration"]) == ("Outlet", "woocommerce")
    assert connection.settings["kept_by_api"] == "yes"


def test_a_connection_can_be_switched_off_and_on(store, connection, sign_in, manager):
    client, address = sign_in(manager), page("connection_switch", store, connection.public_id)
    client.post(address)
    assert not Connection.objects.get(pk=connection.pk).is_enabled
    client.post(address, {"is_enabled": "1"})
    assert Connection.objects.get(pk=connection.pk).is_enabled


# --- Secrets and keys ---------------------------------------------------------------------------


def test_a_new_secret_needs_the_password_again(store, connection, sign_in, owner):
    before = connection.secret
    answer = sign_in(owner, long_ago=True).post(page("connection_rotate", store, connection.public_id))
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert Connection.objects.get(pk=connection.pk).secret == before


def test_a_new_secret_is_shown_once_and_the_old_one_lives_for_a_day(store, connection, confirmed, owner):
    before = connection.secret
    answer = confirmed(owner).post(page("connection_rotate", store, connection.public_id))
    connection.refresh_from_db()
    assert connection.secret in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert "is taken until" in text(answer)
    assert connection.live_secrets == [connection.secret, before]


@pytest.mark.parametrize("key", ["loyaltylion", "openloyalty"])
def test_a_callers_key_is_shown_once_works_and_can_be_revoked(store, sign_in, owner, key):
    made, _ = connections.connect(store, registry.get(key))
    client = sign_in(owner)
    answer = client.post(page("token_create", store, made.public_id), {"name": "Web shop"})
    clear = re.search(r'id="new-key">([^<]+)<', answer.content.decode())[1]
    token = made.tokens.get()
    assert (token.name, token.last_four) == ("Web shop", clear[-4:])
    assert ConnectionToken.find("key", clear) == token
    assert clear not in text(client.get(page("connection_detail", store, made.public_id)))
    client.post(page("token_revoke", store, made.public_id, token.pk))
    assert ConnectionToken.find("key", clear) is None


def test_a_dialect_without_keys_gives_none(store, connection, sign_in, owner):
    assert sign_in(owner).post(page("token_create", store, connection.public_id), {"name": "x"}).status_code == 404
    assert not ConnectionToken.objects.exists()


# --- Calls --------------------------------------------------------------------------------------


def test_calls_are_listed_newest_first_and_narrowed_by_outcome(store, connection, call, sign_in, viewer):
    applied = InboundEvent.objects.create(
        store=store, connection=connection, event="key-verify", identity="2", body="{}", outcome="applied", due_at=None
    )
    client, address = sign_in(viewer), page("call_list", store)
    assert list(client.get(address).context["page"]) == [applied, call]
    assert list(client.get(address, {"outcome": "unknown"}).context["page"]) == [call]
    assert not client.get(address, {"outcome": "stuck"}).context["page"]
    assert not client.get(address, {"connection": str(uuid4())}).context["page"]
    assert len(client.get(address, {"outcome": "\0", "connection": "x"}).context["page"].rows) == 2


@pytest.fixture
def many_calls(transactional_db, store, connection) -> Connection:
    """Some thousand of two shops; nearly all are the first one's and went well. PostgreSQL knows how they lie."""
    second, _ = connections.connect(store, registry.get("lootly"), "Second shop")
    calls = [InboundEvent(
        store=store, connection=second if number % 100 == 0 else connection, event="orders-closed", body="{}",
        identity=str(number), outcome="rejected" if number % 100 == 0 else "applied", due_at=None,
    ) for number in range(3_000)]  # fmt: skip
    with acting_for(store.pk):
        InboundEvent.objects.bulk_create(calls)
    Owner.run("ANALYZE integrations_inboundevent")
    return second


@pytest.mark.parametrize("by", ["outcome", "stuck", "of"])
def test_a_narrowed_list_of_calls_is_read_from_an_index(store, many_calls, by):
    asked = {
        "outcome": {"outcome": "rejected"},
        "stuck": {"outcome": "stuck"},
        "of": {"connection": many_calls.public_id},
    }
    with acting_for(store.pk):
        plan = store.inbound_events.filter(matching(store, asked[by])).order_by("-id")[:51].explain()
    assert f"integrations_inbound_{by} " in plan


def test_whether_a_call_needs_a_look_is_read_from_an_index(store, call):
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "Index Scan using integrations_inbound" in store.inbound_events.open().explain()


def test_a_forgotten_body_says_so(store, call, sign_in, viewer):
    InboundEvent.objects.filter(pk=call.pk).update(received_at="2025-01-01T00:00Z")
    inbox.forget_bodies(store.pk)
    said = text(sign_in(viewer).get(page("call_detail", store, call.pk)))
    assert f"SHA-256 {sha256(call.body.encode()).hexdigest()}" in said


def test_a_call_is_shown_as_it_came(store, call, sign_in, viewer):
    InboundEvent.objects.filter(pk=call.pk).update(body='{"total":"29.90","note":"<script>alert(1)</script>"}')
    said = text(sign_in(viewer).get(page("call_detail", store, call.pk)))
    assert "29.90" in said
    assert "<script>alert" not in said


def test_a_call_that_was_not_understood_is_applied_again(store, call, sign_in, support):
    answer = sign_in(support).post(page("call_apply", store, call.pk))
    assert answer.status_code == 302
    call.refresh_from_db()
    assert (call.outcome, call.error, call.attempts) == ("waiting", "", 0)
    assert call.due_at


@pytest.mark.parametrize(
    "settled", [{"outcome": "applied"}, {"outcome": "rejected", "answer": {"error": "x"}, "answer_status": 400}]
)
def test_an_applied_or_answered_call_is_not_applied_again(store, call, sign_in, support, settled):
    InboundEvent.objects.filter(pk=call.pk).update(**settled)
    sign_in(support).post(page("call_apply", store, call.pk))
    call.refresh_from_db()
    assert (call.outcome, call.due_at) == (settled["outcome"], None)


def test_what_could_not_be_applied_is_pointed_out(store, call, sign_in, viewer):
    client, address = sign_in(viewer), page("connection_list", store)
    assert client.get(address).context["needs_look"]
    InboundEvent.objects.filter(pk=call.pk).update(outcome="applied")
    assert not client.get(address).context["needs_look"]


@pytest.mark.django_db(transaction=True)
def test_a_call_kept_by_the_inbox_is_on_the_page(store, connection, sign_in, viewer):
    inbox.accept(connection, "orders-completed", "9", "{}")
    assert "orders-completed" in text(sign_in(viewer).get(page("call_list", store)))
    with acting_for(store.pk):
        assert InboundEvent.objects.get().outcome == "waiting"


# --- Who may ------------------------------------------------------------------------------------


def writes(connection, call):
    token, _ = ConnectionToken.issue("key", connection=connection, name="k")
    return [
        ("connection_create", ("lootly",), LOOTLY),
        ("connection_update", (connection.public_id,), LOOTLY | {"name": "Taken over"}),
        ("connection_rotate", (connection.public_id,), {}),
        ("connection_switch", (connection.public_id,), {}),
        ("token_create", (connection.public_id,), {"name": "x"}),
        ("token_revoke", (connection.public_id, token.pk), {}),
        ("call_apply", (call.pk,), {}),
    ]


def unchanged(connection, call) -> bool:
    now = Connection.objects.get()  # none was added
    is_same = (now.name, now.is_enabled, now.secret) == (connection.name, True, connection.secret)
    return (
        is_same and InboundEvent.objects.get(pk=call.pk).due_at is None and connection.tokens.get().revoked_at is None
    )


def test_a_viewer_looks_and_changes_nothing(store, connection, call, sign_in, viewer):
    client = sign_in(viewer)
    for name, args, data in writes(connection, call):
        assert client.post(page(name, store, *args), data).status_code == 403, name
    assert unchanged(connection, call)
    said = text(client.get(page("connection_detail", store, connection.public_id)))
    assert "Make a new secret" not in said


def test_support_applies_calls_but_changes_no_connection(store, connection, call, sign_in, support):
    client = sign_in(support)
    for name, args, data in writes(connection, call)[:-1]:
        assert client.post(page(name, store, *args), data).status_code == 403, name
    assert unchanged(connection, call)


def test_a_stranger_finds_and_changes_nothing(store, other_store, connection, call, sign_in, stranger):
    client = sign_in(stranger)
    for name, args, data in writes(connection, call):
        assert client.post(page(name, store, *args), data).status_code == 404, name
        if name != "connection_create":  # nor through their own store's address
            assert client.post(page(name, other_store, *args), data).status_code == 404, name
    for name, args in (("connection_detail", (connection.public_id,)), ("call_detail", (call.pk,))):
        assert client.get(page(name, store, *args)).status_code == 404
        assert client.get(page(name, other_store, *args)).status_code == 404
    assert unchanged(connection, call)
    assert not other_store.connections.exists()
    assert connection.name not in text(client.get(page("connection_list", other_store)))
