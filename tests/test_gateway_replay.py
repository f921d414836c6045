"""harness.gateway.replay and harness.contract.operations: what the API host answers."""

from __future__ import annotations

import json

import pytest
from gateways import ASK, HELLO, PATH, exchange

from harness.contract.operations import verdict
from harness.gateway.control import ENTRA_SCOPE
from harness.gateway.entra import Directory, fresh_credentials
from harness.gateway.reading import Incoming
from harness.gateway.replay import Replay

CHAT = "/openai/v1/chat/completions"
KEY = "a-key"


def replay(*exchanges):
    directory = Directory(fresh_credentials(), ENTRA_SCOPE, remembered=9, now_s=lambda: 0.0)
    recorded = tuple((one.request.method, one.request.path, one.response) for one in exchanges or (exchange(),))
    return Replay("/openai/v1/", ("gpt-4.1-nano",), recorded, KEY, directory), directory


def ask(api, path=PATH, body=ASK, method="POST", headers=None):
    headers = {b"api-key": KEY.encode()} if headers is None else headers
    answer, why = api.answer(Incoming(method, path, headers, body, b"", True), path)
    return answer, json.loads(answer.body), why


def headers_of(answer):
    lines = answer.head.decode("latin-1").split("\r\n")[1:-1]
    return dict(line.split(": ", 1) for line in lines)


def test_the_recording_is_replayed():
    """Body and headers are the recorded ones; the usual headers are added, each once."""
    recorded = {
        "Content-Type": "application/json; charset=x",
        "x-ms-region": "Mars",
        "apim-request-id": "one",
        "x-own": "1",
    }
    answer, said, why = ask(replay(exchange(headers=recorded))[0])
    assert (answer.status, said, why) == (200, HELLO, "")
    got = headers_of(answer)
    assert {name: got[name] for name in recorded} == recorded
    assert set(got) - set(recorded) == {"strict-transport-security", "x-content-type-options", "content-length", "date"}
    assert int(got["content-length"]) == len(answer.body)


def test_a_request_id_is_fresh_when_none_was_recorded():
    """Each answer then has its own."""
    api, _ = replay()
    ids = {headers_of(ask(api)[0])["apim-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_headers_of_one_connection_are_never_replayed():
    """A recorded length, date or coding would be wrong here."""
    stale = {"Content-Length": "9999", "Date": "then", "Transfer-Encoding": "chunked", "Connection": "close"}
    answer, *_ = ask(replay(exchange(headers=stale))[0])
    head = answer.head.lower()
    assert (head.count(b"content-length:"), head.count(b"date:")) == (1, 1)
    assert b"9999" not in head
    assert b"transfer-encoding" not in head
    assert b"connection" not in head


def test_exchanges_of_one_path_come_in_order_and_the_last_repeats():
    """Each path has its own order."""
    api, _ = replay(exchange(n=1), exchange(n=2), exchange(path=CHAT, n=9))
    chat = b'{"model":"gpt-4.1-nano","messages":[{}]}'
    assert [ask(api)[1]["n"], ask(api, CHAT, chat)[1]["n"], *(ask(api)[1]["n"] for _ in range(3))] == [1, 9, 2, 2, 2]


def test_a_recorded_failure_is_replayed_too():
    """A recording may document what the service refuses."""
    assert ask(replay(exchange(status=429, error={}))[0])[0].status == 429


@pytest.mark.parametrize(
    "headers",
    [
        lambda key, token: {b"api-key": key},
        lambda key, token: {b"authorization": b"Bearer " + key},
        lambda key, token: {b"authorization": b"bearer " + key},
        lambda key, token: {b"authorization": b"Bearer " + token},
    ],
    ids=["api-key", "key as bearer", "scheme in lower case", "token"],
)
def test_credentials_that_are_taken(headers):
    """The key in either header, and a token that was issued here."""
    api, directory = replay()
    token = directory.issue(requested=True).encode()
    assert ask(api, headers=headers(KEY.encode(), token))[0].status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"api-key": b"guess"},
        {b"api-key": b""},
        {b"api-key": b"a-key, a-key"},
        {b"authorization": b"a-key"},
        {b"authorization": b"Basic a-key"},
        {b"authorization": b"Bearer"},
        {b"authorization": b"Bearer guess"},
        {b"authorization": b"Bearer \xff\xff"},
        {b"authorization": b"Bearer a-key", b"api-key": b"guess"},
    ],
)
def test_credentials_that_are_not_taken(headers):
    """Anything else is 401 in the service's envelope, and says nothing of the right one."""
    answer, said, _ = ask(replay()[0], headers=headers)
    assert (answer.status, said["error"]["code"], said["error"]["param"]) == (401, "401", None)
    assert KEY not in said["error"]["message"]


