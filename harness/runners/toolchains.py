"""Which of a language's programs are on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping

from harness.errors import ToolchainMissing
from harness.model import Language, Toolchain, Value


class Found(Value, frozen=True, kw_only=True):
    """A toolchain as it is on this machine."""

    name: str
    version: str  # empty: not there, or it didn't say
    path: str  # empty: not on PATH
    good: bool
    said: str  # for people: "22.23.3 (/usr/bin/node)"


def find(toolchain: Toolchain, environment: Mapping[str, str]) -> Found:
    """What PATH holds of `toolchain`, and whether it is recent enough."""
    path = shutil.which(toolchain.version_command[0], path=environment.get("PATH", ""))
    if path is None:
        return Found(
            name=toolchain.name, version="", path="", good=False, said=f"no {toolchain.version_command[0]} on PATH"
        )
    try:
        done = subprocess.run(
            [path, *toolchain.version_command[1:]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Found(name=toolchain.name, version="", path=path, good=False, said=f"{path} does not run: {error}")
    text = done.stdout.decode("utf-8", "replace")
    version = re.search(toolchain.version_pattern, text)
    if version is None:
        said = f"{path} says {text.strip()[:100]!r}, no version in it"
        return Found(name=toolchain.name, version="", path=path, good=False, said=said)
    good = _numbers(version[1]) >= _numbers(toolchain.at_least)
    return Found(name=toolchain.name, version=version[1], path=path, good=good, said=f"{version[1]} ({path})")


def found_for(language: Language, environment: Mapping[str, str]) -> tuple[Found, ...]:
    """Each of the language's toolchains, all good.

    Raises:
        ToolchainMissing: one is not there, or too old.
    """
    found = []
    for toolchain in language.toolchains:
        one = find(toolchain, environment)
        if not one.good:
            raise ToolchainMissing(
                language.title, f"{toolchain.name} {toolchain.at_least} or later", one.said, toolchain.get
            )
        found.append(one)
    return tuple(found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
