"""Findings in words, for every report that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.model import Cell, Finding

#: What moves a cursor, colours, or rings, where it is printed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def headline(cell: Cell) -> str:
    """What is wrong with a cell, in one line: its first finding's claim, or its reason."""
    if not cell.findings:
        return _lines(cell.reason)[0]
    first = cell.findings[0]
    return " ".join(_lines(f"{first.check}: {first.at}: {first.got}" if first.at else f"{first.check}: {first.got}"))


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding: its claim and place, expected, got, what to try."""
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    yield finding.check + (printable(f" ({finding.at})") if finding.at else "") + (f"  {place}" if place else "")
    yield from _field("expected", finding.expected)
    yield from _field("got", finding.got)
    if finding.remedy:
        yield from _field("try", finding.remedy)


def cell_lines(cell: Cell) -> Iterator[str]:
    """All there is to say of a cell that didn't pass: causes whole, what follows from them in a line each."""
    for finding in cell.findings:
        if finding.because_of is None:
            yield from finding_lines(finding)
    followed = [finding for finding in cell.findings if finding.because_of is not None]
    for cause in dict.fromkeys(finding.because_of for finding in followed):
        yield f"which may explain (after {cause}):"
        alike = [finding for finding in followed if finding.because_of == cause]
        yield from (f"  {finding.check}: {_one_line(finding.got)}" for finding in alike)
    if cell.reason:
        yield from _lines(cell.reason)
    for number, request in enumerate(cell.sent, 1):
        yield f"sent{f' ({number} of {len(cell.sent)})' if len(cell.sent) > 1 else ''}:"
        yield from (f"  {line}" for line in _lines(request))
    for label, text in (("printed", cell.printed), ("standard error", cell.stderr)):
        if text:
            yield f"{label}:"
            yield from (f"  {line}" for line in _lines(text))


def printable(text: str) -> str:
    """`text` with control characters spelled out, but for line ends and tabs: a sample may have printed any."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _lines(text: str) -> list[str]:
    """The lines of `text`, at least one."""
    return printable(text.replace("\r\n", "\n").removesuffix("\n")).split("\n")


def _field(label: str, text: str) -> Iterator[str]:
    first, *rest = _lines(text)
    yield f"  {label + ':':<10}{first}"
    yield from (f"  {'':<10}{line}" for line in rest)


def _one_line(text: str, limit: int = 160) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
