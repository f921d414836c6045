"""The checks, on runs made by hand: what each finds, what none of them finds, and what none may say."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable

import builders
import msgspec
import pytest
from builders import (
    CANARIES,
    CREDENTIALS,
    KINDS,
    SCOPE,
    TOKEN,
    TOKEN_PATH,
    api_arrival,
    broken,
    discovery,
    real,
    refused,
    right,
    right_run,
    token,
    token_request,
    with_arrivals,
    with_body,
    with_credential,
    with_headers,
    with_journal,
    with_member,
    with_request,
    with_target,
    with_token_request,
)
from msgspec import structs

from harness.cells import cell_of
from harness.checks import CHECKS, run_checks
from harness.checks.answers import pattern_of
from harness.checks.sources import line_of, line_of_host
from harness.model import ArrivalKind, Finding, Journal, RunResult
from harness.redaction import secrets_of, spellings

TEXT = "key as bearer, prints text"
BODY = "api-key header, prints body"
PROVIDER = "token provider"
GIVEN = "given token"


def changed(kind: str, **fields: object) -> RunResult:
    return structs.replace(right(kind), **fields)


def not_built(output: str = "chat_api_key.py:3: no such thing", exit_code: int | None = 1) -> RunResult:
    run = right(TEXT)
    build = structs.replace(run.build, exit_code=exit_code, output=output)
    return structs.replace(run, build=build, ran=False, exit_code=None, stdout=b"", journal=Journal())


def body_of(run: RunResult) -> dict:
    return run.sample.scenario.request.body


#: Check → a run that is wrong in that way, and in no other.
WRONG: dict[str, Callable[[], RunResult]] = {
    "builds": not_built,
    "reaches_only_documented_hosts": lambda: with_arrivals(right(TEXT), refused("telemetry.example.com")),
    "completes_its_connections": lambda: with_arrivals(right(TEXT), broken("the client ended the TLS handshake")),
    "signs_in_as_documented": lambda: with_credential(right(TEXT), ("Authorization", "Bearer hard-coded")),
    "sends_no_api_version": lambda: with_target(
        right(TEXT), "POST", "/openai/v1/chat/completions?api-version=2024-10-21"
    ),
    "sends_the_documented_request": lambda: with_member(right(TEXT), model="gpt-4o"),
    "sends_only_requests_of_the_contract": lambda: with_request(
        right(TEXT), lambda text: text, verdict="Missing required parameter: 'model'"
    ),
    "sends_each_request_once": lambda: with_arrivals(right(TEXT), api_arrival(right(TEXT))),
    "ends_in_time": lambda: changed(TEXT, timed_out=True, exit_code=None),
    "prints_within_its_limit": lambda: changed(TEXT, flooded=True, exit_code=None),
    "sends_at_least_one_request": lambda: with_journal(right(TEXT), arrivals=()),
    "leaves_no_process_behind": lambda: changed(TEXT, left_behind=("sleep 600",)),
    "sends_secrets_only_where_they_belong": lambda: with_headers(right(TEXT), ("X-Debug", CREDENTIALS.api_key)),
    "prints_no_secret": lambda: changed(TEXT, stderr=f"key: {CREDENTIALS.api_key}\n".encode()),
    "exits_cleanly": lambda: changed(TEXT, exit_code=3),
    # What can't be read as text is no answer either, except where the answer is longer than what was kept.
    "prints_text": lambda: changed(TEXT, stdout=right(TEXT).stdout[:-1] + b"\xe9\n"),
    "prints_the_answer": lambda: changed(TEXT, stdout=b"hullo\n"),
}
#: Check → the consequences that its wrong run can't be without.
FOLLOWS = {"prints_text": ["prints_the_answer"]}


def headlines(run: RunResult) -> list[str]:
    return [one.check for one in run_checks(run) if one.because_of is None]


def only(run: RunResult) -> Finding:
    """The one headline of a run."""
    findings = [one for one in run_checks(run) if one.because_of is None]
    assert len(findings) == 1, findings
    return findings[0]


def told(run: RunResult) -> tuple[str, str, str, str]:
    """The one headline of a run: check, place, expected, got."""
    one = only(run)
    return one.check, one.at, one.expected, one.got


def texts_of(finding: Finding) -> str:
    return "\n".join((finding.expected, finding.got, finding.at, finding.remedy, finding.file, finding.check))


def quotes_a_canary(text: str) -> bool:
    return any(spelling in text for canary in CANARIES for spelling in spellings(canary))


# ---------------------------------------------------------------- each check


@pytest.mark.parametrize("kind", KINDS)
def test_right_run_has_no_findings(kind):
    """A run that does as its scenario documents trips no check."""
    assert run_checks(right(kind)) == ()


def test_every_sample_has_a_right_run():
    """Each sample of the repository, run as its scenario documents, trips no check: none asks for the impossible."""
    assert {one.id: run_checks(right_run(one)) for one in real().samples if one.path.exists()} == {
        one.id: () for one in real().samples if one.path.exists()
    }


@pytest.mark.parametrize("name", CHECKS)  # a new check without a wrong run fails here
def test_each_check_is_tripped_alone(name):
    """A run that is wrong in one way is found wrong in that way only."""
    findings = run_checks(WRONG[name]())
    assert [one.check for one in findings] == [name, *FOLLOWS.get(name, [])]
    assert findings[0].because_of is None


@pytest.mark.parametrize("name", CHECKS)
def test_each_finding_says_enough(name):
    """A finding says what was expected and what was there, where, and what to try unless the program's own words do."""
    for one in run_checks(WRONG[name]()):
        assert one.expected
        assert one.got
        assert one.at
        assert one.file == WRONG[name]().shown_path
        assert one.remedy or one.check in ("exits_cleanly", "completes_its_connections")


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_is_a_claim(name):
    """A check's name is a claim in the present tense, and its first line a sentence that says when it holds."""
    assert re.fullmatch(r"[a-z]+s(_[a-z]+)*", name)
    assert re.fullmatch(r"[A-Z].*\.", CHECKS[name].claim)


