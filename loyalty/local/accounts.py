"""Who runs PostgreSQL when we are root, and what that account can reach."""

import contextlib
import os
import pwd
import subprocess
from pathlib import Path

from .state import Problem


def server_account() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Problem("PostgreSQL does not run as root and there is no account 'postgres' or 'nobody' to run it as.")


def is_reachable(path: Path, account: pwd.struct_passwd | None) -> bool:
    if account is None:
        return True
    test = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd="/", check=False,
    )  # fmt: skip
    return test.returncode == 0
