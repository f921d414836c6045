"""The canonical form: each equivalence, and what must not become equal by it."""

from __future__ import annotations

import copy

import pytest
from builders import real

from harness.contract.canonical import (
    EQUIVALENCES,
    a_message_is_the_default_item,
    canonical_body,
    content_text_is_one_part,
    input_text_is_one_user_message,
    no_stream_is_the_default,
)

RESPONSES = "/openai/v1/responses"
CHAT = "/openai/v1/chat/completions"


def same(path: str, one: object, other: object) -> bool:
    return canonical_body(path, one) == canonical_body(path, other)


def response(value: object, **more: object) -> dict:
    return {"model": "m", "input": value, **more}


def chat(*messages: object, **more: object) -> dict:
    return {"model": "m", "messages": list(messages), **more}


def part(text: str, kind: str = "input_text") -> dict:
    return {"type": kind, "text": text}


#: Equivalence → path, and two bodies that mean the same by it.
SAME = {
    no_stream_is_the_default.__name__: [
        (RESPONSES, response("hi", stream=False), response("hi")),
        (CHAT, chat(stream=False), chat()),
    ],
    input_text_is_one_user_message.__name__: [
        (RESPONSES, response("hi"), response([{"type": "message", "role": "user", "content": "hi"}])),
        (RESPONSES, response(""), response([{"type": "message", "role": "user", "content": ""}])),
    ],
    a_message_is_the_default_item.__name__: [
        (
            RESPONSES,
            response([{"role": "system", "content": "x"}]),
            response([{"type": "message", "role": "system", "content": "x"}]),
        ),
    ],
    content_text_is_one_part("", "").__name__: [
        (RESPONSES, response("hi"), response([{"role": "user", "content": [part("hi")]}])),
        (
            RESPONSES,
            response([{"role": "system", "content": "x"}]),
            response([{"role": "system", "content": [part("x")]}]),
        ),
        (CHAT, chat({"role": "user", "content": "hi"}), chat({"role": "user", "content": [part("hi", "text")]})),
    ],
}
#: Equivalence → path, and two bodies that it must not make equal.
DIFFERENT = {
    no_stream_is_the_default.__name__: [
        (RESPONSES, response("hi", stream=True), response("hi")),
        (RESPONSES, response("hi", stream=None), response("hi")),
        (CHAT, chat(stream=0), chat()),
        (CHAT, chat(stream="false"), chat()),
        (CHAT, chat(store=False), chat()),
        (CHAT, chat({"stream": False}), chat({})),
    ],
    input_text_is_one_user_message.__name__: [
        (RESPONSES, response("hi"), response([{"role": "system", "content": "hi"}])),
        (RESPONSES, response("hi"), response("Hi")),
        (RESPONSES, response("hi"), response("hi ")),
        (RESPONSES, response("hi"), response(["hi"])),
        (RESPONSES, response("hi"), response([{"role": "user", "content": "hi"}] * 2)),
        (RESPONSES, response("hi"), response([{"role": "user", "content": "hi", "id": "x"}])),
        (CHAT, {"input": "hi"}, {"input": [{"role": "user", "content": "hi"}]}),
    ],
    a_message_is_the_default_item.__name__: [
        (RESPONSES, response([{"role": "user"}]), response([{"role": "user", "type": "other"}])),
        (RESPONSES, response([{"role": "user"}]), response([{"role": "user", "type": None}])),
        (RESPONSES, response([{"id": "x"}]), response([{"id": "x", "type": "message"}])),
        (CHAT, chat({"role": "user"}), chat({"role": "user", "type": "message"})),
    ],
    content_text_is_one_part("", "").__name__: [
        (RESPONSES, response("ab"), response([{"role": "user", "content": [part("a"), part("b")]}])),
        (RESPONSES, response("hi"), response([{"role": "user", "content": [part("hi", "text")]}])),
        (RESPONSES, response("hi"), response([{"role": "user", "content": [part("hi", "output_text")]}])),
        (RESPONSES, response(""), response([{"role": "user", "content": []}])),
        (
            RESPONSES,
            response([{"role": "assistant", "content": "x"}]),
            response([{"role": "assistant", "content": [part("x")]}]),
        ),
        (CHAT, chat({"role": "user", "content": "hi"}), chat({"role": "user", "content": [part("hi")]})),
        (CHAT, chat({"role": "user", "content": "hi"}), chat({"role": "user", "content": None})),
    ],
}


def pairs(table: dict) -> list:
    return [
        pytest.param(*one, id=f"{name}-{number}") for name, many in table.items() for number, one in enumerate(many)
    ]


@pytest.mark.parametrize(("path", "one", "other"), pairs(SAME))
def test_what_means_the_same_is_equal(path, one, other):
    """Each equivalence makes equal what the service takes for the same."""
    assert same(path, one, other)


@pytest.mark.parametrize(("path", "one", "other"), pairs(DIFFERENT))
def test_what_means_something_else_is_not(path, one, other):
    """No equivalence makes equal what merely looks alike."""
    assert not same(path, one, other)


def test_every_equivalence_is_tested():
    """Each equivalence has an example of both, and gives its reason."""
    used = {one.__name__: one for many in EQUIVALENCES.values() for one in many}
    assert set(SAME) == set(DIFFERENT) == set(used)
    assert all(one.__doc__ for one in used.values() if one.__name__ != "equivalence")
    assert content_text_is_one_part.__doc__


def test_order_of_members_does_not_matter():
    """Members are compared whatever their order."""
    assert same(CHAT, {"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_canonical_form_is_stable():
    """The canonical form of a canonical form is itself, and what was given is not changed."""
    for scenario in real().scenarios:
        body = copy.deepcopy(scenario.request.body)
        once = canonical_body(scenario.request.path and f"/openai/v1/{scenario.request.path}", body)
        assert canonical_body(f"/openai/v1/{scenario.request.path}", once) == once
        assert body == scenario.request.body


@pytest.mark.parametrize("body", [None, "text", 1, [], [{}], True])
def test_what_is_no_object_stays(body):
    """JSON of another kind comes back as it is."""
    assert canonical_body(RESPONSES, body) == body


@pytest.mark.parametrize(
    "body", [{"input": 1}, {"input": [1, None, "x", []]}, {"input": [{"role": 1, "content": {}}]}, {"messages": {}}, {}]
)
@pytest.mark.parametrize("path", [RESPONSES, CHAT])
def test_odd_bodies_are_taken(path, body):
    """Bodies of any shape have a canonical form."""
    canonical_body(path, body)


@pytest.mark.parametrize("path", ["/openai/v1/models", "/responses/x", "/my-responses", ""])
def test_other_paths_have_no_equivalences(path):
    """Elsewhere bodies are compared as they are."""
    assert canonical_body(path, {"stream": False, "input": "hi"}) == {"stream": False, "input": "hi"}
