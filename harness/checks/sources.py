"""Which line of a sample holds what was sent."""

from __future__ import annotations

from harness.model import RunResult


def line_of(result: RunResult, *literals: str) -> int | None:
    """The line (from 1) of the first of `literals` that stands in the sample exactly once; else None.

    A literal in quotes is looked for before the bare text, since the bare text may be part of a longer one.
    """
    for literal in literals:
        if not literal:
            continue
        for spelled in ((f'"{literal}"', f"'{literal}'"), (literal,)):
            places = [place for text in spelled for place in _places(result.source, text)]
            if len(places) == 1:
                return result.source.count("\n", 0, places[0]) + 1
    return None


def _places(source: str, text: str) -> list[int]:
    places, start = [], source.find(text)
    while start != -1:
        places.append(start)
        start = source.find(text, start + len(text))
    return places
