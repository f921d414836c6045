"""The pytest edge: options, cells as items, excuses, xdist, exit codes, reports.

It wakes when an argument of pytest is, holds or lies in ROOT/samples, where languages are; other test
suites never notice it.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import reports
from harness.catalogue import LANGUAGE_FILE, catalogue, command_of, matching
from harness.cells import cell_of, cell_without_run
from harness.checks import CHECKS
from harness.errors import HarnessError, SampleFailed, ToolchainMissing
from harness.known_failing import excused_checks, excuses
from harness.model import Cell, CellState, Language, Sample
from harness.reports.json import json_report
from harness.reports.junit import junit_report
from harness.reports.progress import Follower
from harness.reports.terminal import Terminal
from harness.reports.words import cell_lines
from harness.runners.storage import storing, write_whole
from harness.session import Session
from harness.settings import STATE_FOLDER, Settings

GRID = "conform-grid"  # the name under which the Grid is registered


class CouldNotRun(pytest.exit.Exception):  # type: ignore[misc, name-defined]
    """Ends pytest before anything was collected, with a message and exit code 2."""


CouldNotRun.__name__ = "could not run"  # pytest prints the class's name before the message


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conform", "samples held to their scenarios")
    group.addoption(
        "--conform-root", metavar="DIR", help="the folder that holds samples/ and fixtures/ (default: rootdir)"
    )
    group.addoption("--conform-select", metavar="PATTERN", action="append", default=[], help="ids, such as '*/chat_*'")
    group.addoption("--conform-runner", default="auto", help="local, or auto (default)")
    group.addoption("--conform-strict", action="store_true", help="a sample that is unavailable or missing is red")
    group.addoption(
        "--conform-keep", action="store_true", help="leave each run's folder, and say how to repeat the run"
    )
    group.addoption("--conform-json", metavar="FILE", help=f"results as JSON (default: {STATE_FOLDER}/results.json)")
    group.addoption(
        "--conform-junit", metavar="FILE", help=f"results as JUnit XML (default: {STATE_FOLDER}/results.xml)"
    )
    group.addoption(
        "--conform-terminal", action="store_true", help="conform's own terminal output; `conform run` sets it"
    )
    group.addoption("--conform-verbose", action="store_true", help="what each sample sent and printed, passed or not")
    group.addoption("--conform-durations", action="store_true", help="the seconds of each phase of each run")


def pytest_configure(config: pytest.Config) -> None:
    settings = _settings(config)
    if _is_meant(config, settings.root / "samples"):
        config.pluginmanager.register(Grid(config, settings), GRID)


def _settings(config: pytest.Config) -> Settings:
    """Built once, here: the only place that knows pytest's options."""
    option = config.getoption
    root = Path(option("--conform-root") or config.rootpath).resolve()
    state = root / STATE_FOLDER
    return Settings(
        root=root,
        state=state,
        patterns=tuple(option("--conform-select")),
        runner=option("--conform-runner"),
        strict=option("--conform-strict"),
        keep=option("--conform-keep"),
        json_path=Path(option("--conform-json") or state / "results.json").absolute(),
        junit_path=Path(option("--conform-junit") or state / "results.xml").absolute(),
    )


def _is_meant(config: pytest.Config, samples: Path) -> bool:
    places = [Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args]
    samples = samples.resolve()
    return samples.is_dir() and any(samples.is_relative_to(place) or place.is_relative_to(samples) for place in places)


