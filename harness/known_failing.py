"""fixtures/known-failing.txt: named checks of named samples that are excused, each with its reason.

    # curl prints a truncated stream as if it were whole: https://example.com/issues/12
    curl/chat_stream prints_the_answer
    python/chat_* exits_cleanly, prints_the_answer  # one line is as good

An excuse covers the checks that it names and nothing else, never the harness, and must be true: an
excused check that holds is red, and so is a line that matches nothing in the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from harness.catalogue import matches
from harness.datafiles import read_text
from harness.errors import CatalogueError, CatalogueErrors
from harness.model import Value

KNOWN_FAILING_FILE = "fixtures/known-failing.txt"


class Excuse(Value, frozen=True, kw_only=True):
    pattern: str
    checks: tuple[str, ...]
    reason: str
    line: int


def excuses(root: Path, sample_ids: Collection[str], checks: Collection[str]) -> tuple[Excuse, ...]:
    """What the file under `root` excuses; empty when there is no such file.

    Raises:
        CatalogueErrors: a line gives no reason, names no or an unknown check, or matches no sample.
        CatalogueError: the file can't be read.
    """
    path = root / KNOWN_FAILING_FILE
    if not path.exists():
        return ()
    found, errors, comment, said = [], [], "", False
    for number, line in enumerate(read_text(path).splitlines(), 1):
        entry, _, trailing = (part.strip() for part in line.partition("#"))
        if not entry:
            # A comment, of one line or several, gives the reason of the lines below it; an empty line ends it.
            comment = f"{comment} {trailing}".strip() if trailing and not said else trailing
            said = False
            continue
        said = True  # what the comment above was about
        try:
            found.append(_excuse(path, number, entry, trailing or comment, sample_ids, checks))
        except CatalogueError as error:
            errors.append(error)
    if errors:
        raise CatalogueErrors(tuple(errors))
    return tuple(found)


def excused_checks(all_excuses: Iterable[Excuse], sample_id: str) -> dict[str, Excuse]:
    """Check → the excuse that covers it, for one sample."""
    return {check: one for one in all_excuses if matches(sample_id, one.pattern) for check in one.checks}


def _excuse(
    path: Path, number: int, entry: str, reason: str, sample_ids: Collection[str], checks: Collection[str]
) -> Excuse:
    pattern, *named = entry.replace(",", " ").split()
    shape = "SAMPLE-PATTERN CHECK[, CHECK…]  # reason"
    if not named:
        raise CatalogueError(path, number, "no check is named", shape, entry, "name the checks that are excused")
    if not reason:
        remedy = "say after # (or in the line above) why it fails, with a link"
        raise CatalogueError(path, number, "no reason is given", shape, entry, remedy)
    for name in named:
        if name not in checks:
            close = get_close_matches(name, checks, 1)
            remedy = f"did you mean {close[0]!r}?" if close else "name the checks as the findings do"
            raise CatalogueError(path, number, f"unknown check {name!r}", f"one of {', '.join(checks)}", name, remedy)
    if not any(matches(sample_id, pattern) for sample_id in sample_ids):
        problem = f"{pattern!r} matches no sample of the catalogue"
        expected = "the id of a sample, or a pattern over ids"
        close = get_close_matches(pattern, sample_ids, 1)
        remedy = f"did you mean {close[0]!r}?" if close else "remove the line, or correct it: `conform list` shows ids"
        raise CatalogueError(path, number, problem, expected, pattern, remedy)
    return Excuse(pattern=pattern, checks=tuple(named), reason=reason, line=number)
