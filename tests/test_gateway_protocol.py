"""harness.gateway.protocol: one connection, on a transport that only notes what is done to it."""

from __future__ import annotations

import asyncio

import pytest
from gateways import an_order, request, status_of

from harness.gateway.answers import Answer, text_answer
from harness.gateway.crowd import Crowd
from harness.gateway.limits import Limits
from harness.gateway.problems import Problems
from harness.gateway.protocol import Connection, Handler
from harness.gateway.run import Run, Site
from harness.gateway.tls import Authority
from harness.model import ArrivalKind


class Transport:
    """What a connection writes, and whether it was ended."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = ""
        self.reading = True

    def write(self, payload):
        self.written += payload

    def get_write_buffer_size(self):
        return 0

    def set_write_buffer_limits(self, high):
        pass

    def can_write_eof(self):
        return True

    def is_closing(self):
        return self.ended in ("close", "abort")

    def write_eof(self):
        self.ended = "eof"

    def close(self):
        self.ended = "close"

    def abort(self):
        self.ended = "abort"

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Echo(Handler):
    """Answers with the request's body; later, when `gate` is set."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.gate = gate
        self.broke: list[tuple[bytes, int | None, str]] = []

    def answer(self, request):
        return self.later(request) if self.gate else text_answer(200, request.body.decode())

    async def later(self, request):
        await self.gate.wait()
        return text_answer(200, request.body.decode())

    def broken(self, raw, status, why):
        self.broke.append((raw, status, why))
        return text_answer(status, why, close=True) if status else None


@pytest.fixture
def problems(capsys):
    return Problems()


def connected(handler, problems, **limits):
    crowd = Crowd(Limits(**limits), 8, problems)
    connection, transport = Connection(crowd, handler), Transport()
    connection.connection_made(transport)
    return connection, transport, crowd


def bodies(written):
    return [part.split(b"\r\n\r\n")[1].strip() for part in written.split(b"HTTP/1.1 200 ")[1:]]


def run(coroutine):
    return asyncio.run(coroutine)


def test_answers_come_in_order(problems):
    """Pipelined requests are answered one after the other."""

    async def scene():
        connection, transport, _ = connected(Echo(), problems)
        connection.data_received(b"".join(request(b"%d" % n) for n in range(50)))
        assert bodies(transport.written) == [b"%d" % n for n in range(50)]

    run(scene())


def test_an_answer_may_be_waited_for(problems):
    """The next request is not looked at before; both are answered, in order, and reading goes on."""

    async def scene():
        gate = asyncio.Event()
        connection, transport, _ = connected(Echo(gate), problems)
        connection.data_received(request(b"one") + request(b"two"))
        await asyncio.sleep(0)
        assert transport.written == b""
        gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert bodies(transport.written) == [b"one", b"two"]
        connection.data_received(request(b"three"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert bodies(transport.written) == [b"one", b"two", b"three"]

    run(scene())


def test_a_backlog_is_not_read_without_bound(problems):
    """While an answer is waited for, a client that sends on is read from no more; afterwards it is again."""

    async def scene():
        gate = asyncio.Event()
        connection, transport, crowd = connected(Echo(gate), problems)
        connection.data_received(request(b"one"))
        for _ in range(40):
            connection.data_received(request(b"x" * 10_000))
        assert not transport.reading
        assert crowd.unfinished_bytes > 256 * 1024
        gate.set()
        for _ in range(500):
            await asyncio.sleep(0)
        assert len(bodies(transport.written)) == 41
        assert transport.reading
        assert crowd.unfinished_bytes == 0

    run(scene())


def test_a_client_that_went_ends_what_it_waited_for(problems):
    """A pending answer is cancelled, and nothing is counted any more."""

    async def scene():
        connection, _, crowd = connected(Echo(asyncio.Event()), problems)
        connection.data_received(request(b"one") + b"POST /half")
        connection.connection_lost(None)
        await asyncio.sleep(0)
        assert (len(crowd), crowd.unfinished_bytes) == (0, 0)
        assert len(asyncio.all_tasks()) == 1

    run(scene())


def test_nothing_is_answered_to_a_client_that_does_not_read(problems):
    """While its side is full no request is answered; when it reads again, all are."""

    async def scene():
        connection, transport, _ = connected(Echo(), problems)
        connection.pause_writing()
        connection.data_received(request(b"one") + request(b"two"))
        assert transport.written == b""
        connection.resume_writing()
        assert bodies(transport.written) == [b"one", b"two"]

    run(scene())


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (b"", "eof"),
        (request()[:-5], "eof"),
        (b"POST / HT", "eof"),
    ],
)
def test_time_limits(problems, sent, outcome):
    """An idle connection is ended without a word, an unfinished request with 408 and a note of it."""

    async def scene():
        handler = Echo()
        connection, transport, _ = connected(handler, problems, idle_s=5, request_s=3)
        if sent:
            connection.data_received(sent)
        now = asyncio.get_running_loop().time()
        connection.check(now + 2)
        assert transport.ended == ""
        connection.check(now + 6)
        assert transport.ended == outcome
        assert status_of(transport.written) == (408 if sent else None)
        assert [(raw, status) for raw, status, _ in handler.broke] == ([(sent, 408)] if sent else [])
        connection.check(now + 60)
        assert transport.ended == "close"

    run(scene())


def test_a_trickle_does_not_extend_the_limit(problems):
    """The time of a request runs from its first byte, however many follow."""

    async def scene():
        handler = Echo()
        connection, transport, _ = connected(handler, problems, request_s=3)
        now = asyncio.get_running_loop().time()
        for place in range(20):
            connection.data_received(request()[place : place + 1])
        connection.check(now + 4)
        assert status_of(transport.written) == 408

    run(scene())


