"""Claims about credentials: which header, which token, how it was asked for."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote

from harness.checks.exchanges import api_requests, sign_in_requests, token_requests
from harness.checks.registry import SENDING, check
from harness.checks.secrecy import SIGN_IN_HEADERS
from harness.checks.sources import line_of
from harness.contract.hosts import ENTRA_ID_HOST
from harness.model import Arrival, Finding, Request, RunResult
from harness.wire import header

NAME = "signs_in_as_documented"
#: SDKs of some languages add scopes of OpenID Connect to the one that was asked for.
OPENID_SCOPES = ("openid", "profile", "offline_access", "email")


@check(follows_from=SENDING - {"builds", NAME})
def signs_in_as_documented(result: RunResult) -> Iterator[Finding]:
    """Each request carries the run's own credential, in the documented header, got in the documented way."""
    if result.sample.scenario.sign_in == "api_key":
        yield from _with_api_key(result)
    else:
        yield from _with_token(result)


def _with_api_key(result: RunResult) -> Iterator[Finding]:
    name = result.sample.language.api_key_header
    key = result.credentials.api_key
    expected = ("authorization", f"Bearer {key}") if name == "authorization" else ("api-key", key)
    yield from _unasked_tokens(result, "the scenario signs in with an API key")
    for _, request in api_requests(result):
        yield from _credential(
            result, request, *expected, remedy=f"read the key from {_variables(result, '{api_key}')}"
        )


def _with_token(result: RunResult) -> Iterator[Finding]:
    given = result.sample.language.entra == "given_token"
    issued = [token.token for token in result.journal.tokens if token.requested]
    if given:
        variable = _variables(result, "{given_token}")
        yield from _unasked_tokens(result, f"the token is the one in {variable}")
        acceptable, remedy = [result.credentials.given_token], f"send the token of {variable} as a bearer token"
    else:
        yield from _token_requests(result)
        acceptable, remedy = issued, "give the client a token provider for the documented scope"
    for arrival, request in api_requests(result):
        sent = _spelled_alike(header(request.headers, "authorization") or "")
        matching = next((token for token in acceptable if sent == f"Bearer {token}"), None)
        token = matching or (acceptable[0] if acceptable else "<token from Entra ID>")
        yield from _credential(result, request, "authorization", f"Bearer {token}", remedy=remedy)
        if matching is not None:
            yield from _worth(result, arrival, matching, remedy)


def _worth(result: RunResult, arrival: Arrival, sent: str, remedy: str) -> Iterator[Finding]:
    """Whether the token that a request carries is good for the API, and still was when the request came."""
    scope = result.sample.scenario.scope or ""
    for token in result.journal.tokens:
        if token.token != sent:
            continue
        if token.scope != scope:
            got = f"a token for {token.scope}"
            yield Finding(expected=f"a token for {scope}", got=got, at="headers", remedy=remedy)
        over_s = arrival.at_s - (token.at_s + token.lifetime_s)
        if over_s >= 0:
            yield Finding(
                expected="a token that is valid when the request is sent",
                got=f"one that had expired {over_s:.0f} s before",
                at="headers",
                remedy=remedy,
            )


def _token_requests(result: RunResult) -> Iterator[Finding]:
    requests = token_requests(result)
    if not requests and (tenant := _asked_tenant(result)):
        yield Finding(
            expected=result.credentials.tenant_id,
            got=tenant,
            at="sign-in: tenant",
            line=line_of(result, tenant),
            remedy=_read_from(result, "{tenant_id}"),
        )
    elif len(requests) != 1 and (requests or api_requests(result)):  # a program that sent nothing has another fault
        got = "none" if not requests else f"{len(requests)}"
        remedy = "ask through a token provider, which asks once and keeps the token until it expires"
        yield Finding(expected="one request for a token to Entra ID", got=got, at="token requests", remedy=remedy)
    for arrival, request in requests:
        found = tuple(_token_request_differences(result, request))
        yield from found
        if not found and arrival.status is not None and arrival.status >= 400:
            yield Finding(
                expected="a request that Entra ID answers with a token",
                got=f"one that it answered with {arrival.status}",
                at="token request",
                remedy="send its parameters once each, as a form (application/x-www-form-urlencoded)",
            )


def _asked_tenant(result: RunResult) -> str:
    """Another tenant than the run's, that the program asked Entra ID about; empty when it asked about none."""
    own = (result.credentials.tenant_id.lower(), "common", "organizations")
    asked = (_tenant_of(request) for _, request in sign_in_requests(result))
    return next((tenant for tenant in asked if tenant.lower() not in own), "")


