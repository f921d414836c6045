"""`python -m harness.gateway`: the gateway as a program of its own.

Reads its settings as one JSON line on standard input, prints one JSON line when it is bound, and serves until
standard input ends or SIGTERM comes, so that it never outlives its owner. The terminal's Ctrl-C is the owner's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

import msgspec

from harness.gateway.control import Ready
from harness.gateway.control_api import Control
from harness.gateway.crowd import Crowd
from harness.gateway.limits import Limits
from harness.gateway.problems import Problems
from harness.gateway.protocol import Connection
from harness.gateway.server import BACKLOG, LOOPBACK, Gateway
from harness.model import Value

_CONTROL_CONNECTIONS = 256
_FILES = 8_192


class Settings(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: str
    control_port: int = 0  # 0: any free one
    limits: Limits = Limits()


def main() -> int:
    """The exit code: 0 when it was asked to end, 2 when it could not begin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    problems = Problems()
    try:
        settings = msgspec.json.decode(_first_line(), type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problems.say(f"the settings on standard input can't be read: {error}")
        return 2
    _allow_files()
    try:
        with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
            runner.run(_serve(settings, problems))
    except OSError as error:
        problems.say(f"the control listener can't be bound: {error}")
        return 2
    return 0


async def _serve(settings: Settings, problems: Problems) -> None:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    loop.set_exception_handler(lambda _, context: _report(problems, context))
    gateway = Gateway(settings.limits, problems)
    controllers = Crowd(settings.limits, _CONTROL_CONNECTIONS, problems)
    server = await loop.create_server(
        lambda: Connection(controllers, Control(gateway, settings.token)),
        LOOPBACK,
        settings.control_port,
        backlog=BACKLOG,
    )
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, ending.set)
    threading.Thread(target=_await_owner, args=(loop, ending), daemon=True).start()
    ready = Ready(control_port=server.sockets[0].getsockname()[1], ca_pem=gateway.certificates.pem, pid=os.getpid())
    sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
    sys.stdout.buffer.flush()
    watching = asyncio.ensure_future(gateway.watch(controllers))
    await ending.wait()
    watching.cancel()
    server.close()
    gateway.end()
    controllers.end("the gateway ends")


def _first_line() -> bytes:
    """Up to the first newline of standard input, unbuffered: what follows is for whoever waits for its end."""
    line = b""
    while not line.endswith(b"\n"):
        fragment = os.read(0, 65_536)
        if not fragment:
            break
        line += fragment
    return line


def _await_owner(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 65_536):
            pass
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(ending.set)


def _report(problems: Problems, context: dict[str, object]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        problems.fault("the event loop", error)
    else:
        problems.say(str(context.get("message")))


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _allow_files() -> None:
    """As many open files as the system lets us have: a connection is one."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
