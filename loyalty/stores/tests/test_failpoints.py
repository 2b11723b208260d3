import os
import subprocess
import sys

import pytest

from loyalty.stores import failpoints


def test_production_has_none():
    assert failpoints.reach is failpoints.nothing


def test_arming_them_needs_two_switches(tmp_path):
    command = [sys.executable, "-c", "import loyalty.stores.failpoints"]
    env = {name: value for name, value in os.environ.items() if name != "FAULT_INJECTION"}
    refused = subprocess.run(command, env=env | {"FAILPOINTS": str(tmp_path)}, capture_output=True, text=True)
    assert refused.returncode and "FAULT_INJECTION" in refused.stderr
    both = env | {"FAILPOINTS": str(tmp_path), "FAULT_INJECTION": "allowed"}
    assert subprocess.run(command, env=both).returncode == 0


def test_an_order_is_carried_out_once(tmp_path):
    reach = failpoints.armed(tmp_path)
    reach("before-commit")
    (tmp_path / "before-commit").write_text("raise")
    reach("after-commit")
    with pytest.raises(failpoints.Failure, match="before-commit"):
        reach("before-commit")
    reach("before-commit")
    assert list(tmp_path.iterdir()) == []


def test_a_process_ends_where_it_is_told_to(tmp_path):
    (tmp_path / "after-nudge").write_text("kill")
    env = os.environ | {"FAILPOINTS": str(tmp_path), "FAULT_INJECTION": "allowed"}
    program = "from loyalty.stores import failpoints; failpoints.reach('after-nudge'); print('alive')"
    ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True)
    assert (ended.returncode, ended.stdout) == (-9, b"")
