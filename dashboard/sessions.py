"""Which browsers are logged in? Sessions, in memory, found by the hash of the id in their cookie.

A restart of the dashboard ends them all; the key, or a new link, opens new ones.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.people import OWNER_STANDING, Standing

MOST_SESSIONS = 1000
"""The one that was used longest ago goes when another one opens."""


@dataclass(slots=True, eq=False)
class Session:
    """One login of one browser."""

    digest: bytes
    """Of the id; the id itself is in the browser only."""
    csrf: str
    """A form of ours holds it: another site cannot know it."""
    opened_at: float
    used_at: float
    standing: Standing
    """Of who logged in, as it was then; another standing needs another login."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is over: whoever still serves it stops."""


class Sessions:
    """The sessions that are open."""

    def __init__(
        self, clock: Callable[[], float], random_word: Callable[[], str], *, idle_s: float, total_s: float
    ) -> None:
        """``clock``: monotonic seconds; ``random_word``: at least 128 random bits, fit for a cookie."""
        self._clock, self._random_word = clock, random_word
        self._idle_s, self._total_s = idle_s, total_s
        self._open: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, standing: Standing = OWNER_STANDING) -> tuple[str, Session]:
        """A new session and its id, which is told only now."""
        while len(self._open) >= MOST_SESSIONS:
            self.end(min(self._open.values(), key=lambda session: session.used_at))
        session_id, now = self._random_word(), self._clock()
        session = Session(_digest(session_id), self._random_word(), now, now, standing)
        self._open[session.digest] = session
        return session_id, session

    def find(self, session_id: str | None) -> Session | None:
        """The open session with this id; it counts as used now."""
        session = self._open.get(_digest(session_id)) if session_id else None
        if session is None or self._is_over(session):
            return None
        self.touch(session)
        return session

    def touch(self, session: Session) -> None:
        session.used_at = self._clock()

    def end(self, session: Session) -> None:
        self._open.pop(session.digest, None)
        session.ended.set()

    def end_all(self) -> None:
        for session in list(self._open.values()):
            self.end(session)

    def end_of(self, person_id: str) -> None:
        """All that this person has open."""
        self.end_where(lambda session: session.standing.person_id == person_id)

    def end_where(self, is_out: Callable[[Session], bool]) -> None:
        for session in [one for one in self._open.values() if is_out(one)]:
            self.end(session)

    def sweep(self) -> None:
        """End those whose time is over."""
        self.end_where(self._is_over)

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return now - session.used_at >= self._idle_s or now - session.opened_at >= self._total_s


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).digest()
