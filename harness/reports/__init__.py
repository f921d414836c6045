"""What a session came to, for people and programs. Reports only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.model import Build, Cell, CellState, Value

STATES = tuple(CellState)


class Results(Value, frozen=True, kw_only=True):
    """Everything that the reports of one invocation are made from."""

    cells: tuple[Cell, ...]
    builds: tuple[Build, ...]
    gateways: int
    seconds: float
    strict: bool
    interrupted: bool = False  # before all selected cells were judged


def exit_code(results: Results) -> int:
    """What the command ends with.

    0: well. 1: findings, or with --strict samples missing. 2: something could not be run, or nothing was proved.
    """
    states = Counter(cell.state for cell in results.cells)
    if states[CellState.ERROR] or (results.strict and states[CellState.UNAVAILABLE]):
        return 2
    if states[CellState.FAILED] or (results.strict and states[CellState.MISSING]):
        return 1
    return 0 if states[CellState.PASSED] else 2


def ordered(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """By language, then scenario, whatever the order in which workers were done."""
    return tuple(sorted(cells, key=lambda cell: (cell.language, cell.scenario)))
