"""Where samples run. A runner sets a language up, builds a sample, and runs it once; it judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from harness.model import Build, BuildResult, Credentials, Ended, Language, Sample, Value


class SetUp(Value, frozen=True, kw_only=True):
    """A language, ready for its samples to be built."""

    workspace: Path  # what the set-up commands left
    key: str  # a digest of all that the set-up depends on
    build: Build


class Built(Value, frozen=True, kw_only=True):
    folder: Path  # the sample's source and what its build left
    result: BuildResult | None  # None when the language has no build commands


class Door(Value, frozen=True, kw_only=True):
    """Where a run reaches the gateway, and what makes it trust it."""

    host: str
    port: int
    ca_pem: Path


class Runner(Protocol):
    def set_up(self, language: Language) -> SetUp:
        """Make `language` ready, or find that it is.

        Raises:
            ToolchainMissing: this machine lacks a program that the language needs.
            SetUpError: a set-up command failed.
        """
        ...

    def build(self, sample: Sample, ready: SetUp) -> Built:
        """Build `sample`, unless the same source was built with the same set-up before."""
        ...

    def environment(
        self, sample: Sample, ready: SetUp, folder: Path, credentials: Credentials, door: Door
    ) -> Mapping[str, str]:
        """The whole environment of one run: what a reader sets, the way to the gateway, and nothing ambient."""
        ...

    def run(self, sample: Sample, built: Built, folder: Path, environment: Mapping[str, str]) -> Ended:
        """Run a fresh copy of `built` once, in `folder`, which is this run's alone."""
        ...
