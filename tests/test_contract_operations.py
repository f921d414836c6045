"""What the API takes, and how it refuses the rest."""

from __future__ import annotations

import json

import pytest
from builders import real

from harness.contract.operations import OPERATIONS, verdict


def refused(path: str, body: object, method: str = "POST") -> tuple[int, str, str | None]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    refusal = verdict(method, path, text)
    assert refusal is not None
    assert refusal.message
    return refusal.status, refusal.code, refusal.param


def test_documented_requests_are_of_the_contract():
    """Each scenario of the repository documents a request that the API takes."""
    for scenario in real().scenarios:
        request = scenario.request
        assert verdict(request.method, request.path, json.dumps(request.body).encode()) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("responses", {"model": "m", "input": "hi"}),
        ("responses", {"model": "m", "input": []}),
        ("responses", {"model": "m", "previous_response_id": "resp_1"}),
        ("responses", {"model": "m", "input": "hi", "anything": {"else": True}}),
        ("chat/completions", {"model": "m", "messages": [{}]}),
    ],
)
def test_requests_that_are_taken(path, body):
    """A request with all that must be there is one of the API, whatever else is in it."""
    assert verdict("POST", path, json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    "path", ["", "response", "responses/", "/responses", "Responses", "chat", "chat/completions?x"]
)
def test_unknown_paths(path):
    """An unknown path comes first: 404, whatever method and body are."""
    assert refused(path, b"", "PUT") == (404, "404", None)


@pytest.mark.parametrize("path", OPERATIONS)
@pytest.mark.parametrize("method", ["GET", "PUT", "post"])
def test_other_methods(path, method):
    """Another method is refused before the body is looked at, with the one that there is."""
    refusal = verdict(method, path, b"")
    assert refusal is not None
    assert (refusal.status, refusal.allow) == (405, "POST")


MODEL = {"model": "m"}
MESSAGES = {"messages": [{}]}


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("responses", b"", "invalid_json", None),
        ("responses", b"{", "invalid_json", None),
        ("responses", b"\xef\xbb\xbf{}", "invalid_json", None),
        ("responses", b'{"model": NaN}', "invalid_json", None),
        ("responses", b'{"model": "\xff"}', "invalid_json", None),
        ("responses", b"[" * 100_000, "invalid_json", None),
        ("responses", [], "invalid_json", None),
        ("responses", None, "invalid_json", None),
        ("responses", True, "invalid_json", None),
        ("responses", {}, "missing_required_parameter", "model"),
        ("responses", {"model": None, "input": "x"}, "missing_required_parameter", "model"),
        ("responses", MODEL, "missing_required_parameter", "input"),
        ("responses", {**MODEL, "input": None}, "missing_required_parameter", "input"),
        ("responses", {"model": 1, "input": "x"}, "invalid_type", "model"),
        ("responses", {**MODEL, "input": {}}, "invalid_type", "input"),
        ("responses", {**MODEL, "input": True}, "invalid_type", "input"),
        ("chat/completions", MESSAGES, "missing_required_parameter", "model"),
        ("chat/completions", MODEL, "missing_required_parameter", "messages"),
        ("chat/completions", {**MODEL, "messages": "hi"}, "invalid_type", "messages"),
        ("chat/completions", {**MODEL, "messages": []}, "empty_array", "messages"),
        ("chat/completions", {"model": ["m"], **MESSAGES}, "invalid_type", "model"),
    ],
)
def test_other_bodies(path, body, code, param):
    """A body outside the contract is refused with 400, the reason and the parameter."""
    assert refused(path, body) == (400, code, param)
