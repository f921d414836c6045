"""harness.gateway.entra: what the sign-in host answers."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from harness.gateway.control import ENTRA_SCOPE
from harness.gateway.entra import LIFETIME_S, Directory, fresh_credentials
from harness.gateway.reading import Incoming

FORM = "application/x-www-form-urlencoded"


class Clock:
    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ids():
    return fresh_credentials()


@pytest.fixture
def directory(ids, clock):
    return Directory(ids, ENTRA_SCOPE, remembered=3, now_s=clock)


def ask(directory, path, body=b"", method="POST", content_type=FORM, authorization=None):
    headers = {b"content-type": content_type.encode()}
    if authorization:
        headers[b"authorization"] = authorization
    answer = directory.answer(Incoming(method, path, headers, body, b"", True), path)
    return answer, json.loads(answer.body) if answer.body.startswith(b"{") else None


def form(ids, **changes):
    fields = {
        "grant_type": "client_credentials",
        "client_id": ids.client_id,
        "client_secret": ids.client_secret,
        "scope": ENTRA_SCOPE,
    } | changes
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


def token_path(ids):
    return f"/{ids.tenant_id}/oauth2/v2.0/token"


def test_a_right_request_gets_a_token(directory, ids):
    """The token is a bearer token in the shape of a JWT for the scope's resource, and is remembered as requested."""
    answer, said = ask(directory, token_path(ids), form(ids))
    assert answer.status == 200
    assert (said["token_type"], said["expires_in"], said["ext_expires_in"]) == ("Bearer", 3599, 3599)
    head, payload, signature = said["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["aud"] == "https://cognitiveservices.azure.com"
    assert (claims["tid"], claims["appid"], claims["exp"] - claims["iat"]) == (ids.tenant_id, ids.client_id, 3599)
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "RS256"
    assert len(signature) > 300
    (issued,) = directory.tokens
    assert (issued.token, issued.scope, issued.at_s, issued.requested) == (
        said["access_token"],
        ENTRA_SCOPE,
        10.0,
        True,
    )


@pytest.mark.parametrize("encode", [str, lambda text: quote(text, safe="")], ids=["bare", "percent-encoded"])
def test_the_secret_may_come_in_http_basic(directory, ids, encode):
    """Client id and secret in an Authorization header do as well, percent-encoded or not."""
    pair = base64.b64encode(f"{ids.client_id}:{encode(ids.client_secret)}".encode())
    answer, _ = ask(
        directory, token_path(ids), form(ids, client_id=None, client_secret=None), authorization=b"Basic " + pair
    )
    assert answer.status == 200


def test_openid_scopes_beside_the_resources_are_passed_over(directory, ids):
    """Some SDKs add them."""
    answer, _ = ask(directory, token_path(ids), form(ids, scope=f"{ENTRA_SCOPE} openid profile offline_access"))
    assert answer.status == 200


WRONG = {
    "tenant": ({"tenant": "11111111-1111-1111-1111-111111111111"}, 400, "invalid_request", 90002),
    "no tenant": ({"tenant": "common"}, 400, "invalid_request", 50059),
    "client": ({"client_id": "22222222-2222-2222-2222-222222222222"}, 400, "unauthorized_client", 700016),
    "no client": ({"client_id": None}, 400, "invalid_request", 900144),
    "secret": ({"client_secret": "guess"}, 401, "invalid_client", 7000215),
    "secret, not ascii": ({"client_secret": "gu\u00eass"}, 401, "invalid_client", 7000215),
    "no secret": ({"client_secret": None}, 401, "invalid_client", 7000218),
    "assertion": ({"client_secret": None, "client_assertion": "x.y.z"}, 401, "invalid_client", 700027),
    "no scope": ({"scope": None}, 400, "invalid_request", 900144),
    "scope of users": ({"scope": "https://cognitiveservices.azure.com/user"}, 400, "invalid_scope", 1002012),
    "openid alone": ({"scope": "openid"}, 400, "invalid_scope", 1002012),
    "two resources": ({"scope": f"{ENTRA_SCOPE} https://a.example/.default"}, 400, "invalid_scope", 28000),
    "other resource": ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_resource", 500011),
    "grant": ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    "no grant": ({"grant_type": None}, 400, "invalid_request", 900144),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_as_entra_says_it(directory, ids, name):
    """Each wrong part has the status, error word and AADSTS number of the real one, and no token is issued."""
    changes, status, error, code = WRONG[name]
    changes = dict(changes)
    tenant = changes.pop("tenant", ids.tenant_id)
    answer, said = ask(directory, f"/{tenant}/oauth2/v2.0/token", form(ids, **changes))
    assert (answer.status, said["error"], said["error_codes"]) == (status, error, [code])
    assert said["error_description"].startswith(f"AADSTS{code}: ")
    assert said["error_uri"] == f"https://login.microsoftonline.com/error?code={code}"
    assert set(said) >= {"timestamp", "trace_id", "correlation_id"}
    assert directory.tokens == ()
    assert ids.client_secret not in answer.body.decode()


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json", 900144),
        (b"grant_type=a&grant_type=b", FORM, 9000411),
        (b"grant_type=\xff", FORM, 9000410),
        (b"&".join(b"a%d=1" % n for n in range(500)), FORM, 9000410),
        (b"", FORM, 900144),
    ],
)
def test_bodies_that_are_no_right_form(directory, ids, body, content_type, code):
    """JSON, a parameter twice, not UTF-8, too many, none: an OAuth error, never a fault."""
    answer, said = ask(directory, token_path(ids), body, content_type=content_type)
    assert (answer.status, said["error_codes"]) == (400, [code])