def test_check_of_what_follows_names_checks_only():
    """What a check follows from are checks, of which at least none is itself the only one."""
    for one in CHECKS.values():
        assert one.follows_from <= set(CHECKS)


def test_a_sample_that_did_not_build_is_judged_by_its_build_alone():
    """Nothing is said of what a sample sends or prints when it was never run."""
    one = only(not_built())
    assert (one.check, one.line) == ("builds", 3)
    assert (one.expected, one.got) == ("compile it exits with 0", "exit code 1: chat_api_key.py:3: no such thing")


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("./chat_api_key.py:4:7: undefined: x", 4),
        ("/b/chat_api_key.py(5,12): error CS1061", 5),
        ('File "chat_api_key.py", line 6', 6),
        ("chat_api_key.py: line 7: syntax error", 7),
        ("other_chat_api_key.py:4: not this file", None),
        ("chat_api_key.py:4000: past its end", None),
        ("", None),
    ],
)
def test_builds_names_the_compilers_line(output, line):
    """The line is the one that the compiler names in the sample itself."""
    assert only(not_built(output)).line == line


def test_build_that_hangs():
    """A build that was ended at its limit says so, and which limit to raise."""
    one = only(not_built("waiting", None))
    assert one.got == "still running at its time limit: waiting"
    assert "build_timeout_s" in one.remedy


# ---------------------------------------------------------------- causes and consequences


def test_consequences_fold_under_their_cause():
    """A wrong path also exits 1 and prints nothing: one headline, two consequences."""
    run = with_target(right(TEXT), "POST", "/openai/v1/chat/completion", status=404)
    run = structs.replace(run, exit_code=1, stdout=b"", stderr=b"NotFoundError: 404")
    assert [(one.check, one.because_of) for one in run_checks(run)] == [
        ("sends_the_documented_request", None),
        ("exits_cleanly", "sends_the_documented_request"),
        ("prints_the_answer", "sends_the_documented_request"),
    ]


def test_run_that_reached_nothing():
    """A run that called another host has one headline; all that it then didn't do follows from it."""
    run = with_journal(right(TEXT), arrivals=(refused("api.openai.com"),))
    found = run_checks(structs.replace(run, exit_code=1, stdout=b""))
    assert [(one.check, one.because_of) for one in found] == [
        ("reaches_only_documented_hosts", None),
        ("exits_cleanly", "reaches_only_documented_hosts"),
        ("sends_at_least_one_request", "reaches_only_documented_hosts"),
        ("prints_the_answer", "reaches_only_documented_hosts"),
    ]


def test_consequence_of_a_consequence_folds_under_the_headline():
    """What follows from a consequence alone names the headline, which is the cause of both."""
    run = with_credential(right(TEXT), ("Authorization", "Bearer hard-coded"))
    run = with_request(run, lambda text: text, verdict="no such path")
    run = with_arrivals(run, broken("cut short"), first=True)
    assert [(one.check, one.because_of) for one in run_checks(run)] == [
        ("completes_its_connections", None),
        ("signs_in_as_documented", "completes_its_connections"),
        ("sends_only_requests_of_the_contract", "completes_its_connections"),
    ]


def test_headlines_come_first():
    """Consequences stand after every headline, also one whose check comes later."""
    run = with_member(changed(TEXT, exit_code=1, stdout=b"", left_behind=("sleep 600",)), model="gpt-4o")
    assert [one.because_of is None for one in run_checks(run)] == [True, True, False, False]


def test_retry_repeats_no_finding():
    """A client that sends the same wrong request three times is told once what is wrong with it."""
    wrong = with_member(right(TEXT), model="gpt-4o")
    run = with_arrivals(wrong, api_arrival(wrong), api_arrival(wrong))
    assert [(one.check, one.at) for one in run_checks(run)] == [
        ("sends_the_documented_request", "request 1: body.model"),
        ("sends_each_request_once", "requests"),
    ]


def test_retry_is_counted_with_its_answers():
    """A second request tells how each was answered."""
    first = structs.replace(api_arrival(right(TEXT)), status=None)
    one = only(with_arrivals(right(TEXT), first, first=True))
    assert (one.expected, one.got) == ("one request", "2, answered with nothing, 200")


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize("name", CHECKS)
def test_no_finding_quotes_a_credential(name):
    """No canary stands in any field of a finding, nor in what a cell shows of a run."""
    run = WRONG[name]()
    for one in run_checks(run):
        assert not quotes_a_canary(texts_of(one))
    cell = cell_of(run, {})
    assert not quotes_a_canary(msgspec.json.encode(cell).decode())


