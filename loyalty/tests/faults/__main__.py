"""`bin/faults`: python -m loyalty.tests.faults, with the whole product on a state folder of its own."""

import argparse
import logging
import os
import random
import secrets
import shutil
import sys
import time
import traceback
from typing import TYPE_CHECKING

import django

from loyalty.local.__main__ import leash_on
from loyalty.local.console import say
from loyalty.local.state import ROOT, Problem, State

from .outcome import Outcome
from .servers import running_servers

if TYPE_CHECKING:
    from .rows import Row
    from .stack import Stack

STATE = ROOT / ".local-faults"


def main() -> int:
    options = parse()
    state = State(STATE)
    with leash_on(state) as leash, running_servers(emptied(state), leash) as servers:
        os.environ |= servers.env
        django.setup()

        from .stack import Stack

        stack = Stack(state, leash, servers)
        try:
            stack.start()
            return run(stack, options)
        finally:
            stack.stop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/faults", description="Inject faults into the running product; print a table.")
    parser.add_argument("--quick", action="store_true", help="the size that bin/test takes, some minutes")
    parser.add_argument("--row", action="append", metavar="ID", help="only this row; may be given again")
    parser.add_argument("--seed", help="repeat the random choices of an earlier run")
    parser.add_argument("--minutes", type=float, default=60, help="for all rows of a full run together (60)")
    parser.add_argument("--times", type=int, help="how often each row injects its fault, instead of its own number")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


def emptied(state: State) -> State:
    """Figures must not depend on what an earlier run left behind."""
    for path in state.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path.resolve())  # PostgreSQL's folder may be a link to where its account can reach it
        if path.is_symlink() or (path.is_file() and path.name != "lock"):
            path.unlink()
    return state


def run(stack: "Stack", options: argparse.Namespace) -> int:
    from . import report, rows

    def is_wanted(row: "Row") -> bool:
        """A row that is named, or else all; those without a quick size take too long for a quick run."""
        return row.id in options.row if options.row else row.quick > 0 or not options.quick

    wanted = [row for row in rows.load() if is_wanted(row)]
    if not wanted:
        sys.exit(f"There is no row {options.row}; there are {', '.join(sorted({row.id for row in rows.ROWS}))}.")
    seed = options.seed or secrets.token_hex(4)
    start, lines, is_well = time.monotonic(), [], True
    scale = 1.0 if options.quick else options.minutes * 60 / sum(row.seconds for row in wanted)
    stack.is_quick = options.quick
    logging.getLogger("loyalty").setLevel(logging.ERROR)  # of this process, which plays a web without a broker too
    say(f"seed {seed}")
    for row in wanted:
        times = options.times or (max(row.quick, 1) if options.quick else row.full)
        outcome = inject(stack, row, times, row.seconds * scale, f"{seed} {row.id} {row.what}")
        lines.append(report.line(row, times, outcome))
        is_well = is_well and outcome.is_well
        say(" | ".join(lines[-1]))
        for remark in report.remarks(row, outcome):
            say(remark)
    table = report.table(lines)
    say(f"\n{table}\n\nseed {seed}, {time.monotonic() - start:.0f} s")
    if options.write:
        asked = " ".join(["bin/faults", *sys.argv[1:]])
        report.write(f"{table}\n\nBy `{asked}`, seed `{seed}`, {(time.monotonic() - start) / 60:.0f} minutes.")
    return 0 if is_well else 1


def inject(stack: "Stack", row: "Row", times: int, seconds: float, seed: str) -> Outcome:
    """Run one row in its share of the time, then look at what it left behind."""
    from . import judging

    stack.shops.clear()
    stack.deadline = time.monotonic() + seconds
    try:
        outcome = row.inject(stack, times, random.Random(seed))
        judging.judge(stack, outcome)
    except Exception:
        outcome = Outcome()
        outcome.fail(traceback.format_exc())
    outcome.close()
    return outcome


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"bin/faults: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
