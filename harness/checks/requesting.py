"""Claims about the requests that reached the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl

from harness.checks.exchanges import api_requests, documented_path
from harness.checks.registry import SENDING, check
from harness.checks.sources import line_of
from harness.contract.canonical import canonical_body
from harness.contract.differences import differences
from harness.model import Finding, Request, RunResult


@check(follows_from=frozenset(("reaches_only_documented_hosts", "completes_its_connections")))
def sends_no_api_version(result: RunResult) -> Iterator[Finding]:
    """No request carries an api-version: the v1 API has none."""
    for _, request in api_requests(result):
        for key, value in parse_qsl(request.query, keep_blank_values=True):
            if key.lower() == "api-version":
                yield Finding(
                    expected="no api-version",
                    got=f"?{key}={value}",
                    at="query",
                    line=line_of(result, f"{key}={value}", value, key),
                    remedy="remove api-version: the v1 API takes none",
                )


@check(follows_from=frozenset(("reaches_only_documented_hosts", "completes_its_connections")))
def sends_the_documented_request(result: RunResult) -> Iterator[Finding]:
    """Each request to the API means what the scenario documents: method, path, query and body."""
    documented = result.sample.scenario.request
    path = documented_path(result)
    requests = api_requests(result)
    for number, (_, request) in enumerate(requests, 1):
        which = f"request {number}: " if len(requests) > 1 else ""
        for at, expected, got, literals in _line_differences(request, documented.method, path):
            yield Finding(
                expected=expected,
                got=got,
                at=which + at,
                line=line_of(result, *literals),
                remedy=f"send {documented.method} {result.sample.scenario.endpoint}{documented.path}",
            )
        try:
            body = json.loads(request.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            got = f"{request.body[:200]!r}: {error}" if request.body else "nothing"
            yield Finding(expected="a body of JSON", got=got, at=f"{which}body")
            continue
        for difference in differences(canonical_body(path, documented.body), canonical_body(path, body)):
            yield Finding(
                expected=difference.expected,
                got=difference.got,
                at=which + difference.at,
                line=line_of(result, difference.literal),
                remedy=difference.remedy or f"send {difference.at} as documented",
            )


@check(follows_from=frozenset(("sends_the_documented_request", "signs_in_as_documented")))
def sends_only_requests_of_the_contract(result: RunResult) -> Iterator[Finding]:
    """Each request is one that the v1 API takes."""
    for arrival, request in api_requests(result):
        if arrival.verdict:
            yield Finding(
                expected="a request of the v1 API",
                got=arrival.verdict,
                at=f"{request.method} {request.path}",
                remedy="compare it with the scenario's request",
            )


@check(follows_from=SENDING)
def sends_each_request_once(result: RunResult) -> Iterator[Finding]:
    """The documented request is sent once: no retry, no second call."""
    requests = api_requests(result)
    if len(requests) > 1:
        statuses = ", ".join(str(arrival.status) for arrival, _ in requests)
        yield Finding(
            expected="one request",
            got=f"{len(requests)}, answered with {statuses}",
            at="requests",
            remedy="remove the second call, or what makes the client retry",
        )


@check(follows_from=SENDING | {"ends_in_time", "prints_within_its_limit"})
def sends_at_least_one_request(result: RunResult) -> Iterator[Finding]:
    """A run that reached no API proves nothing, whatever it printed."""
    if not api_requests(result):
        path = documented_path(result)
        remedy = "call the API; a client that ignores the proxy it was given isn't seen by the gateway"
        yield Finding(
            expected=f"{result.sample.scenario.request.method} {path}",
            got="no request",
            at="requests",
            remedy=remedy,
        )


def _line_differences(request: Request, method: str, path: str) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Where request line and query differ: at, expected, got, literals to look for in the source."""
    if request.method != method:
        yield "method", method, request.method, (request.method,)
    if request.path != path:
        address = f"{request.scheme}://{request.host}{request.path}"
        parts, documented = request.path.split("/"), path.split("/")
        same = next((number for number, pair in enumerate(zip(parts, documented, strict=False)) if len(set(pair)) > 1), 0)
        base = "/".join(parts[: same + 1])  # "/openai/v2": what a base URL with the mistake in it holds
        tails = tuple("/".join(parts[start:]) for start in range(1, len(parts)))
        yield "path", path, request.path, (address, request.path, *tails, base)
    others = [
        (key, value) for key, value in parse_qsl(request.query, keep_blank_values=True) if key.lower() != "api-version"
    ]
    for key, value in others:
        yield "query", "no query", f"?{key}={value}", (f"{key}={value}", value, key)
