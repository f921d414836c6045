"""Which line of a sample holds what was sent."""

from __future__ import annotations

import re

from harness.model import RunResult


def line_of(result: RunResult, *literals: str) -> int | None:
    """The line (from 1) of the first of `literals` that stands in the sample exactly once; else None.

    A literal in quotes is looked for before the bare text, since the bare text may be part of a longer one; a
    literal that is part of a longer word or number is none.
    """
    for literal in literals:
        if not literal:
            continue
        bare = re.escape(literal)
        starts, ends = (r"\b" if re.match(r"\w", edge) else "" for edge in (literal[0], literal[-1]))
        for pattern in (rf"""(["']){bare}\1""", starts + bare + ends):
            places = [found.start() for found in re.finditer(pattern, result.source)]
            if len(places) == 1:
                return result.source.count("\n", 0, places[0]) + 1
    return None


def line_of_host(result: RunResult, host: str) -> int | None:
    """The line (from 1) on which `host`, which arrives in lower case, stands in any case, if it does so once."""
    spelled = re.findall(re.escape(host), result.source, re.IGNORECASE) if host else []
    return line_of(result, spelled[0]) if len(spelled) == 1 else None
