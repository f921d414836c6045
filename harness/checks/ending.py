"""Claims about how the program ends: in time, by itself, alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.checks.building import line_named_in
from harness.checks.registry import SENDING, check
from harness.model import Finding, RunResult
from harness.redaction import quoted, secrets_of

#: "TypeError: …", "Error [ERR_X]: …", "openai.NotFoundError: …", "panic: …", "Exception in thread …", "curl: (6) …".
ERROR_LINE = re.compile(r"\s*(?:Uncaught |Unhandled )?(?:[\w.$]*(?:Error|Exception)\b|panic:|fatal|[\w.-]+: \(\d+\) )")


@check(follows_from=SENDING - {"ends_in_time", "prints_within_its_limit"})
def ends_in_time(result: RunResult) -> Iterator[Finding]:
    """The program ends by itself within the language's time limit."""
    if result.timed_out:
        limit = result.sample.language.run_timeout_s
        how = "it ignored SIGTERM and was killed" if result.ignored_sigterm else "it ended when it was told to"
        yield Finding(
            expected=f"an end within {limit:g} s",
            got=f"still running after {limit:g} s; {how}",
            at="process",
            remedy="let the program end once it has printed; on a slow machine, raise run_timeout_s in language.yaml",
        )


@check()
def prints_within_its_limit(result: RunResult) -> Iterator[Finding]:
    """The program prints no more than a sample's answer can need."""
    if result.flooded:
        end = _text(result, result.stdout or result.stderr)[-60:]
        yield Finding(
            expected=f"at most {result.output_limit_bytes} bytes on standard output and error",
            got=f"more, ending with {end!r}; it was killed",
            at="output",
            remedy="look for a loop that prints",
        )


@check()
def leaves_no_process_behind(result: RunResult) -> Iterator[Finding]:
    """When the program ends, every process that it started has ended."""
    if result.left_behind:
        yield Finding(
            expected="no process",
            got="; ".join(result.left_behind),
            at="processes",
            remedy="wait for it, or end it, before the program ends (it was killed now)",
        )


@check(follows_from=SENDING | {"sends_each_request_once"})
def exits_cleanly(result: RunResult) -> Iterator[Finding]:
    """The program exits with 0."""
    if result.timed_out or result.flooded or result.exit_code == 0:
        return  # its own check says why it had to be killed
    how = f"exit code {result.exit_code}" if result.signal is None else f"ended by signal {result.signal}"
    how = "no exit code: it was killed" if result.exit_code is None and result.signal is None else how
    said = _text(result, result.stderr).strip().splitlines()
    yield Finding(
        expected="exit code 0",
        got=how + (f"; standard error: {_most_telling(said)[:300]}" if said else "; nothing on standard error"),
        at="process",
        line=line_named_in("\n".join(said), result.sample.path.name, result.source),
        remedy="mend what standard error says" if said else "",
    )


def _most_telling(lines: list[str]) -> str:
    """The last line that begins as an error's name does; else the last one."""
    return next((line.strip() for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1])


def _text(result: RunResult, output: bytes) -> str:
    return quoted(output.decode("utf-8", "replace"), secrets_of(result.credentials, result.journal))
