"""One program, watched: its output, its time limit, and every process that it started.

A program gets a session of its own. What it starts is found as descendants of this process: on Linux
it adopts orphans (PR_SET_CHILD_SUBREAPER), so that a child which left its parent, its process group and
its session is found all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from harness.errors import RunnerError
from harness.model import Ended

#: Seconds that a process has to end after SIGTERM, before SIGKILL.
TERM_GRACE_S = 2.0
#: Seconds that children have to end by themselves once their parent has.
CHILD_GRACE_S = 0.5

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose parents end (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def execute(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    output_limit_bytes: int,
    where: str,
) -> Ended:
    """Run `command` in `folder` to its end, or to a limit; nothing that it started is alive afterwards.

    Raises:
        RunnerError: it could not be started; `where` says for what.
    """
    adopt_orphans()
    before = set(_descendants())
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        problem = f"{command[0]}: can't be started: {error.strerror or error}"
        raise RunnerError(where, problem, "`conform doctor` shows what is on this machine") from error

    def started() -> list[psutil.Process]:
        return [one for one in _descendants() if one not in before and one.pid != process.pid]

    output = _Output(process, output_limit_bytes)
    timed_out = ignored_sigterm = False
    left: list[str] = []
    try:
        output.read_until(began + timeout_s, lambda: process.poll() is not None)
        timed_out = process.poll() is None and not output.flooded
        if process.poll() is None:
            ignored_sigterm = _end(process, started())
        else:
            left = _left_behind(started)
    finally:
        _kill([*started(), *_as_process(process.pid)])
        process.wait()
        output.read_until(time.monotonic() + CHILD_GRACE_S, lambda: True)  # what is in the pipes still
        output.close()
        _reap(before)
    code = process.returncode
    return Ended(
        exit_code=code if code >= 0 and not timed_out and not output.flooded else None,
        signal=-code if code < 0 and not timed_out and not output.flooded else None,
        timed_out=timed_out,
        ignored_sigterm=ignored_sigterm,
        flooded=output.flooded,
        output_limit_bytes=output_limit_bytes,
        stdout=bytes(output.texts[0]),
        stderr=bytes(output.texts[1]),
        left_behind=tuple(left),
        seconds=time.monotonic() - began,
    )


def end_processes_of(folder: Path) -> None:
    """Kill every process whose TMPDIR lies in `folder`: what a harness that died left running."""
    mark = str(folder) + os.sep
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.pid != os.getpid() and one.environ().get("TMPDIR", "").startswith(mark):
                found.append(one)
    _kill(found)
    psutil.wait_procs(found, TERM_GRACE_S)


class _Output:
    """Standard output and error of a program, read as they come, up to a limit."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        self.texts = (bytearray(), bytearray())
        self.flooded = False
        self._limit = limit
        self._selector = selectors.DefaultSelector()
        assert process.stdout is not None
        assert process.stderr is not None
        self._streams = (process.stdout, process.stderr)
        for stream, text in zip(self._streams, self.texts, strict=True):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, text)

    def read_until(self, deadline: float, ended: Callable[[], bool]) -> None:
        """Read until both streams end, `ended` says so, the limit is passed, or it is `deadline`."""
        while not self.flooded and (left := deadline - time.monotonic()) > 0:
            if not self._selector.get_map():
                if ended():
                    return
                time.sleep(min(left, 0.01))  # it closed its streams and goes on
                continue
            ready = self._selector.select(min(left, 0.05))
            for key, _ in ready:
                self._read(key)
            if not ready and ended():
                return

    def _read(self, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, 65536)
        if not chunk:
            self._selector.unregister(key.fileobj)
            return
        room = self._limit - sum(map(len, self.texts))
        key.data.extend(chunk[: max(0, room)])
        self.flooded = len(chunk) > room

    def close(self) -> None:
        """Let go of both streams, whoever may hold their other ends."""
        self._selector.close()
        for stream in self._streams:
            stream.close()


def _left_behind(started: Callable[[], list[psutil.Process]]) -> list[str]:
    """The command lines of what outlived the program, after a moment to end by itself."""
    deadline = time.monotonic() + CHILD_GRACE_S
    while alive := [one for one in started() if _is_alive(one)]:
        if time.monotonic() > deadline:
            return [_command_line(one) for one in alive]
        time.sleep(0.02)
    return []


def _end(process: subprocess.Popen[bytes], others: Iterable[psutil.Process]) -> bool:
    """SIGTERM to the program's group and all that it started, then a grace; whether the program ignored it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    for one in others:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    try:
        process.wait(TERM_GRACE_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _kill(processes: Iterable[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.Error):
            for child in (*one.children(recursive=True), one):
                with contextlib.suppress(psutil.Error):
                    child.kill()


def _reap(before: set[psutil.Process]) -> None:
    """Take the exit status of adopted children, so that no zombie stays."""
    for one in _descendants():
        if one not in before:
            with contextlib.suppress(ChildProcessError, psutil.Error):
                one.wait(TERM_GRACE_S)


def _descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _as_process(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [psutil.Process(pid)]
    return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:200] or process.name()
    except psutil.Error:
        return f"process {process.pid}"
