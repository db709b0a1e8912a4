"""How is noted what must not wait? In the background, in order, until the store takes it.

Who logs in is let in also while the database is away; it is noted when that answers again.
"""

import asyncio

import structlog

from dashboard.auditing import Audit
from domain.audit import Entry
from domain.errors import NexusError

MOST_WAITING = 1000
"""What comes beyond that is only logged."""
AGAIN_S = 1.0
_LOG = structlog.get_logger("nexus.dashboard")


class Notes:
    """Entries on their way to the audit log."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._waiting: asyncio.Queue[Entry] = asyncio.Queue(MOST_WAITING)

    def add(self, entry: Entry) -> None:
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            _LOG.warning("an entry is not in the audit log", who=entry.who, act=entry.act, about=entry.about)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._keep(await self._waiting.get())

    async def _keep(self, entry: Entry) -> None:
        while True:
            try:
                return await self._audit.note(entry)
            except NexusError:
                await asyncio.sleep(AGAIN_S)
