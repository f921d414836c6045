"""Claims about what the program prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from harness.checks.registry import ENDING, check
from harness.contract.differences import differences
from harness.model import Finding, RunResult
from harness.redaction import quoted, secrets_of

ANY = "..."
#: Differences from the recorded body that are told one by one.
MOST_DIFFERENCES = 3


@check(follows_from=frozenset(("prints_within_its_limit",)))
def prints_text(result: RunResult) -> Iterator[Finding]:
    """Standard output is UTF-8."""
    try:
        result.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        line = result.stdout[: error.start].count(b"\n") + 1
        before = _quoted(result, result.stdout[: error.start].decode("utf-8"))
        after = _quoted(result, result.stdout[error.start :].decode("utf-8", "backslashreplace"))
        yield Finding(
            expected="UTF-8",
            got=f"byte 0x{result.stdout[error.start]:02x} in line {line}, in {before[-20:] + after[:20]!r}",
            at="standard output",
            remedy="print text, not bytes, and let the program write UTF-8",
        )


@check(follows_from=ENDING | {"exits_cleanly", "prints_no_secret", "prints_text", "prints_within_its_limit"})
def prints_the_answer(result: RunResult) -> Iterator[Finding]:
    """Standard output is the answer's text (or the response's body, where that is printed) and nothing else."""
    printed = result.stdout.decode("utf-8", "replace")
    if result.sample.language.prints == "body":
        yield from _body(result, printed)
    else:
        yield from _text(result, printed)


def _body(result: RunResult, printed: str) -> Iterator[Finding]:
    recorded = result.sample.scenario.recording.exchanges[-1].response.body
    expected = "the response's body: JSON with " + ", ".join(list(recorded)[:4]) + " …"
    try:
        body = json.loads(printed)
    except (ValueError, RecursionError) as error:
        got = f"{_quoted(result, printed, 300)!r}: not JSON ({error})" if printed.strip() else "nothing"
        yield Finding(
            expected=expected,
            got=got,
            at="standard output",
            remedy="print the response's body",
        )
        return
    found = differences(recorded, body, "standard output", lambda text: _quoted(result, text))
    if len(found) > MOST_DIFFERENCES:  # another document altogether: an error's, say
        got = _quoted(result, " ".join(printed.split()), 300)
        yield Finding(expected=expected, got=got, at="standard output", remedy="print the response's body as it came")
        return
    for difference in found:
        yield Finding(
            expected=difference.expected,
            got=difference.got,
            at=difference.at,
            remedy="print the response's body as it came",
        )


def _text(result: RunResult, printed: str) -> Iterator[Finding]:
    expected = result.sample.scenario.stdout
    if re.fullmatch(pattern_of(expected), printed):
        return
    lines, got = expected.splitlines(keepends=True), printed.splitlines(keepends=True)
    number = next(
        (
            index
            for index, (one, other) in enumerate(zip(lines, got, strict=False))
            if not re.fullmatch(pattern_of(one), other)
        ),
        min(len(lines), len(got)),
    )
    at = f"standard output, line {number + 1}"
    one = lines[number] if number < len(lines) else ""
    other = got[number] if number < len(got) else ""
    if any(line.strip() == ANY for line in lines[: number + 1]):  # which line answers which can't be told
        at, one, other = "standard output", expected, printed
    if not printed:
        remedy = "print the answer's text"
    elif printed.strip() == expected.strip() or one.strip() == other.strip():
        remedy = "print the text with one line end after it, and no other white space around it"
    else:
        remedy = "print the answer's text alone"
    yield Finding(
        expected=repr(one) if one else "no more lines",
        got=repr(_quoted(result, other, 300)) if other else "nothing" if not printed else "no more lines",
        at=at,
        remedy=remedy,
    )


def pattern_of(expected: str) -> str:
    """An expected output as a regular expression: a line `...` is any lines, `...` in a line any text, `\\...` dots."""
    parts = []
    for line in expected.splitlines(keepends=True):
        if line.strip() == ANY:
            parts.append(r"(?:[^\n]*\n)*(?:[^\n]+\Z)?")
            continue
        pieces = re.split(r"(\\?\.\.\.)", line)
        parts += ["[^\n]*" if piece == ANY else re.escape(piece.replace("\\...", "...")) for piece in pieces]
    return "".join(parts)


def _quoted(result: RunResult, text: str, limit: int | None = None) -> str:
    return quoted(text, secrets_of(result.credentials, result.journal), limit)
