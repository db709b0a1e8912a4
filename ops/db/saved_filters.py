"""How do saved filters get into the store? As events of ``SavedFilters``, whoever else saves in the same moment."""

from collections.abc import Callable
from functools import partial

from domain.errors import AppendConflictError
from domain.ports import Clock
from domain.saved_filters import SavedFilters, View
from domain.viewers import Viewer
from ops.db.daemon_thread import in_daemon_thread
from ops.db.said import say

TRIES = 5
"""Two pages of one person's may save at once; who comes second begins anew."""
_Word = Callable[[SavedFilters | None], SavedFilters | None]


class StoredFilters:
    """Keeps filters in the event store."""

    def __init__(self, url: str, clock: Clock) -> None:
        """``url``: of the store that takes events."""
        self._url, self._clock = url, clock

    async def save(self, viewer: Viewer, name: str, view: View) -> bool:
        """Whether it took the place of another. Raises UnfitFilterError, StoreUnavailableError."""
        assert viewer.person_id is not None  # it was asked for before
        person_id, at, replaced = viewer.person_id, self._clock(), False

        def word(standing: SavedFilters | None) -> SavedFilters:
            nonlocal replaced
            filters = standing or SavedFilters.begin(person_id, at=at)
            replaced = filters.has(name)
            filters.save(name, view, who=viewer.name, at=at)
            return filters

        await in_daemon_thread(partial(_say, self._url, person_id, word))
        return replaced

    async def remove(self, viewer: Viewer, name: str) -> None:
        """Also one that is not there (any more). Raises StoreUnavailableError."""
        assert viewer.person_id is not None  # it was asked for before
        person_id, at = viewer.person_id, self._clock()

        def word(standing: SavedFilters | None) -> SavedFilters | None:
            if standing is not None:
                standing.remove(name, who=viewer.name, at=at)
            return standing

        await in_daemon_thread(partial(_say, self._url, person_id, word))


def _say(url: str, person_id: str, word: _Word) -> None:
    for tries_left in reversed(range(TRIES)):
        try:
            say(url, SavedFilters.create_id(person_id), word)
        except AppendConflictError:
            if not tries_left:
                raise
        else:
            return