@pytest.mark.parametrize("authorization", [b"Basic", b"Basic !!!", b"Basic /w==", b"Basic \xff\xff"])
def test_basic_authentication_that_cant_be_read(directory, ids, authorization):
    """A broken header is a wrong client, never a fault."""
    answer, said = ask(
        directory, token_path(ids), form(ids, client_id=None, client_secret=None), authorization=authorization
    )
    assert answer.status in (400, 401)
    assert said["error"] in ("invalid_client", "invalid_request")


def test_discovery(directory, ids):
    """Instances, configuration and keys are answered in the form in which SDKs read them."""
    _, instances = ask(directory, "/common/discovery/instance", method="GET")
    assert "login.microsoftonline.com" in instances["metadata"][0]["aliases"]
    for tenant in (ids.tenant_id, "common", "organizations"):
        _, configuration = ask(directory, f"/{tenant}/v2.0/.well-known/openid-configuration", method="GET")
        assert configuration["token_endpoint"] == f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
        assert configuration["issuer"].startswith("https://login.microsoftonline.com/")
        assert ask(directory, f"/{tenant}/discovery/v2.0/keys", method="GET")[1] == {"keys": []}
    answer, said = ask(directory, "/elsewhere/v2.0/.well-known/openid-configuration", method="GET")
    assert (answer.status, said["error"], said["error_codes"]) == (400, "invalid_tenant", [90002])


def test_other_paths_and_methods(directory, ids):
    """An endpoint that is not emulated is 404, a wrong method 405 with the right one."""
    assert ask(directory, f"/{ids.tenant_id}/oauth2/token")[0].status == 404
    assert ask(directory, "/")[0].status == 404
    answer, said = ask(directory, token_path(ids), method="GET")
    assert (answer.status, said["error_codes"]) == (405, [900561])
    assert b"allow: POST" in answer.head


def test_a_token_expires(directory, clock):
    """What was issued is taken for its lifetime, and what was not issued never."""
    token = directory.issue(requested=False)
    assert directory.is_valid(token)
    assert not directory.is_valid(token + "x")
    clock.now_s += LIFETIME_S + 1
    assert not directory.is_valid(token)


def test_only_so_many_tokens_are_remembered(directory):
    """The oldest that was requested goes; the one issued when the run was opened stays."""
    given = directory.issue(requested=False)
    first, second, third = (directory.issue(requested=True) for _ in range(3))
    assert [issued.token for issued in directory.tokens] == [given, second, third]
    assert not directory.is_valid(first)


def test_credentials_are_fresh():
    """No two runs share one."""
    many = [fresh_credentials() for _ in range(50)]
    for name in ("api_key", "tenant_id", "client_id", "client_secret"):
        assert len({getattr(one, name) for one in many}) == 50
