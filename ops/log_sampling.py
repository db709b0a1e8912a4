"""How often may the same be logged? So many times in a while, then only counted: a storm must not fill the disk."""

from collections.abc import Callable

WINDOW_S = 10.0
PER_EVENT = 20
ALTOGETHER = 200


class Sampling:
    """Counts entries by what they say."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = 0.0
        self._seen: dict[str, int] = {}
        self._passed = self._held_back = 0

    def admits(self, event: str) -> bool:
        """May it be written?"""
        now = self._clock()
        if now >= self._ends:
            self._ends, self._passed = now + WINDOW_S, 0
            self._seen.clear()
        count = self._seen.get(event, 0)
        if count >= PER_EVENT or self._passed >= ALTOGETHER:
            self._held_back += 1
            return False
        self._seen[event] = count + 1
        self._passed += 1
        return True

    def take_held_back(self) -> int:
        """How many were not written since this was asked last."""
        held_back, self._held_back = self._held_back, 0
        return held_back
