"""Claims about credentials: which header, which token, how it was asked for."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote

from harness.checks.exchanges import api_requests, token_requests
from harness.checks.registry import SENDING, check
from harness.checks.sources import line_of
from harness.model import Finding, Request, RunResult
from harness.wire import header

NAME = "signs_in_as_documented"


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
    for _, request in api_requests(result):
        sent = header(request.headers, "authorization")
        matching = next((token for token in acceptable if sent == f"Bearer {token}"), None)
        token = matching or (acceptable[0] if acceptable else "<token from Entra ID>")
        yield from _credential(result, request, "authorization", f"Bearer {token}", remedy=remedy)


def _token_requests(result: RunResult) -> Iterator[Finding]:
    scenario, credentials = result.sample.scenario, result.credentials
    requests = token_requests(result)
    if len(requests) != 1:
        got = "none" if not requests else f"{len(requests)}"
        remedy = "ask through a token provider, which asks once and keeps the token until it expires"
        yield Finding(expected="one request for a token to Entra ID", got=got, at="token requests", remedy=remedy)
    for _, request in requests:
        form = {key: values[0] for key, values in parse_qs(request.body.decode("latin-1")).items()}
        basic = _basic(request)
        for at, expected, got, remedy in (
            (
                "token request: tenant",
                credentials.tenant_id,
                request.path.split("/")[1],
                "let the credential read AZURE_TENANT_ID",
            ),
            (
                "token request: grant_type",
                "client_credentials",
                form.get("grant_type", "none"),
                "use DefaultAzureCredential",
            ),
            (
                "token request: client_id",
                credentials.client_id,
                form.get("client_id", basic[0]),
                "let the credential read AZURE_CLIENT_ID",
            ),
            (
                *("token request: client_secret", credentials.client_secret, form.get("client_secret", basic[1])),
                "let the credential read AZURE_CLIENT_SECRET",
            ),
        ):
            if got != expected:
                yield Finding(expected=expected, got=got or "none", at=at, line=line_of(result, got), remedy=remedy)
        # SDKs of some languages add the OpenID Connect scopes to the one that was asked for.
        scopes = [one for one in form.get("scope", "").split() if one not in ("openid", "profile", "offline_access")]
        if scopes != [scenario.scope]:
            got = " ".join(scopes) or "none"
            remedy = f"ask for {scenario.scope}"
            yield Finding(
                expected=scenario.scope or "",
                got=got,
                at="token request: scope",
                line=line_of(result, got),
                remedy=remedy,
            )


def _unasked_tokens(result: RunResult, why: str) -> Iterator[Finding]:
    if requests := token_requests(result):
        yield Finding(
            expected=f"no request for a token: {why}",
            got=f"{len(requests)} to {requests[0][1].path}",
            at="token requests",
            remedy="sign in as the scenario documents",
        )


def _credential(result: RunResult, request: Request, name: str, value: str, remedy: str) -> Iterator[Finding]:
    """One credential, under `name`, with `value`."""
    sent = [(key.lower(), text) for key, text in request.headers if key.lower() in ("authorization", "api-key")]
    expected = f"{name}: {value}"
    if not sent:
        yield Finding(expected=expected, got="no credential", at="headers", remedy=remedy)
    elif sent != [(name, value)]:
        got = "; ".join(f"{key}: {text}" for key, text in sent)
        right_value_elsewhere = any(text.removeprefix("Bearer ") == value.removeprefix("Bearer ") for _, text in sent)
        literals = [text.removeprefix("Bearer ") for _, text in sent] + [
            key for key, _ in request.headers if key.lower() in ("authorization", "api-key") and key.lower() != name
        ]
        if right_value_elsewhere and len(sent) == 1:
            remedy = f"send it in the header {name!r}" if sent[0][0] != name else f"write the header as {name}: {value}"
        elif right_value_elsewhere:
            remedy = "send one credential, in one header"
        yield Finding(expected=expected, got=got, at="headers", line=line_of(result, *literals), remedy=remedy)


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