LEAKS = {
    "printed": lambda run, secret: structs.replace(run, stdout=f"{secret}\n".encode()),
    "printed after much": lambda run, secret: structs.replace(run, stdout=b"x" * 290 + f"{secret}\n".encode()),
    "printed late": lambda run, secret: structs.replace(run, stdout=b"x" * 1990 + f"{secret}\n".encode()),
    "printed, flooding": lambda run, secret: structs.replace(run, flooded=True, stdout=f"{secret}{secret}".encode()),
    "printed in base64": lambda run, secret: structs.replace(
        run, stdout=base64.b64encode(f"a:{secret}".encode()) + b"\n"
    ),
    "beside bytes that are no text": lambda run, secret: structs.replace(run, stdout=secret.encode() + b"\xff"),
    "in a traceback": lambda run, secret: structs.replace(
        run, exit_code=1, stderr=f"Error: {'y' * 290}{secret}".encode()
    ),
    "in an address": lambda run, secret: with_target(run, "POST", f"/openai/v1/x/{secret}?key={secret}"),
    "in an address, encoded": lambda run, secret: with_target(
        run, "POST", "/openai/v1/responses?key=" + secret.replace("~", "%7E")
    ),
    "in a value": lambda run, secret: with_member(run, model=secret),
    "in a long value": lambda run, secret: with_member(run, user="z" * 70 + secret + "z" * 900),
    "in a long body": lambda run, secret: with_member(run, user="z" * 1800 + secret),
    "as a member": lambda run, secret: with_member(run, **{secret: 1}),
    "in a body that is no JSON": lambda run, secret: with_body(run, b"z" * 180 + secret.encode()),
    "in the wrong header": lambda run, secret: with_credential(run, ("Authorization", secret), ("api-key", secret)),
    "as another scheme": lambda run, secret: with_credential(run, ("Authorization", f"Key {secret}")),
    "without a scheme": lambda run, secret: with_credential(run, ("Authorization", secret)),
    "as basic": lambda run, secret: with_credential(
        run, ("Authorization", "Basic " + base64.b64encode(f"user:{secret}".encode()).decode())
    ),
    "to another host": lambda run, secret: with_arrivals(
        run, refused("evil.example", f"GET /{secret} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    ),
    "in a host's name": lambda run, secret: with_arrivals(run, refused(secret)),
    "in a process's arguments": lambda run, secret: structs.replace(run, left_behind=(f"curl -H {secret}",)),
    "in a form": lambda run, secret: with_arrivals(run, token_request(client_secret=secret, scope=secret)),
    "in a form's address": lambda run, secret: with_arrivals(run, token_request(path=f"/{secret}/oauth2/v2.0/token")),
    "as a client's password": lambda run, secret: with_arrivals(
        run,
        token_request(
            client_secret=None,
            client_id=None,
            headers=(("Authorization", "Basic " + base64.b64encode(f"id:{secret}".encode()).decode()),),
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leak", LEAKS)
def test_what_leaks_is_never_quoted(leak, kind):
    """Wherever a credential turns up, whole, encoded or where a text is cut: neither findings nor the cell hold it."""
    for secret in secrets_of(CREDENTIALS, right(kind).journal):
        cell = cell_of(LEAKS[leak](right(kind), secret), {})
        text = msgspec.json.encode(cell).decode()
        assert not any(spelling in text for spelling in spellings(secret))
        # Nor the half of one: what is left of a secret that was cut before it was redacted.
        assert not any(secret[at : at + 24] in text for at in range(len(secret) - 23))


@pytest.mark.parametrize(
    ("leak", "secret", "place"),
    [
        ("in an address", CREDENTIALS.api_key, "the address"),
        ("in an address, encoded", CREDENTIALS.client_secret, "the address"),
        ("in a value", CREDENTIALS.api_key, "the body"),
        ("as a member", TOKEN, "the body"),
        ("to another host", CREDENTIALS.api_key, "what was sent to evil.example"),
    ],
)
def test_misplaced_credential_is_found(leak, secret, place):
    """A credential in an address, a body or anything for another host is a finding that names the place."""
    found = [one.at for one in run_checks(LEAKS[leak](right(PROVIDER), secret))]
    assert place in found


@pytest.mark.parametrize("field", ["stdout", "stderr"])
@pytest.mark.parametrize("secret", CANARIES)
@pytest.mark.parametrize(
    "spelled",
    [
        lambda secret: secret,
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"x:{secret}".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"id:{secret}\n".encode()).decode(),
        lambda secret: secret.replace("~", "%7E"),
    ],
)
def test_printed_credential_is_found(field, secret, spelled):
    """A credential on either stream is found, also in base64 and percent-encoded."""
    run = structs.replace(right(PROVIDER), **{field: f"<{spelled(secret)}>\n".encode()})
    stream = {"stdout": "standard output", "stderr": "standard error"}[field]
    assert ("prints_no_secret", stream) in [(one.check, one.at) for one in run_checks(run)]


def test_client_secret_belongs_to_entra_id_alone():
    """The client secret in a request for a token is no finding; the API key there is one."""
    assert run_checks(right(PROVIDER)) == ()
    run = with_token_request(right(PROVIDER), token_request(login_hint=CREDENTIALS.api_key))
    assert told(run) == (
        "sends_secrets_only_where_they_belong",
        "the body of a request to login.microsoftonline.com",
        "credentials in the sign-in header alone",
        "the API key in the body of a request to login.microsoftonline.com",
    )


# ---------------------------------------------------------------- signing in


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (BODY, "API-KEY", CREDENTIALS.api_key),
        (BODY, "Api-Key", CREDENTIALS.api_key),
        (TEXT, "authorization", f"Bearer {CREDENTIALS.api_key}"),
        (TEXT, "AUTHORIZATION", f"Bearer {CREDENTIALS.api_key}"),
        (TEXT, "Authorization", f"bearer {CREDENTIALS.api_key}"),
        (TEXT, "Authorization", f"BEARER {CREDENTIALS.api_key}"),
        (PROVIDER, "authorization", f"bearer {TOKEN}"),
        (GIVEN, "authorization", f"bearer {CREDENTIALS.given_token}"),
    ],
)
def test_case_of_header_and_scheme_does_not_matter(kind, name, value):
    """Header names and the Bearer scheme are the same in any case (RFC 9110, sections 5.1 and 11.1)."""
    assert run_checks(with_credential(right(kind), (name, value))) == ()


@pytest.mark.parametrize(
    ("kind", "sent", "expected", "got", "remedy"),
    [
        (TEXT, [], "authorization: Bearer <API key>", "no credential", "read the key from AZURE_OPENAI_API_KEY"),
        (
            TEXT,
            [("api-key", CREDENTIALS.api_key)],
            "authorization: Bearer <API key>",
            "api-key: <API key>",
            "send it in the header 'authorization'",
        ),
        (
            BODY,
            [("Authorization", f"Bearer {CREDENTIALS.api_key}")],
            "api-key: <API key>",
            "authorization: Bearer <API key>",
            "send it in the header 'api-key'",
        ),
        (
            TEXT,
            [("Authorization", CREDENTIALS.api_key)],
            "authorization: Bearer <API key>",
            "authorization: <API key>",
            "write the header as authorization: Bearer <API key>",
        ),
        (
            BODY,
            [("api-key", CREDENTIALS.api_key), ("Authorization", f"Bearer {CREDENTIALS.api_key}")],
            "api-key: <API key>",
            "api-key: <API key>; authorization: Bearer <API key>",
            "send one credential, in one header",
        ),
        (
            BODY,
            [("api-key", CREDENTIALS.api_key), ("api-key", CREDENTIALS.api_key)],
            "api-key: <API key>",
            "api-key: <API key>; api-key: <API key>",
            "send one credential, in one header",
        ),
        (
            BODY,
            [("api-key", f" {CREDENTIALS.api_key}x")],
            "api-key: <API key>",
            "api-key: <API key>x",
            "read the key from AZURE_OPENAI_API_KEY",
        ),
        (
            TEXT,
            [("Authorization", f"Bearer {CREDENTIALS.client_secret}")],
            "authorization: Bearer <API key>",
            "authorization: Bearer <client secret>",
            "read the key from AZURE_OPENAI_API_KEY",
        ),
        (
            PROVIDER,
            [("Authorization", f"Bearer {CREDENTIALS.given_token}")],
            "authorization: Bearer <Entra ID token>",
            "authorization: Bearer <given Entra ID token>",
            "give the client a token provider for the documented scope",
        ),
        (
            PROVIDER,
            [("api-key", CREDENTIALS.api_key)],
            "authorization: Bearer <Entra ID token>",
            "api-key: <API key>",
            "give the client a token provider for the documented scope",
        ),
        (
            GIVEN,
            [("Authorization", f"Bearer {TOKEN}")],
            "authorization: Bearer <given Entra ID token>",
            f"authorization: Bearer {TOKEN}",  # unknown to this run, so no secret of it
            "send the token of AZURE_OPENAI_AUTH_TOKEN as a bearer token",
        ),
    ],
)
def test_wrong_credential(kind, sent, expected, got, remedy):
    """The finding tells the documented credential and the one that was sent apart, and what to change."""
    one = only(with_credential(right(kind), *sent))
    assert (one.check, one.at, one.expected, one.got, one.remedy) == (
        "signs_in_as_documented",
        "headers",
        expected,
        got,
        remedy,
    )


@pytest.mark.parametrize("kind", [PROVIDER, GIVEN])
def test_expired_token(kind):
    """A request after its token has expired is a finding, whether the token was asked for or given."""
    run = right(kind)
    late = structs.replace(api_arrival(run), at_s=3700.0)
    run = with_journal(run, arrivals=(*run.journal.arrivals[:-1], late))
    check, at, expected, got = told(run)
    assert (check, at, expected) == (
        "signs_in_as_documented",
        "headers",
        "a token that is valid when the request is sent",
    )
    assert got == "one that had expired 101 s before"


def test_token_of_another_scope():
    """A token of this run that was issued for another scope is a finding."""
    run = right(PROVIDER)
    other = token(TOKEN, requested=True, scope="https://management.azure.com/.default")
    run = with_journal(run, tokens=(run.journal.tokens[0], other))
    assert told(run) == (
        "signs_in_as_documented",
        "headers",
        f"a token for {SCOPE}",
        "a token for https://management.azure.com/.default",
    )


def test_a_refreshed_token_may_be_used():
    """Of two tokens that were asked for, either may be sent; that two were asked for is the finding."""
    second = "eyJ." + "c2Vjb25k" * 9
    run = with_token_request(right(PROVIDER), token_request(), token_request())
    run = with_journal(run, tokens=(*run.journal.tokens, token(second, requested=True)))
    for sent in (TOKEN, second):
        one = only(with_credential(run, ("Authorization", f"Bearer {sent}")))
        assert (one.at, one.expected, one.got) == ("token requests", "one request for a token to Entra ID", "2")


@pytest.mark.parametrize(
    ("change", "at", "expected", "got"),
    [
        ({"scope": "https://ai.azure.com/.default"}, "scope", SCOPE, "https://ai.azure.com/.default"),
        ({"scope": None}, "scope", SCOPE, "none"),
        ({"scope": f"{SCOPE} https://ai.azure.com/.default"}, "scope", SCOPE, f"{SCOPE} https://ai.azure.com/.default"),
        ({"grant_type": "password"}, "grant_type", "client_credentials", "password"),
        ({"grant_type": None}, "grant_type", "client_credentials", "none"),
        ({"client_id": "me"}, "client_id", CREDENTIALS.client_id, "me"),
        ({"client_secret": "swordfish"}, "client_secret", "<client secret>", "swordfish"),
        ({"client_secret": None}, "client_secret", "<client secret>", "none"),
        ({"path": "/common/oauth2/v2.0/token"}, "tenant", CREDENTIALS.tenant_id, "common"),
        ({"path": "/token"}, "tenant", CREDENTIALS.tenant_id, "token"),
    ],
)
def test_wrong_token_request(change, at, expected, got):
    """Tenant, grant, client, secret and scope are each held to the run's own."""
    one = only(with_token_request(right(PROVIDER), token_request(**change)))
    assert (one.check, one.at, one.expected, one.got) == (
        "signs_in_as_documented",
        f"token request: {at}",
        expected,
        got,
    )
    assert one.line is None


@pytest.mark.parametrize(
    "change",
    [
        {"scope": f"{SCOPE} openid profile offline_access"},
        {"scope": f"openid email {SCOPE}"},
        {"path": TOKEN_PATH.upper().replace("OAUTH2/V2.0/TOKEN", "oauth2/v2.0/token")},
        {"client_id": CREDENTIALS.client_id.upper()},
        {
            "client_secret": None,
            "headers": (
                (
                    "Authorization",
                    "Basic "
                    + base64.b64encode(f"{CREDENTIALS.client_id}:{CREDENTIALS.client_secret}".encode()).decode(),
                ),
            ),
        },
    ],
)
def test_other_spellings_of_a_right_token_request(change):
    """OpenID scopes beside the right one, ids in capitals, and a client that uses HTTP Basic: all are right."""
    assert run_checks(with_token_request(right(PROVIDER), token_request(**change))) == ()


def test_token_request_that_is_refused_for_its_form():
    """A right-looking request that Entra ID refuses is a finding, or the run would be red without its cause."""
    refused_one = structs.replace(token_request(), status=400)
    run = with_token_request(right(PROVIDER), refused_one)
    assert told(run) == (
        "signs_in_as_documented",
        "token request",
        "a request that Entra ID answers with a token",
        "one that it answered with 400",
    )


@pytest.mark.parametrize("kind", [TEXT, BODY, GIVEN])
@pytest.mark.parametrize("asked", [token_request, discovery])
def test_nobody_asks_entra_id_unasked(kind, asked):
    """With a key, or with a token that is given, nothing is sent to Entra ID."""
    one = only(with_arrivals(right(kind), asked(), first=True))
    assert (one.check, one.at) == ("signs_in_as_documented", "token requests")
    assert one.expected.startswith("no request to login.microsoftonline.com: ")


def test_no_token_request():
    """A provider that asks for no token is told first; what was sent instead follows."""
    run = with_token_request(right(PROVIDER))
    run = with_journal(run, tokens=run.journal.tokens[:1])
    run = with_credential(run, ("Authorization", f"Bearer {CREDENTIALS.given_token}"))
    assert [(one.at, one.expected, one.got) for one in run_checks(run)] == [
        ("token requests", "one request for a token to Entra ID", "none"),
        ("headers", "authorization: Bearer <token from Entra ID>", "authorization: Bearer <given Entra ID token>"),
    ]


# ---------------------------------------------------------------- the request


@pytest.mark.parametrize(
    ("query", "got"),
    [
        ("api-version=2024-10-21", "?api-version=2024-10-21"),
        ("API-Version=preview", "?API-Version=preview"),
        ("api%2Dversion=1", "?api-version=1"),
        ("api-version=", "?api-version="),
        ("api-version", "?api-version="),
    ],
)
def test_api_version_in_any_spelling(query, got):
    """An api-version is found in any case, encoded, and empty."""
    one = only(with_target(right(TEXT), "POST", f"/openai/v1/chat/completions?{query}"))
    assert (one.check, one.got) == ("sends_no_api_version", got)


@pytest.mark.parametrize("query", ["api_version=1", "version=1", "x", "=1"])
def test_other_query(query):
    """Any other query on the right path is a departure from the documented request."""
    one = only(with_target(right(TEXT), "POST", f"/openai/v1/chat/completions?{query}"))
    assert (one.check, one.at, one.expected) == ("sends_the_documented_request", "query", "no query")


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/chat/completions/",
        "//openai/v1/chat/completions",
        "/openai/v1//chat/completions",
        "/openai/V1/chat/completions",
        "/openai/deployments/grok-3-mini/chat/completions",
        "/v1/chat/completions",
        "/",
        "/openai/v1/chat%2Fcompletions",
    ],
)
def test_other_path(path):
    """A path is held to byte for byte, and told as it was sent."""
    one = only(with_target(right(TEXT), "POST", path))
    assert (one.check, one.at, one.expected, one.got) == (
        "sends_the_documented_request",
        "path",
        "/openai/v1/chat/completions",
        path,
    )


