"""Requests out of raw bytes."""

from __future__ import annotations

import contextlib
import random

import pytest
from builders import raw

from harness.model import Request
from harness.wire import header, parse_request

HOST = "x.example"


def parsed(text: bytes) -> Request:
    return parse_request(text, "https", HOST)


def test_whole_request():
    """A request comes out as it went in: names as sent, values without the space around them, order kept."""
    text = raw("POST", "/v1/a?b=c&d", (("Host", HOST), ("x-A", " 1 "), ("X-a", "2"), ("x-empty", "")), b"{}")
    assert parsed(text) == Request(
        method="POST",
        scheme="https",
        host=HOST,
        path="/v1/a",
        query="b=c&d",
        headers=(("Host", HOST), ("x-A", "1"), ("X-a", "2"), ("x-empty", ""), ("Content-Length", "2")),
        body=b"{}",
    )


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a?", "/a", ""),
        ("/a?b?c", "/a", "b?c"),
        ("//a/b", "//a/b", ""),
        ("//[/b", "//[/b", ""),
        ("/a//b", "/a//b", ""),
        ("/a%2Fb", "/a%2Fb", ""),
        ("/a;b", "/a;b", ""),
        ("/a?b=https://c/d", "/a", "b=https://c/d"),
        ("/https://c/d", "/https://c/d", ""),
        ("https://x.example/a?b", "/a", "b"),
        ("https://x.example", "/", ""),
        ("https://x.example?b", "/", "b"),
        ("*", "*", ""),
    ],
)
def test_path_and_query_are_as_sent(target, path, query):
    """Path and query are what the request line says, undecoded, of each form that it may have."""
    found = parsed(raw("OPTIONS", target, (("Host", HOST),)))
    assert (found.path, found.query) == (path, query)


def test_chunked_body():
    """A body in chunks is put together."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert parsed(head + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n").body == b"abc0123456789"


def test_bytes_that_are_no_ascii():
    """Bytes of a header stay what they are, as Latin-1."""
    assert header(parsed(b"GET / HTTP/1.1\r\nx: \xc3\xa9\r\n\r\n").headers, "x") == "Ã©"


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_request_that_asks_for_another_protocol(upgrade, body):
    """A request that offers another protocol is a request."""
    text = raw("POST", "/a", (("Host", HOST), ("Connection", "Upgrade"), ("Upgrade", upgrade)), body)
    assert (parsed(text).path, parsed(text).body) == ("/a", body)


WHOLE = raw("POST", "/a", (("Host", HOST),), b"{}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "expected one whole request, got 0"),
        (WHOLE[:-1], "expected one whole request, got 0"),
        (WHOLE[:9], "expected one whole request, got 0"),
        (WHOLE + WHOLE, "expected one whole request, got 2"),
        (b"hello\r\n\r\n", "not an HTTP/1.1 request: "),
        (b"\x16\x03\x01\x00", "not an HTTP/1.1 request: "),
        (b"HTTP/1.1 200 OK\r\n\r\n", "not an HTTP/1.1 request: "),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "not an HTTP/1.1 request: "),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not an HTTP/1.1 request: "),
    ],
)
def test_what_is_no_request(text, why):
    """What is not exactly one whole request is refused with the reason."""
    with pytest.raises(ValueError, match="request") as caught:
        parsed(text)
    assert str(caught.value).startswith(why)


def test_only_value_errors_leave():
    """Whatever the bytes, a request or a ValueError."""
    requests = 0
    for seed in range(500):
        chance = random.Random(seed)
        text = bytearray(WHOLE if seed % 2 else b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nUpgrade: x\r\n\r\n")
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text))
            text[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        with contextlib.suppress(ValueError):
            requests += isinstance(parsed(bytes(text)), Request)
    assert 0 < requests < 500


def test_header():
    """The first value of a header, whatever its case; None where there is none."""
    headers = (("Api-Key", "1"), ("api-key", "2"))
    assert (header(headers, "API-KEY"), header(headers, "authorization")) == ("1", None)
