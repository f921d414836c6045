"""One run: its credentials, its journal, and who answers what."""

from __future__ import annotations

import time

import msgspec

from harness.contract.hosts import ENTRA_ID_HOST
from harness.gateway import replay
from harness.gateway.answers import Answer, text_answer
from harness.gateway.control import RunOrder
from harness.gateway.entra import Directory, fresh_credentials
from harness.gateway.journal import RunJournal, Scheme
from harness.gateway.limits import Limits
from harness.gateway.names import HTTPS_PORT, Authority, Names, normal, read_authority, read_target
from harness.gateway.problems import Problems
from harness.gateway.protocol import Handler
from harness.gateway.reading import Incoming
from harness.gateway.tls import LOCAL_NAMES, Offer
from harness.gateway.tls import Authority as CertificateAuthority
from harness.model import ArrivalKind, Journal

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n"
_TLS_RECORD = b"\x16"


class Run:
    """What one run may do and what it did. Listeners and connections are the server's business."""

    def __init__(
        self, run_id: str, order: RunOrder, limits: Limits, problems: Problems, certificates: CertificateAuthority
    ) -> None:
        self.id = run_id
        self.problems = problems
        self.names = Names((order.endpoint_host, *order.also_hosts))
        self._opened = time.monotonic()
        self._certificates = certificates
        self.journal = RunJournal(limits)
        credentials = fresh_credentials()
        if order.api_key is not None:
            credentials = msgspec.structs.replace(credentials, api_key=order.api_key)
        self.directory = Directory(credentials, order.scope, limits.tokens, self.now_s)
        token = self.directory.issue(requested=False)
        self.credentials = msgspec.structs.replace(credentials, given_token=token)
        exchanges = tuple((one.request.method, one.request.path, one.response) for one in order.exchanges)
        self.replay = replay.Replay(order.base_path, order.models, exchanges, credentials.api_key, self.directory)
        self.endpoint = normal(order.endpoint_host)
        for host in sorted(self.names.all):  # now, so that a host for which none can be made is a refused order
            self.offer_for(host)

    def now_s(self) -> float:
        """Seconds since the run was opened."""
        return time.monotonic() - self._opened

    def frozen_journal(self) -> Journal:
        return self.journal.frozen(self.directory.tokens)

    def offer_for(self, host: str) -> Offer:
        """TLS for a tunnel to `host`."""
        return self._certificates.offer((host,), self.names.all)

    def standing_offer(self) -> Offer:
        """TLS for a listener that is addressed directly."""
        return self._certificates.offer(LOCAL_NAMES, self.names.all)


