"""How does the dashboard's front know who may look, within a second, and also while PostgreSQL is away?

Theory of operation. The events of people are few and have an index of their own, so they are asked for twice a second
and folded. While the store is away everybody stands as last heard of; whoever is put out on this host meanwhile has a
file in the home (``credentials/put_out.py``), which counts at once and is carried into the store when it is back.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from credentials import person_words
from credentials.put_out import FOLDER_NAME, file_name, put_out_in
from dashboard.people import OWNER_ID, Standing
from domain.errors import AppendConflictError, NexusError
from domain.people import LinkGoneError, Person, PersonRemovedError, UnknownPersonError
from domain.ports import Clock
from domain.viewers import OWNER
from ops.db import people
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.said import Reads
from ops.home import Home
from ops.people_book import PeopleBook

if TYPE_CHECKING:
    from ops.db.pool import Pool

POLL_S, DEADLINE_S = 0.4, 5.0
_NS_PER_S = 1_000_000_000
_CARRIED_BY = "put out on a host"
_LOG = structlog.get_logger("nexus.dashboard")


class WatchedPeople:
    """``People`` of the dashboard, over the events."""

    def __init__(self, log: Reads, url: str, folder: Path, clock: Clock) -> None:
        """``url``: of the store, for what is said here; ``folder``: of those put out on this host."""
        self._log, self._url, self._folder, self._clock = log, url, folder, clock
        self._book = PeopleBook()
        self._reading = asyncio.Lock()
        self._read_at = 0.0
        """When the newest reading of the events began, by the loop's clock."""
        self._put_out: Mapping[str, int] = {}
        self._trouble = ""

    async def run(self) -> None:
        """Until cancelled, whatever happens."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the dashboard goes on with what it knows
                self._say(str(error) if isinstance(error, NexusError) else repr(error))
            else:
                self._trouble = ""
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Take in what is new, of this host first. Raises StoreUnavailableError, UnfitFileError."""
        self._put_out = await asyncio.to_thread(put_out_in, self._folder)
        await self._catch_up()
        for one in [one for one in self._book.people.values() if one.removed_at is None and self._is_out(one)]:
            who, at = _CARRIED_BY, self._clock()
            await in_daemon_thread(partial(people.remove, self._url, one.person_id, who=who, at=at))

    def standing(self, person_id: str) -> Standing | None:
        if person_id == OWNER_ID:
            return Standing(OWNER_ID, OWNER, self._put_out.get(file_name(OWNER.name), 0))
        one = self._book.people.get(person_id)
        if one is None or one.removed_at is not None or self._is_out(one):
            return None
        return Standing(person_id, one.viewer, one.turn)

    def with_key(self, offered: str) -> Standing | None:
        word = person_words.parse(offered)
        one = self._book.people.get(word.person_id) if word is not None and word.kind == "key" else None
        if one is None or not hmac.compare_digest(one.key_hash, person_words.hash_of(offered)):
            return None
        return self.standing(one.person_id)

    async def with_link(self, offered: str) -> Standing | None:
        word = person_words.parse(offered)
        if word is None or word.kind != "link" or self.standing(word.person_id) is None:
            return None
        link_hash, at = person_words.hash_of(offered), self._clock()
        if not await self._is_link_of(word.person_id, link_hash):
            return None
        use = partial(people.change, self._url, word.person_id, lambda one: one.use_link(link_hash, at=at))
        try:
            await in_daemon_thread(use)
        except (LinkGoneError, PersonRemovedError, UnknownPersonError, AppendConflictError):
            return None
        await self._catch_up()
        return self.standing(word.person_id)

    async def _is_link_of(self, person_id: str, link_hash: str) -> bool:
        """Whoever guesses costs no connection of his own: what is known is asked first, then one reading for all."""

        def is_known() -> bool:
            one = self._book.people.get(person_id)
            return one is not None and hmac.compare_digest(one.link_hash, link_hash)

        if is_known():
            return True
        await self._catch_up()
        return is_known()

    async def _catch_up(self) -> None:
        """What was said until now is known afterwards. However many ask at once: one reading after the other, and none
        for whom one began since he asked. Raises StoreUnavailableError."""
        clock = asyncio.get_running_loop().time
        asked = clock()
        async with self._reading:
            if self._read_at < asked:
                began = clock()
                await self._book.follow(self._log)
                self._read_at = began

    async def log_out(self, person_id: str) -> None:
        one = self._book.people.get(person_id)
        if one is None:
            return
        at = self._clock()
        end = partial(people.change, self._url, person_id, lambda person: person.log_out(who=one.name, at=at))
        await in_daemon_thread(end)
        await self._catch_up()

    def _is_out(self, one: Person) -> bool:
        put_out_at = self._put_out.get(file_name(one.name))
        return put_out_at is not None and one.created_on.timestamp() * _NS_PER_S < put_out_at

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            _LOG.warning("who may look is known as of before", detail=trouble)
        self._trouble = trouble


@asynccontextmanager
async def watching(pool: "Pool", url: str, home: Home, clock: Clock) -> AsyncIterator[WatchedPeople]:
    """Known by the time the ``with`` begins, if the store answers, and watched until its end."""
    people = WatchedPeople(PostgresEventLog(pool, deadline_s=DEADLINE_S), url, home.keys / FOLDER_NAME, clock)
    with suppress(NexusError):
        await people.look()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(people.run())
        try:
            yield people
        finally:
            running.cancel()
