from datetime import UTC, datetime, timedelta

import jwt
import pytest
import redis
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import MD5PasswordHasher
from django.utils import timezone

from conftest import PASSWORD, staff
from integrations import connections, registry
from integrations.dialects.openloyalty import credentials
from integrations.models import ConnectionToken
from loyalty.stores import broker, guessing

from .conftest import Caller, errors, sign_in

REFUSED = {"code": 401, "message": "Bad credentials."}


def login(caller: Caller, email: str, password: str = PASSWORD):
    return caller.post("/api/admin/login_check", {"username": email, "password": password})


def test_a_token_says_whose_it_is_for_a_day(nobody, owner):
    told = login(nobody, owner.email.upper()).told
    claims = jwt.decode(told["token"], options={"verify_signature": False})
    assert set(claims) == {"iat", "exp", "id", "username", "roles"}
    assert (claims["username"], claims["id"], claims["roles"]) == (
        owner.email, credentials.admin_id(owner), ["ROLE_OWNER"],
    )  # fmt: skip
    assert claims["exp"] - claims["iat"] == 24 * 3600


def test_a_wrong_password_and_an_unknown_user_look_the_same(nobody, owner):
    for email, password in ((owner.email, "wrong"), ("nobody@acme.example", PASSWORD), ("", PASSWORD)):
        refused = login(nobody, email, password)
        assert (refused.status_code, refused.told) == (401, REFUSED) if email else errors(refused)


def test_an_unknown_user_takes_as_long_as_a_wrong_password(nobody, owner, monkeypatch):
    hashed, encode = [], MD5PasswordHasher.encode

    def counted(*args):
        hashed.append(args)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for email in (owner.email, "nobody@acme.example"):
        login(nobody, email, "wrong")
    assert len(hashed) == 2


def test_who_left_or_has_a_second_factor_cannot_sign_in_with_a_password_alone(nobody, owner, manager):
    manager.is_active = False
    manager.save()
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={})
    assert login(nobody, owner.email).told == login(nobody, manager.email).told == REFUSED


def test_where_a_store_asks_for_two_steps_a_password_alone_gives_no_token(nobody, store, owner, caller):
    type(store).objects.update(needs_two_steps=True)
    assert login(nobody, owner.email).told == REFUSED
    assert nobody.post("/api/token/refresh", {"refresh_token": caller.refresh_token}).told == REFUSED


def test_a_token_of_who_left_is_refused(caller, owner):
    owner.is_active = False
    owner.save()
    assert caller.get("member").told == {"code": 401, "message": "Invalid JWT Token"}


def test_a_new_password_ends_every_token_from_before(nobody, store, caller, owner):
    assert caller.get("member").status_code == 200
    owner.set_password("another correct horse")
    owner.save()
    assert caller.get("member").told == {"code": 401, "message": "Invalid JWT Token"}
    assert nobody.post("/api/token/refresh", {"refresh_token": caller.refresh_token}).told == REFUSED
    assert sign_in(store, owner).get("member").status_code == 200


@pytest.mark.parametrize("name", [5, None, {"a": 1}, ["x"], "a\x00b", "x" * 10_000])
def test_a_token_that_names_nobody_is_refused(store, owner, name):
    told = Caller(store.slug, Authorization=f"Bearer {forged(owner, username=name)}").get("member").told
    assert told == {"code": 401, "message": "Invalid JWT Token"}


def test_without_a_credential_nothing_is_told(nobody):
    refused = nobody.get("/api/store")
    assert (refused.status_code, refused.told) == (401, {"code": 401, "message": "Authentication Required"})
    assert nobody.get("member").status_code == nobody.post("customEvent", {}).status_code == 401


def forged(owner, **claims) -> str:
    now = timezone.now()
    known = {"iat": now, "exp": now + timedelta(hours=1), "id": credentials.admin_id(owner), "username": owner.email}
    return jwt.encode(known | claims, claims.pop("key", credentials.signing_keys(owner)[0]), claims.pop("alg", "HS256"))


