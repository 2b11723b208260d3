"""An upgrade under load: the schema is migrated while the old web serves, then web, worker and beat are replaced.

There is one version of the code here, so old and new are the same: what is shown is that migrating and replacing
lose nothing, not that a certain migration suits the code before it.
"""

import os
import random
import signal
import subprocess
import sys
import time

from loyalty.local.state import ROOT
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack

STOPPING = 60.0  # seconds for a worker to end what it does


@row("G15", "upgrade under load: migrate, then replace web, worker and beat", quick=0, full=20, seconds=20)
def upgraded(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng):
        for _ in stack.rounds(times):
            outcome.expect(migrated(stack) == 0, "the migrations failed")
            for process in rng.sample(stack.processes, 3):
                process.popen.send_signal(signal.SIGTERM)
                process.popen.wait(STOPPING)
                stack.restart(process)
                time.sleep(rng.uniform(0.2, 1.0))
            outcome.faults += 1
    return outcome


def migrated(stack: Stack) -> int:
    """As the owner of the tables, while everybody uses them."""
    env = os.environ | {"DATABASE_URL": stack.postgres.owner_url}
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input", "--verbosity=0"]
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode
