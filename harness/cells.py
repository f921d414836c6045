"""What came of a sample → its cell in the grid. Pure, like the checks that it sums up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from harness.checks import is_decided, run_checks
from harness.checks.exchanges import requests_of
from harness.contract.hosts import ENTRA_ID_HOST
from harness.known_failing import Excuse
from harness.model import Arrival, Cell, CellState, Credentials, Finding, Journal, Request, RunResult, Sample
from harness.redaction import quoted, secrets_of

#: Lines of standard error at its beginning and at its end, and characters of standard output, that a cell keeps.
STDERR_LINES = 8
PRINTED_CHARACTERS = 2000
#: Characters of a request's body that it keeps.
SENT_CHARACTERS = 2000
#: What matters of a token request (RFC 6749 §4.4.2).
TOKEN_REQUEST_MEMBERS = ("grant_type", "client_id", "client_secret", "scope")


def cell_without_run(sample: Sample, state: CellState, reason: str) -> Cell:
    """The cell of a sample that was not run, and why."""
    return Cell(
        id=sample.id,
        language=sample.language.name,
        scenario=sample.scenario.name,
        state=state,
        reason=reason,
        file=str(sample.path.relative_to(sample.language.folder.parent.parent)),
    )


def cell_of(result: RunResult, excused: Mapping[str, Excuse]) -> Cell:
    """The cell of a sample that was built, and run where it built.

    An excuse covers findings of the checks that it names; one whose check holds is a finding itself.
    """
    findings = run_checks(result)
    broken = {one.check for one in findings}
    stale = tuple(
        _stale(check, excuse) for check, excuse in excused.items() if check not in broken and is_decided(check, result)
    )
    uncovered = tuple(one for one in findings if one.check not in excused)
    if uncovered or stale:
        state, reason = CellState.FAILED, ""
    elif findings:
        state, reason = CellState.KNOWN_FAILING, "; ".join(sorted({excused[one.check].reason for one in findings}))
    else:
        state, reason = CellState.PASSED, ""
    secrets = secrets_of(result.credentials, result.journal)
    stderr = result.stderr.decode("utf-8", "replace").splitlines()
    if len(stderr) > 2 * STDERR_LINES:  # the cause stands first in some languages, last in others
        left_out = f"… {len(stderr) - 2 * STDERR_LINES} more lines …"
        stderr = [*stderr[:STDERR_LINES], left_out, *stderr[-STDERR_LINES:]]
    return Cell(
        id=result.sample.id,
        language=result.sample.language.name,
        scenario=result.sample.scenario.name,
        state=state,
        seconds=round(sum(result.phases.values()), 3),
        findings=(*findings, *stale),
        file=result.shown_path,
        reason=reason,
        sent=requests_as_sent(result.journal, result.credentials),
        printed=quoted(result.stdout.decode("utf-8", "replace"), secrets, PRINTED_CHARACTERS),
        stderr=quoted("\n".join(stderr), secrets) if findings else "",
        kept=str(result.kept or ""),
        phases={name: round(seconds, 4) for name, seconds in result.phases.items()},
    )


def _stale(check: str, excuse: Excuse) -> Finding:
    return Finding(
        check=check,
        expected=f"a finding, as fixtures/known-failing.txt says ({excuse.reason})",
        got="the check holds",
        file="fixtures/known-failing.txt",
        line=excuse.line,
        remedy=f"remove {check} from that line: the sample is mended",
    )


def requests_as_sent(journal: Journal, credentials: Credentials) -> tuple[str, ...]:
    """Each request to the API and for a token, in order, for people: its line, what matters, the answer's status."""
    secrets = secrets_of(credentials, journal)
    return tuple(
        _as_sent(arrival, request, secrets)
        for arrival, request in requests_of(journal)
        if request.method != "GET" or arrival.host != ENTRA_ID_HOST  # discovery, which some SDKs do and others don't
    )


def _as_sent(arrival: Arrival, request: Request, secrets: Mapping[str, str]) -> str:
    """A request for people: its line, the headers that matter, its body; and the answer's status."""
    address = f"{request.scheme}://{request.host}{request.path}" + (f"?{request.query}" if request.query else "")
    shown = [f"{request.method} {address} → {arrival.status or 'no answer'}"]
    shown += [
        f"{name}: {value}"
        for name, value in request.headers
        if name.lower() in ("authorization", "api-key", "content-type")
    ]
    text = request.body.decode("utf-8", "replace")
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        if request.host == ENTRA_ID_HOST:  # without the telemetry that SDKs add
            text = urlencode([pair for pair in parse_qsl(text) if pair[0] in TOKEN_REQUEST_MEMBERS], safe="/:<> ")
    return "\n".join([*(quoted(line, secrets) for line in shown), quoted(text, secrets, SENT_CHARACTERS)])