def test_absolute_target_means_the_same():
    """A request line with the whole address means the same as one with the path (RFC 9112, section 3.2.2)."""
    run = with_target(right(TEXT), "POST", "https://your-resource-name.openai.azure.com/openai/v1/chat/completions")
    assert run_checks(run) == ()


def test_other_method():
    """The method is held to."""
    assert told(with_target(right(TEXT), "PUT", "/openai/v1/chat/completions")) == (
        "sends_the_documented_request",
        "method",
        "POST",
        "PUT",
    )


def test_get_without_body():
    """A GET without a body departs in its method and its body."""
    run = with_body(with_target(right(TEXT), "GET", "/openai/v1/chat/completions"), b"")
    assert [(one.at, one.got) for one in run_checks(run)] == [("method", "GET"), ("body", "nothing")]


def test_get_with_the_right_body():
    """A GET that carries the documented body departs in its method alone."""
    one = only(with_target(right(TEXT), "GET", "/openai/v1/chat/completions"))
    assert (one.at, one.expected, one.got) == ("method", "POST", "GET")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"model=grok-3-mini", "'model=grok-3-mini': Expecting value"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
        ('{"model": "Grün"}'.encode("latin-1"), "can't decode byte 0xfc"),
        (b'{"model": NaN}', "NaN is no JSON"),
        (b"{'model': 'grok-3-mini'}", "property name enclosed in double quotes"),
        (b"[" * 100_000, "maximum recursion depth"),
        (b"", "nothing"),
    ],
)
def test_body_that_is_no_json(body, said):
    """What is no JSON by its own rules is shown, with the reason; also what Python would let pass."""
    one = only(with_body(right(TEXT), body))
    assert (one.check, one.at, one.expected) == ("sends_the_documented_request", "body", "a body of JSON")
    assert said in one.got


