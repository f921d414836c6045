"""What is on this machine, what is missing, how to get it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.model import Language, Value
from harness.runners.toolchains import find
from harness.session import Session
from harness.settings import Settings


class Observation(Value, frozen=True, kw_only=True):
    about: str
    good: bool
    found: str
    remedy: str = ""


def observations(
    languages: tuple[Language, ...], settings: Settings, ambient: Mapping[str, str]
) -> Iterator[Observation]:
    """Each thing that a run with the local runner needs, as it is here."""
    version = sys.version.partition(" ")[0]
    yield Observation(
        about="Python of conform", good=sys.version_info >= (3, 11), found=f"{version} ({sys.executable})"
    )
    seen: set[tuple[str, str]] = set()
    for language in languages:
        for toolchain in language.toolchains:
            if (toolchain.name, toolchain.at_least) in seen:
                continue
            seen.add((toolchain.name, toolchain.at_least))
            found = find(toolchain, ambient)
            remedy = "" if found.good else f"{toolchain.at_least} or later is needed; get it: {toolchain.get}"
            about = f"{toolchain.name} (for {language.title})"
            yield Observation(about=about, good=found.good, found=found.said, remedy=remedy)
    yield _storage(settings.state)
    yield _gateway(settings, ambient)


def _storage(state: Path) -> Observation:
    place = state if state.exists() else state.parent
    free = shutil.disk_usage(place).free // (1024 * 1024)
    # Measured: the set-ups of all languages together take about 200 MiB.
    remedy = "" if free > 500 else "about 500 MiB are needed; free some, or use --root on another disk"
    return Observation(about="space for set-ups", good=free > 500, found=f"{free} MiB free at {place}", remedy=remedy)


def _gateway(settings: Settings, ambient: Mapping[str, str]) -> Observation:
    with Session.start(settings, ambient) as session:
        session.gateway.health()
    return Observation(about="gateway", good=True, found="starts, and answers on loopback")
