"""The gateway as a session sees it: a process, and what can be asked of it. Blocking, without event loop."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.errors import GatewayError
from harness.gateway.control import ControlProblem, Health, Ready, RunOpened, RunOrder
from harness.gateway.limits import Limits
from harness.model import Journal, Value

_LAST_LINES = 12
_LOG_TAIL_BYTES = 16 * 1024
_STOP_S = 1.0
_LOOPBACK = "127.0.0.1"
_Answer = TypeVar("_Answer")


class GatewayAddress(Value, frozen=True, kw_only=True):
    """Where a gateway is reached, and what it takes to do so."""

    control_port: int
    token: str
    ca_pem: str
    pid: int
    log_path: str

    def builtins(self) -> dict[str, str | int]:
        """As strings and numbers alone, for pytest-xdist."""
        fields: dict[str, str | int] = msgspec.to_builtins(self)
        return fields

    @classmethod
    def from_builtins(cls, fields: Mapping[str, object]) -> GatewayAddress:
        return msgspec.convert(fields, cls)


class GatewayProcess:
    """A gateway that this process started and that does not outlive it."""

    def __init__(self, process: subprocess.Popen[bytes], address: GatewayAddress) -> None:
        self._process = process
        self.address = address

    @classmethod
    def start(
        cls, log_path: Path, timeout_s: float = 10.0, limits: Limits | None = None, control_port: int = 0
    ) -> GatewayProcess:
        """A gateway that is bound; its standard error goes to `log_path`.

        Raises:
            GatewayError: it could not be started, ended, or was not bound in time.
        """
        process = _spawned(log_path)
        token = secrets.token_urlsafe(24)
        settings = msgspec.json.encode({"token": token, "control_port": control_port, "limits": limits or Limits()})
        try:
            ready = _ready(process, settings, timeout_s)
        except BaseException:
            _end(process)
            raise
        if ready is None:
            ended = process.poll()
            _end(process)
            problem = f"it was not bound after {timeout_s:g} s" if ended is None else f"it ended with exit code {ended}"
            raise GatewayError(problem, last_lines(log_path), f"look at {log_path}; is {sys.executable} the right one?")
        address = GatewayAddress(
            control_port=ready.control_port, token=token, ca_pem=ready.ca_pem, pid=ready.pid, log_path=str(log_path)
        )
        return cls(process, address)

    def stop(self) -> None:
        """Ends the gateway and all its runs; at once, and also when it hangs."""
        _end(self._process)

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class GatewayClient:
    """Orders to a gateway. Holds no connection, so it may be used from any thread."""

    def __init__(self, address: GatewayAddress, timeout_s: float = 10.0) -> None:
        self._address = address
        self._timeout_s = timeout_s

    def open_run(self, order: RunOrder) -> RunOpened:
        """A run whose listeners are bound.

        Raises:
            GatewayError: the gateway refused the order, or is not there.
        """
        return self._ask("POST", "/runs", RunOpened, msgspec.json.encode(order))

    def close_run(self, run_id: str) -> Journal:
        """What arrived in the run, which is then over.

        Raises:
            GatewayError: no such run is open, or the gateway is not there.
        """
        return self._ask("DELETE", f"/runs/{run_id}", Journal)

    def peek(self, run_id: str) -> Journal:
        """What has arrived in an open run so far.

        Raises:
            GatewayError: no such run is open, or the gateway is not there.
        """
        return self._ask("GET", f"/runs/{run_id}/journal", Journal)

    def health(self) -> Health:
        """How the gateway is.

        Raises:
            GatewayError: it is not there.
        """
        return self._ask("GET", "/health", Health)

    def _ask(self, method: str, path: str, answer: type[_Answer], body: bytes | None = None) -> _Answer:
        connection = http.client.HTTPConnection(_LOOPBACK, self._address.control_port, timeout=self._timeout_s)
        headers = {"Authorization": f"Bearer {self._address.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            status, content = response.status, response.read()
            if status < 300:
                return msgspec.json.decode(content, type=answer)
            words = msgspec.json.decode(content, type=ControlProblem).problem
        except (OSError, http.client.HTTPException, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._lost(f"{method} {path}", error) from error
        finally:
            connection.close()
        raise GatewayError(f"{method} {path} was refused with {status}: {words}")

    def _lost(self, asked: str, error: Exception) -> GatewayError:
        if isinstance(error, TimeoutError):
            problem = f"no answer to {asked} for {self._timeout_s:g} s (process {self._address.pid})"
        elif isinstance(error, ConnectionRefusedError):
            problem = f"it is gone (process {self._address.pid}): nothing listens on port {self._address.control_port}"
        else:
            problem = f"{asked}: {type(error).__name__}: {error} (process {self._address.pid})"
        log_path = Path(self._address.log_path)
        return GatewayError(problem, last_lines(log_path), f"look at {log_path}, then run the command again")


def last_lines(log_path: Path) -> str:
    """The end of a gateway's log; empty when there is none."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - _LOG_TAIL_BYTES))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-_LAST_LINES:])
    except OSError:
        return ""


def _spawned(log_path: Path) -> subprocess.Popen[bytes]:
    try:
        with log_path.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "harness.gateway"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # the terminal's signals are for its owner, which ends it
            )
    except OSError as error:
        raise GatewayError(f"it can't be started: {error}", remedy=f"can {log_path} be written?") from error


def _ready(process: subprocess.Popen[bytes], settings: bytes, timeout_s: float) -> Ready | None:
    """What the gateway says when it is bound; None when it ended before, or said nothing in time."""
    assert process.stdin
    assert process.stdout
    said: list[bytes] = []
    # A thread, because a pipe can't be waited for with a limit on every system.
    reader = threading.Thread(target=lambda pipe: said.append(pipe.readline()), args=(process.stdout,), daemon=True)
    reader.start()
    try:
        process.stdin.write(settings + b"\n")
        process.stdin.flush()
    except OSError:
        pass  # it is gone already: the log says why
    reader.join(timeout_s)
    if not said:
        return None
    if not said[0].endswith(b"\n"):
        process.wait(_STOP_S)
        return None
    return msgspec.json.decode(said[0], type=Ready)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks by ending its standard input, then by signal, then by force."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    for more in (process.terminate, process.kill):
        try:
            process.wait(_STOP_S)
            break
        except subprocess.TimeoutExpired:
            more()
    process.wait()
    if process.stdout:
        process.stdout.close()