def test_member_given_twice():
    """A member that stands twice in one object is a finding, though the last one is right."""
    run = right(TEXT)
    text = b'{"model": "gpt-4o", ' + json.dumps(body_of(run)).encode()[1:]
    assert told(with_body(run, text)) == (
        "sends_the_documented_request",
        "body",
        "each member once",
        "'model' more than once in one object",
    )


@pytest.mark.parametrize("body", [[], "text", None, 1])
def test_json_that_is_no_object(body):
    """JSON of another kind is one difference."""
    one = only(with_body(right(TEXT), body))
    assert (one.at, one.got) == ("body", json.dumps(body))


@pytest.mark.parametrize("text", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_type_of_json(text):
    """JSON is JSON with a charset, and in any case."""
    assert run_checks(with_headers(right(TEXT), ("Content-Type", text), without=("content-type",))) == ()


@pytest.mark.parametrize(
    ("headers", "got"),
    [((), "none"), ((("Content-Type", "application/x-www-form-urlencoded"),), "application/x-www-form-urlencoded")],
)
def test_content_type_of_something_else(headers, got):
    """A body that is not called JSON is a finding: the service refuses it."""
    assert told(with_headers(right(TEXT), *headers, without=("content-type",))) == (
        "sends_the_documented_request",
        "content-type",
        "application/json",
        got,
    )


def test_chunked_body():
    """A body in chunks is the same as one with a length."""
    body = json.dumps(body_of(right(TEXT))).encode()

    def chunked(text: bytes) -> bytes:
        head = text.partition(b"\r\n\r\n")[0].replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
        parts = [body[at : at + 40] for at in range(0, len(body), 40)]
        return head + b"\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"

    run = with_request(right(TEXT), chunked)
    assert b"chunked" in api_arrival(run).raw
    assert run_checks(run) == ()


def test_request_that_asks_for_an_upgrade():
    """A client that offers HTTP/2 in its headers has sent a request all the same."""
    assert run_checks(with_headers(right(TEXT), ("Connection", "Upgrade"), ("Upgrade", "h2c"))) == ()


# ---------------------------------------------------------------- hosts and connections


@pytest.mark.parametrize(
    ("arrival", "got", "says"),
    [
        (refused("api.openai.com"), "https://api.openai.com", "or remove what calls api.openai.com"),
        (refused("your_resource.openai.azure.com"), "https://your_resource.openai.azure.com", "DNS can't hold"),
        (
            refused("your-resource-name.openai.azure.com", scheme="http", port=80, why="takes https alone"),
            "http://your-resource-name.openai.azure.com",
            "call it by https, port 443: takes https alone",
        ),
        (refused("login.microsoftonline.com", port=8443, why="port"), "https://login.microsoftonline.com:8443", "443"),
        (refused("x.example", scheme="http", port=443), "http://x.example:443", "x.example"),
        (refused("[::1]"), "https://[::1]", "or remove what calls [::1]"),
        (refused("169.254.169.254", scheme="http", port=80), "http://169.254.169.254", "169.254.169.254"),
    ],
)
def test_other_hosts(arrival, got, says):
    """Each other host, scheme or port is told once, with what to do about it."""
    one = only(with_arrivals(right(TEXT), arrival, arrival))
    assert (one.check, one.got) == ("reaches_only_documented_hosts", got)
    assert says in one.remedy


def test_misdirected_request():
    """A request over a connection to one host that asks for another is a finding."""
    why = "the connection is to your-resource-name.openai.azure.com, the request is for other.example"
    run = with_request(right(TEXT), lambda text: text, status=421, why=why)
    one = only(run)
    assert (one.check, one.got) == (
        "reaches_only_documented_hosts",
        f"https://your-resource-name.openai.azure.com: {why}",
    )


def test_certificate_that_is_not_trusted():
    """A handshake that fails for the certificate says how a language names the authority."""
    one = only(with_arrivals(right(TEXT), broken("the client does not trust the certificate")))
    assert "{ca_pem}" in one.remedy


def test_traffic_beyond_the_journal():
    """What a journal could not keep is a finding."""
    one = only(with_journal(right(TEXT), dropped=7, dropped_bytes=900))
    assert (one.check, one.got) == (
        "completes_its_connections",
        "7 more arrivals (900 bytes) than a journal keeps",
    )


def test_request_that_can_not_be_read():
    """Bytes that the gateway took for a request and that are none are told, not left out."""
    run = with_arrivals(right(TEXT), structs.replace(api_arrival(right(TEXT)), raw=b"POST / HTTP/1.1\r\nHost"))
    assert told(run) == (
        "completes_its_connections",
        "your-resource-name.openai.azure.com",
        "whole HTTP/1.1 requests",
        "expected one whole request, got 0",
    )


# ---------------------------------------------------------------- how it ends, what it prints


@pytest.mark.parametrize(
    ("fields", "expected", "got"),
    [
        (
            {"timed_out": True, "exit_code": None, "stderr": b"Terminated"},
            "an end within 30 s",
            "still running after 30 s; it ended when it was told to",
        ),
        (
            {"timed_out": True, "exit_code": None, "ignored_sigterm": True},
            "an end within 30 s",
            "still running after 30 s; it ignored SIGTERM and was killed",
        ),
        ({"exit_code": 3}, "exit code 0", "exit code 3; nothing on standard error"),
        (
            {"exit_code": 1, "stderr": b"Traceback\nKeyError: 'x'\n\n"},
            "exit code 0",
            "exit code 1; standard error: KeyError: 'x'",
        ),
        ({"exit_code": None, "signal": 11}, "exit code 0", "ended by signal 11; nothing on standard error"),
        ({"exit_code": None}, "exit code 0", "no exit code: it was killed; nothing on standard error"),
    ],
)
def test_how_it_ends(fields, expected, got):
    """Each way to end badly is one finding, with the last words of the program."""
    one = only(changed(TEXT, **fields))
    assert (one.expected, one.got) == (expected, got)


ANSWER = right(TEXT).stdout.decode()


@pytest.mark.parametrize(
    ("stdout", "at", "got"),
    [
        (b"", "line 1", "nothing"),
        (b"\n", "line 1", r"'\n'"),
        (ANSWER.rstrip("\n").encode(), "line 1", repr(ANSWER.rstrip("\n"))),
        (ANSWER.replace("\n", "\r\n").encode(), "line 1", repr(ANSWER.replace("\n", "\r\n"))),
        ((ANSWER + "\n").encode(), "line 2", r"'\n'"),
        ((ANSWER + "done\n").encode(), "line 2", r"'done\n'"),
        (("Answer: " + ANSWER).encode(), "line 1", repr("Answer: " + ANSWER)),
        (b"\xef\xbb\xbf" + ANSWER.encode(), "line 1", repr("\ufeff" + ANSWER)),
        (b"y" * 5000 + b"\n", "line 1", repr("y" * 299 + "…")),
    ],
)
def test_printed_text(stdout, at, got):
    """The text, its line end and nothing else; the first line that departs is shown."""
    one = only(changed(TEXT, stdout=stdout))
    assert (one.check, one.at, one.got) == ("prints_the_answer", f"standard output, {at}", got)


def test_line_that_is_missing():
    """An answer of several lines that stops early is told by the line that is not there."""
    run = right(PROVIDER)
    one = only(structs.replace(run, stdout=b"".join(run.stdout.splitlines(keepends=True)[:2])))
    assert (one.at, one.got) == ("standard output, line 3", "no more lines")
    assert one.expected.startswith("'- French: ")


@pytest.mark.parametrize(
    ("stdout", "said"),
    [
        (b"", "nothing"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "not JSON"),
        (b"{} {}", "Extra data"),
        (b"[" * 100_000, "recursion"),
        (b"null", "null"),
    ],
)
def test_printed_body(stdout, said):
    """Where the body is printed, it is JSON and nothing else."""
    one = only(changed(BODY, stdout=stdout))
    assert one.check == "prints_the_answer"
    assert said in one.got


def test_printed_body_may_be_formatted():
    """The body may be printed with other white space, and its members in another order."""
    answer = json.loads(right(BODY).stdout)
    text = json.dumps(dict(reversed(answer.items())), indent=4) + "\n"
    assert run_checks(changed(BODY, stdout=text.encode())) == ()


def test_printed_body_that_differs():
    """A body that is not the answer's is told member by member."""
    answer = json.loads(right(BODY).stdout)
    one = only(changed(BODY, stdout=json.dumps({**answer, "model": "gpt-4o"}).encode()))
    assert (one.at, one.expected, one.got) == ("standard output.model", '"grok-3-mini"', '"gpt-4o"')


@pytest.mark.parametrize(
    ("expected", "printed", "matches"),
    [
        ("a\n...\nz\n", "a\nz\n", True),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nb\nc\ny\n", False),
        ("a\n...\n", "a\n", True),
        ("a\n...\n", "a\nb", True),
        ("...\n", "", True),
        ("id ...\n", "id 42\n", True),
        ("id ...\n", "id 42\nmore\n", False),
        ("id ... ok\n", "id 42 ok\n", True),
        ("wait\\...\n", "wait...\n", True),
        ("wait\\...\n", "wait, what\n", False),
        ("wait\\....\n", "wait....\n", True),
        ("wait\\.......\n", "wait... and see.\n", True),
        ("\\...\n", "...\n", True),
        ("\\...\n", "any\nthing\n", False),
        ("(a|b).*\n", "(a|b).*\n", True),
        ("(a|b).*\n", "axx\n", False),
    ],
)
def test_wildcards(expected, printed, matches):
    r"""A line `...` is any lines, `...` in a line is any text, and `\...` is three dots."""
    assert (re.fullmatch(pattern_of(expected), printed) is not None) == matches


def test_wildcard_line_that_does_not_match():
    """Behind a line of dots no line is blamed: the whole output is shown."""
    run = right(TEXT)
    scenario = structs.replace(run.sample.scenario, stdout="a\n...\nz\n")
    run = structs.replace(run, sample=structs.replace(run.sample, scenario=scenario), stdout=b"a\nb\nc\ny\n")
    one = only(run)
    assert (one.at, one.expected, one.got) == ("standard output", r"'a\n...\nz\n'", r"'a\nb\nc\ny\n'")


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("source", "literal", "line"),
    [
        ("a\nmodel='gpt-4o'\n", "gpt-4o", 2),
        ("model='gpt-4o'\n# gpt-4o costs more\n", "gpt-4o", 1),  # in quotes once
        ("a = 'gpt-4o'\nb = \"gpt-4o\"\n", "gpt-4o", None),
        ("gpt-4o\ngpt-4o\n", "gpt-4o", None),
        ("model='gpt-4o-mini'\n", "gpt-4", None),
        ("TARGET = 1\n", "GET", None),
        ("x = 1000\n", "100", None),
        ("x = 1000\ny = 100\n", "100", 2),
        ("x.responses.create()\n", "response", None),
        ("", "gpt-4o", None),
        ("anything", "", None),
        ("url = base + '/v1/response'\n", "/v1/response", 1),
    ],
)
def test_line_is_named_where_the_literal_stands_once(source, literal, line):
    """A line is named when the literal stands in the sample exactly once, as itself; never as a guess."""
    assert line_of(changed(TEXT, source=source), literal) == line


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\n'https://API.example.com/v1'\n", 2),
        ("# api.example.com\n'https://API.example.com/v1'\n", None),
        ("İİİİ\n'https://API.example.com/v1'\n", 2),  # whose lower case is longer
        ("", None),
    ],
)
def test_line_of_a_host(source, line):
    """A host, which arrives in lower case, is found in any case, when it stands there once."""
    assert line_of_host(changed(TEXT, source=source), "api.example.com") == line


