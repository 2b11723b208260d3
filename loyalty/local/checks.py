"""The steps of bin/test: quick checks, which all run and all report, then the tests, then the faults."""

import os
import subprocess
import sys

from .console import say
from .state import ROOT

PYTHON = sys.executable
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
CHECKS = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "imports": [PYTHON, "-c", LINT_IMPORTS],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "templates": [PYTHON, "-m", "djlint", "--lint", "--quiet", "templates"],
}
FAULTS = [PYTHON, "-m", "loyalty.local", "faults", "--quick"]


def run(env: dict[str, str], only: str | None, pytest_options: list[str]) -> int:
    """0 when everything asked for is well. The tests wait until the checks are, the faults until the tests are."""
    failed = [name for name, command in CHECKS.items() if only in (None, name) and not passes(name, command, env)]
    if not failed and only in (None, "tests"):
        tests = [PYTHON, "-m", "pytest", "-n", str(os.cpu_count() or 2), *pytest_options]
        failed = [] if passes("tests", tests, env) else ["tests"]
    if not failed and only in (None, "faults"):
        failed = [] if passes("faults", FAULTS, env) else ["faults"]
    say(f"\nNot well: {', '.join(failed)}" if failed else "\nAll well.")
    return 1 if failed else 0


def passes(name: str, command: list[str], env: dict[str, str]) -> bool:
    say(f"\n=== {name}")
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0  # noqa: S603
