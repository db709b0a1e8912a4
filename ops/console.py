"""What does the user read while Nexus runs? Few lines on the terminal; the rest is in the logs."""

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress

NOTICES_PER_WINDOW = 6
WINDOW_S = 60.0


class Console:
    """Prints lines. A terminal that is gone is no reason to stop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: dict[str, deque[float]] = {}

    def say(self, line: str) -> None:
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that talks to the user

    def notice(self, part: str, text: str, log: str) -> None:
        """Say something on behalf of a part, unless it talks too much."""
        now = self._clock()
        recent = self._recent.setdefault(part, deque())
        while recent and recent[0] <= now - WINDOW_S:
            recent.popleft()
        if len(recent) > NOTICES_PER_WINDOW:
            return
        recent.append(now)
        if len(recent) > NOTICES_PER_WINDOW:
            self.say(f"{part}: more of this in {log}")
        else:
            self.say(f"{part}: {text}")
