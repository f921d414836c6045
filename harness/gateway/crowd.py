"""Connections that share limits."""

from __future__ import annotations

from typing import Protocol

from harness.gateway.limits import Limits
from harness.gateway.problems import Problems


class Member(Protocol):
    """A connection, as far as its crowd is concerned."""

    def check(self, now: float) -> None:
        """Ends the connection when its time is over."""

    def cut(self, why: str) -> None:
        """Ends the connection at once."""


class Crowd:
    """Open connections that share limits: those of a run, and all of the gateway's."""

    def __init__(self, limits: Limits, room: int, problems: Problems, parent: Crowd | None = None) -> None:
        self.limits = limits
        self.problems = problems
        self.room = room
        self.unfinished_bytes = 0
        self._connections: set[Member] = set()
        self._parent = parent

    def __len__(self) -> int:
        return len(self._connections)

    def why_full(self) -> str:
        """Why no further connection is taken, in words; empty when one is."""
        if len(self._connections) >= self.room:
            return f"more than {self.room} connections at once"
        return self._parent.why_full() if self._parent is not None else ""

    def enter(self, connection: Member) -> None:
        self._connections.add(connection)
        if self._parent is not None:
            self._parent.enter(connection)

    def leave(self, connection: Member) -> None:
        self._connections.discard(connection)
        if self._parent is not None:
            self._parent.leave(connection)

    def hold(self, more: int) -> bool:
        """Counts bytes of unfinished requests; False when all together are too many."""
        if self._parent is not None:
            return self._parent.hold(more)
        self.unfinished_bytes += more
        return self.unfinished_bytes <= self.limits.unfinished_bytes

    def sweep(self, now: float) -> None:
        """Ends every connection whose time is over."""
        for connection in tuple(self._connections):
            connection.check(now)

    def end(self, why: str) -> None:
        """Ends every connection at once, whatever its client does."""
        for connection in tuple(self._connections):
            connection.cut(why)
