"""What goes back to a client."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from harness.gateway.tls import Offer
from harness.model import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Answer(NamedTuple):
    """One whole response."""

    status: int
    head: bytes  # without the blank line, so that `connection: close` can still be said
    body: bytes = b""
    close: bool = False  # the connection ends after it
    tunnel: Offer | None = None  # TLS begins after it, on the same connection


def answer(status: int, headers: Headers, body: bytes, *, close: bool = False) -> Answer:
    """A response with `headers`, a date and the body's length."""
    return Answer(status, head_of(status, headers) + varying(body), body, close)


def json_answer(status: int, value: object, headers: Headers = (), *, close: bool = False) -> Answer:
    """A response whose body is `value` as JSON."""
    return answer(status, (("content-type", "application/json"), *headers), msgspec.json.encode(value), close=close)


def text_answer(status: int, text: str, *, close: bool = False) -> Answer:
    """A response in words, for those who expect none of the service's envelopes."""
    return answer(status, (("content-type", "text/plain; charset=utf-8"),), f"{text}\n".encode(), close=close)


def head_of(status: int, headers: Headers) -> bytes:
    """The status line and `headers`; what `varying` gives is to follow."""
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def varying(body: bytes) -> bytes:
    """The headers that each response has anew."""
    return b"content-length: %d\r\n%b" % (len(body), _date())


_date_of: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    global _date_of
    now = int(time.time())
    if _date_of[0] != now:
        _date_of = (now, f"date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
    return _date_of[1]