class Site(Handler):
    """The hosts themselves: the API and Entra ID. Every whole request is journaled, with the status that it got."""

    def __init__(self, run: Run, scheme: Scheme, host: str | None, port: int) -> None:
        self._run = run
        self._scheme = scheme
        self._host = host  # that the tunnel was opened to; None on a listener that is addressed directly
        self._port = port
        self._asked_for: str | None = None

    def secured(self, asked_for: str | None) -> None:
        self._asked_for = asked_for

    def answer(self, request: Incoming) -> Answer:
        run = self._run
        at_s = run.now_s()
        host, why, verdict = self._host or run.endpoint, "", ""
        try:
            host, path, why = self._addressed(request)
            if why:
                answer = replay.refusal(421 if path else 400, why)
            elif host == ENTRA_ID_HOST:
                answer = run.directory.answer(request, path)
            else:
                answer, verdict = run.replay.answer(request, path)
        except Exception as error:  # the client gets an answer, the owner the traceback
            run.problems.fault(f"run {run.id}, an answer", error)
            why = "the gateway could not answer: a fault of its own, not of the request"
            answer = replay.refusal(500, why)
        run.journal.add(
            ArrivalKind.REQUEST, self._scheme, host, self._port, request.raw, at_s, answer.status, why, verdict
        )
        return answer

    def broken(self, raw: bytes, status: int | None, why: str) -> Answer | None:
        run = self._run
        host = self._host or ""
        run.journal.add(
            ArrivalKind.BROKEN, self._scheme, host, self._port, raw, run.now_s(), status, _explained(raw, why)
        )
        return replay.refusal(status, why) if status else None

    def _addressed(self, request: Incoming) -> tuple[str, str, str]:
        """The host and path that a request is for, and why it can't be answered there; no path when there is none."""
        fallback = self._host or self._run.endpoint
        target = read_target(request.target)
        if target is None or request.method == "CONNECT":
            return fallback, "", f"{request.method} {request.target[:80]!r} names no path"
        header = request.headers.get(b"host", b"").decode("ascii", "replace")
        named = [one for one in (target.authority, read_authority(header)) if one]
        if self._host is None:
            return (named[0].host if named else fallback), target.path, ""
        for authority in named:
            why = self._why_misdirected(authority)
            if why:
                return self._host, target.path, why
        if self._asked_for not in (None, self._host):
            why = f"the connection is to {self._host}, its TLS handshake asked for {self._asked_for}"
            return self._host, target.path, why
        return self._host, target.path, ""

    def _why_misdirected(self, authority: Authority) -> str:
        if authority.host == self._host and authority.port in (None, self._port):
            return ""
        port = "" if authority.port is None else f":{authority.port}"
        return f"the connection is to {self._host}, the request is for {authority.host}{port}"


class Door(Handler):
    """A run's proxy port: CONNECT to the hosts of the run, and nothing else."""

    def __init__(self, run: Run, port: int) -> None:
        self._run = run
        self._port = port
        self._inside: str | None = None

    def answer(self, request: Incoming) -> Answer:
        if request.method == "CONNECT":
            return self._connect(request)
        target = read_target(request.target)
        if target is None or target.authority is None or target.scheme not in ("http", "https"):
            asked = f"{request.method} {request.target[:80]}"
            return self.broken(
                request.raw, 400, f"this is a proxy: CONNECT was expected, not {asked!r}, which a server would be asked"
            )
        authority = target.authority
        scheme: Scheme = "https" if target.scheme == "https" else "http"
        why = self._run.names.why_refused(authority, scheme) or f"{authority.host} is reached by CONNECT alone"
        port = authority.port or (HTTPS_PORT if scheme == "https" else 80)
        return self._refused(scheme, Authority(authority.host, port), request, why)

    def broken(self, raw: bytes, status: int | None, why: str) -> Answer:
        run = self._run
        why = _explained(raw, why)
        run.journal.add(ArrivalKind.BROKEN, "http", "", self._port, raw, run.now_s(), status, why)
        return text_answer(status or 400, why, close=True)

    def tunnelled(self) -> Handler:
        assert self._inside is not None
        return Site(self._run, "https", self._inside, HTTPS_PORT)

    def _connect(self, request: Incoming) -> Answer:
        authority = read_authority(request.target)
        if authority is None or authority.port is None:
            return self.broken(request.raw, 400, f"CONNECT {request.target[:80]!r} names no host and port")
        why = self._run.names.why_refused(authority, "https")
        if why:
            return self._refused("https", authority, request, why)
        self._inside = authority.host
        return Answer(200, _ESTABLISHED, tunnel=self._run.offer_for(authority.host))

    def _refused(self, scheme: Scheme, authority: Authority, request: Incoming, why: str) -> Answer:
        run = self._run
        port = authority.port or HTTPS_PORT
        run.journal.add(ArrivalKind.REFUSED_HOST, scheme, authority.host, port, request.raw, run.now_s(), 403, why)
        return text_answer(403, why, close=True)


def _explained(raw: bytes, why: str) -> str:
    if raw.startswith(_TLS_RECORD):
        return f"a TLS handshake came where plain HTTP was expected ({why})"
    if raw.startswith(b"PRI * HTTP/2"):
        return f"the client speaks HTTP/2, which was not agreed ({why})"
    return why