def test_tokens_that_are_old_forged_or_nonsense_are_refused(store, owner):
    now = timezone.now()
    unsigned = jwt.encode({"iat": now, "exp": now + timedelta(1), "id": "x", "username": owner.email}, "", "none")
    other_key = jwt.encode(jwt.decode(forged(owner), options={"verify_signature": False}), "k" * 32, "HS256")
    bad = [unsigned, other_key, forged(owner, id="6"), forged(owner, username=5), "a.b.c", "", "é", forged(owner)[:-3]]
    for token in bad:
        told = Caller(store.slug, Authorization=f"Bearer {token}").get("member").told
        assert told == {"code": 401, "message": "Invalid JWT Token"}
    old = Caller(store.slug, Authorization=f"Bearer {forged(owner, exp=now - timedelta(seconds=1))}")
    assert old.get("member").told == {"code": 401, "message": "Expired JWT Token."}


def test_a_refresh_token_is_replaced_and_good_for_a_minute_more(nobody, caller):
    def refresh(token: str):
        return nobody.post("/api/token/refresh", {"refresh_token": token})

    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False) as clock:
        second = refresh(caller.refresh_token).told["refresh_token"]
        clock.shift(59)
        assert refresh(caller.refresh_token).status_code == 200
        clock.shift(2)
        assert refresh(caller.refresh_token).told == REFUSED
        clock.shift(29 * 24 * 3600)
        third = refresh(second).told["refresh_token"]
        clock.shift(31 * 24 * 3600)
        assert refresh(third).told == REFUSED
    assert refresh("nonsense").told == REFUSED
    assert errors(refresh("")) == [("refresh_token", "blank")]


def test_revoking_ends_all_refresh_tokens_of_the_person_only(store, nobody, caller, owner, supporter):
    again = sign_in(store, owner)
    assert caller.get("/api/token/revoke").status_code == 204
    for token in (caller.refresh_token, again.refresh_token):
        assert nobody.post("/api/token/refresh", {"refresh_token": token}).told == REFUSED
    assert nobody.post("/api/token/refresh", {"refresh_token": supporter.refresh_token}).status_code == 200


def test_too_many_tries_wait(nobody, owner, manager, monkeypatch):
    monkeypatch.setitem(guessing.FREE, "account", 2)
    assert [login(nobody, owner.email, "wrong").status_code for _ in range(3)] == [401, 401, 429]
    refused = login(nobody, owner.email)
    assert refused.status_code == 429
    assert list(refused.told) == ["message"]
    assert 1 <= int(refused["Retry-After"]) <= 10
    assert login(nobody, manager.email).status_code == 200


def test_a_caller_that_signed_in_before_does_not_wait_for_those_who_guess(nobody, owner, monkeypatch, settings):
    monkeypatch.setitem(guessing.FREE, "account", 2)
    settings.BEHIND_PROXY = True

    def tried(password: str, address: str) -> int:
        body = {"username": owner.email, "password": password}
        return nobody.send("POST", "/api/admin/login_check", body, **{"X-Forwarded-For": address}).status_code

    assert tried(PASSWORD, "203.0.113.7") == 200
    assert [tried("wrong", f"198.51.100.{number}") for number in range(3)] == [401, 401, 429]
    assert tried(PASSWORD, "198.51.100.1") == 429
    assert tried(PASSWORD, "203.0.113.7") == 200


def test_behind_a_proxy_tries_are_counted_for_each_caller_and_not_for_the_proxy(nobody, owner, monkeypatch, settings):
    monkeypatch.setitem(guessing.FREE, "address", 1)
    settings.BEHIND_PROXY = True

    def tried(forwarded: str) -> int:
        body = {"username": owner.email, "password": "wrong"}
        return nobody.send("POST", "/api/admin/login_check", body, **{"X-Forwarded-For": forwarded}).status_code

    assert [tried("203.0.113.7"), tried("203.0.113.8"), tried("203.0.113.7")] == [401, 401, 429]
    assert tried("198.51.100.1, 203.0.113.7") == 429  # what a caller writes before the proxy does not count


