"""Claims about the requests that reached the API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl

from harness.checks.exchanges import api_requests, documented_path, endpoint_host
from harness.checks.registry import SENDING, check
from harness.checks.sources import line_of, line_of_host
from harness.contract.canonical import canonical_body
from harness.contract.differences import differences
from harness.model import Finding, Request, RunResult
from harness.redaction import quoted, secrets_of
from harness.wire import header

JSON = "application/json"


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
    requests = api_requests(result)
    seen = set()
    for number, (_, request) in enumerate(requests, 1):
        alike = (request.method, request.path, request.query, request.body)
        if alike in seen:
            continue  # a retry: sends_each_request_once counts them
        seen.add(alike)
        which = f"request {number}: " if len(requests) > 1 else ""
        for at, expected, got, line in _line_differences(result, request):
            yield Finding(
                expected=expected,
                got=got,
                at=which + at,
                line=line,
                remedy=f"send {documented.method} {result.sample.scenario.endpoint}{documented.path}",
            )
        yield from _body_differences(result, request, which)


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
        statuses = ", ".join(str(arrival.status or "nothing") for arrival, _ in requests)
        yield Finding(
            expected="one request",
            got=f"{len(requests)}, answered with {statuses}",
            at="requests",
            remedy="remove the second call, or what makes the client retry",
        )


@check(follows_from=SENDING | {"exits_cleanly"})
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


def _line_differences(result: RunResult, request: Request) -> Iterator[tuple[str, str, str, int | None]]:
    """Where request line and query differ: at, expected, got, the sample's line."""
    documented, path = result.sample.scenario.request, documented_path(result)
    if request.method != documented.method:
        yield "method", documented.method, request.method, line_of(result, request.method)
    if request.path != path:
        yield "path", path, request.path, _line_of_path(result, request.path)
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        if key.lower() != "api-version":
            yield "query", "no query", f"?{key}={value}", line_of(result, f"{key}={value}", value, key)


def _line_of_path(result: RunResult, path: str) -> int | None:
    """The sample's line that holds what is wrong with `path`: its base, where it ends as documented, or its end."""
    if path.endswith("/" + result.sample.scenario.request.path):
        return line_of_host(result, endpoint_host(result))
    parts = path.strip("/").split("/")
    return line_of(result, path, *("/".join(parts[start:]) for start in range(len(parts))))


def _body_differences(result: RunResult, request: Request, which: str) -> Iterator[Finding]:
    """Where type and content of the body differ."""
    documented, path = result.sample.scenario.request, documented_path(result)
    secrets = secrets_of(result.credentials, result.journal)

    def quote(text: str) -> str:
        return quoted(text, secrets)

    content_type = header(request.headers, "content-type")
    if request.body and (content_type or "").partition(";")[0].strip().lower() != JSON:
        yield Finding(
            expected=JSON,
            got=content_type or "none",
            at=f"{which}content-type",
            line=line_of(result, content_type or ""),
            remedy=f"send the header Content-Type: {JSON}",
        )
    twice: list[str] = []
    try:
        body = _read(request.body, twice)
    except (ValueError, RecursionError) as error:
        got = f"{quote(request.body.decode('utf-8', 'backslashreplace'))[:200]!r}: {error}"
        yield Finding(
            expected="a body of JSON",
            got=got if request.body else "nothing",
            at=f"{which}body",
            remedy="send the documented body, as JSON in UTF-8",
        )
        return
    for name in dict.fromkeys(twice):
        yield Finding(
            expected="each member once",
            got=f"{name!r} more than once in one object",
            at=f"{which}body",
            remedy=f"remove one {name!r}: which of them counts is not defined",
        )
    for one in differences(canonical_body(path, documented.body), canonical_body(path, body), quote=quote):
        yield Finding(
            expected=one.expected,
            got=one.got,
            at=which + one.at,
            line=line_of(result, one.literal),
            remedy=one.remedy or f"send {one.at} as documented",
        )


def _read(body: bytes, twice: list[str]) -> object:
    """What `body` says; names of members that one object has more than once go to `twice`.

    Raises:
        ValueError: it is not JSON in UTF-8 (RFC 8259), also not where Python would take it for JSON.
        RecursionError: it is nested too deeply.
    """

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = Counter(name for name, _ in pairs)
        twice.extend(name for name, count in names.items() if count > 1)
        return dict(pairs)

    def refused(constant: str) -> object:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(body.decode("utf-8"), object_pairs_hook=members, parse_constant=refused)
