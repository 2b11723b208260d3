"""What stands between running servers and a usable site: migrations, static files, the demo store.

Each step remembers what it was done for, so that a second start does nothing here.
"""

import json
import os
import sys

import psycopg

from .console import say
from .processes import Leash, Process, reason
from .servers import Servers
from .state import ROOT, Problem, State, fingerprint

# What decides which apps there are, next to the files of the step itself.
APPS = [ROOT / "loyalty" / "settings.py", ROOT / "requirements.txt"]
UNUSED_STATIC = ["redoc", "rest_framework"]
SKIPPED = {"node_modules", "staticfiles"}


def migrate(state: State, servers: Servers, leash: Leash) -> None:
    """As the owner. The remembered mark holds what the database itself says, in case it was replaced."""
    wanted = fingerprint([*files_below("migrations", ".py"), *APPS])
    if state.recall("migrated") == f"{wanted} {applied_migrations(servers)}":
        return
    say("Migrating the database ...")
    manage(state, servers.owner_env, leash, "migrate", "--no-input", "--verbosity=0")
    state.remember("migrated", f"{wanted} {applied_migrations(servers)}")


def applied_migrations(servers: Servers) -> str:
    with psycopg.connect(servers.env["DATABASE_OWNER_URL"], connect_timeout=5) as connection:
        try:
            row = connection.execute("SELECT count(*), max(applied) FROM django_migrations").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    return str(row)


def collect_static(state: State, servers: Servers, leash: Leash) -> None:
    wanted = fingerprint([*files_below("static"), *APPS])
    if state.recall("collected") == wanted and (state / "static").exists():
        return
    say("Collecting the static files ...")
    ignored = [f"--ignore={name}" for name in UNUSED_STATIC]
    manage(state, servers.env, leash, "collectstatic", "--no-input", "--clear", "--verbosity=0", *ignored)
    state.remember("collected", wanted)


def seed(state: State, servers: Servers, leash: Leash) -> None:
    """The demo store, when the database has no store yet."""
    was_interrupted = (state / "seeding").exists()
    if not was_interrupted and has_stores(servers):
        return
    say("Making the demo store ...")
    state.remember("seeding", "")
    manage(state, servers.env, leash, "seed_demo", "--state", str(state.folder))
    (state / "seeding").unlink()


def has_stores(servers: Servers) -> bool:
    with psycopg.connect(servers.env["DATABASE_OWNER_URL"], connect_timeout=5) as connection:
        return connection.execute("SELECT 1 FROM stores_store LIMIT 1").fetchone() is not None


def demo_sign_in(state: State, url: str) -> dict[str, str]:
    """What demo.json says, with the address brought up to date; empty without a demo store."""
    if not (state / "demo.json").exists():
        return {}
    demo = json.loads((state / "demo.json").read_text())
    if demo.get("url") != url:
        demo["url"] = url
        state.write_secret("demo.json", json.dumps(demo, indent=2) + "\n")
    return demo


def manage(state: State, env: dict[str, str], leash: Leash, *arguments: str) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    log = state / "prepare.log"
    log.unlink(missing_ok=True)
    process = Process(f"manage.py {arguments[0]}", command, leash, env=os.environ | env, cwd=ROOT, output=log)
    if process.run():
        raise Problem(f"{process.name} {process.ending}: {reason(process)} (all of it: {log})")


def files_below(folder: str, suffix: str = ""):
    """Files of the project in any folder of this name; hidden folders (.venv, .local) are not the project."""
    for path, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith((".", "__")) and name not in SKIPPED]
        if folder in path.removeprefix(str(ROOT)).split(os.sep):
            yield from (ROOT / path / name for name in files if name.endswith(suffix))
