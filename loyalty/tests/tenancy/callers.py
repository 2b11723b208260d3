"""Who asks from another store, or from none, and how a stranger's call is refused on each of the wires."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse

from conftest import StrangerClient, make_customer, staff
from integrations.dialects.loyaltylion.authentication import issue_key
from integrations.dialects.openloyalty import credentials
from integrations.widget.sessions import Session
from loyalty.stores import broker
from loyalty.stores.models import ApiKey

from .routes import Objects

AWAY = {404, 405}
NO_RIGHT = {403}
SIGN_IN = {302}
WHO = {401}


@dataclass(frozen=True)
class Caller:
    name: str
    headers: dict[str, str]
    client: StrangerClient
    refusals: set[int]  # the answers to whatever names an object of another store

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> HttpResponse:
        broker.client.flushdb()  # no matter how often somebody asks
        if content_type == "application/x-www-form-urlencoded" and method == "get":
            content_type = ""
        return self.client.generic(method.upper(), path, body, content_type, headers=self.headers)


def text_of(answer: HttpResponse) -> str:
    return answer.getvalue().decode(errors="replace").lower()


def without(said: str, value: str) -> str:
    """What was asked may be said again, in whatever way it is written there."""
    for part in re.split(r"[^a-z0-9]+", value.lower()):
        said = said.replace(part, "") if "quokka" in part else said
    return said


def caller(name: str, refusals: set[int], client: StrangerClient | None = None, **headers: str) -> Caller:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Caller(name, named, client or StrangerClient(), refusals)


def bearer(name: str, token: str, refusals: set[int] = AWAY) -> Caller:
    return caller(name, refusals, Authorization=f"Bearer {token}")


def of_pages(mine: Objects, sign_in: Callable) -> list[Caller]:
    """Each role of another store. Who may change nothing there is told so before anything is looked for."""
    people = [
        caller(role, AWAY | (NO_RIGHT if role in ("support", "viewer") else set()), sign_in(staff(mine.store, role)))
        for role in ("manager", "support", "viewer")
    ]
    return [caller("owner", AWAY, sign_in(mine.member.user)), *people, caller("nobody", AWAY | SIGN_IN)]


def of_the_api(mine: Objects, sign_in: Callable) -> list[Caller]:
    weak = [
        bearer(f"key without {lacking}", ApiKey.issue(mine.store, "w", [s for s in ApiKey.Scope if s != lacking])[1],
               AWAY | NO_RIGHT)
        for lacking in ApiKey.Scope
    ]  # fmt: skip
    return [
        bearer("key", mine.clear_key), *weak, bearer("no key", "lk_x", AWAY | WHO),
        caller("signed in, no key", AWAY | WHO, sign_in(mine.member.user)),
    ]  # fmt: skip


def of_the_admin(mine: Objects, sign_in: Callable) -> list[Caller]:
    """Support staff of another store; its owner, who is no support staff; nobody."""
    person = staff(mine.store, "support", "helper@wombat.example")
    person.is_staff = True
    person.save()
    refused = AWAY | NO_RIGHT | SIGN_IN
    return [
        caller("support", refused, sign_in(person)), caller("owner", refused, sign_in(mine.member.user)),
        caller("nobody", refused),
    ]  # fmt: skip


def of_loyaltylion(mine: Objects, sign_in: Callable) -> list[Caller]:
    connection, secret = mine.connections["loyaltylion"]
    pair = base64.b64encode(f"{connection.key}:{secret}".encode()).decode()
    return [
        caller("site token", AWAY, Authorization=f"Basic {pair}"),
        bearer("api key", issue_key(connection, "test")[1]),
        bearer("key without a scope", issue_key(connection, "test", [])[1], AWAY | NO_RIGHT),
        caller("nobody", AWAY | WHO),
    ]


def of_openloyalty(mine: Objects, sign_in: Callable) -> list[Caller]:
    person, viewer = mine.member.user, staff(mine.store, "viewer", "watcher@wombat.example")
    key = credentials.issue_key(person, "own")[1]
    return [
        bearer("owner", credentials.new_token(person)),
        bearer("viewer", credentials.new_token(viewer), AWAY | NO_RIGHT),
        caller("permanent key", AWAY, X_AUTH_TOKEN=key),
        caller("nobody", AWAY | WHO),
    ]  # fmt: skip


def of_the_widget(mine: Objects, sign_in: Callable) -> list[Caller]:
    shopper = make_customer(mine.store, "shopper", "shopper@wombat.example")
    session = Session(mine.store.pk, mine.widget.key, mine.origin.origin, "v1", shopper.external_id)
    return [
        caller("shopper", AWAY, Authorization=f"Bearer {session.token()}", Origin=mine.origin.origin),
        caller("nobody", AWAY | WHO | NO_RIGHT),
    ]


def of_open_doors(mine: Objects, sign_in: Callable) -> list[Caller]:
    return [caller("owner", AWAY, sign_in(mine.member.user)), caller("nobody", AWAY)]


# Which wire a route belongs to, by its start; the longest that fits. A route that fits none fails the build.
WIRES: dict[str, Callable[[Objects, Callable], list[Caller]]] = {
    "s/<slug:slug>/": of_pages,
    "api/v1": of_the_api,
    "admin/": of_the_admin,
    "^v2/": of_loyaltylion,
    "api": of_openloyalty,
    "^api/": of_openloyalty,
    "widget/": of_the_widget,
    "js/": of_the_widget,
    **dict.fromkeys(
        (
            "images/",
            "accounts/",
            "stores/",
            "visit/",
            "demo/",
            "livez",
            "readyz",
            "metrics",
            "admin",
            "integrations/webhooks/",
        ),
        of_open_doors,
    ),
}


def wire_of(route: str) -> str:
    if route == "":
        return "stores/"  # home: which of one's stores?
    fitting = [start for start in WIRES if route.startswith(start)]
    assert fitting, f"{route}: say in WIRES who asks it"
    return max(fitting, key=len)
