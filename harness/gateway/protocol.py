"""One connection: reads whole requests, answers them in order and one at a time, and waits for nobody for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial
from typing import cast

from harness.gateway.answers import CONTINUE, Answer
from harness.gateway.crowd import Crowd
from harness.gateway.reading import Incoming, Malformed, RequestReader
from harness.gateway.tls import HandshakeFailed, Layer, Offer, Refused

_BATCH_BYTES = 64 * 1024  # of answers that are written in one go
_BACKLOG_BYTES = 256 * 1024  # of pipelined requests that wait for an answer


class Handler:
    """Who answers on a connection. One is made for each."""

    def answer(self, request: Incoming) -> Answer | Awaitable[Answer]:
        """What goes back; the next request is not looked at before."""
        raise NotImplementedError

    def broken(self, raw: bytes, status: int | None, why: str) -> Answer | None:
        """Takes note of what never became a request; what goes back, when anything can."""
        raise NotImplementedError

    def secured(self, asked_for: str | None) -> None:
        """TLS is agreed; the client asked for that name (SNI), if for any."""

    def tunnelled(self) -> Handler:
        """Who answers inside the tunnel that the last answer opened."""
        raise NotImplementedError


class _State(Enum):
    OPEN = auto()
    LINGERING = auto()  # the last answer is written; what still comes is thrown away
    OVER = auto()


class Connection(asyncio.Protocol):
    """Bytes in, answers out; TLS from the start when there is an offer, or after an answer that opens a tunnel."""

    def __init__(self, crowd: Crowd, handler: Handler, offer: Offer | None = None) -> None:
        self._crowd = crowd
        self._limits = crowd.limits
        self._handler = handler
        self._tls = Layer(offer) if offer else None
        self._reader = RequestReader(crowd.limits)
        self._state = _State.OPEN
        self._held = 0  # of the reader's bytes, as the crowd counts them
        self._since = 0.0  # when the present state of affairs began: idle, a request under way, lingering
        self._unread_since: float | None = None  # when the client's side of writing became full
        self._reading = True
        self._answered = 0
        self._half_closed = False
        self._pending: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport
        self._now = asyncio.get_running_loop().time

    # ------------------------------------------------------------ what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # no instance of it where uvloop makes them
        self._since = self._now()
        full = self._crowd.why_full()
        if full:
            self._state = _State.OVER
            answer = self._handler.broken(b"", 503, full)
            if answer and not self._tls:
                self._transport.write(_encoded(answer, close=True, bodiless=False))
            self._transport.close()
            return
        self._crowd.enter(self)
        self._transport.set_write_buffer_limits(high=self._limits.write_buffer_bytes)

    def data_received(self, fragment: bytes) -> None:
        if self._state is not _State.OPEN:
            return
        self._guarded(partial(self._take, fragment))

    def eof_received(self) -> bool:
        """True: the client sends no more, and may still read."""
        if self._state is not _State.OPEN:
            return False
        self._half_closed = True
        if self._pending or self._unread_since is not None:
            return True
        self._guarded(partial(self._cut_short, "the client closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._state is _State.OPEN:
            self._note_unfinished(
                "the client closed the connection" if error is None else "the client reset the connection"
            )
        self._state = _State.OVER
        self._count(0)
        self._crowd.leave(self)
        if self._pending:
            self._pending.cancel()

    def pause_writing(self) -> None:
        self._unread_since = self._now()

    def resume_writing(self) -> None:
        self._unread_since = None
        self._since = self._now()  # what had begun to come was not looked at meanwhile
        if self._state is _State.OPEN and not self._pending:
            self._guarded(self._continue)

    # ------------------------------------------------------------ what its crowd calls

    def check(self, now: float) -> None:
        """Ends the connection when its time is over."""
        self._guarded(partial(self._check, now))

    def _check(self, now: float) -> None:
        limits, waited = self._limits, now - self._since
        if self._state is _State.LINGERING:
            unread = self._transport.get_write_buffer_size()
            if unread and waited > limits.write_s:
                self._abort()
            elif not unread and waited > limits.linger_s:
                self._transport.close()
        elif self._unread_since is not None and now - self._unread_since > limits.write_s:
            self._state = _State.OVER
            self._handler.broken(b"", None, f"the client did not read its answers for {limits.write_s:g} s")
            self._abort()
        elif self._pending or self._unread_since is not None or self._state is _State.OVER:
            pass
        elif self._tls and not self._tls.established:
            if waited > limits.request_s:
                self._handshake_failed(f"the TLS handshake was not complete after {limits.request_s:g} s")
        elif self._reader.held:
            if waited > limits.request_s:
                self._break(
                    408, f"the request was not complete after {limits.request_s:g} s: {self._reader.progress()}"
                )
        elif waited > limits.idle_s:
            self._finish()

    def cut(self, why: str) -> None:
        """Ends the connection at once."""
        if self._state is _State.OPEN:
            self._note_unfinished(why)
        self._abort()

    # ------------------------------------------------------------ reading

    def _take(self, fragment: bytes) -> None:
        if self._tls:
            plain = self._decrypted(fragment)
            if plain is None:
                return
            fragment = plain
        if fragment:
            if not self._reader.held and not self._pending:
                self._since = self._now()
            self._reader.feed(fragment)
            self._continue()
        if self._tls and self._tls.ended and self._state is _State.OPEN and not self._pending:
            self._cut_short("the client closed the connection")

    def _decrypted(self, fragment: bytes) -> bytes | None:
        """The plain bytes; None when the connection came to its end over it."""
        tls = self._tls
        assert tls is not None
        begun = tls.established
        try:
            plain = tls.receive(fragment)
        except HandshakeFailed as failure:
            self._transport.write(tls.outgoing())
            self._handshake_failed(str(failure))
            return None
        except Refused as failure:
            if not self._answered:
                self._handler.broken(b"", None, str(failure))
            self._state = _State.OVER
            self._transport.close()
            return None
        out = tls.outgoing()
        if out:
            self._transport.write(out)
        if tls.established and not begun:
            self._since = self._now()
            self._handler.secured(tls.asked_for)
        return plain

    def _continue(self) -> None:
        """Answers what is here, until it is all answered, an answer must be waited for, or the client reads none."""
        written: list[bytes] = []
        size = 0
        try:
            while self._state is _State.OPEN and not self._pending and self._unread_since is None:
                request = self._reader.next()
                if request is None:
                    break
                answer = self._handler.answer(request)
                if not isinstance(answer, Answer):
                    self._pending = asyncio.ensure_future(answer)
                    self._pending.add_done_callback(partial(self._answer_came, request))
                    break
                close = _closes(answer, request)
                written.append(_encoded(answer, close, bodiless=request.method == "HEAD"))
                size += len(written[-1])
                self._answered += 1
                if close or answer.tunnel or size > _BATCH_BYTES:
                    self._write(b"".join(written))
                    written, size = [], 0
                    self._after(answer, close)
        except Malformed as fault:
            self._write(b"".join(written))
            written = []
            self._break(fault.status, fault.why)
        if self._state is not _State.OPEN:
            return
        if written:
            self._write(b"".join(written))
            self._since = self._now()
        self._rest()

    def _rest(self) -> None:
        """What is to be done when no further request can be answered now."""
        within = self._count(self._reader.held)
        waiting = self._pending is not None or self._unread_since is not None
        if waiting:
            if self._reading and self._reader.held > _BACKLOG_BYTES:
                self._reading = False
                self._transport.pause_reading()
            return
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if not within:
            self._break(503, "the gateway holds too many unfinished requests")
        elif self._reader.wants_continue():
            self._write(CONTINUE)
        elif self._half_closed:
            self._cut_short("the client closed the connection")

    def _answer_came(self, request: Incoming, coming: asyncio.Future[Answer]) -> None:
        self._pending = None
        if coming.cancelled():
            return
        error = coming.exception()
        if error is not None:
            self._fail("an answer", error)
        elif self._state is _State.OPEN:
            self._guarded(partial(self._go_on, request, coming.result()))

    def _go_on(self, request: Incoming, answer: Answer) -> None:
        close = _closes(answer, request)
        self._write(_encoded(answer, close, bodiless=request.method == "HEAD"))
        self._answered += 1
        self._since = self._now()
        self._after(answer, close)
        if self._state is _State.OPEN:
            self._continue()

    def _after(self, answer: Answer, close: bool) -> None:
        """What an answer brings with it: the end of the connection, or a tunnel."""
        if answer.tunnel:
            rest = self._reader.rest()
            self._count(0)
            self._handler = self._handler.tunnelled()
            self._tls = Layer(answer.tunnel)
            self._answered = 0
            self._since = self._now()
            if rest:
                self._take(rest)
        elif close:
            self._finish()

    # ------------------------------------------------------------ writing and ending

    def _write(self, payload: bytes) -> None:
        if payload:
            self._transport.write(self._tls.send(payload) if self._tls else payload)

    def _break(self, status: int, why: str) -> None:
        """Refuses what is here as no request, and ends the connection."""
        answer = self._handler.broken(self._reader.rest(), status, why)
        if answer:
            self._write(_encoded(answer, close=True, bodiless=False))
        self._finish()

    def _cut_short(self, why: str) -> None:
        """The client sends no more: what is unfinished can only be refused."""
        if self._tls and not self._tls.established:
            self._handshake_failed(f"{why} during the TLS handshake")
        elif self._reader.held:
            self._break(400, f"{why} after {self._reader.progress()}")
        else:
            self._finish()

    def _note_unfinished(self, why: str) -> None:
        if self._tls and not self._tls.established:
            self._handler.broken(b"", None, f"{why} during the TLS handshake")
        elif self._reader.held and not self._pending:
            progress = self._reader.progress()
            self._handler.broken(self._reader.rest(), None, f"{why} after {progress}")

    def _handshake_failed(self, why: str) -> None:
        self._state = _State.OVER
        self._handler.broken(b"", None, why)
        self._transport.close()

    def _finish(self) -> None:
        """Nothing more is written. What still comes is read for a while, lest a reset overtake the last answer."""
        self._state = _State.LINGERING
        self._since = self._now()
        self._reader.rest()
        self._count(0)
        if self._transport.is_closing():
            return
        if self._tls:
            self._transport.write(self._tls.farewell())
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if self._half_closed or not self._transport.can_write_eof():
            self._transport.close()
        else:
            try:
                self._transport.write_eof()
            except OSError:  # the client is gone already
                self._transport.close()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Does `step`; a defect of ours ends this connection and no other."""
        try:
            step()
        except Exception as error:
            self._fail("a connection", error)

    def _fail(self, where: str, error: BaseException) -> None:
        self._crowd.problems.fault(where, error)
        self._abort()

    def _abort(self) -> None:
        self._state = _State.OVER
        self._transport.abort()

    def _count(self, held: int) -> bool:
        """Tells the crowd how many bytes of unfinished requests are here; False when all have too many."""
        if held == self._held:
            return True
        within = self._crowd.hold(held - self._held)
        self._held = held
        return within


def _closes(answer: Answer, request: Incoming) -> bool:
    return answer.tunnel is None and (answer.close or not request.keep_alive)


def _encoded(answer: Answer, close: bool, bodiless: bool) -> bytes:
    ending = b"connection: close\r\n\r\n" if close else b"\r\n"
    return answer.head + ending if bodiless else b"%b%b%b" % (answer.head, ending, answer.body)
