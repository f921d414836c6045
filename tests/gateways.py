"""Gateways for tests, and clients of the kinds that they must stand."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from harness.gateway.client import GatewayClient, GatewayProcess
from harness.gateway.control import ENTRA_SCOPE, RunOpened, RunOrder
from harness.gateway.limits import Limits
from harness.model import Arrival, Headers, RecordedExchange, RecordedRequest, RecordedResponse

HOST = "your-resource-name.openai.azure.com"
ENTRA = "login.microsoftonline.com"
PATH = "/openai/v1/responses"
ASK = b'{"model":"gpt-4.1-nano","input":"Say hello"}'
HELLO = {"output": [{"content": [{"text": "Hello!"}]}]}
PATIENCE_S = 20.0


def exchange(
    path: str = PATH, status: int = 200, headers: Mapping[str, str] | None = None, **body: object
) -> RecordedExchange:
    return RecordedExchange(
        request=RecordedRequest(method="POST", path=path, body={"model": "gpt-4.1-nano"}),
        response=RecordedResponse(status=status, headers=dict(headers or {}), body=body or HELLO),
    )


def an_order(**changes: object) -> RunOrder:
    fields = {
        "endpoint_host": "YOUR-RESOURCE-NAME.openai.azure.com",
        "models": ("gpt-4.1-nano",),
        "exchanges": (exchange(),),
        "http_port": 0,
        "tls_port": 0,
    }
    return RunOrder(**(fields | changes))  # type: ignore[arg-type]


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def error(self) -> dict[str, object]:
        error = self.json["error"]
        assert isinstance(error, dict)
        return error


class TestRun:
    """An open run, and what a client can do with it."""

    __test__ = False

    def __init__(self, gateway: GatewayProcess, order: RunOrder) -> None:
        self.gateway = gateway
        self.client = GatewayClient(gateway.address)
        self.opened: RunOpened = self.client.open_run(order)
        self.credentials = self.opened.credentials

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        return self.client.peek(self.opened.id).arrivals

    def close(self) -> None:
        self.client.close_run(self.opened.id)

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.gateway.address.ca_pem)

    def port(self, listener: str = "proxy") -> int:
        port = {"proxy": self.opened.proxy_port, "http": self.opened.http_port, "tls": self.opened.tls_port}[listener]
        assert port is not None
        return port

    def ask(
        self,
        path: str = PATH,
        body: bytes | None = ASK,
        headers: Mapping[str, str] | None = None,
        *,
        host: str = HOST,
        method: str = "POST",
    ) -> Reply:
        """One request through the proxy port; with the run's key unless `headers` say otherwise."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port(), context=self.trust, timeout=PATIENCE_S)
        connection.set_tunnel(host, 443)
        if headers is None:
            headers = {"api-key": self.credentials.api_key}
        return reply_of(connection, method, path, body, headers)

    def ask_plainly(self, path: str = PATH, body: bytes = ASK, headers: Mapping[str, str] | None = None) -> Reply:
        """One request to the standing plain listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port("http"), timeout=PATIENCE_S)
        return reply_of(connection, "POST", path, body, headers or {"api-key": self.credentials.api_key})

    def ask_token(self, **changes: str) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "scope": ENTRA_SCOPE,
        } | changes
        return self.ask(
            f"/{self.credentials.tenant_id}/oauth2/v2.0/token",
            urlencode({name: value for name, value in form.items() if value}).encode(),
            {"content-type": "application/x-www-form-urlencoded"},
            host=ENTRA,
        )

    def tunnel(self, host: str = HOST) -> socket.socket:
        """A socket on which TLS to `host` can begin."""
        raw = socket.create_connection(("127.0.0.1", self.port()), PATIENCE_S)
        raw.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += raw.recv(1)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return raw


def reply_of(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Reply:
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Reply(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())


def request(body: bytes = ASK, headers: Headers = (), method: str = "POST", path: str = PATH) -> bytes:
    """A right request as bytes; without a credential."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def say(port: int, *fragments: bytes, half_close: bool = False) -> bytes:
    """What is answered to `fragments` until the other side ends the connection."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        with contextlib.suppress(ConnectionError):
            for fragment in fragments:
                client.sendall(fragment)
            if half_close:
                client.shutdown(socket.SHUT_WR)
        return hear(client)


def hear(client: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while fragment := client.recv(65_536):
            heard += fragment
    return heard


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def eventually(condition: Callable[[], object]) -> None:
    """Waits until `condition` holds; fails when it never does."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.02)


def a_gateway(folder: Path, **limits: float) -> GatewayProcess:
    return GatewayProcess.start(folder / "gateway.log", limits=Limits(**limits))  # type: ignore[arg-type]


def log_of(gateway: GatewayProcess) -> str:
    return Path(gateway.address.log_path).read_text()
