"""Bytes to whole requests: where each begins and ends, to the byte. No I/O.

httptools judges a head; where a message ends is found here, because a journal keeps each request's exact bytes,
pipelined ones too, and because whatever two parsers could read in two ways is refused (RFC 9112, section 11.2).
"""

from __future__ import annotations

import re

import httptools

from harness.gateway.limits import Limits

_CRLF = b"\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_CHUNK_LINE_BYTES = 256
_TRAILER_BYTES = 8192

_START = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: |\Z)")  # what any beginning of a request looks like
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [\x21-\x7e]+ HTTP/1\.[01]\r\n")
_AMBIGUOUS = re.compile(rb"\0|(?<!\r)\n|\r[^\n]")  # NUL, bare LF, bare CR
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"[A-Za-z0-9._~\-]+(?::[0-9]{0,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{0,5})?")


class Malformed(Exception):
    """What came is no request; the connection can't go on."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Incoming:
    """One whole request as it came."""

    __slots__ = ("body", "headers", "keep_alive", "method", "raw", "target")

    def __init__(
        self, method: str, target: str, headers: dict[bytes, bytes], body: bytes, raw: bytes, keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target  # as sent; ASCII
        self.headers = headers  # names in lower case; values of one name joined by ", "
        self.body = body  # without the framing of chunks
        self.raw = raw  # head and body, every byte
        self.keep_alive = keep_alive


class _Head:
    """What httptools says of a head, and how long the body after it is."""

    __slots__ = ("chunked", "expects_continue", "headers", "keep_alive", "length", "method", "size", "target")

    def __init__(self, head: bytes) -> None:
        self.size = len(head)
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass  # CONNECT, or an offer of another protocol, which is not taken up
        except httptools.HttpParserError as error:
            raise Malformed(400, f"not an HTTP/1.1 request: {error}") from None
        self.method = parser.get_method().decode("ascii")
        modern = parser.get_http_version() == "1.1"
        # llhttp forgets this once a message without a body is over.
        options = self.headers.get(b"connection", b"").lower().split(b",")
        self.keep_alive = modern and all(option.strip() != b"close" for option in options)
        self._check_host(modern)
        self.chunked = self._is_chunked(modern)
        self.length = self._length()
        expected = self.headers.get(b"expect", b"").lower()
        if expected and expected != b"100-continue":
            raise Malformed(417, f"Expect: {_shown(expected)} can't be met")
        self.expects_continue = bool(expected) and modern

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        present = self.headers.get(name)
        self.headers[name] = value if present is None else present + b", " + value

    def _check_host(self, modern: bool) -> None:
        host = self.headers.get(b"host")
        if host is None and modern:
            raise Malformed(400, "the request has no Host header")
        if host and not _HOST.fullmatch(host):
            raise Malformed(400, f"Host: {_shown(host)} is no host name")

    def _is_chunked(self, modern: bool) -> bool:
        coding = self.headers.get(b"transfer-encoding")
        if coding is None:
            return False
        if coding.lower() != b"chunked" or not modern:
            raise Malformed(400, f"Transfer-Encoding: {_shown(coding)} can't be read")
        return True

    def _length(self) -> int:
        length = self.headers.get(b"content-length")
        if length is None:
            return 0
        if self.chunked:
            raise Malformed(400, "the request has both Content-Length and Transfer-Encoding")
        if not _LENGTH.fullmatch(length):
            raise Malformed(400, f"Content-Length: {_shown(length)} is no length")
        return int(length)


class RequestReader:
    """Takes bytes as they come, gives whole requests in order.

    Once `next` has raised Malformed, the reader is of no further use.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0  # of the buffer, while the head's end is sought
        self._head: _Head | None = None
        self._continued = False
        self._at = 0  # in the buffer: the next chunk's line
        self._pieces: list[tuple[int, int]] = []  # of the buffer: the chunks' contents
        self._trailing = False

    @property
    def held(self) -> int:
        """Bytes here that are no whole request yet, or were not asked for."""
        return len(self._buffer)

    def feed(self, fragment: bytes) -> None:
        self._buffer += fragment

    def rest(self) -> bytes:
        """Everything that is left, which is then no longer here."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._forget()
        return rest

    def wants_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends its body; True once for a request."""
        if self._head is None or not self._head.expects_continue or self._continued:
            return False
        self._continued = True
        return len(self._buffer) == self._head.size

    def progress(self) -> str:
        """How much of the unfinished request is here, in words."""
        if self._head is None:
            return f"{len(self._buffer)} bytes of a head that had no end"
        came = len(self._buffer) - self._head.size
        return (
            f"{came} bytes of a chunked body"
            if self._head.chunked
            else f"{came} of {self._head.length} bytes of the body"
        )

    def next(self) -> Incoming | None:
        """The next whole request, or None until more has come.

        Raises:
            Malformed: what came is no request, or larger than the limits.
        """
        if not self._buffer:
            return None
        if self._head is None:
            size = self._head_size()
            if size is None:
                return None
            self._head = self._read_head(size)
            self._at = size
        head = self._head
        if head.chunked and head.method != "CONNECT":
            end = self._end_of_chunks(head)
            if end is None:
                return None
            body = b"".join([bytes(self._buffer[start:stop]) for start, stop in self._pieces])
        else:
            end = head.size + head.length
            if len(self._buffer) < end:
                return None
            body = bytes(self._buffer[head.size : end]) if head.length else b""
        raw = bytes(self._buffer[:end])
        if head.chunked:
            _check_agreement(raw)
        del self._buffer[:end]
        self._forget()
        return Incoming(head.method, head.target.decode("ascii"), head.headers, body, raw, head.keep_alive)

    def _forget(self) -> None:
        self._scanned = self._at = 0
        self._head = None
        self._continued = self._trailing = False
        self._pieces = []

    def _head_size(self) -> int | None:
        buffer, limit = self._buffer, self._limits.head_bytes
        start = 0
        while buffer.startswith(_CRLF, start) and start < limit:  # RFC 9112, section 2.2: empty lines may come first
            start += 2
        end = buffer.find(_END_OF_HEAD, max(start, self._scanned - 3))
        if (end if end >= 0 else len(buffer)) + 4 > limit:
            raise Malformed(431, f"the head is larger than {limit} bytes")
        if end >= 0:
            return end + 4
        self._check_unfinished(start)
        self._scanned = len(buffer)
        return None

    def _check_unfinished(self, start: int) -> None:
        """What can never become a head is refused at once, not when its time is over."""
        buffer = self._buffer
        if len(buffer) > start and not (len(buffer) == start + 1 and buffer.endswith(b"\r")):
            self._check_start(start)
        if _AMBIGUOUS.search(buffer, max(0, self._scanned - 1)):
            raise Malformed(400, _ambiguity(buffer))

    def _check_start(self, start: int) -> None:
        if not _START.match(self._buffer, start):
            raise Malformed(400, f"no HTTP request begins with {_shown(bytes(self._buffer[start : start + 16]))}")
        line_end = self._buffer.find(_CRLF, start)
        if line_end >= 0 and not _REQUEST_LINE.match(self._buffer, start):
            line = bytes(self._buffer[start : min(line_end, start + 80)])
            raise Malformed(400, f"not an HTTP/1.1 request line: {_shown(line)}")

    def _read_head(self, size: int) -> _Head:
        head = bytes(self._buffer[:size])
        start = len(head) - len(head.lstrip(_CRLF))
        self._check_start(start)
        lines = head.count(_CRLF)
        if b"\0" in head or head.count(b"\n") != lines or head.count(b"\r") != lines:  # 8 times as fast as the pattern
            raise Malformed(400, _ambiguity(head))
        if b"\r\n " in head or b"\r\n\t" in head:
            raise Malformed(400, "a header line is folded")
        read = _Head(head)
        if read.method == "CONNECT" and (read.length or read.chunked):
            raise Malformed(400, "a CONNECT with a body")
        self._check_body(read.length)
        return read

    def _check_body(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise Malformed(413, f"the body is larger than {self._limits.body_bytes} bytes")

    def _end_of_chunks(self, head: _Head) -> int | None:
        """Where the chunked body ends in the buffer; notes the contents of the chunks on the way."""
        buffer = self._buffer
        while not self._trailing:
            line_end = buffer.find(_CRLF, self._at, self._at + _CHUNK_LINE_BYTES + 2)
            if line_end < 0:
                if len(buffer) - self._at > _CHUNK_LINE_BYTES:
                    raise Malformed(400, f"the line before a chunk is longer than {_CHUNK_LINE_BYTES} bytes")
                return None
            line = bytes(buffer[self._at : line_end])
            size_field = _CHUNK_LINE.fullmatch(line)
            if size_field is None:
                raise Malformed(400, f"no chunk begins with {_shown(line[:16])}")
            size = int(size_field.group(1), 16)
            if size == 0:
                self._trailing = True
                self._at = line_end + 2
                break
            start, stop = line_end + 2, line_end + 2 + size
            self._check_body(stop - head.size)
            if len(buffer) < stop + 2:
                return None
            if buffer[stop : stop + 2] != _CRLF:
                raise Malformed(400, "a chunk is longer than its line says")
            if len(self._pieces) == self._limits.chunks:
                raise Malformed(413, f"the body has more than {self._limits.chunks} chunks")
            self._pieces.append((start, stop))
            self._at = stop + 2
        return self._end_of_trailer()

    def _end_of_trailer(self) -> int | None:
        buffer = self._buffer
        if buffer.startswith(_CRLF, self._at):
            return self._at + 2
        end = buffer.find(_END_OF_HEAD, self._at, self._at + _TRAILER_BYTES)
        if end < 0 and len(buffer) - self._at > _TRAILER_BYTES:
            raise Malformed(431, f"the trailer is larger than {_TRAILER_BYTES} bytes")
        if _AMBIGUOUS.search(buffer, self._at, len(buffer) if end < 0 else end + 4):
            raise Malformed(400, _ambiguity(buffer[self._at :]))
        return None if end < 0 else end + 4


def _check_agreement(raw: bytes) -> None:
    """Chunks are found here and judged by httptools: a message that it reads otherwise (its trailer) is refused."""
    try:
        httptools.HttpRequestParser(object()).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise Malformed(400, f"not an HTTP/1.1 request: {error}") from None


def _ambiguity(lines: bytes | bytearray) -> str:
    """What makes `lines` readable in two ways, the first of it."""
    found = _AMBIGUOUS.search(lines)
    match found.group() if found else b"":
        case b"\0":
            return "a NUL byte among the lines"
        case b"\n":
            return "a line ends with LF alone"
    return "a line ends with CR alone"


def _shown(text: bytes) -> str:
    return repr(text[:80].decode("latin-1"))
