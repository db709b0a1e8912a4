"""How does a command look at client keys and change them? Over the store; this host's gateways know it at once."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from credentials import snapshot_file
from credentials.key_snapshot import KeyFacts
from credentials.private_files import UnfitFileError
from credentials.snapshot_file import SNAPSHOT_NAME
from domain.errors import NexusError
from ops.home import Home
from ops.key_lookup import meant
from ops.settings import load

if TYPE_CHECKING:
    from domain.client_keys import ClientKey
    from ops.key_book import KeyBook
    from ops.key_publishing import KeyPublisher
    from ops.reading import Database

T = TypeVar("T")


class NotPublishedError(NexusError):
    """The change is stored, but the file for this host's gateways could not be written."""


class KeyDesk:
    """The keys as they are in the store, and the way to change them."""

    def __init__(self, database: "Database", publisher: "KeyPublisher") -> None:
        self._database, self._publisher = database, publisher

    @property
    def book(self) -> "KeyBook":
        """As of the last change made here."""
        return self._publisher.book

    def key(self, word: str) -> "ClientKey":
        """Named by id or name. Raises UnknownKeyError."""
        return self.book.keys[meant(self.book.file().snapshot.keys.values(), word).key_id]

    async def save(self, work: Callable[[str], None]) -> None:
        """``work`` is given the store's URL. Raises what it raises, StoreUnavailableError, NotPublishedError."""
        from ops.db.daemon_thread import in_daemon_thread

        await in_daemon_thread(partial(work, self._database.url))
        try:
            await self._publisher.publish()
        except UnfitFileError as error:
            raise NotPublishedError(f"The change is stored, but gateways here do not know it: {error}") from error
        with suppress(NexusError):  # what was revoked here while the store was away; a later look tries again
            await self._publisher.look()


def with_desk(command: str, work: Callable[[KeyDesk], Awaitable[T]]) -> T:
    """Run ``work`` over the database of this home. Raises NexusError."""
    from ops.key_publishing import publisher
    from ops.reading import with_database

    home = Home(load(Path.cwd()).home)

    async def run(database: "Database") -> T:
        keys = publisher(database.pool, database.url, home)
        await keys.catch_up()
        return await work(KeyDesk(database, keys))

    return with_database(command, run)


def known_here(home: Home) -> list[KeyFacts]:
    """The keys that this host's gateways know, without asking the store."""
    try:
        found = snapshot_file.read(home.keys / SNAPSHOT_NAME)
    except UnfitFileError:
        return []
    return list(found.snapshot.keys.values()) if found else []
