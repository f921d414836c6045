"""The canonical form of a request body: what means the same to the service compares equal.

Each equivalence stands here once, with its reason. The form is for comparing only; nothing is sent in it.
"""

from __future__ import annotations

from collections.abc import Callable

Body = dict[str, object]


def canonical_body(path: str, body: object) -> object:
    """`body` of a request to `path` in canonical form; what is no JSON object comes back as it is."""
    if not isinstance(body, dict):
        return body
    for suffix, equivalences in EQUIVALENCES.items():
        if path.rstrip("/").endswith(suffix):
            for equivalence in equivalences:
                body = equivalence(body)
    return body


def no_stream_is_the_default(body: Body) -> Body:
    """`"stream": false` says what leaving it out says; some clients always send it."""
    return {key: value for key, value in body.items() if not (key == "stream" and value is False)}


def input_text_is_one_user_message(body: Body) -> Body:
    """A Responses `input` of plain text is short for one user message; typed clients send the message."""
    text = body.get("input")
    if not isinstance(text, str):
        return body
    return {**body, "input": [{"type": "message", "role": "user", "content": text}]}


def a_message_is_the_default_item(body: Body) -> Body:
    """An item of `input` with a role and no `type` is a message."""
    items = body.get("input")
    if not isinstance(items, list):
        return body
    return {
        **body,
        "input": [{"type": "message", **item} if isinstance(item, dict) and "role" in item else item for item in items],
    }


def content_text_is_one_part(kind: str, member: str) -> Callable[[Body], Body]:
    """Message content of plain text is short for one part of type `kind`; typed clients send the part.

    Not in a Responses message of the assistant: parts of what a model said are of another type.
    """

    def spelled_out(item: object) -> object:
        if not isinstance(item, dict) or not isinstance(item.get("content"), str):
            return item
        if kind == "input_text" and item.get("role") == "assistant":
            return item
        return {**item, "content": [{"type": kind, "text": item["content"]}]}

    def equivalence(body: Body) -> Body:
        items = body.get(member)
        return {**body, member: [spelled_out(item) for item in items]} if isinstance(items, list) else body

    return equivalence


#: End of a path → equivalences, in the order in which they are applied.
EQUIVALENCES: dict[str, tuple[Callable[[Body], Body], ...]] = {
    "/responses": (
        no_stream_is_the_default,
        input_text_is_one_user_message,
        a_message_is_the_default_item,
        content_text_is_one_part("input_text", "input"),
    ),
    "/chat/completions": (
        no_stream_is_the_default,
        content_text_is_one_part("text", "messages"),
    ),
}
