"""The programs of bin/, once the environment is there: python -m loyalty.local <command>."""

import argparse
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import checks, prepare, supervisor
from .console import say
from .ports import HOST, is_free
from .processes import Leash
from .servers import Servers, running_servers
from .state import ROOT, Problem, State
from .supervisor import Supervisor

OWNER_COMMANDS = {"migrate"}


def up(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("bin/up", description="Start Loyalty: databases, web, worker, beat and sweeper.")
    parser.add_argument("--port", type=int, default=8000, help="of the web server on 127.0.0.1 (8000)")
    parser.add_argument("--state", type=Path, default=default_state(), help="folder for all data (.local)")
    parser.add_argument("--no-demo", action="store_true", help="do not make the demo store on the first start")
    options = parser.parse_args(arguments)
    state, url = State(options.state), f"http://{HOST}:{options.port}"
    with contextlib.suppress(KeyboardInterrupt), leash_on(state) as leash:
        if not is_free(options.port):
            raise Problem(
                f"Port {options.port} is taken by another program. Choose another: bin/up --port {options.port + 1}"
            )
        with running_servers(state, leash) as servers:
            servers.env["SITE_URL"] = url
            state.write_env(servers.env)
            prepare.migrate(state, servers, leash)
            prepare.collect_static(state, servers, leash)
            if not options.no_demo:
                prepare.seed(state, servers, leash)
            serve(state, servers, leash, options.port)
    return 0


def serve(state: State, servers: Servers, leash: Leash, port: int) -> None:
    os.environ.update(servers.env)
    watch = Supervisor(servers.processes, leash)
    try:
        watch.start(supervisor.web(port, leash))
        watch.start(supervisor.worker(leash))
        watch.watch_until(lambda: supervisor.answers(port))
        watch.watch_until(supervisor.worker_answers)
        watch.start(supervisor.beat(state, leash))
        watch.start(supervisor.sweeper(leash))
        announce(prepare.demo_sign_in(state, servers.env["SITE_URL"]), servers.env["SITE_URL"])
        watch.watch_until(lambda: False)
    except KeyboardInterrupt:
        say("Stopping ...")
        raise
    finally:
        watch.stop()


def announce(demo: dict[str, str], url: str) -> None:
    say(f"ready {url}")
    if demo:
        say(f"      sign in as {demo['email']} with the password {demo['password']}")
        say(f"      the demo's shop, as its customers see it: {url}/demo/shop/")


def manage(arguments: list[str]) -> int:
    """manage.py against a running bin/up; else with servers that run for as long as the command does."""
    state = State(default_state())
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    is_owners = bool(arguments) and arguments[0] in OWNER_COMMANDS
    if state.is_running:
        servers = Servers(state.read_env())
        env = servers.owner_env if is_owners else servers.env
        os.execve(sys.executable, command, os.environ | env)  # noqa: S606 - no shell wanted
    with leash_on(state) as leash, running_servers(state, leash) as servers:
        state.write_env(servers.env)
        return run_in_front(command, servers.owner_env if is_owners else servers.env)


def run_in_front(command: list[str], env: dict[str, str]) -> int:
    """Ctrl-C is for the command, which may be a shell; we wait for what it makes of it."""
    with subprocess.Popen(command, env=os.environ | env) as process:  # noqa: S603
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        except KeyboardInterrupt:  # SIGTERM was for us
            process.terminate()
            raise


def test(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("bin/test", description="Checks, tests, faults. Other options are pytest's.")
    parser.add_argument("--only", choices=[*checks.CHECKS, "tests", "faults"], help="run one step")
    options, pytest_options = parser.parse_known_args(arguments)
    state = State(ROOT / ".local-test")
    with leash_on(state) as leash, running_servers(state, leash, is_durable=False) as servers:
        return checks.run(os.environ | servers.env, options.only, pytest_options)


def bench(arguments: list[str]) -> int:
    """On a new state folder each time: figures must not depend on what an earlier run left behind."""
    folder = ROOT / ".local-bench"
    shutil.rmtree(folder, ignore_errors=True)
    state = State(folder)
    with leash_on(state) as leash, running_servers(state, leash) as servers:
        prepare.migrate(state, servers, leash)
        prepare.collect_static(state, servers, leash)
        env = servers.env | {"STATIC_ROOT": str(state / "static")}
        return run_in_front([sys.executable, "-m", "loyalty.bench", *arguments], env)


def faults(arguments: list[str]) -> int:
    """It starts servers of its own, since it kills them."""
    return run_in_front([sys.executable, "-m", "loyalty.tests.faults", *arguments], {})


def default_state() -> Path:
    return Path(os.environ.get("LOYALTY_STATE") or ROOT / ".local")


@contextlib.contextmanager
def leash_on(state: State) -> Iterator[Leash]:
    """The state folder for this process alone, and a leash for what it starts."""
    catch_signals()
    state.acquire()
    leash = Leash(state.lock)
    try:
        yield leash
    finally:
        leash.close()


def catch_signals() -> None:
    """TERM and a closed terminal end us the way Ctrl-C does; asking twice must not disturb the ending."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        wanted.append(signal.SIGHUP)

    def stop(*_):
        for number in wanted:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in wanted:
        signal.signal(number, stop)


def main(command: str, *arguments: str) -> int:
    try:
        return {"up": up, "manage": manage, "test": test, "bench": bench, "faults": faults}[command](list(arguments))
    except Problem as problem:
        line = str(problem)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        line = f"The disk is full ({error.filename or 'state folder'}). Make room and start again."
    print(f"bin/{command}: {line}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