class Grid:
    """The cells of one invocation, in one pytest process: the controller, the only one, or an xdist worker."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self._config = config
        self._shared: dict[str, str] | None = getattr(config, "workerinput", {}).get("conform")
        self._is_worker = hasattr(config, "workerinput")
        self._ambient = dict(os.environ)
        self._began = time.monotonic()
        self._cells: dict[str, Cell] = {}
        self._follower: Follower | None = None
        self._interrupted = False
        self.terminal = Terminal() if config.getoption("--conform-terminal") and not self._is_worker else None
        self.session: Session

    def pytest_sessionstart(self) -> None:
        try:
            self.catalogue = catalogue(self.settings.root)
            ids = [sample.id for sample in self.catalogue.samples]
            self.excuses = excuses(self.settings.root, ids, tuple(CHECKS))
            self.selected = {sample.id for sample in matching(self.catalogue.samples, self.settings.patterns)}
            if self._shared is not None:
                self.session = Session.join(self.settings, self._shared, self._ambient)
                return
            self.session = Session.start(self.settings, self._ambient)
        except HarnessError as error:
            raise CouldNotRun(str(error), returncode=2) from None
        if self.terminal:
            chosen = [sample for sample in self.catalogue.samples if sample.id in self.selected]
            self.terminal.began(chosen, "local")
            self._follower = Follower(self.session.events, self.terminal.heard, self.terminal.waited)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist: a worker is told how to join."""
        node.workerinput["conform"] = self.session.shared

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.name != LANGUAGE_FILE:
            return None
        for language in self.catalogue.languages:
            if language.folder.resolve() == file_path.parent.resolve():  # samples/ may be a link
                return LanguageCollector.from_parent(parent, path=file_path, grid=self, language=language)
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In the controller: a cell has come, from here or from a worker."""
        text: str | None = getattr(report, "conform_cell", None)
        if text is not None and not self._is_worker:
            self._judged(msgspec.json.decode(text, type=Cell))
        elif str(report.when) == "???" and not self._is_worker:  # xdist: the worker died in the middle of this one
            sample = next((one for one in self.catalogue.samples if report.nodeid.endswith(f"::{one.id}")), None)
            if sample is not None:
                reason = (
                    f"the worker process that ran it died\n  try: run it without workers: conform run {sample.id} -n 0"
                )
                self._judged(cell_without_run(sample, CellState.ERROR, reason))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.terminal:
            self.terminal.said(f"could not collect {report.nodeid}: {report.longreprtext}")

    def pytest_internalerror(self, excrepr: object) -> None:
        if self.terminal:
            self.terminal.said(f"conform met a fault of its own; please report it:\n{excrepr}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if self.terminal and not isinstance(excinfo.value, pytest.exit.Exception):
            self._interrupted = True
            self.terminal.said("interrupted: what was running is ended")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        yield  # xdist ends its workers here
        if self._is_worker or not hasattr(self, "session"):
            return
        results = self._results()
        written = []
        try:
            for path, text in (
                (self.settings.json_path, json_report(results)),
                (self.settings.junit_path, junit_report(results)),
            ):
                if path is not None:
                    with storing(path):
                        path.parent.mkdir(parents=True, exist_ok=True)
                        write_whole(path, text)
                    written.append(path)
        except HarnessError as error:
            session.exitstatus = 2
            (self.terminal.said if self.terminal else print)(f"could not write the results: {error}")
        if self._follower:
            self._follower.stop()
        if results.cells and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = max(session.exitstatus, reports.exit_code(results))
        if self.terminal:
            shown = [Path(os.path.relpath(path)) for path in written]
            option = self._config.getoption
            self.terminal.ended(results, shown, option("--conform-durations"), option("--conform-verbose"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Plain pytest: the count, below its own report, where each failure's findings stand already."""
        if self._cells:
            states = ", ".join(
                f"{cell.id} {cell.state}" for cell in self._cells.values() if cell.state is not CellState.PASSED
            )
            terminalreporter.write_sep("-", "conform")
            terminalreporter.write_line(states or f"{len(self._cells)} cells passed")

    def pytest_unconfigure(self) -> None:
        if self.terminal:
            self.terminal.quiet()
        if hasattr(self, "session"):
            self.session.stop()

    def _judged(self, cell: Cell) -> None:
        self._cells[cell.id] = cell
        if self.terminal:
            self.terminal.judged(cell)

    def _results(self) -> reports.Results:
        return reports.Results(
            cells=tuple(self._cells.values()),
            builds=self.session.builds(),
            gateways=1,
            seconds=time.monotonic() - self._began,
            strict=self.settings.strict,
            interrupted=self._interrupted,
        )


