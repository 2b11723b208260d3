"""The database roles: the owner migrates, the app role works under row-level security, the sweeper finds due stores."""

import psycopg
from psycopg import sql

from .state import Problem

APP_ROLE = "loyalty_app"
SWEEP_ROLE = "loyalty_sweep"
OLDEST_POSTGRES = 15


def ensure_roles(owner_dsn: str, app_password: str | None = None) -> None:
    """Make the app's roles and their rights in the owner's database. Safe to repeat.

    A role that exists keeps its password. Rights on tables come as default privileges only: granting on tables
    that exist would give back what a migration has taken away (the ledger is append-only).
    """
    with psycopg.connect(owner_dsn, connect_timeout=5) as connection:
        if connection.info.server_version < OLDEST_POSTGRES * 10_000:
            raise Problem(f"Loyalty needs PostgreSQL {OLDEST_POSTGRES} or newer; DATABASE_URL leads to an older one.")
        try:
            _make_roles(connection, app_password)
        except psycopg.errors.InsufficientPrivilege as error:
            raise Problem(how_to_make_roles(connection.info.user)) from error
        _grant_rights(connection)


def has_role(connection: psycopg.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is not None


def _make_roles(connection: psycopg.Connection, app_password: str | None) -> None:
    if not has_role(connection, SWEEP_ROLE):
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(SWEEP_ROLE)))
    if not has_role(connection, APP_ROLE):
        # NOINHERIT: what the sweeper may see is seen only after SET ROLE.
        create = sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}")
        connection.execute(create.format(sql.Identifier(APP_ROLE), sql.Literal(app_password)))
    is_member = connection.execute("SELECT 1 WHERE pg_has_role(%s, %s, 'MEMBER')", [APP_ROLE, SWEEP_ROLE])
    if is_member.fetchone() is None:
        options = " WITH INHERIT FALSE, SET TRUE" if connection.info.server_version >= 160_000 else ""
        grant = sql.SQL("GRANT {} TO {}" + options)
        connection.execute(grant.format(sql.Identifier(SWEEP_ROLE), sql.Identifier(APP_ROLE)))


def _grant_rights(connection: psycopg.Connection) -> None:
    app, sweep = sql.Identifier(APP_ROLE), sql.Identifier(SWEEP_ROLE)
    mine = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT "
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}, {}").format(app, sweep))
    connection.execute(sql.SQL(mine + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}").format(app))
    connection.execute(sql.SQL(mine + "USAGE, SELECT ON SEQUENCES TO {}").format(app))


def how_to_make_roles(owner: str) -> str:
    return (
        f'"{owner}" may not create roles. As a superuser run: CREATE ROLE {SWEEP_ROLE} NOLOGIN; '
        f"CREATE ROLE {APP_ROLE} LOGIN NOINHERIT PASSWORD '...'; GRANT {SWEEP_ROLE} TO {APP_ROLE}; then set "
        f"DATABASE_URL to the address of {APP_ROLE} and DATABASE_OWNER_URL to the present one."
    )
