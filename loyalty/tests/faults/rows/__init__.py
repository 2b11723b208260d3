"""The rows of the table. Each module of this folder adds its own; the order is by id."""

import importlib
import pkgutil
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty.tests.faults.outcome import Outcome

if TYPE_CHECKING:
    from loyalty.tests.faults.stack import Stack

Inject = Callable[["Stack", int, random.Random], Outcome]


@dataclass(frozen=True, slots=True)
class Row:
    """`quick` and `full` are how often its faults are injected, `seconds` its share of a quick run's time."""

    id: str
    what: str
    quick: int
    full: int
    seconds: float
    inject: Inject


ROWS: list[Row] = []


def row(id: str, what: str, *, quick: int, full: int, seconds: float) -> Callable[[Inject], Inject]:
    def add(inject: Inject) -> Inject:
        ROWS.append(Row(id, what, quick, full, seconds, inject))
        return inject

    return add


def load() -> list[Row]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(ROWS, key=lambda one: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", one.id)])
