"""harness.gateway.reading: bytes to whole requests."""

from __future__ import annotations

import random

import pytest
from gateways import HOST, request
from malformed import MALFORMED

from harness.gateway.limits import Limits
from harness.gateway.reading import Incoming, Malformed, RequestReader
from harness.wire import parse_request

CHUNKED = (
    b"POST /openai/v1/responses HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;of=five\r\nhello\r\n1\r\n,\r\n0006\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
BARE = b"GET /openai/v1/models?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"
LED = b"\r\n\r\n" + BARE


def read(*fragments: bytes, limits: Limits | None = None) -> list[Incoming]:
    reader = RequestReader(limits or Limits())
    found = []
    for fragment in fragments:
        reader.feed(fragment)
        while (one := reader.next()) is not None:
            found.append(one)
    return found


def test_a_request_is_given_as_it_came():
    """Method, target, lower-case header names, body and the exact bytes are those that were sent."""
    raw = request(b"{}", (("Api-Key", "k"), ("Accept", "a"), ("Accept", "b")))
    (one,) = read(raw)
    assert (one.method, one.target, one.body, one.raw, one.keep_alive) == (
        "POST",
        "/openai/v1/responses",
        b"{}",
        raw,
        True,
    )
    assert one.headers == {b"host": HOST.encode(), b"content-length": b"2", b"api-key": b"k", b"accept": b"a, b"}


def test_a_chunked_body_is_put_together_and_kept_as_sent():
    """The body is without framing, the raw bytes with it, and the journal's own parser reads them the same way."""
    (one,) = read(CHUNKED)
    assert (one.body, one.raw) == (b"hello, world", CHUNKED)
    assert parse_request(one.raw, "https", "a.example").body == b"hello, world"


@pytest.mark.parametrize("offset", range(1, len(request() + CHUNKED + LED)))
def test_pipelined_requests_may_be_cut_anywhere(offset):
    """Three requests in one stream, cut in two at every byte, are the same three requests with the same bytes."""
    stream = request() + CHUNKED + LED
    assert [one.raw for one in read(stream[:offset], stream[offset:])] == [request(), CHUNKED, LED]


@pytest.mark.parametrize("count", [2, 7, 50])
def test_pipelined_requests_are_told_apart(count):
    """So are any number of requests in one segment, and in segments of one byte."""
    stream = (request() + CHUNKED) * count
    expected = [request(), CHUNKED] * count
    assert [one.raw for one in read(stream)] == expected
    assert [one.raw for one in read(*(bytes([byte]) for byte in stream))] == expected


@pytest.mark.parametrize(
    ("raw", "status"), [(raw, status) for _, raw, status in MALFORMED], ids=[name for name, *_ in MALFORMED]
)
def test_what_is_no_request_is_refused(raw, status):
    """Each malformed message is refused with its status and a reason, whole or byte by byte."""
    for fragments in ([raw], [bytes([byte]) for byte in raw[:4096]] + [raw[4096:]]):
        with pytest.raises(Malformed) as refused:
            read(*fragments)
        assert refused.value.status == status
        assert refused.value.why


@pytest.mark.parametrize("raw", [b"\x16\x03\x01", b"hello there friend\r\n", b"GET / HTTP/1.1\nHost", b"\0", b'{"a":'])
def test_what_can_never_become_a_request_is_refused_at_once(raw):
    """A beginning that no request has is refused before its end has come."""
    with pytest.raises(Malformed):
        read(raw)


def test_chunks_are_bounded_in_number():
    """A body in too many chunks is refused, however small it is."""
    head = CHUNKED[: CHUNKED.index(b"\r\n\r\n") + 4]
    with pytest.raises(Malformed, match="more than 10 chunks") as refused:
        read(head + b"1\r\na\r\n" * 11 + b"0\r\n\r\n", limits=Limits(chunks=10))
    assert refused.value.status == 413


def test_random_bytes_never_do_worse_than_be_refused():
    """Whatever comes is a request, unfinished, or Malformed; no other exception leaves the reader."""
    chance = random.Random(7)
    valid = request() + CHUNKED
    for _ in range(3000):
        noise = bytearray(valid)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(noise))
            noise[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            found = read(bytes(noise))
        except Malformed:
            continue
        assert b"".join(one.raw for one in found) == bytes(noise[: sum(len(one.raw) for one in found)])


def test_what_was_read_is_read_alike_by_the_journals_parser():
    """No accepted request is read differently by harness.wire, so checks judge what the gateway answered."""
    chance = random.Random(11)
    valid = CHUNKED
    agreed = 0
    for _ in range(3000):
        noise = bytearray(valid)
        noise[chance.randrange(len(noise))] = chance.randrange(256)
        try:
            found = read(bytes(noise))
        except Malformed:
            continue
        for one in found:
            parsed = parse_request(one.raw, "https", "a.example")
            assert (parsed.body, parsed.method) == (one.body, one.method)
            agreed += 1
    assert agreed > 100


def test_progress_says_how_far_a_request_came():
    """An unfinished request is described by what is here of it."""
    whole = request()
    reader = RequestReader(Limits())
    reader.feed(whole[:30])
    assert (reader.next(), reader.progress()) == (None, "30 bytes of a head that had no end")
    reader.feed(whole[30:-4])
    assert (reader.next(), reader.progress()) == (None, "40 of 44 bytes of the body")
    assert reader.rest() == whole[:-4]
    assert reader.held == 0
