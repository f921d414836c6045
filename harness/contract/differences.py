"""How one JSON value departs from another, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from harness.model import Value


class Difference(Value, frozen=True, kw_only=True):
    """One place at which two canonical bodies differ."""

    at: str  # "body.messages[0].role"
    expected: str
    got: str
    remedy: str = ""
    literal: str = ""  # what was sent there, for finding it in the source


def differences(
    expected: object, sent: object, at: str = "body", quote: Callable[[str], str] = str
) -> tuple[Difference, ...]:
    """How `sent` departs from `expected`, both in canonical form; empty when it does not.

    Values are compared, not only shapes; the order of members is none. A member that is missing beside an
    unknown one of nearly its name is one difference. `quote` is what becomes of a value's JSON before it is cut.
    """
    return tuple(_differences(expected, sent, at, quote))


def _differences(expected: object, sent: object, at: str, quote: Callable[[str], str]) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(sent, dict):
        missing = [key for key in expected if key not in sent]
        extra = [key for key in sent if key not in expected]
        for key in expected:
            if key in sent:
                yield from _differences(expected[key], sent[key], f"{at}.{key}", quote)
        for key in extra:
            meant = (get_close_matches(key, missing, 1) or get_close_matches(key, missing, 1, 0.5) or [""])[0]
            if meant:
                missing.remove(meant)
                yield Difference(
                    at=f"{at}.{key}", expected=meant, got=key, remedy=f"did you mean {meant!r}?", literal=key
                )
            else:
                shown, remedy = (
                    f"{key}: {shortened(sent[key], quote)}",
                    f"remove {key!r}: the documented request doesn't have it",
                )
                yield Difference(at=f"{at}.{key}", expected="no such member", got=shown, remedy=remedy, literal=key)
        for key in missing:
            shown = shortened(expected[key], quote)
            yield Difference(at=f"{at}.{key}", expected=shown, got="nothing", remedy=f"send {key!r}")
    elif isinstance(expected, list) and isinstance(sent, list):
        for index, (one, other) in enumerate(zip(expected, sent, strict=False)):
            yield from _differences(one, other, f"{at}[{index}]", quote)
        if len(expected) != len(sent):
            index = min(len(expected), len(sent))
            tail = sent[index:] or expected[index:]
            what = "beyond the documented ones: " if len(sent) > len(expected) else "not sent: "
            items = f"{len(expected)} item{'s' * (len(expected) != 1)}"
            yield Difference(at=at, expected=items, got=f"{len(sent)}; {what}{shortened(tail, quote)}")
    elif (type(expected) is not type(sent) and not _both_numbers(expected, sent)) or expected != sent:
        literal = sent if isinstance(sent, str) else json.dumps(sent) if isinstance(sent, int | float) else ""
        yield Difference(at=at, expected=shortened(expected, quote), got=shortened(sent, quote), literal=literal)


def shortened(value: object, quote: Callable[[str], str] = str, limit: int = 200) -> str:
    """`value` as JSON, cut in the middle where it is longer than `limit` characters."""
    try:
        text = quote(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "a value that is nested too deeply to be shown"
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"


def _both_numbers(one: object, other: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
