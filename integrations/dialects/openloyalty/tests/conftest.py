"""A caller on this wire, with recorded bodies sent through the real urls."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import StrangerClient, staff
from integrations import exact_json
from integrations.dialects.openloyalty import credentials

PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


class Caller:
    """`post("member", body)` calls `/api/<code>/member` with this caller's credential."""

    refresh_token = ""

    def __init__(self, code: str, **headers: str) -> None:
        self.base, self.headers, self.client = f"/api/{code}/", headers, StrangerClient()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        path = path if path.startswith("/api") else self.base + path
        raw = body if isinstance(body, bytes) else b"" if body is None else exact_json.dumps(body).encode()
        response: Any = self.client.generic(
            method, path, raw, content_type="application/json", headers=self.headers | headers
        )
        response.told = json.loads(response.content) if response.content else None
        return response

    def get(self, path: str, **headers: str):
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None):
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Any = None):
        return self.send("PATCH", path, body)

    def delete(self, path: str):
        return self.send("DELETE", path)


def errors(response) -> list[tuple[str, str]]:
    """[(path, code)] of a refusal, whose form is checked on the way."""
    assert response.status_code == 400, response.content
    assert (response.told["code"], response.told["message"]) == (400, "Validation failed")
    assert response.told["errors"]
    for error in response.told["errors"]:
        assert set(error) == {"message", "parameters", "plural", "code", "path"}
        assert error["message"] and error["plural"] is None
        assert error["parameters"] == [] or isinstance(error["parameters"], dict)
    return [(error["path"], error["code"]) for error in response.told["errors"]]


def sign_in(store, user) -> Caller:
    """As after a login_check, without the time that checking a password takes."""
    caller = Caller(store.slug, Authorization=f"Bearer {credentials.new_token(user)}")
    caller.refresh_token = credentials.issue_refresh(user)
    return caller


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """A slow hash per person would be most of what these tests take."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def nobody(store) -> Caller:
    """Without a credential."""
    return Caller(store.slug)


@pytest.fixture
def caller(store, owner) -> Caller:
    """The owner, signed in."""
    return sign_in(store, owner)


@pytest.fixture
def supporter(store, support) -> Caller:
    return sign_in(store, support)


@pytest.fixture
def watcher(store, viewer) -> Caller:
    return sign_in(store, viewer)


@pytest.fixture
def outsider(other_store, store) -> Caller:
    """The owner of another store, calling for this one."""
    return sign_in(store, staff(other_store, "owner", "outsider@rival.example"))
