"""Every exception of the harness.

    Exception
    ├── HarnessError                could not run it: red even for an excused sample, exit 2
    │   ├── CatalogueError          a data file does not say what the harness needs to know
    │   ├── CatalogueErrors         the first fault of each wrong data file, together
    │   ├── UsageError              the options of one invocation don't fit together
    │   ├── SetUpError              a language's set-up did not come to its end
    │   ├── GatewayError            the gateway did not start, died, or refused an order
    │   ├── RunnerError             a program could not be started or watched
    │   └── StorageError            a folder or file of the harness's own can't be written
    ├── ToolchainMissing            this machine lacks what a language needs: the cell is unavailable
    └── AssertionError
        └── SampleFailed            it ran (or did not build) and findings say what is wrong; raised only in plugin.py

A message says where, what was expected, what was there, and what to try.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class HarnessError(Exception):
    """The harness could not do its work; no statement about any sample."""


@dataclass(eq=False)
class CatalogueError(HarnessError):
    """A data file (language.yaml, scenario.yaml, recording.yaml, known-failing.txt) is wrong."""

    path: Path
    line: int | None  # from 1; None when the file is absent or the fault is in no one line
    problem: str
    expected: str = ""
    got: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return _lines(f"{place}: {self.problem}", self.expected, self.got, self.remedy)


@dataclass(eq=False)
class CatalogueErrors(HarnessError):
    """Data files are wrong; one error a file, so that one look shows all."""

    errors: tuple[CatalogueError, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


@dataclass(eq=False)
class UsageError(HarnessError):
    """What was asked on the command line can't be done."""

    problem: str
    expected: str = ""
    got: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        return _lines(self.problem, self.expected, self.got, self.remedy)


@dataclass(eq=False)
class SetUpError(HarnessError):
    """A set-up command of a language failed, so that none of its samples could be tried."""

    language: str
    command: str
    problem: str
    last_lines: str = ""  # the command's own words
    remedy: str = ""

    def __str__(self) -> str:
        said = "".join(f"\n  | {line}" for line in self.last_lines.splitlines())
        return _lines(f"{self.language}: set-up: {self.command}: {self.problem}{said}", "", "", self.remedy)


@dataclass(eq=False)
class GatewayError(HarnessError):
    """The gateway is not there or does not do what it was asked."""

    problem: str
    last_lines: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        said = "".join(f"\n  | {line}" for line in self.last_lines.splitlines())
        return _lines(f"gateway: {self.problem}{said}", "", "", self.remedy)


@dataclass(eq=False)
class RunnerError(HarnessError):
    """A program could not be started, watched or ended."""

    where: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return _lines(f"{self.where}: {self.problem}", "", "", self.remedy)


@dataclass(eq=False)
class StorageError(HarnessError):
    """The harness's own files can't be written: disk full, no permission."""

    path: Path
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return _lines(f"{self.path}: {self.problem}", "", "", self.remedy)


@dataclass(eq=False)
class ToolchainMissing(Exception):
    """A program that a language needs is not on this machine, or too old."""

    language: str
    needed: str  # its name, "22.21 or later"
    found: str  # version and path, or that it is not on PATH
    get: str

    def __str__(self) -> str:
        return f"{self.language} needs {self.needed}, found {self.found}; get it: {self.get}"


class SampleFailed(AssertionError):
    """A sample does not hold what its scenario documents; the findings are its text."""


def _lines(first: str, expected: str, got: str, remedy: str) -> str:
    rest = (("expected", expected), ("got", got), ("try", remedy))
    return first + "".join(f"\n  {label}: {text}" for label, text in rest if text)