def test_wrong_base_address_names_the_line_of_the_host():
    """Where only the base of the path is wrong, the call of the SDK is not blamed for it."""
    run = with_target(right(TEXT), "POST", "/openai/chat/completions")
    one = only(run)
    assert "YOUR-RESOURCE-NAME" in run.source.splitlines()[one.line - 1]


def test_difference_names_its_line():
    """A value that stands in the sample once is found there."""
    run = right(TEXT)
    run = with_member(structs.replace(run, source=run.source.replace("grok-3-mini", "gpt-4o")), model="gpt-4o")
    one = only(run)
    assert '"gpt-4o"' in run.source.splitlines()[one.line - 1]


# ---------------------------------------------------------------- hostile runs


def hostile(seed: int) -> RunResult:
    """A run with anything in it."""
    chance = random.Random(seed)
    run = right(chance.choice(list(KINDS)))

    def noise(limit: int) -> bytes:
        return chance.randbytes(chance.randrange(limit))

    def mangled(text: bytes) -> bytes:
        text = bytearray(text)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(text) + 1)
            text[at : at + chance.randrange(4)] = noise(6)
        return bytes(text)

    deep = chance.randrange(1, 2000)
    bodies = (noise(300), b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep, b'{"\\ud800": "\\udfff"}')
    arrivals = []
    for arrival in run.journal.arrivals:
        if chance.random() < 0.3:
            arrival = structs.replace(arrival, raw=mangled(arrival.raw))
        if chance.random() < 0.2:
            arrival = structs.replace(arrival, kind=chance.choice(list(ArrivalKind)))
        if chance.random() < 0.2:
            arrival = structs.replace(arrival, status=chance.choice([None, 421, 500]), host=chance.choice(["", "a..b"]))
        arrivals.append(arrival)
    chance.shuffle(arrivals)
    run = structs.replace(
        run,
        stdout=chance.choice([run.stdout, noise(400), *bodies]),
        stderr=noise(400),
        exit_code=chance.choice([0, 1, None, -9]),
        timed_out=chance.random() < 0.1,
        flooded=chance.random() < 0.1,
        journal=Journal(arrivals=tuple(arrivals[: chance.randrange(4)]), tokens=run.journal.tokens),
        source=noise(300).decode("utf-8", "replace"),
    )
    if run.journal.arrivals and chance.random() < 0.5:
        run = with_body(run, chance.choice(bodies))
    return run


