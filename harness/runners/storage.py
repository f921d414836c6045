"""The harness's own folders: what is kept between sessions, what belongs to one, and what a dead one left.

.conform/
  workspaces/LANGUAGE-KEY/   set-up/ (what the set-up commands left), builds/KEY/, both with a stamp when whole
  locks/                     one at a time makes a set-up or a build; a process that dies gives its lock up
  sessions/ID/               owner.json, events.jsonl, ca.pem, runs/ and so on, all gone when the session ends
  logs/                      of gateways that met problems
  kept/                      runs that --keep left
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
from filelock import FileLock, Timeout

from harness.errors import StorageError
from harness.model import Value
from harness.runners.processes import end_processes_of


class Owner(Value, frozen=True, kw_only=True):
    """The process that a session belongs to; a pid alone may be another process's by now."""

    pid: int
    started_at: float
    boot_at: float


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses within into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        place = Path(error.filename) if isinstance(error.filename, str) else path
        remedy = "make it writable for this user, or choose another folder with --root"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with contextlib.suppress(OSError):
                free = shutil.disk_usage(_existing(place)).free
                remedy = f"free some space there ({free // 1024} KiB are free); `make clean` removes set-ups and builds"
        raise StorageError(place, f"can't be written: {error.strerror or error}", remedy) from error


@contextlib.contextmanager
def locked(state: Path, name: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock `name`, among all harness processes that share `state`.

    Raises:
        StorageError: another process held it for longer than `timeout_s`.
    """
    path = state / "locks" / f"{name}.lock"
    with storing(path):
        path.parent.mkdir(exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=timeout_s)
        except Timeout as error:
            problem = f"another `conform` has held this lock for {timeout_s:g} s"
            raise StorageError(
                path, problem, "wait for it, or end it; a lock of a dead process is given up by itself"
            ) from error
    try:
        yield
    finally:
        lock.release()


def key_of(*parts: object) -> str:
    """A short digest of values (JSON-able, or bytes) in their order."""
    digest = hashlib.sha256()
    for part in parts:
        piece = part if isinstance(part, bytes) else msgspec.json.encode(part)
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:16]


def write_whole(path: Path, text: bytes) -> None:
    """Write a file so that a reader finds either the old one or the whole new one.

    Its folder is not made: a worker whose session was swept away must not bring it back.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        draft.write_bytes(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def new_session(state: Path) -> Path:
    """A folder for one session of this process, after a sweep of what dead ones left."""
    sessions = state / "sessions"
    with storing(sessions):
        sessions.mkdir(parents=True, exist_ok=True)
        if not (ignore := state / ".gitignore").exists():
            ignore.write_text("*\n")
        sweep(sessions)
        draft, folder = (sessions / f"{dot}{uuid.uuid4().hex[:8]}" for dot in (".", ""))
        draft.mkdir()
        me = psutil.Process()
        owner = Owner(pid=me.pid, started_at=me.create_time(), boot_at=psutil.boot_time())
        (draft / "owner.json").write_bytes(msgspec.json.encode(owner))
        (draft / "runs").mkdir()
        (draft / "builds").mkdir()
        draft.rename(folder)  # with its owner in it from the first moment that anybody can see it
    return folder


def end_session(folder: Path) -> None:
    """Kill what is left of a session's programs and remove its folder."""
    end_processes_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def sweep(sessions: Path) -> None:
    """End every session whose owner is dead."""
    for folder in sessions.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if not folder.name.startswith(".") and not _is_owned(folder):
                end_session(folder)


def _is_owned(folder: Path) -> bool:
    try:
        owner = msgspec.json.decode((folder / "owner.json").read_bytes(), type=Owner)
        process = psutil.Process(owner.pid)
        same_boot = abs(owner.boot_at - psutil.boot_time()) < 60
        return (
            same_boot and abs(process.create_time() - owner.started_at) < 1 and process.status() != psutil.STATUS_ZOMBIE
        )
    except (FileNotFoundError, msgspec.MsgspecError, psutil.Error):
        return False


def mirror(source: Path, target: Path) -> None:
    """Put a symbolic link to each entry of `source` into `target`, which then looks like it."""
    for entry in source.iterdir():
        if not (target / entry.name).exists():
            (target / entry.name).symlink_to(entry)


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
