"""What arrived in one run, while the run is open."""

from __future__ import annotations

from typing import Literal

from harness.gateway.limits import Limits
from harness.model import Arrival, ArrivalKind, IssuedToken, Journal

Scheme = Literal["http", "https"]


class RunJournal:
    """Arrivals in the order in which they were answered, up to a run's limits; what is over is counted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._arrivals: list[Arrival] = []
        self._bytes = 0
        self._dropped = 0
        self._dropped_bytes = 0

    def add(
        self,
        kind: ArrivalKind,
        scheme: Scheme,
        host: str,
        port: int,
        raw: bytes,
        at_s: float,
        status: int | None,
        why: str = "",
        verdict: str = "",
    ) -> None:
        """Keeps one arrival, or counts it when there is no room for it."""
        if len(self._arrivals) >= self._limits.journal_arrivals or self._bytes + len(raw) > self._limits.journal_bytes:
            self._dropped += 1
            self._dropped_bytes += len(raw)
            return
        self._bytes += len(raw)
        self._arrivals.append(
            Arrival(
                kind=kind,
                scheme=scheme,
                host=host,
                port=port,
                raw=raw,
                at_s=at_s,
                status=status,
                why=why,
                verdict=verdict,
            )
        )

    def frozen(self, tokens: tuple[IssuedToken, ...]) -> Journal:
        """The journal as it is now."""
        return Journal(
            arrivals=tuple(self._arrivals), tokens=tokens, dropped=self._dropped, dropped_bytes=self._dropped_bytes
        )
