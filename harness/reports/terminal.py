"""Live progress, and at the end the grid, the findings and the count, for people.

On a terminal a line at the bottom shows what is going on; elsewhere only lines that stay are printed.
Colours repeat what words say.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.model import Cell, CellState, Event, Sample
from harness.reports import Results, ordered
from harness.reports.words import cell_lines, headline

STYLES = {
    CellState.PASSED: "green",
    CellState.FAILED: "bold red",
    CellState.ERROR: "bold magenta",
    CellState.KNOWN_FAILING: "yellow",
    CellState.MISSING: "yellow",
    CellState.UNAVAILABLE: "yellow",
    CellState.NOT_APPLICABLE: "dim",
}
#: States that catch the eye in capitals, where there is no colour.
LOUD = (CellState.FAILED, CellState.ERROR)
#: The share of the time that each phase took is shown in this order.
PHASES = ("set-up", "build", "open", "run", "close")
#: Seconds after which, without a live line, something that goes on is announced; runs are named before they time out.
ANNOUNCED_AFTER_S = {"set-up": 0.5, "build": 10.0, "run": 10.0}
#: Names of cells in the line of what is going on.
SHOWN_AT_ONCE = 3


class _Console(Console):
    """One whose reader may go away, as in `conform run | head`: the run goes on, and its results are written."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Terminal:
    """Prints what it hears of. `console` decides whether it is a terminal, how wide, and which colours."""

    def __init__(self, console: Console | None = None) -> None:
        # Wide where nobody looks at it live: a log has no width, and wrapped lines can't be searched.
        self._console = console or _Console(highlight=False, soft_wrap=True)
        self._running: dict[str, float] = {}
        self._announced: set[str] = set()
        self._done = 0
        self._planned = 0
        self._status = self._console.status("starting", spinner="line") if self._console.is_terminal else None

    def began(self, samples: Sequence[Sample], runner: str) -> None:
        """The samples that will be run."""
        self._planned = len(samples)
        languages = list(dict.fromkeys(one.language.name for one in samples))
        scenarios = {one.scenario.name for one in samples}
        grid = f"{_count(len(languages), 'language')} ({', '.join(languages)}), {_count(len(scenarios), 'scenario')}"
        self._line(Text(f"conform: {_count(len(samples), 'sample')}: {grid}; {runner} runner, recorded answers"))
        if self._status:
            self._status.start()

    def heard(self, event: Event) -> None:
        """Something began or ended in one of the session's processes."""
        name = f"{event.phase} {event.id}"
        if event.began:
            self._running[name] = event.at
        else:
            seconds = event.at - self._running.pop(name, event.at)
            if event.phase == "set-up" and event.state in ("done", "failed", "unavailable"):
                self._line(Text(f"set-up of {event.id} {event.state} ({seconds:.1f} s)"))
        self._show_status()

    def waited(self) -> None:
        """Time went by: a set-up that takes longer than a look is announced where no live line shows it."""
        for name, since in list(self._running.items()):
            if (
                not self._status
                and name not in self._announced
                and time.time() - since > ANNOUNCED_AFTER_S[name.partition(" ")[0]]
            ):
                self._announced.add(name)
                self._line(Text(f"{name}: still going on …"))
        self._show_status()

    def judged(self, cell: Cell) -> None:
        """A cell has its state."""
        self._done += 1
        line = Text(f"{_spelled(cell.state):<14}", STYLES[cell.state]) + Text(f" {cell.id}")
        if cell.seconds:
            line += Text(f"  {cell.seconds:.1f} s", "dim")
        if cell.state in LOUD:  # why others weren't run is told once, at the end
            line += Text(f"  {_shortened(headline(cell))}")
        self._line(line)
        self._show_status()

    def said(self, text: str) -> None:
        """A message of the harness itself."""
        self._line(Text(text))

    def ended(self, results: Results, written: Sequence[Path], durations: bool, verbose: bool) -> None:
        """Findings, the grid, and the count."""
        self.quiet()
        for line in summary(results, durations, verbose):
            self._line(line)
        for line in grid(results.cells) if results.cells else ():
            self._line(line)
        if not results.cells and not results.interrupted:
            self._line(
                Text(f"-k or --lf selects none of {_count(self._planned, 'sample')}; `conform list` shows the ids")
            )
        self._line(Text())
        if written:
            self._line(Text("results: " + ", ".join(map(str, written)), "dim"))
        self._line(totals(results))

    def quiet(self) -> None:
        """Take the live line away."""
        if self._status:
            self._status.stop()

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _show_status(self) -> None:
        if self._status:
            now = time.time()
            names = [f"{name} {now - since:.0f} s" for name, since in list(self._running.items())]
            more = f" and {len(names) - SHOWN_AT_ONCE} more" if len(names) > SHOWN_AT_ONCE else ""
            self._status.update(f"{self._done} of {self._planned}  {', '.join(names[:SHOWN_AT_ONCE])}{more}")