@pytest.mark.parametrize("batch", range(10))
def test_a_check_never_raises(batch):
    """Whatever a run was, it comes to findings and a cell, and the cell can be written."""
    for seed in range(batch * 30, batch * 30 + 30):
        msgspec.json.encode(cell_of(hostile(seed), {}))


@pytest.mark.parametrize("depth", [100, 300, 450, 480, 490, 495, 900, 950, 980, 990, 995, 5000, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_json(depth, opening):
    """JSON that is nested as deep as can be read, or deeper, is told and not fallen over."""
    closing = b"]" if opening == b"[" else b"}"
    text = opening * depth + b"1" + closing * depth
    run = structs.replace(with_body(right(BODY), text), stdout=text)
    cell = cell_of(run, {})
    assert {one.check for one in cell.findings} == {"sends_the_documented_request", "prints_the_answer"}


def test_many_members():
    """A body with thousands of unknown members is compared in a moment."""
    run = with_body(right(TEXT), {f"member_{number}": number for number in range(1000)})
    assert len(run_checks(run)) >= 1000


def test_nothing_at_all():
    """A run in which nothing happened is found to have done nothing."""
    empty = changed(TEXT, exit_code=None, stdout=b"", source="", journal=Journal(), build=None)
    assert headlines(empty) == ["exits_cleanly"]
    assert headlines(structs.replace(empty, exit_code=0)) == ["sends_at_least_one_request"]


def test_crash_before_the_first_request_is_the_headline():
    """A program that crashed before it sent anything is told its own error and line, in any language's form."""
    for stderr, said in (
        (
            b"Traceback:\n  File \"/x/chat_api_key.py\", line 4, in <module>\nNameError: name 'Open' is not defined\n",
            "NameError",
        ),
        (
            b"file:///x/chat_api_key.py:4:9\nTypeError: Assignment to constant variable.\n    at f\n\nNode.js v22\n",
            "TypeError",
        ),
        (
            b"node:x\nError [ERR_MODULE_NOT_FOUND]: no 'opneai' from /x/chat_api_key.py:4\n  at y\nNode.js v22\n",
            "opneai",
        ),
    ):
        run = changed(TEXT, exit_code=1, stdout=b"", stderr=stderr, journal=Journal())
        found = run_checks(run)
        assert [(one.check, one.because_of) for one in found] == [
            ("exits_cleanly", None),
            ("sends_at_least_one_request", "exits_cleanly"),
            ("prints_the_answer", "exits_cleanly"),
        ]
        assert said in found[0].got
        assert found[0].line == 4


def test_other_tenant_is_found_by_what_was_asked_about_it():
    """A program that looks another tenant up, and gets no further, is told which tenant it asked about."""
    asked = builders.request("login.microsoftonline.com", "GET", "/1111-2222/v2.0/.well-known/openid-configuration", ())
    run = changed(PROVIDER, exit_code=1, stdout=b"", journal=Journal(arrivals=(asked,)))
    first = run_checks(run)[0]
    assert (first.check, first.at, first.got) == ("signs_in_as_documented", "sign-in: tenant", "1111-2222")
    assert "AZURE_TENANT_ID" in first.remedy


def test_another_body_altogether_is_one_finding():
    """An error printed in place of the recorded body is one finding, not one for each member."""
    run = changed(BODY, stdout=b'{"error": {"code": "401", "message": "no"}}')
    assert [one.check for one in run_checks(run)] == ["prints_the_answer"]
