"""What the processes of a session say while they work, as it comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import msgspec

from harness.model import Event


class Follower:
    """Reads a session's events.jsonl in a thread, and hands each Event on; between reads it says that time goes by."""

    def __init__(
        self, path: Path, heard: Callable[[Event], None], waited: Callable[[], None], interval_s: float = 0.1
    ) -> None:
        self._path = path
        self._heard = heard
        self._waited = waited
        self._interval_s = interval_s
        self._stop = Flag()
        self._thread = Thread(target=self._follow, name="conform-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hand on what is left, then end the thread."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        rest, place = b"", 0
        while True:
            last = self._stop.wait(self._interval_s)
            try:
                with self._path.open("rb") as file:
                    file.seek(place)
                    text = file.read()
            except FileNotFoundError:
                text = b""
            place += len(text)
            *lines, rest = (rest + text).split(b"\n")
            for line in lines:
                self._heard(msgspec.json.decode(line, type=Event))
            if last:
                return
            self._waited()