def summary(results: Results, durations: bool = False, verbose: bool = False) -> Iterator[Text]:
    """The cells that did not pass (`verbose`: all), each with all that is known, and what could not be tried."""
    told = (CellState.FAILED, CellState.KNOWN_FAILING, *((CellState.PASSED,) if verbose else ()))
    cells = ordered(results.cells)
    for cell in cells:
        if cell.state in told:
            yield Text()
            yield Text(_spelled(cell.state), STYLES[cell.state]) + Text(f" {cell.id}", "bold")
            yield from (Text(f"  {line}") for line in cell_lines(cell))
        if cell.kept:
            yield Text(f"kept {cell.id}; to repeat the run by hand:\n  {cell.kept}")
    for state in (CellState.ERROR, CellState.UNAVAILABLE, CellState.MISSING):
        for alike in _of_one_cause([cell for cell in cells if cell.state is state]):
            ids = alike[0].id if len(alike) == 1 else f"{_count(len(alike), 'sample')}, {alike[0].id} first"
            yield Text()
            yield Text(_spelled(state), STYLES[state]) + Text(f" {ids}", "bold")
            yield from (Text(f"  {line}") for line in cell_lines(alike[0]))
    if durations:
        yield Text()
        yield from _durations(cells)
    yield Text()


def grid(cells: Sequence[Cell]) -> Iterator[Text]:
    """Scenarios × languages, a word in each place; a line that is too long is never cut."""
    languages = sorted({cell.language for cell in cells})
    states = {(cell.scenario, cell.language): cell.state for cell in cells}
    columns = [[Text("scenario", "bold"), *(Text(one) for one in sorted({cell.scenario for cell in cells}))]]
    for language in languages:
        found = [states.get((str(scenario), language)) for scenario in columns[0][1:]]
        words = [Text(_spelled(one), STYLES[one]) if one else Text("·", "dim") for one in found]
        columns.append([Text(language, "bold"), *words])
    for column in columns[:-1]:  # the last one needs no space behind it
        width = max(map(len, column)) + 2
        for word in column:
            word.pad_right(width - len(word))
    yield from (Text.assemble(*row) for row in zip(*columns, strict=True))


def totals(results: Results) -> Text:
    """The last line: how many cells came to each state, and the time."""
    states = Counter(cell.state for cell in results.cells)
    parts = [Text(f"{states[state]} {state.value}", STYLES[state]) for state in CellState if states[state]]
    line = Text(", ").join(parts) if parts else Text("no sample was run")
    if results.interrupted:
        line = Text("interrupted: ") + line
    return line + Text(f" in {results.seconds:.1f} s")


def _of_one_cause(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that were not run, those with the same first line of their reason together."""
    causes: dict[str, list[Cell]] = {}
    for cell in cells:
        causes.setdefault(headline(cell), []).append(cell)
    return list(causes.values())


def _durations(cells: Sequence[Cell]) -> Iterator[Text]:
    ran = [cell for cell in cells if cell.phases]
    yield Text("seconds".ljust(44) + "".join(f"{phase:>9}" for phase in PHASES))
    for cell in (*ran, None):
        values = [sum(one.phases.get(phase, 0.0) for one in ([cell] if cell else ran)) for phase in PHASES]
        yield Text(f"{cell.id if cell else 'all':<44}" + "".join(f"{value:>9.2f}" for value in values))


def _spelled(state: CellState) -> str:
    return state.value.upper() if state in LOUD else state.value


def _shortened(text: str, limit: int = 110) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
