"""Claims about how the program ends: in time, by itself, alone."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.registry import ENDING, SENDING, check
from harness.model import Finding, RunResult
from harness.redaction import quoted, secrets_of


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


@check(follows_from=ENDING)
def exits_cleanly(result: RunResult) -> Iterator[Finding]:
    """The program exits with 0."""
    if result.timed_out or result.flooded or result.exit_code == 0:
        return  # its own check says why it had to be killed
    how = f"exit code {result.exit_code}" if result.signal is None else f"ended by signal {result.signal}"
    how = "no exit code: it was killed" if result.exit_code is None and result.signal is None else how
    said = _text(result, result.stderr).strip().splitlines()
    yield Finding(
        expected="exit code 0",
        got=how + (f"; standard error ends: {said[-1][:300]}" if said else "; nothing on standard error"),
        at="process",
    )


def _text(result: RunResult, output: bytes) -> str:
    return quoted(output.decode("utf-8", "replace"), secrets_of(result.credentials, result.journal))
