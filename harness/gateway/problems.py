"""What went wrong inside the gateway: one line on standard error for each problem, a traceback for each fault."""

from __future__ import annotations

import sys
import traceback


class Problems:
    """Counts and prints. A line names a run or a listener, never a credential."""

    def __init__(self) -> None:
        self.faults = 0

    def say(self, line: str) -> None:
        """One line about something that the owner should know."""
        sys.stderr.write(f"gateway: {line}\n")
        sys.stderr.flush()

    def fault(self, where: str, error: BaseException) -> None:
        """An exception that nobody foresaw: counted, and printed with its traceback."""
        self.faults += 1
        self.say(f"fault {self.faults} in {where}: {type(error).__name__}")
        traceback.print_exception(error, file=sys.stderr)
        sys.stderr.flush()