def _token_request_differences(result: RunResult, request: Request) -> Iterator[Finding]:
    scenario, credentials = result.sample.scenario, result.credentials
    form = {key: values[0] for key, values in parse_qs(request.body.decode("latin-1")).items()}
    basic_id, basic_secret = _basic(request)
    for member, expected, sent, remedy in (
        ("tenant", credentials.tenant_id, _tenant_of(request), _read_from(result, "{tenant_id}")),
        ("grant_type", "client_credentials", form.get("grant_type", ""), "use DefaultAzureCredential"),
        ("client_id", credentials.client_id, form.get("client_id", basic_id), _read_from(result, "{client_id}")),
        (
            *("client_secret", credentials.client_secret, form.get("client_secret", basic_secret)),
            _read_from(result, "{client_secret}"),
        ),
    ):
        alike = sent.lower() == expected.lower() if member in ("tenant", "client_id") else sent == expected
        if not alike:
            place, line = f"token request: {member}", line_of(result, sent)
            yield Finding(expected=expected, got=sent or "none", at=place, line=line, remedy=remedy)
    scopes = [one for one in form.get("scope", "").split() if one not in OPENID_SCOPES]
    if scopes != [scenario.scope]:
        sent = " ".join(scopes)
        yield Finding(
            expected=scenario.scope or "",
            got=sent or "none",
            at="token request: scope",
            line=line_of(result, sent),
            remedy=f"ask for {scenario.scope}",
        )


def _unasked_tokens(result: RunResult, why: str) -> Iterator[Finding]:
    if requests := sign_in_requests(result):
        yield Finding(
            expected=f"no request to {ENTRA_ID_HOST}: {why}",
            got=f"{len(requests)}, first {requests[0][1].method} {requests[0][1].path}",
            at="token requests",
            remedy="sign in as the scenario documents",
        )


def _credential(result: RunResult, request: Request, name: str, value: str, remedy: str) -> Iterator[Finding]:
    """One credential, under `name`, with `value`."""
    named = [(key, text) for key, text in request.headers if key.lower() in SIGN_IN_HEADERS]
    sent = [(key.lower(), _spelled_alike(text)) for key, text in named]
    expected = f"{name}: {value}"
    if not sent:
        yield Finding(expected=expected, got="no credential", at="headers", remedy=remedy)
    elif sent != [(name, value)]:
        got = "; ".join(f"{key.lower()}: {text}" for key, text in named)
        right_value_elsewhere = any(text.removeprefix("Bearer ") == value.removeprefix("Bearer ") for _, text in sent)
        literals = [text.removeprefix("Bearer ") for _, text in sent]
        literals += [key for key, _ in named if key.lower() != name]
        if right_value_elsewhere and len(sent) == 1:
            remedy = f"send it in the header {name!r}" if sent[0][0] != name else f"write the header as {name}: {value}"
        elif right_value_elsewhere:
            remedy = "send one credential, in one header"
        yield Finding(expected=expected, got=got, at="headers", line=line_of(result, *literals), remedy=remedy)


def _spelled_alike(value: str) -> str:
    """A header's value with the scheme as `Bearer`, in whatever case it came (RFC 9110, section 11.1)."""
    scheme, space, credential = value.partition(" ")
    return f"Bearer{space}{credential}" if scheme.lower() == "bearer" else value


def _tenant_of(request: Request) -> str:
    """The tenant in the path of a request to Entra ID."""
    return request.path.removeprefix("/").partition("/")[0]


def _read_from(result: RunResult, placeholder: str) -> str:
    return f"let the credential read {_variables(result, placeholder)}"


def _variables(result: RunResult, placeholder: str) -> str:
    names = [name for name, value in result.sample.scenario.environment.items() if placeholder in value]
    return " or ".join(names) or "the environment"


def _basic(request: Request) -> tuple[str, str]:
    """Client id and secret of HTTP Basic authentication; empty where there is none (RFC 6749 §2.3.1)."""
    scheme, _, text = (header(request.headers, "authorization") or "").partition(" ")
    try:
        user, _, password = (
            base64.b64decode(text).decode("utf-8").partition(":") if scheme.lower() == "basic" else ("", "", "")
        )
    except ValueError:
        return "", ""
    return unquote(user), unquote(password)