def test_continue_is_said_once_and_only_when_needed(problems):
    """`Expect: 100-continue` is answered before the body; not when the body is already there."""

    async def scene():
        asking = request(b"12345", (("Expect", "100-continue"),))
        connection, transport, _ = connected(Echo(), problems)
        connection.data_received(asking[:-5])
        assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.data_received(b"123")
        assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.data_received(b"45")
        assert bodies(transport.written) == [b"12345"]
        connection, transport, _ = connected(Echo(), problems)
        connection.data_received(asking)
        assert transport.written.startswith(b"HTTP/1.1 200 ")

    run(scene())


@pytest.mark.parametrize(
    "last", [request(headers=(("Connection", "close"),)), request().replace(b"HTTP/1.1", b"HTTP/1.0")]
)
def test_a_connection_that_is_to_end_ends(problems, last):
    """After `Connection: close`, or HTTP/1.0, nothing more is answered, and the answer says so."""

    async def scene():
        connection, transport, _ = connected(Echo(), problems)
        connection.data_received(last + request(b"more"))
        assert transport.written.count(b"HTTP/1.1 200") == 1
        assert b"connection: close\r\n" in transport.written
        assert transport.ended == "eof"

    run(scene())


def test_an_answer_to_head_has_no_body(problems):
    """Its length is said all the same."""

    async def scene():
        connection, transport, _ = connected(Echo(), problems)
        connection.data_received(request(b"", method="HEAD"))
        assert transport.written.endswith(b"\r\n\r\n")
        assert b"content-length: 1\r\n" in transport.written

    run(scene())


def test_all_unfinished_requests_together_are_bounded(problems):
    """Who goes over the limit of all is refused with 503; what it held is free again."""

    async def scene():
        crowd = Crowd(Limits(unfinished_bytes=1000), 8, problems)
        transports = []
        for _ in range(3):
            connection, transport = Connection(crowd, Echo()), Transport()
            connection.connection_made(transport)
            connection.data_received(request(b"x" * 900)[:-500])
            transports.append(transport)
        assert [status_of(transport.written) for transport in transports] == [None, 503, 503]
        assert crowd.unfinished_bytes <= 1000

    run(scene())


def test_room_is_bounded(problems):
    """Who comes when a crowd is full is refused and noted; when somebody leaves there is room again."""

    async def scene():
        everyone = Crowd(Limits(), 2, problems)
        mine, others = Crowd(Limits(), 1, problems, everyone), Crowd(Limits(), 9, problems, everyone)
        handler = Echo()

        def come(crowd):
            connection, transport = Connection(crowd, handler), Transport()
            connection.connection_made(transport)
            return connection, transport

        first, _ = come(mine)
        assert status_of(come(mine)[1].written) == 503
        come(others)
        assert status_of(come(others)[1].written) == 503
        assert [why for *_, why in handler.broke] == [f"more than {n} connections at once" for n in (1, 2)]
        first.connection_lost(None)
        assert come(mine)[1].written == b""

    run(scene())


def test_an_unforeseen_exception_is_an_answer_of_500(problems, capsys):
    """The client gets 500, the journal the request, standard error the traceback, and the count goes up."""

    async def scene():
        opened = Run("r1", an_order(), Limits(), problems, Authority())
        opened.replay.answer = lambda *_: 1 / 0
        connection, transport, _ = connected(Site(opened, "http", None, 80), problems)
        connection.data_received(request() + request(path="/"))
        assert transport.written.count(b"HTTP/1.1 500 ") == 2
        assert [(one.kind, one.status) for one in opened.frozen_journal().arrivals] == [(ArrivalKind.REQUEST, 500)] * 2

    run(scene())
    said = capsys.readouterr().err
    assert problems.faults == 2
    assert "gateway: fault 1 in run r1, an answer: ZeroDivisionError" in said
    assert "Traceback" in said


def test_a_handler_that_fails_altogether_costs_its_own_connection_only(problems, capsys):
    """The connection is ended, the fault counted; now and when an answer was waited for."""

    class Failing(Echo):
        def answer(self, request):
            if request.body == b"later":
                return self.fail()
            raise RuntimeError

        async def fail(self):
            raise RuntimeError

    async def scene():
        for body in (b"now", b"later"):
            connection, transport, _ = connected(Failing(), problems)
            connection.data_received(request(body))
            for _ in range(5):
                await asyncio.sleep(0)
            assert transport.ended == "abort"

    run(scene())
    assert problems.faults == 2
    assert capsys.readouterr().err.count("Traceback") == 2


def test_a_client_that_leaves_in_the_middle_is_noted(problems):
    """Half a request and the end of the connection: noted with how far it came, by close or by reset."""

    async def scene():
        for error, word in ((None, "closed"), (ConnectionResetError(), "reset")):
            handler = Echo()
            connection, _, _ = connected(handler, problems)
            connection.data_received(request()[:-4])
            connection.connection_lost(error)
            assert handler.broke == [
                (request()[:-4], None, f"the client {word} the connection after 40 of 44 bytes of the body")
            ]

    run(scene())


def test_half_a_request_and_no_more_is_refused(problems):
    """A client that ends its sending in the middle still hears why."""

    async def scene():
        handler = Echo()
        connection, transport, _ = connected(handler, problems)
        connection.data_received(request()[:-4])
        assert not connection.eof_received()
        assert status_of(transport.written) == 400

    run(scene())


def test_answer_is_a_plain_value():
    """A response can be built without a connection."""
    assert text_answer(403, "no") == Answer(403, text_answer(403, "no").head, b"no\n")
