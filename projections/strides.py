"""How much does a projection take at once? As much as one transaction carries, and less after one that did not.

A batch ends where its bodies and answers come to ``MOST_BYTES``: what a projection makes of new text takes its time,
and a transaction has a deadline. Where the store breaks one off all the same, as a slow server would, the next batch
of that projection is half as long; each one that is committed makes it longer again. So a batch that is too much for
this server is not tried for ever.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from domain.errors import StoreUnavailableError
from domain.ports import Recorded
from schemas.stored.events import RequestReceived, ResponseAborted, ResponseCompleted

MOST_BYTES = 8 * 1024 * 1024
"""Of bodies and answers; an exchange may be larger, and comes alone."""
_WITH_BYTES = (RequestReceived, ResponseCompleted, ResponseAborted)


def first_of(events: Sequence[Recorded], most_bytes: int = MOST_BYTES) -> Sequence[Recorded]:
    """As many as belong into one batch; at least one, if there is one."""
    size = 0
    for number, one in enumerate(events):
        more = one.event.byte_count if isinstance(one.event, _WITH_BYTES) else 0
        size += more
        if number and more and size > most_bytes:
            return events[:number]
    return events


class Strides:
    """How many events a batch may have, by projection; keep one for a whole process."""

    def __init__(self) -> None:
        self._short: dict[str, int] = {}

    def most(self, projection: str, limit: int) -> int:
        """At most ``limit``, at least 1."""
        return min(limit, self._short.get(projection, limit))

    @contextmanager
    def taken(self, projection: str, limit: int) -> Iterator[None]:
        """Around a batch of as many events as ``most`` says."""
        most = self.most(projection, limit)
        try:
            yield
        except StoreUnavailableError:
            self._short[projection] = max(1, most // 2)
            raise
        if most * 2 < limit:
            self._short[projection] = most * 2
        else:
            self._short.pop(projection, None)
