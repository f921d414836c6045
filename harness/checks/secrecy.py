"""Claims about where a run's credentials were seen."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.exchanges import api_requests, sign_in_requests
from harness.checks.registry import check
from harness.model import ArrivalKind, Finding, Request, RunResult
from harness.redaction import found_in, secrets_of

#: Where a credential belongs, in a request to the API.
SIGN_IN_HEADERS = ("authorization", "api-key")


@check()
def sends_secrets_only_where_they_belong(result: RunResult) -> Iterator[Finding]:
    """A credential stands in the sign-in header of a request to the API, the client secret in a request for a token."""
    secrets = secrets_of(result.credentials, result.journal)
    elsewhere = {secret: what for secret, what in secrets.items() if secret != result.credentials.client_secret}
    for _, request in api_requests(result):
        for place, text in _places(request, SIGN_IN_HEADERS):
            yield from _misplaced(place, text, secrets)
    for arrival, request in sign_in_requests(result):
        address, *rest = _places(request, ())
        yield from _misplaced(f"{address[0]} of a request to {arrival.host}", address[1], secrets)
        for place, text in rest:
            yield from _misplaced(f"{place} of a request to {arrival.host}", text, elsewhere)
    for arrival in result.journal.arrivals:
        if arrival.kind is ArrivalKind.REFUSED_HOST:
            yield from _misplaced(f"what was sent to {arrival.host}", arrival.raw.decode("utf-8", "replace"), secrets)


def _places(request: Request, but: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Where in a request text stands, and the text; the address first."""
    yield "the address", f"{request.path}?{request.query}"
    yield "the body", request.body.decode("utf-8", "replace")
    for name, value in request.headers:
        if name.lower() not in but:
            yield f"the header {name}", value


def _misplaced(place: str, text: str, secrets: dict[str, str]) -> Iterator[Finding]:
    for what in found_in(text, secrets):
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
        for what in found_in(output.decode("utf-8", "replace"), secrets):
            yield Finding(
                expected="no credential in the output",
                got=f"the {what} on {stream}",
                at=stream,
                remedy="remove what prints it: readers' logs and screenshots would show theirs",
            )
