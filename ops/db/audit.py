"""How does the audit log get into the store, and how is it read? Events of ``AuditEntry`` and of ``Person``."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.audit import AuditEntry, AuditFold, AuditLine, Entry
from domain.people import PEOPLE_TOPICS
from domain.ports import Clock
from ops.db.application import Nexus, library_failures
from ops.db.daemon_thread import in_daemon_thread
from ops.db.said import Reads, all_said

TOPICS = (AuditEntry.Noted.TOPIC, *PEOPLE_TOPICS)


def save(url: str, entry: Entry, *, entry_id: UUID, at: datetime) -> None:
    """Call it by ``in_daemon_thread``. Raises UnfitEntryError, StoreUnavailableError."""
    noted = AuditEntry.note(entry, entry_id=entry_id, at=at)
    with library_failures(), Nexus(url) as nexus:
        nexus.save(noted)


class StoredAudit:
    """Keeps entries in the event store."""

    def __init__(self, url: str, clock: Clock, new_id: Callable[[], UUID]) -> None:
        self._url, self._clock, self._new_id = url, clock, new_id

    async def note(self, entry: Entry) -> None:
        """Returns when it is kept. Raises StoreUnavailableError."""
        await in_daemon_thread(partial(save, self._url, entry, entry_id=self._new_id(), at=self._clock()))


async def lines_said(log: Reads) -> list[AuditLine]:
    """All of them, the oldest first. Raises StoreUnavailableError."""
    fold = AuditFold()
    found = (fold.line_of(one.event) for one in await all_said(log, TOPICS))
    return [line for line in found if line is not None]
