"""Rules of the house that a tool can hold."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ("customers", "earning", "spending")
VENDOR = re.compile(r"lootly|loyaltylion|open_?loyalty|merchant_id|storecode", re.IGNORECASE)


def sources(*apps: str) -> list[Path]:
    return [
        path for app in apps for path in sorted((ROOT / app).rglob("*.py")) if "/migrations/" not in path.as_posix()
    ]


@pytest.mark.parametrize("path", sources(*CORE), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_knows_no_vendors_word(path):
    assert VENDOR.findall(path.read_text()) == []


def test_no_task_is_sent_with_a_due_time():
    """Due times live in rows, where they survive the broker."""
    for path in sources("loyalty", *CORE, "integrations"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("eta", "countdown"), f"{path}:{node.value.lineno}"


def test_points_and_money_are_never_floats():
    for path in sources(*CORE):
        if "/tests/" in path.as_posix():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            calls_float = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float"
            assert not calls_float, f"{path}:{node.lineno}"
            assert not is_float or "seconds" in path.read_text(), f"{path}:{node.lineno}"
