"""Claims about where a run's credentials were seen."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from harness.checks.exchanges import api_requests
from harness.checks.registry import check
from harness.model import ArrivalKind, Finding, RunResult
from harness.redaction import secrets_of


@check()
def sends_secrets_only_where_they_belong(result: RunResult) -> Iterator[Finding]:
    """No credential stands in an address or a body sent to the API, or in anything sent to another host."""
    secrets = secrets_of(result.credentials, result.journal)
    places = [("the address", request.path + "?" + request.query) for _, request in api_requests(result)]
    places += [("the body", request.body.decode("utf-8", "replace")) for _, request in api_requests(result)]
    places += [
        (f"what was sent to {arrival.host}", arrival.raw.decode("utf-8", "replace"))
        for arrival in result.journal.arrivals
        if arrival.kind is ArrivalKind.REFUSED_HOST
    ]
    for place, text in places:
        for what in _found(text, secrets):
            yield Finding(
                expected="credentials in the sign-in header alone",
                got=f"the {what} in {place}",
                at=place,
                remedy="send it in the header alone, to the endpoint alone",
            )


@check()
def prints_no_secret(result: RunResult) -> Iterator[Finding]:
    """No credential of the run stands in what the program prints."""
    secrets = secrets_of(result.credentials, result.journal)
    for stream, output in (("standard output", result.stdout), ("standard error", result.stderr)):
        for what in _found(output.decode("utf-8", "replace"), secrets):
            yield Finding(
                expected="no credential in the output",
                got=f"the {what} on {stream}",
                at=stream,
                remedy="remove what prints it: readers' logs and screenshots would show theirs",
            )


def _found(text: str, secrets: dict[str, str]) -> list[str]:
    """Which secrets stand in `text`, as they are or in base64."""
    return sorted(
        {
            what
            for secret, what in secrets.items()
            if secret in text or base64.b64encode(secret.encode()).decode().rstrip("=") in text
        }
    )