def test_another_runs_token_is_not_taken():
    """Tokens are of the run that issued them."""
    _, other = replay()
    token = other.issue(requested=True).encode()
    assert ask(replay()[0], headers={b"authorization": b"Bearer " + token})[0].status == 401


def test_an_unknown_model_is_no_deployment():
    """404, with the service's code and what there is; the request itself is one of the contract."""
    answer, said, why = ask(replay()[0], body=b'{"model":"gpt-9","input":"x"}')
    assert (answer.status, why) == (404, "")
    assert said["error"] == {
        "code": "DeploymentNotFound",
        "message": "The API deployment 'gpt-9' does not exist on this resource; it has: gpt-4.1-nano",
        "param": "model",
        "type": "invalid_request_error",
    }


def test_an_operation_that_was_not_recorded():
    """404 that names the recording, not the path, as the cause; no verdict, for the request is one of the contract."""
    answer, said, why = ask(replay()[0], CHAT, b'{"model":"gpt-4.1-nano","messages":[{}]}')
    assert (answer.status, why) == (404, "")
    assert (
        said["error"]["message"]
        == "Resource not found: the recording holds no answer to POST /openai/v1/chat/completions"
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/openai/v1", "/openai/v1/", "/openai/v1/response", "/openai/v1/responses/", "/openai/deployments/x", "*"],
)
def test_unknown_paths(path):
    """404 before anything else is looked at, also without a credential; with a verdict."""
    answer, said, why = ask(replay()[0], path, headers={})
    assert (answer.status, said["error"]["code"]) == (404, "404")
    assert why == said["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"])
def test_wrong_methods(method):
    """405 with the method that there is."""
    answer, _, why = ask(replay()[0], method=method, headers={})
    assert (answer.status, headers_of(answer)["allow"]) == (405, "POST")
    assert why == f"Method not allowed: responses takes POST, not {method}"


BODIES = {
    "empty": (b"", "The body is empty; a JSON object is expected", None),
    "not json": (b"model=x", "The body is not JSON: JSON is malformed: invalid character (byte 0)", None),
    "cut short": (b'{"model":', "The body is not JSON: Input data was truncated", None),
    "not utf-8": (b'{"model":"\xff"}', "The body is not UTF-8: invalid start byte at byte 0 of a string", None),
    "bom": (b"\xef\xbb\xbf{}", "The body is not JSON: JSON is malformed: invalid character (byte 0)", None),
    "deep": (b'{"model":' + b"[" * 100_000, "The body is nested too deeply", None),
    "array": (b"[]", "The body is an array; a JSON object is expected", None),
    "null": (b"null", "The body is null; a JSON object is expected", None),
    "number": (b"7", "The body is a number; a JSON object is expected", None),
    "no model": (b'{"input":"x"}', "Missing required parameter: 'model'", "model"),
    "model null": (b'{"model":null,"input":"x"}', "Missing required parameter: 'model'", "model"),
    "model number": (b'{"model":7,"input":"x"}', "Invalid type for 'model': expected a string, got a number", "model"),
    "no input": (
        b'{"model":"x"}',
        "One of 'input', 'previous_response_id', 'prompt', 'conversation' must be given",
        "input",
    ),
    "input object": (
        b'{"model":"x","input":{}}',
        "Invalid type for 'input': expected a string or an array, got an object",
        "input",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_outside_the_contract(name):
    """400 that says what is wrong and where; the journal gets the same words."""
    body, message, param = BODIES[name]
    answer, said, why = ask(replay()[0], body=body)
    assert (answer.status, why) == (400, message)
    assert (said["error"]["message"], said["error"]["param"]) == (message, param)


def test_a_chat_needs_messages():
    """None, no array, an empty array."""
    assert verdict("POST", "chat/completions", b'{"model":"x"}').param == "messages"
    assert verdict("POST", "chat/completions", b'{"model":"x","messages":"y"}').code == "invalid_type"
    assert verdict("POST", "chat/completions", b'{"model":"x","messages":[]}').code == "empty_array"
    assert verdict("POST", "chat/completions", b'{"model":"x","messages":[{}]}') is None


def test_the_verdict_does_not_depend_on_the_credential():
    """A request that is refused for its credential still has the verdict on its body."""
    answer, _, why = ask(replay()[0], body=b"{}", headers={})
    assert (answer.status, why) == (401, "Missing required parameter: 'model'")