def test_what_a_caller_writes_is_not_believed_without_a_proxy(nobody, owner, monkeypatch):
    monkeypatch.setitem(guessing.FREE, "address", 1)
    body = {"username": owner.email, "password": "wrong"}
    answers = [
        nobody.send("POST", "/api/admin/login_check", body, **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(2)
    ]
    assert answers == [401, 429]


def test_nobody_signs_in_while_tries_cannot_be_counted(nobody, owner, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(broker, "client", redis.Redis(port=1, socket_connect_timeout=0.1))
        refused = login(nobody, owner.email)
    assert refused.status_code == 503
    assert refused.told[0]["status"] == "Problem"
    assert refused["Retry-After"]


# --- Keys -------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_acts_as_its_admin(store, caller, owner):
    keys = f"/api/admin/{credentials.admin_id(owner)}/api-key"
    made = caller.post(keys, {"apiKey": {"name": "Till 1"}})
    assert made.status_code == 200
    assert set(made.told) == {"apiKeyId", "token", "adminId", "name", "legacy", "expirationDate"}
    by_key = Caller(store.slug, **{"X-AUTH-TOKEN": made.told["token"]})
    assert by_key.patch("settings", {"settings": {"programName": "Stars"}}).status_code == 200
    [listed] = by_key.get(keys).told["items"]
    assert (listed["name"], listed["token"]) == ("Till 1", None)
    assert made.told["token"].encode() not in bytes(ConnectionToken.objects.get(kind="key").digest)

    one = f"{keys}/{made.told['apiKeyId']}"
    assert caller.put(one, {"apiKey": {"name": "Till 2", "expirationDate": "2999-01-01"}}).status_code == 204
    assert caller.get(keys).told["items"][0]["name"] == "Till 2"
    assert by_key.delete(one).status_code == 204
    assert by_key.get("member").status_code == 401
    assert caller.delete(one).status_code == caller.put(one, {"apiKey": {"name": "x"}}).status_code == 404


def test_a_key_expires(store, owner):
    _, key = credentials.issue_key(owner, "short", expires_at=timezone.now() + timedelta(minutes=5))
    caller = Caller(store.slug, **{"X-AUTH-TOKEN": key})
    assert caller.get("member").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert caller.get("member").status_code == 401


def test_nobody_sees_or_makes_another_admins_keys(caller, owner, manager):
    credentials.issue_key(manager, "theirs")
    row, _ = credentials.issue_key(manager, "theirs too")
    for path in (credentials.admin_id(manager), str(owner.pk), "x"):
        keys = f"/api/admin/{path}/api-key"
        assert caller.get(keys).status_code == caller.post(keys, {"apiKey": {"name": "x"}}).status_code == 404
    own = f"/api/admin/{credentials.admin_id(owner)}/api-key"
    assert caller.get(own).told["items"] == []
    assert caller.delete(f"{own}/{row.public_id}").status_code == 404
    assert ConnectionToken.objects.filter(kind="key", revoked_at=None).count() == 2


def test_a_key_of_one_store_reaches_no_other(store, other_store, owner):
    other_store.staff.create(user=owner, role="owner")
    connection, _ = connections.connect(store, registry.get("openloyalty"))
    _, key = credentials.issue_key(owner, "Till", connection)
    caller = Caller(store.slug, **{"X-AUTH-TOKEN": key})
    assert caller.get("member").status_code == 200
    assert caller.get(f"/api/{other_store.slug}/member").status_code == 404
    assert [one["code"] for one in caller.get("/api/store").told["items"]] == [store.slug]
    keys = f"/api/admin/{credentials.admin_id(owner)}/api-key"
    assert caller.post(keys, {"apiKey": {"name": "wider"}}).status_code == 403
    assert caller.get("/api/token/revoke").status_code == 403
    _, wide = credentials.issue_key(owner, "all stores")
    assert Caller(other_store.slug, **{"X-AUTH-TOKEN": wide}).get("member").status_code == 200


def test_x_auth_token_decides_when_present(store, caller, owner):
    assert caller.send("GET", "member", **{"X-AUTH-TOKEN": "nonsense"}).status_code == 401
    assert caller.send("GET", "member", **{"X-AUTH-TOKEN": ""}).status_code == 401
    _, key = credentials.issue_key(owner, "k")
    nobody = Caller(store.slug)
    assert nobody.get(f"member?apiKey={key}&X-AUTH-TOKEN={key}").status_code == 401
    assert nobody.send("GET", "member", Authorization=f"Basic {key}").status_code == 401
    assert nobody.send("GET", "member", Authorization=f"Bearer {key}").status_code == 401


# --- Who may do what --------------------------------------------------------------------------


WRITES = [
    ("PATCH", "settings", {"settings": {"programName": "x"}}, ("owner", "manager")),
    ("POST", "settings", {"settings": {}}, ("owner", "manager")),
    (
        "POST", "customEvent/schema", {"customEventSchema": {"eventType": "t", "name": "T", "schema": {}}},
        ("owner", "manager"),
    ),
    ("PUT", "customEvent/schema/known", {"customEventSchema": {"name": "T", "schema": {}}}, ("owner", "manager")),
    ("POST", "customEvent/schema/known/active", {"active": True}, ("owner", "manager")),
    ("POST", "member", {"customer": {"email": "a@shop.example"}}, ("owner", "manager", "support")),
    (
        "POST", "customEvent", {"event": {"type": "known", "eventDate": "2024-05-01"}},
        ("owner", "manager", "support"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "allowed"), WRITES, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("role", ["owner", "manager", "support", "viewer"])
def test_only_roles_that_may_write_do(store, role, method, path, body, allowed):
    known = store.event_schemas.create(event_type="known", name="Known")
    answer = sign_in(store, staff(store, role, f"{role}@staff.example")).send(method, path, body)
    if role in allowed:
        assert answer.status_code in (200, 204)
        return
    assert (answer.status_code, answer.told) == (403, {"code": 403, "message": "Forbidden."})
    assert not store.customers.exists() and not store.custom_events.exists()
    assert list(store.event_schemas.values_list("event_type", "name")) == [("known", known.name)]


def test_everyone_on_the_staff_may_look_and_strangers_find_nothing(store, watcher, outsider):
    for path in ("settings", "settings/activation", "member", "customEvent", "customEvent/schema"):
        assert watcher.get(path).status_code == 200
        assert outsider.get(path).told == outsider.get(f"/api/nowhere/{path}").told == {
            "code": 404, "message": "Not Found",
        }  # fmt: skip
    assert outsider.post("member", {"customer": {"email": "a@shop.example"}}).status_code == 404
    assert not store.customers.exists()
    assert [one["code"] for one in outsider.get("/api/store").told["items"]] == ["rival"]


def test_a_connection_that_is_switched_off_answers_nothing(store, caller):
    caller.get("settings")
    store.connections.filter(dialect="openloyalty").update(is_enabled=False)
    assert caller.get("member").status_code == 403


def test_a_store_gets_one_connection_which_remembers_the_last_call(store, caller):
    caller.get("member")
    caller.get("settings")
    connection = store.connections.get()
    assert connection.last_call == f"GET /api/{store.slug}/member"
    assert connection.last_call_at


def test_the_merchant_sees_the_last_refusal(store, caller):
    caller.post("member", {"customer": {"email": "nonsense"}})
    caller.get("member/email=nobody@shop.example")
    assert store.connections.get().last_error == "POST /api/acme/member: email: This value is not valid."
