"""Runs as they would be recorded, made without running anything: out of the real catalogue, byte by byte.

`right(...)` gives the four kinds of run that hold every claim; the other functions change one thing in a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from msgspec import structs

from harness.catalogue import catalogue
from harness.contract.hosts import ENTRA_ID_HOST
from harness.model import (
    Arrival,
    ArrivalKind,
    BuildResult,
    Catalogue,
    Credentials,
    IssuedToken,
    Journal,
    RunResult,
    Sample,
)

REPOSITORY = Path(__file__).parent.parent

#: Canaries in the shapes that the gateway's have, the same in each test.
CREDENTIALS = Credentials(
    api_key="K3y" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" + "canary",
    tenant_id="11111111-2222-3333-4444-555555555555",
    client_id="66666666-7777-8888-9999-aaaaaaaaaaaa",
    client_secret="Abc8Q~defghijklmnopqrst.uvwxyzAB_CDEFGHI",
    given_token="eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJ1dGkiOiJnaXZlbiJ9." + "Z2l2ZW4" * 30,
)
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJ1dGkiOiJhc2tlZCJ9." + "YXNrZWQ" * 30
SCOPE = "https://cognitiveservices.azure.com/.default"
TOKEN_PATH = f"/{CREDENTIALS.tenant_id}/oauth2/v2.0/token"
#: Everything that must never be quoted.
CANARIES = (CREDENTIALS.api_key, CREDENTIALS.client_secret, CREDENTIALS.given_token, TOKEN)

#: The four kinds of right runs: how the language signs in and what it prints → a sample of that kind.
KINDS = {
    "api-key header, prints body": "curl/chat_api_key",
    "key as bearer, prints text": "python/chat_api_key",
    "token provider": "python/responses_entra_id",
    "given token": "curl/responses_entra_id",
}


@cache
def real() -> Catalogue:
    """The repository's own samples and fixtures."""
    return catalogue(REPOSITORY)


def sample(sample_id: str) -> Sample:
    """One sample of the repository."""
    return next(one for one in real().samples if one.id == sample_id)


def right(kind: str) -> RunResult:
    """A run of a kind of KINDS that holds every claim."""
    return right_run(sample(KINDS[kind]))


def right_run(one: Sample) -> RunResult:
    """A run of a sample of the repository that holds every claim."""
    language, scenario = one.language, one.scenario
    endpoint = urlsplit(scenario.endpoint)
    body = json.dumps(scenario.request.body, ensure_ascii=False).encode()
    arrivals, tokens = [], [token(CREDENTIALS.given_token, requested=False)]
    if scenario.sign_in == "api_key":
        key, header = CREDENTIALS.api_key, language.api_key_header
        credential = (header, key if header == "api-key" else f"Bearer {key}")
    elif language.entra == "given_token":
        credential = ("Authorization", f"Bearer {CREDENTIALS.given_token}")
    else:
        credential = ("Authorization", f"Bearer {TOKEN}")
        arrivals += [discovery(), token_request()]
        tokens += [token(TOKEN, requested=True)]
    headers = (
        ("Host", endpoint.netloc),
        ("Content-Type", "application/json"),
        credential,
        ("User-Agent", "client/1.0"),
    )
    arrivals.append(
        request(endpoint.hostname, scenario.request.method, endpoint.path + scenario.request.path, headers, body)
    )
    answer = scenario.recording.exchanges[0].response.body
    printed = json.dumps(answer, ensure_ascii=False) if language.prints == "body" else scenario.stdout
    return RunResult(
        sample=one,
        source=one.path.read_text(encoding="utf-8"),
        shown_path=str(one.path.relative_to(REPOSITORY)),
        build=BuildResult(command=("compile", "it"), exit_code=0, output="", seconds=0.1, cached=False),
        ran=True,
        exit_code=0,
        output_limit_bytes=4 * 1024 * 1024,
        stdout=printed.encode(),
        seconds=0.5,
        credentials=CREDENTIALS,
        journal=Journal(arrivals=tuple(arrivals), tokens=tuple(tokens)),
        phases={"set-up": 0.0, "build": 0.1, "open": 0.01, "run": 0.5, "close": 0.01},
    )


# ---------------------------------------------------------------- parts


