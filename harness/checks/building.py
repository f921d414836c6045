"""Claims about the build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.checks.registry import check
from harness.model import Finding, RunResult


@check(before_the_run=True)
def builds(result: RunResult) -> Iterator[Finding]:
    """The language's build commands take the sample as it is."""
    build = result.build
    if build is None or build.exit_code == 0:
        return
    if build.exit_code is None:
        how = "still running at its time limit"
        remedy = "look at what it waits for; on a slow machine, raise build_timeout_s in language.yaml"
    else:
        how = f"exit code {build.exit_code}"
        remedy = "mend what the message names; the build commands stand in language.yaml"
    yield Finding(
        expected=f"{' '.join(build.command)} exits with 0",
        got=f"{how}: {build.output.strip() or 'no output'}",
        at="build",
        line=line_named_in(build.output, result.sample.path.name, result.source),
        remedy=remedy,
    )


def line_named_in(output: str, file_name: str, source: str) -> int | None:
    """The first line of the sample that a message names: `file:3`, `file(3,1)`, `file", line 3`, `file: line 3`."""
    found = re.search(r"(?<![\w.-])" + re.escape(file_name) + r'"?(?::|\(|, line |: line )(\d+)', output)
    return int(found[1]) if found and 1 <= int(found[1]) <= source.count("\n") + 1 else None
