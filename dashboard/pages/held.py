"""How does the conversation of an open page stand at a moment? Read once, and told from memory until there is news.

What is held goes with the page. Something has happened when one of its exchanges has a new event; a late link may move
exchanges that have none of their own, so while other things happen, it is read anew every now and then in any case.
"""

from datetime import datetime
from uuid import UUID

from dashboard.as_of import Standing
from dashboard.data import DataStore, RequestFilter
from dashboard.past import Past
from domain.ids import Position

RECHECK = 12
"""So often it is read in any case."""


class Held:
    """A conversation, by the id of any of its exchanges."""

    def __init__(self, store: DataStore, member: UUID) -> None:
        self._store, self._member = store, member
        self._seen = Position(0)
        self._looks = 0
        self._now: Standing | None = None
        self._past: Past | None = None

    async def is_old(self) -> bool:
        """Is there news, or may there be? Raises StoreUnavailableError."""
        return await self._store.position() != self._seen and await self.has_news()

    async def has_news(self) -> bool:
        """The same, asked when something has happened somewhere. Raises StoreUnavailableError."""
        self._looks += 1
        if self._looks % RECHECK == 0:
            return True
        wanted = RequestFilter(conversation=self._member)
        return bool((await self._store.requests(wanted, after=self._seen, limit=1)).items)

    async def anew(self, as_of: datetime | None) -> Standing | None:
        """As it stands at the moment, read from the store; None: it is not known. Raises StoreUnavailableError."""
        self._now = self._past = None
        seen = await self._store.position()
        found = await self.at(as_of)
        self._seen = seen
        return found

    async def at(self, as_of: datetime | None) -> Standing | None:
        """The same, from what was read before, if anything was. Raises StoreUnavailableError."""
        if as_of is None:
            self._now = self._now or await self._store.standing(self._member)
            return self._now
        found = await self._store.standing(self._member, as_of, self._read_before())
        if found is not None and self._past is None:
            self._past = Past(found.tree.conversation, found.nodes)
        return found

    def _read_before(self) -> Past | None:
        if self._past is None and self._now is not None:
            self._past = Past(self._now.tree.conversation, self._now.nodes)
        return self._past