class LanguageCollector(pytest.File):
    """A language.yaml: its cells."""

    def __init__(self, *, grid: Grid, language: Language, **others: Any) -> None:
        super().__init__(**others)
        self._grid = grid
        self._language = language

    def collect(self) -> Iterator[pytest.Item]:
        for sample in self._grid.catalogue.samples:
            if sample.language == self._language and sample.id in self._grid.selected:
                yield CellItem.from_parent(self, name=sample.id, grid=self._grid, sample=sample)


class CellItem(pytest.Item):
    """One sample, run once."""

    def __init__(self, *, grid: Grid, sample: Sample, **others: Any) -> None:
        super().__init__(**others)
        self._grid = grid
        self._sample = sample
        self.cell: Cell | None = None

    def setup(self) -> None:
        sample = self._sample
        lacking = sorted(set(sample.scenario.needs) & set(sample.language.lacks))
        if lacking:
            self._skip(CellState.NOT_APPLICABLE, f"{sample.language.title} lacks {', '.join(lacking)}")
        if not sample.path.is_file():
            remedy = f"write it, or let {sample.language.name}/{LANGUAGE_FILE} say which feature the language lacks"
            self._skip(CellState.MISSING, f"no file {sample.path}\n  try: {remedy}", red=self._grid.settings.strict)
        try:
            self._grid.session.prepare(sample.language)
        except ToolchainMissing as missing:
            self._skip(CellState.UNAVAILABLE, str(missing), red=self._grid.settings.strict)

    def runtest(self) -> None:
        excused = excused_checks(self._grid.excuses, self._sample.id)
        self.cell = cell_of(self._grid.session.run(self._sample), excused)
        if self.cell.kept:
            self.cell = msgspec.structs.replace(self.cell, kept=self._repeat_command(self.cell.kept))
        if self.cell.state is CellState.FAILED:
            raise SampleFailed("\n".join(cell_lines(self.cell)))
        if self.cell.state is CellState.KNOWN_FAILING:
            pytest.xfail(self.cell.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Findings and messages as they are; a traceback only for faults of our own."""
        if isinstance(excinfo.value, SampleFailed | HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self._sample.path, None, self._sample.id

    def _skip(self, state: CellState, reason: str, red: bool = False) -> None:
        self.cell = cell_without_run(self._sample, state, reason)
        if red:
            raise SampleFailed(f"{state.value}: {reason}")
        pytest.skip(reason)

    def _repeat_command(self, folder: str) -> str:
        command = shlex.join(command_of(self._sample, self._sample.language.run))
        beside = Path(sys.executable).with_name("conform")
        conform = shlex.join([str(beside) if beside.exists() else "conform", "serve", "--sample", self._sample.id])
        root = shlex.quote(str(self._grid.settings.root))
        return f"cd {shlex.quote(folder)} && {conform} --root {root} -- {command}"

    def reported(self, call: pytest.CallInfo[None]) -> Cell | None:
        """The cell that a phase of this item decided; None when a later phase will."""
        error = call.excinfo.value if call.excinfo else None
        decided = error is None or isinstance(error, SampleFailed | pytest.skip.Exception | pytest.xfail.Exception)
        if not decided and call.when != "teardown":
            text = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
            return cell_without_run(self._sample, CellState.ERROR, text)
        return self.cell if call.when == "call" or (call.when == "setup" and error is not None) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if isinstance(item, CellItem) and (cell := item.reported(call)) is not None:
        # Text, since between xdist's processes only builtins pass.
        report.conform_cell = msgspec.json.encode(cell).decode()  # type: ignore[attr-defined]
    return report
