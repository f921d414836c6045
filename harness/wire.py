"""HTTP/1.1 requests out of the raw bytes that a journal keeps."""

from __future__ import annotations

from typing import Literal

import httptools

from harness.model import Headers, Request


def parse_request(raw: bytes, scheme: Literal["http", "https"], host: str) -> Request:
    """The one request that `raw` holds, head and body, chunked bodies put together.

    Raises:
        ValueError: `raw` is not exactly one whole request.
    """
    reader = _Reader()
    parser = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        # It asks to go on in another protocol, and is a request nevertheless, of which the parser leaves us the body.
        reader.body += raw.partition(b"\r\n\r\n")[2]
    except httptools.HttpParserError as error:
        raise ValueError(f"not an HTTP/1.1 request: {error}") from error
    if reader.completed != 1:
        raise ValueError(f"expected one whole request, got {reader.completed}")
    path, query = _path_and_query(reader.target.decode("latin-1"))
    return Request(
        method=parser.get_method().decode("ascii"),
        scheme=scheme,
        host=host,
        path=path,
        query=query,
        headers=tuple(reader.headers),
        body=bytes(reader.body),
    )


def header(headers: Headers, name: str) -> str | None:
    """The first value of `name` (any case), or None."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def _path_and_query(target: str) -> tuple[str, str]:
    """Path and query of a request line's target, of which the forms are those of RFC 9112, section 3.2.

    Not by urlsplit: to it a target that starts with two slashes begins with a host.
    """
    if "://" in target and not target.startswith("/"):
        rest = target.partition("://")[2]
        slash = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
        target = rest[slash:]
        target = target if target.startswith("/") else "/" + target
    path, _, query = target.partition("?")
    return path, query


class _Reader:
    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.completed = 0

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # The space around a value is none of it (RFC 9110, section 5.5); the parser leaves what ends it.
        self.headers.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.completed += 1
