"""Certificates of one session, and TLS between bytes and bytes. No network.

TLS is ended on `ssl.MemoryBIO` and not by the event loop: what came together with a CONNECT is simply fed in,
a handshake that fails says why, and the bytes on the wire stay ours.
"""

from __future__ import annotations

import contextlib
import datetime
import ssl
from collections.abc import Callable
from typing import NamedTuple

import trustme

_CACHED = 64  # contexts, of about 50 KiB each
_LIFETIME = datetime.timedelta(days=30)  # some clients refuse leaf certificates of more than 825 days
_READ_BYTES = 256 * 1024
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class Offer(NamedTuple):
    """TLS that is ready to begin."""

    context: ssl.SSLContext


class _Session(ssl.SSLObject):
    """A TLS session that knows which name the client asked for."""

    asked_for: str | None = None


_Chooser = Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]


class Authority:
    """The certificate authority of a session. Nothing outside trusts it, and its key is never written down."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="Samples conformance gateway")
        self._contexts: dict[tuple[tuple[str, ...], frozenset[str]], ssl.SSLContext] = {}

    @property
    def pem(self) -> str:
        return self._ca.cert_pem.bytes().decode("ascii")

    def offer(self, names: tuple[str, ...], known: frozenset[str]) -> Offer:
        """TLS under `names`, or under one of `known` when the client asks for that (SNI)."""
        return Offer(self._context(names, known))

    def _context(self, names: tuple[str, ...], known: frozenset[str]) -> ssl.SSLContext:
        context = self._contexts.get((names, known))
        if context is None:
            while len(self._contexts) >= _CACHED:
                del self._contexts[next(iter(self._contexts))]
            context = self._contexts[names, known] = self._made(names)
            context.sni_callback = self._chooser(known)
        return context

    def _chooser(self, known: frozenset[str]) -> _Chooser:
        def choose(session: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if isinstance(session, _Session):
                session.asked_for = None if name is None else name.lower().rstrip(".")
                if session.asked_for in known:
                    session.context = self._context((session.asked_for,), known)

        return choose

    def _made(self, names: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0  # a client that closes early would meet a reset instead of its answer
        context.set_alpn_protocols(["http/1.1"])
        context.sslobject_class = _Session
        until = datetime.datetime.now(datetime.UTC) + _LIFETIME
        # A common name longer than 64 characters can't be written; the alternative names are what clients compare.
        self._ca.issue_cert(*names, common_name=names[0][:64], not_after=until).configure_cert(context)
        return context


class HandshakeFailed(Exception):
    """TLS was not agreed."""


class Refused(Exception):
    """TLS was agreed, and then the client ended it with an alert."""


class Layer:
    """One TLS session: what came in, what goes out."""

    def __init__(self, offer: Offer) -> None:
        self._came = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._session = offer.context.wrap_bio(self._came, self._out, server_side=True)
        self.established = False
        self.ended = False  # the client said that it sends nothing more

    @property
    def asked_for(self) -> str | None:
        """The name that the client asked for (SNI), lower case."""
        return self._session.asked_for if isinstance(self._session, _Session) else None

    def receive(self, fragment: bytes) -> bytes:
        """The plain bytes of what came; empty while the handshake goes on. Then there may be something in `outgoing`.

        Raises:
            HandshakeFailed: with why, in words; `outgoing` holds the alert.
            Refused: the same, after the handshake.
        """
        self._came.write(fragment)
        if not self.established:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            except ssl.SSLError as error:
                raise HandshakeFailed(_why(error)) from None
            self.established = True
        return self._plain()

    def _plain(self) -> bytes:
        pieces = []
        try:
            while piece := self._session.read(_READ_BYTES):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        except ssl.SSLError as error:
            raise Refused(_why(error)) from None
        return b"".join(pieces)

    def send(self, plain: bytes) -> bytes:
        """What to write for `plain`."""
        view = memoryview(plain)
        while view:
            view = view[self._session.write(view) :]
        return self._out.read()

    def outgoing(self) -> bytes:
        """What the session itself wants written."""
        return self._out.read()

    def farewell(self) -> bytes:
        """The end of the session, said as TLS wants it."""
        with contextlib.suppress(ssl.SSLError, ValueError):  # the client's own end is not waited for
            self._session.unwrap()
        return self._out.read()


def _why(error: ssl.SSLError) -> str:
    reason = (error.reason or "").lower().replace("_", " ")
    _, alert, name = reason.partition("alert ")  # "tlsv1 alert unknown ca"; the first word differs between OpenSSLs
    if alert:
        return _alert(name)
    if reason in ("http request", "https proxy request"):
        return "plain HTTP came where a TLS handshake was expected"
    if reason in ("wrong version number", "unknown protocol", "packet length too long", "record layer failure"):
        return "what came is no TLS handshake"
    return f"TLS was not agreed: {reason or error}"


def _alert(name: str) -> str:
    if "certificate" in name or name in ("unknown ca", "access denied", "decrypt error"):
        return f"the client refused the gateway's certificate: {name}"
    return f"the client ended the TLS handshake: {name}"
