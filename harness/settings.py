"""What one invocation was asked to do, read once from options; nothing below reads options or environment."""

from __future__ import annotations

from pathlib import Path

from harness.model import Value

STATE_FOLDER = ".conform"


class Settings(Value, frozen=True, kw_only=True):
    root: Path  # the folder that holds samples/ and fixtures/
    state: Path  # set-ups, builds, sessions and results: ROOT/.conform
    patterns: tuple[str, ...] = ()  # of sample ids; empty: all
    runner: str = "auto"
    strict: bool = False  # an unavailable or missing cell is red
    keep: bool = False  # each run's folder stays
    json_path: Path | None = None
    junit_path: Path | None = None
    #: Bytes of standard output and error together after which a program is killed.
    output_limit_bytes: int = 4 * 1024 * 1024
