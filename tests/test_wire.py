"""harness/wire.py: requests out of raw bytes."""

from __future__ import annotations

import pytest

from harness.wire import header, parse_request


def test_request_is_read_as_sent():
    """Method, path, query, headers in order, and a chunked body put together."""
    head = b"POST /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    request = parse_request(raw, "https", "x")
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a/b", "c=d&e", b"abcde")
    assert request.headers[1:3] == (("X-A", "1"), ("x-a", "2"))
    assert (header(request.headers, "X-a"), header(request.headers, "none")) == ("1", None)


@pytest.mark.parametrize(
    ("target", "path"), [("//openai/v1", "//openai/v1"), ("//[x", "//[x"), ("http://host/a?b", "/a"), ("*", "*")]
)
def test_odd_targets_are_paths(target, path):
    """A doubled slash is a path, not a host; an absolute address has one."""
    assert parse_request(f"OPTIONS {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "https", "x").path == path


def test_upgrade_is_a_request_with_its_body():
    """A request that asks for another protocol keeps its body."""
    raw = b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi"
    assert parse_request(raw, "https", "x").body == b"hi"


@pytest.mark.parametrize(
    "raw", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"]
)
def test_what_is_no_whole_request_is_a_value_error(raw):
    """Anything but one whole request is an error, never half a request."""
    with pytest.raises(ValueError, match="request"):
        parse_request(raw, "https", "x")
