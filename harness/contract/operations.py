"""The operations of the v1 API, and why a request is none of them. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from harness.model import Value


class Refusal(Value, frozen=True, kw_only=True):
    """How the service refuses a request that is outside its contract."""

    status: int  # 404: no such path; 405: no such method; 400: the body
    code: str
    message: str
    param: str | None = None
    allow: str = ""  # with 405: the methods that there are


class Operation(Value, frozen=True, kw_only=True):
    method: str
    required: tuple[str, ...]
    one_of: tuple[str, ...] = ()  # of which at least one member must be there
    types: Mapping[str, tuple[type, ...]] = {}


OPERATIONS: Mapping[str, Operation] = {
    "responses": Operation(
        method="POST",
        required=("model",),
        one_of=("input", "previous_response_id", "prompt", "conversation"),
        types={"model": (str,), "input": (str, list)},
    ),
    "chat/completions": Operation(
        method="POST", required=("model", "messages"), types={"model": (str,), "messages": (list,)}
    ),
}

_KINDS = {str: "a string", list: "an array", dict: "an object", bool: "a boolean", int: "a number", float: "a number"}


def verdict(method: str, path_below_base: str, body: bytes) -> Refusal | None:
    """Why this is no request of the API; None when it is one.

    The order is the service's: path, method, body. `path_below_base` is "chat/completions", without a query.
    """
    operation = OPERATIONS.get(path_below_base)
    if operation is None:
        known = ", ".join(f"{one.method} {path}" for path, one in OPERATIONS.items())
        return Refusal(
            status=404,
            code="404",
            message=f"Resource not found: {path_below_base!r} is no path of the API; known: {known}",
        )
    if method != operation.method:
        return Refusal(
            status=405,
            code="405",
            message=f"Method not allowed: {path_below_base} takes {operation.method}, not {method}",
            allow=operation.method,
        )
    return _body_refusal(operation, body)


def _body_refusal(operation: Operation, body: bytes) -> Refusal | None:
    if not body:
        return _invalid("invalid_json", "The body is empty; a JSON object is expected")
    try:
        sent = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        return _invalid("invalid_json", f"The body is not UTF-8: {error.reason} at byte {error.start} of a string")
    except RecursionError:
        return _invalid("invalid_json", "The body is nested too deeply")
    except msgspec.DecodeError as error:
        return _invalid("invalid_json", f"The body is not JSON: {error}")
    if not isinstance(sent, dict):
        return _invalid("invalid_json", f"The body is {_kind(sent)}; a JSON object is expected")
    for name in operation.required:
        if sent.get(name) is None:
            return _invalid("missing_required_parameter", f"Missing required parameter: {name!r}", name)
    if operation.one_of and all(sent.get(name) is None for name in operation.one_of):
        names = ", ".join(map(repr, operation.one_of))
        return _invalid("missing_required_parameter", f"One of {names} must be given", operation.one_of[0])
    for name, types in operation.types.items():
        if (value := sent.get(name)) is not None and not isinstance(value, types):
            expected = " or ".join(_KINDS[kind] for kind in types)
            return _invalid("invalid_type", f"Invalid type for {name!r}: expected {expected}, got {_kind(value)}", name)
        if value == [] and types == (list,):
            return _invalid("empty_array", f"Invalid {name!r}: an array with at least one element is expected", name)
    return None


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS[type(value)]


def _invalid(code: str, message: str, param: str | None = None) -> Refusal:
    return Refusal(status=400, code=code, message=message, param=param)
