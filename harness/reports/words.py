"""Findings in words, for every report that people read."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Cell, Finding


def headline(cell: Cell) -> str:
    """What is wrong with a cell, in one line: its first finding's claim, or its reason."""
    if not cell.findings:
        return cell.reason.partition("\n")[0]
    first = cell.findings[0]
    return f"{first.check}: {first.at}: {first.got}" if first.at else f"{first.check}: {first.got}"


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding: its claim and place, expected, got, what to try."""
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    yield f"{finding.check}" + (f" ({finding.at})" if finding.at else "") + (f"  {place}" if place else "")
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
    if followed:
        yield f"which may explain (after {followed[0].because_of}):"
        yield from (f"  {finding.check}: {_one_line(finding.got)}" for finding in followed)
    if cell.reason:
        yield from cell.reason.splitlines()
    for number, request in enumerate(cell.sent, 1):
        yield f"sent{f' ({number} of {len(cell.sent)})' if len(cell.sent) > 1 else ''}:"
        yield from (f"  {line}" for line in request.splitlines())
    for label, text in (("printed", cell.printed), ("standard error, its last lines", cell.stderr)):
        if text:
            yield f"{label}:"
            yield from (f"  {line}" for line in text.splitlines())


def _field(label: str, text: str) -> Iterator[str]:
    first, *rest = text.splitlines() or [""]
    yield f"  {label + ':':<10}{first}"
    yield from (f"  {'':<10}{line}" for line in rest)


def _one_line(text: str, limit: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
