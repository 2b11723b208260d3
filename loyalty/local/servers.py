"""The databases that the product needs: embedded ones, or those that DATABASE_URL and REDIS_URL name."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

import psycopg
import redis

from . import valkey
from .postgres import Postgres
from .processes import Leash, Process
from .roles import APP_ROLE, ensure_roles
from .state import Problem, State
from .valkey import Valkey


@dataclass
class Servers:
    """What is running, in the order it was started, and how to reach it."""

    env: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    @property
    def owner_env(self) -> dict[str, str]:
        """The environment of a command that migrates."""
        return self.env | {"DATABASE_URL": self.env["DATABASE_OWNER_URL"]}


@contextlib.contextmanager
def running_servers(state: State, leash: Leash, *, is_durable: bool = True) -> Iterator[Servers]:
    """Start what the environment does not name; stop it at the end, last started first."""
    servers = Servers()
    try:
        if has_external_database():
            servers.env |= external_database(state)
        else:
            postgres = Postgres(state, leash, is_durable=is_durable)
            servers.processes.append(postgres.start())
            ensure_roles(postgres.owner_url, state.secret("app_password"))
            servers.env["DATABASE_OWNER_URL"] = postgres.owner_url
            servers.env["DATABASE_URL"] = with_user(postgres.owner_url, APP_ROLE, state.secret("app_password"))
        if os.environ.get("REDIS_URL"):
            servers.env["REDIS_URL"] = external_broker()
        else:
            broker = Valkey(state, leash, is_durable=is_durable)
            servers.processes.append(broker.start())
            servers.env["REDIS_URL"] = broker.url
        servers.env |= keys(state) | {"STATIC_ROOT": str(state / "static")}
        yield servers
    finally:
        for process in reversed(servers.processes):
            process.stop()


def keys(state: State) -> dict[str, str]:
    return {name: os.environ.get(name) or state.secret(name.lower()) for name in ("SECRET_KEY", "ENCRYPTION_KEY")}


def has_external_database() -> bool:
    return bool(os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_OWNER_URL"))


def external_database(state: State) -> dict[str, str]:
    """Both addresses of the given database. A single one is its owner's, and the app's is derived from it."""
    app_url = os.environ.get("DATABASE_URL", "")
    owner_url = os.environ.get("DATABASE_OWNER_URL", "") or app_url
    if urlsplit(owner_url).username == APP_ROLE:
        raise Problem(f"DATABASE_URL signs in as {APP_ROLE}, which may not migrate. Set DATABASE_OWNER_URL as well.")
    if app_url in ("", owner_url):
        app_url = with_user(owner_url, APP_ROLE, state.secret("app_password"))
    elif urlsplit(app_url).username != APP_ROLE:
        raise Problem(
            f"With DATABASE_OWNER_URL set, DATABASE_URL must sign in as {APP_ROLE}: the migrations grant to it."
        )
    try:
        ensure_roles(owner_url, unquote(urlsplit(app_url).password or "") or None)
    except psycopg.OperationalError as error:
        raise Problem(f"The database at {without_password(owner_url)} does not answer: {last_line(error)}") from error
    check_app_role(app_url)
    return {"DATABASE_URL": app_url, "DATABASE_OWNER_URL": owner_url}


def check_app_role(app_url: str) -> None:
    try:
        psycopg.connect(app_url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        raise Problem(
            f"The role {APP_ROLE} exists but cannot sign in ({last_line(error)}). Set DATABASE_URL to its address, "
            "with its password, and DATABASE_OWNER_URL to the owner's."
        ) from error


def external_broker() -> str:
    url = os.environ["REDIS_URL"]
    try:
        is_up = valkey.answers(url)
    except (redis.RedisError, ValueError) as error:
        raise Problem(f"The broker at {without_password(url)} refuses: {error}") from error
    if not is_up:
        raise Problem(f"The broker at {without_password(url)} (REDIS_URL) does not answer.")
    return url


def with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{address}").geturl()


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__
