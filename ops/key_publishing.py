"""How do client keys get from the store to the gateways of this host, and revocations from this host to the store?

Theory of operation. A shipper follows the events of keys and limits and writes the host's snapshot file when it says
something else; the gateways watch the file. A key that was revoked on this host has a tombstone here, which the
gateways obey at once; the publisher carries it into the store, from where every other host learns of it. PostgreSQL
away: the file stays as it is, and the tombstones wait.

A command that changed a key writes the file too. So a file may be ahead of what was read here; then everything is
read again before it is replaced: what the store says now is what holds, also after it was restored from a copy. Only
a store without any key never replaces a file with some: that is another database, and would end managed mode.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import time_ns as wall_ns
from typing import TYPE_CHECKING

import structlog

from credentials import snapshot_file, tombstones
from credentials.private_files import Lookout, Sighting, UnfitFileError, sight
from credentials.snapshot_file import SNAPSHOT_NAME, KeyFile
from credentials.tombstones import FOLDER_NAME
from domain.errors import NexusError, StoreUnavailableError
from domain.ids import Position
from domain.ports import Clock, EventLog
from ops.db import client_keys
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.home import Home
from ops.key_book import KeyBook
from ops.stores import opened
from ops.usage_publishing import publish_usage

if TYPE_CHECKING:
    from ops.db.pool import Pool

POLL_S = 0.5
DEADLINE_S = 5.0
GAP_S = 0.1
"""Between two looks, however many notifications there are: each exchange that is shipped sends one too."""
_LOG = structlog.get_logger("nexus.keys")


class KeyPublisher:
    """Keeps one host's snapshot file in step with the store."""

    def __init__(self, log: EventLog, url: str, folder: Path) -> None:
        """``url``: of the store, for revocations; ``folder``: ``keys`` in the home."""
        self._log, self._url, self._folder = log, url, folder
        self.book = KeyBook()
        self._stones = Lookout(folder / FOLDER_NAME)
        self._carried_at: Position | None = None
        """The book's position when all tombstones were known to it; None: they are not."""
        self._written: tuple[KeyFile, Sighting | None] | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Until cancelled, whatever happens."""
        async for _ in self._log.wakeups():
            try:
                await self.look()
            except StoreUnavailableError as away:
                self._say(str(away))
                self.book = KeyBook()  # what comes back may be another copy: it is read from the beginning
            except Exception as error:  # noqa: BLE001 - recording goes on in this process, whatever is wrong with keys
                self._say(repr(error) if not isinstance(error, NexusError) else str(error))
            else:
                self._trouble = ""
            await asyncio.sleep(GAP_S)

    async def catch_up(self) -> None:
        """Only read. Raises StoreUnavailableError."""
        await self.book.follow(self._log)

    async def look(self) -> None:
        """Publish what is new, carry tombstones, publish that. Raises StoreUnavailableError, UnfitFileError."""
        await self.publish()
        if await self._carry():
            await self.publish()

    async def publish(self) -> None:
        """Write the file if it does not say what the store says. Raises as ``look`` does."""
        await self.book.follow(self._log)
        path, file = self._folder / SNAPSHOT_NAME, self.book.file()
        if (file, sight(path)) == self._written:
            return
        found = await asyncio.to_thread(_found, path)
        if found is not None and found.revision > file.revision:
            self.book = KeyBook()
            await self.book.follow(self._log)
            file = self.book.file()
        if found is not None and found.snapshot.keys and not file.snapshot.keys:
            raise UnfitFileError(f"{path} has keys and this database has none: is it another one? The file stays.")
        if found != file and (file.revision or found is not None):
            await asyncio.to_thread(snapshot_file.write, path, file)
        self._written = (file, sight(path))

    async def _carry(self) -> bool:
        """Whether a revocation of this host was new to the store."""
        if not self._stones.differs(wall_ns()) and self._carried_at == self.book.position:
            return False
        self._carried_at = None
        folder, keys = self._stones.path, self.book.keys
        waiting = {
            key_id: since
            for key_id, since in tombstones.revoked_in(folder).items()
            if key_id in keys and keys[key_id].revoked_at is None
        }
        for key_id, since in waiting.items():
            stone = tombstones.read(folder, key_id, since)
            await in_daemon_thread(
                partial(client_keys.revoke, self._url, key_id, who=stone.who, why=stone.why, at=stone.at)
            )
        self._carried_at = self.book.position
        return bool(waiting)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            _LOG.warning("client keys are not published", detail=trouble)
        self._trouble = trouble


def publisher(pool: "Pool", url: str, home: Home) -> KeyPublisher:
    """Of a home, over an open pool."""
    return KeyPublisher(PostgresEventLog(pool, poll_s=POLL_S, deadline_s=DEADLINE_S), url, home.keys)


@asynccontextmanager
async def publishing(url: str, home: Home, clock: Clock) -> AsyncIterator[None]:
    """Keys and usage are published until the end of the ``with``, over connections of its own."""
    async with opened(url, "nexus-keys") as pool, asyncio.TaskGroup() as tasks:
        keys = publisher(pool, url, home)
        running = (
            tasks.create_task(keys.run()),
            tasks.create_task(publish_usage(pool, lambda: keys.book, home, clock)),
        )
        try:
            yield
        finally:
            for task in running:
                task.cancel()


def _found(path: Path) -> KeyFile | None:
    """What the file says; None too where that is unreadable: it is written anew."""
    try:
        return snapshot_file.read(path)
    except UnfitFileError:
        return None
