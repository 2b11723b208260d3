"""The embedded PostgreSQL and Valkey that the faults are done to; whatever the environment names is left alone."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from loyalty.local import prepare
from loyalty.local.postgres import Postgres
from loyalty.local.processes import Leash, Process
from loyalty.local.roles import APP_ROLE, ensure_roles
from loyalty.local.servers import Servers as Addresses
from loyalty.local.servers import keys, with_user
from loyalty.local.state import State
from loyalty.local.valkey import Valkey


@dataclass
class Servers:
    postgres: Postgres
    database: Process
    valkey: Valkey
    broker: Process
    env: dict[str, str]


@contextlib.contextmanager
def running_servers(state: State, leash: Leash) -> Iterator[Servers]:
    """Durable, as in production, and migrated."""
    postgres, valkey = Postgres(state, leash, is_durable=True), Valkey(state, leash, is_durable=True)
    with contextlib.ExitStack() as stack:
        database = postgres.start()
        stack.callback(database.stop)
        broker = valkey.start()
        stack.callback(broker.stop)
        ensure_roles(postgres.owner_url, state.secret("app_password"))
        app_url = with_user(postgres.owner_url, APP_ROLE, state.secret("app_password"))
        env = {"DATABASE_URL": app_url, "REDIS_URL": valkey.url} | keys(state)
        addresses = Addresses(env | {"DATABASE_OWNER_URL": postgres.owner_url, "STATIC_ROOT": str(state / "static")})
        prepare.migrate(state, addresses, leash)
        prepare.collect_static(state, addresses, leash)
        yield Servers(postgres, database, valkey, broker, env)