def raw(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request as a client writes it; with a Content-Length where there is a body and headers don't say another."""
    headers = tuple(headers)
    framed = {name.lower() for name, _ in headers} & {"content-length", "transfer-encoding"}
    if body and not framed:
        headers += (("Content-Length", str(len(body))),)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def request(
    host: str, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"", **more: object
) -> Arrival:
    """A whole request that arrived at `host`."""
    fields = {
        "kind": ArrivalKind.REQUEST,
        "scheme": "https",
        "port": 443,
        "raw": raw(method, target, headers, body),
        "at_s": 0.3,
        "status": 200,
    }
    return Arrival(host=host, **{**fields, **more})


def refused(host: str, text: bytes = b"", **more: object) -> Arrival:
    """A connection to a host that is none of the run's."""
    sent = text or f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode()
    fields = {
        "kind": ArrivalKind.REFUSED_HOST,
        "scheme": "https",
        "port": 443,
        "raw": sent,
        "at_s": 0.2,
        "status": 403,
        "why": f"{host} is not a host of this run",
    }
    return Arrival(host=host, **{**fields, **more})


def broken(why: str, text: bytes = b"\x16\x03\x01", **more: object) -> Arrival:
    """What never became a request."""
    fields = {
        "kind": ArrivalKind.BROKEN,
        "scheme": "https",
        "port": 443,
        "raw": text,
        "at_s": 0.2,
        "why": why,
        "host": "your-resource-name.openai.azure.com",
    }
    return Arrival(**{**fields, **more})


def token(text: str, requested: bool, **more: object) -> IssuedToken:
    """A token that the gateway gave out at the run's beginning."""
    fields = {"scope": SCOPE, "at_s": 0.1 if requested else 0.0, "lifetime_s": 3599.0}
    return IssuedToken(token=text, requested=requested, **{**fields, **more})


def discovery() -> Arrival:
    """What some SDKs ask before they ask for a token."""
    target = f"/{CREDENTIALS.tenant_id}/v2.0/.well-known/openid-configuration"
    return request(ENTRA_ID_HOST, "GET", target, (("Host", ENTRA_ID_HOST),), at_s=0.05)


def token_request(path: str = TOKEN_PATH, headers: tuple[tuple[str, str], ...] = (), **form: str | None) -> Arrival:
    """A request for a token; `form` replaces its parameters, None removes one."""
    parameters = {
        "grant_type": "client_credentials",
        "client_id": CREDENTIALS.client_id,
        "client_secret": CREDENTIALS.client_secret,
        "scope": SCOPE,
        "client_info": "1",
    }
    parameters = {name: value for name, value in {**parameters, **form}.items() if value is not None}
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    return request(
        ENTRA_ID_HOST, "POST", path, (("Host", ENTRA_ID_HOST), kind, *headers), urlencode(parameters).encode(), at_s=0.1
    )


# ---------------------------------------------------------------- one change


def with_journal(run: RunResult, **changes: object) -> RunResult:
    """`run` with another journal."""
    return structs.replace(run, journal=structs.replace(run.journal, **changes))


def with_arrivals(run: RunResult, *more: Arrival, first: bool = False) -> RunResult:
    """`run` with more that arrived, last or first."""
    arrivals = run.journal.arrivals
    return with_journal(run, arrivals=(*more, *arrivals) if first else (*arrivals, *more))


def api_arrival(run: RunResult) -> Arrival:
    """The request to the API of a right run."""
    return run.journal.arrivals[-1]


def with_request(run: RunResult, change: Callable[[bytes], bytes], **fields: object) -> RunResult:
    """`run` with the bytes of its API request changed."""
    arrival = api_arrival(run)
    changed = structs.replace(arrival, raw=change(arrival.raw), **fields)
    return with_journal(run, arrivals=(*run.journal.arrivals[:-1], changed))


def with_target(run: RunResult, method: str, target: str, **fields: object) -> RunResult:
    """`run` with another request line."""
    return with_request(
        run, lambda text: f"{method} {target} HTTP/1.1".encode() + text[text.index(b"\r\n") :], **fields
    )


def with_headers(run: RunResult, *added: tuple[str, str], without: Iterable[str] = ()) -> RunResult:
    """`run` with headers of its API request removed (names in lower case), and others added."""

    def change(text: bytes) -> bytes:
        head, _, body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        lines = [line for line in lines if line.partition(":")[0].lower() not in without]
        lines += [f"{name}: {value}" for name, value in added]
        return "\r\n".join([first, *lines]).encode("latin-1") + b"\r\n\r\n" + body

    return with_request(run, change)


def with_body(run: RunResult, body: bytes | object, **fields: object) -> RunResult:
    """`run` with another body of its API request: bytes as they are, anything else as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def change(text: bytes) -> bytes:
        head = text.partition(b"\r\n\r\n")[0]
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        length = b"Content-Length: %d" % len(sent)
        return b"\r\n".join([*lines, length]) + b"\r\n\r\n" + sent

    return with_request(run, change, **fields)


def with_member(run: RunResult, **members: object) -> RunResult:
    """`run` with other members in its API request's body."""
    return with_body(run, {**run.sample.scenario.request.body, **members})


def with_credential(run: RunResult, *sent: tuple[str, str]) -> RunResult:
    """`run` with other credentials in its API request."""
    return with_headers(run, *sent, without=("authorization", "api-key"))


def with_token_request(run: RunResult, *requests: Arrival) -> RunResult:
    """`run` (with a token provider) with other requests for a token."""
    return with_journal(run, arrivals=(discovery(), *requests, api_arrival(run)))
