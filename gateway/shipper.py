"""How do journals get into the event store? One task per journal: read, fold into events, append, move the cursor.

The shipper is the only one that turns records into events. It ships the journals of living gateways as they grow, and
takes over those of dead ones: writes their crash terminals, ships the rest, deletes them. Postgres away: it waits with
back-off, the journals grow, nobody's session notices.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import structlog

from domain.errors import AppendConflictError, StoreUnavailableError
from domain.identity import identity_in, scope_of
from domain.parts import cut
from domain.ports import Batch, JournalCursor, ScopedBody, ShipStore
from domain.recutting import Memory
from gateway.batching import Batcher
from gateway.exchange_fold import Draft, Made, RequestDraft
from gateway.frames import Damage
from gateway.journal_reader import Found, JournalReader, journals_in, position, split_position
from gateway.kept_journals import EXPIRE_S, Keeper
from schemas.stored.events import ExchangeEvent

_LITTLE_BYTES = 256 * 1024
"""Who found less rests a moment, so that the next batch is worth its commit."""
_LOG = structlog.get_logger("nexus.shipper")


@dataclass(frozen=True, slots=True)
class ShipperConfig:
    """Where to look and how eagerly."""

    journal_root: Path
    poll_s: float = 0.1
    """Between looks at a journal. Each batch costs a commit, and wakes every reader: ten a second are live enough."""
    scan_s: float = 0.25
    """Between looks for new journals."""
    batch_events: int = 1000
    batch_bytes: int = 8 * 1024 * 1024
    backoff_s: float = 0.1
    max_backoff_s: float = 5.0
    max_conflicts: int = 5
    """Conflicts in a row before the journal is left for a later scan."""
    keep_s: float = 0.0
    """So long what was shipped stays on the disk, for restores."""


@dataclass(slots=True)
class ShipperState:
    """What the shipper says of itself."""

    events: int = 0
    damaged_bytes: int = 0
    failures: int = 0
    shipped: dict[str, int] = field(default_factory=dict)
    """By journal: the position up to which everything read is in the store, or waits for the rest of its run."""


async def run(
    config: ShipperConfig,
    store: ShipStore,
    stop: asyncio.Event,
    *,
    state: ShipperState | None = None,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Ship until ``stop``; then ship what is there once more and return."""
    shipper = _Shipper(config, store, stop, state or ShipperState(), jitter)
    claimed: dict[Path, asyncio.Task[None]] = {}
    expire_at = monotonic()
    async with asyncio.TaskGroup() as tasks:
        while not stop.is_set():
            claimed = {path: task for path, task in claimed.items() if not task.done()}
            for directory in journals_in(config.journal_root):
                if directory not in claimed and (reader := JournalReader.claim(directory)) is not None:
                    claimed[directory] = tasks.create_task(shipper.ship(reader))
            if monotonic() >= expire_at:
                await asyncio.to_thread(shipper.keeper.expire)
                expire_at = monotonic() + EXPIRE_S
            await _wait(stop, config.scan_s)


@dataclass(slots=True)
class _Shipper:
    config: ShipperConfig
    store: ShipStore
    stop: asyncio.Event
    state: ShipperState
    jitter: Callable[[], float]
    memory: Memory = field(default_factory=Memory)
    """Of what was cut; the sessions of one client come through any journal."""

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.config.journal_root, self.config.keep_s)

    async def ship(self, reader: JournalReader) -> None:
        """Ship one journal to its end, or until ``stop``; conflicts and outages are waited out."""
        conflicts, backoff = 0, self.config.backoff_s
        try:
            while conflicts < self.config.max_conflicts:
                try:
                    return await _Passage(self, reader, resumed=conflicts > 0).run()
                except AppendConflictError as conflict:
                    conflicts += 1
                    _LOG.warning("append conflict", journal=str(reader.journal), detail=str(conflict))
                except StoreUnavailableError as outage:
                    conflicts = 0
                    self.state.failures += 1
                    _LOG.warning("event store away", detail=str(outage), retry_s=round(backoff, 2))
                    if self.stop.is_set():
                        return None
                    await _wait(self.stop, backoff * (0.5 + self.jitter()))
                    backoff = min(backoff * 2, self.config.max_backoff_s)
        finally:
            if not reader.directory.exists():
                self.state.shipped.pop(str(reader.journal), None)
            reader.release()


class _Passage:
    """One uninterrupted way through a journal, from the stored cursor on."""

    def __init__(self, shipper: _Shipper, reader: JournalReader, *, resumed: bool) -> None:
        self._config, self._store, self._stop = shipper.config, shipper.store, shipper.stop
        self._state, self._reader, self._keeper = shipper.state, reader, shipper.keeper
        self._memory = shipper.memory
        self._resumed = resumed
        """The store may have events of frames that come again."""

    async def run(self) -> None:
        known = await self._store.open_journal(self._reader.journal)
        self._cursor = known.cursor
        self._at = position(self._cursor.segment, self._cursor.offset)
        self._state.shipped[str(self._reader.journal)] = self._at
        self._look_for_missing_segments()
        self._resumed = self._resumed or self._cursor.offset > 0 or self._cursor.segment > 1
        batcher = await self._first_batcher()
        if batcher is None:
            return
        self._batcher = batcher
        batcher.resume(await self._store.tails(known.open))
        while not await self._step():
            pass

    def _look_for_missing_segments(self) -> None:
        """A restored event store may be older than what was kept of the journal."""
        first = min(self._reader.segments(), default=0)
        if first > self._cursor.segment:
            missing = f"{self._cursor.segment} to {first - 1}"
            _LOG.error("journal segments are gone", journal=str(self._reader.journal), segments=missing)

    async def _first_batcher(self) -> Batcher | None:
        while (header := self._reader.header()) is None:
            if self._reader.writer_is_gone() and self._reader.header() is None:
                await self._give_up()
                return None
            if self._stop.is_set() or not self._reader.is_there():
                return None
            await _wait(self._stop, self._config.poll_s)
        return Batcher(self._reader.journal, header.started_ns)

    async def _step(self) -> bool:
        """Read and ship what is there. True: done with this journal."""
        stopping, found = self._stop.is_set(), list(self._reader.read(self._at, complete=False))
        if found:
            await self._take(found)
            if _bytes_of(found) < _LITTLE_BYTES:
                await _wait(self._stop, self._config.poll_s)
            return False
        if self._reader.writer_is_gone():
            while found := list(self._reader.read(self._at, complete=True)):
                await self._take(found)
            self._batcher.close()
            await self._append()
            await self._finish()
            return True
        if stopping or not self._reader.is_there():
            return True
        await _wait(self._stop, self._config.poll_s)
        return False

    async def _take(self, found: list[tuple[int, int, Found]]) -> None:
        if self._resumed:
            ids = {item.exchange for _, _, item in found if not isinstance(item, Damage)}
            self._batcher.resume(await self._store.tails(self._batcher.unknown(ids)))
        for at, behind, item in found:
            if isinstance(item, Damage):
                self._state.damaged_bytes += behind - at
                _LOG.error("journal damaged", journal=str(self._reader.journal), at=at, bytes=behind - at)
            else:
                self._batcher.feed(at, item)
            self._at = behind
            if self._batcher.is_full(self._config.batch_events, self._config.batch_bytes):
                await self._append()
        await self._append()

    async def _append(self) -> None:
        made = self._batcher.take()
        if made.drafts:
            await self._store_batch(made)
        self._state.shipped[str(self._reader.journal)] = self._at

    async def _store_batch(self, made: Made) -> None:
        segment, offset = split_position(self._batcher.cursor(self._at))
        after = JournalCursor(self._cursor.journal, segment, offset)
        bodies: list[ScopedBody] = []
        events = [await self._event(draft, bodies) for draft in made.drafts]
        await self._store.append(Batch(events, bodies, made.runs, self._cursor, after))
        self._state.events += len(events)
        if segment > self._cursor.segment:
            self._keeper.drop_segments_before(self._reader, position(segment, offset))
        self._cursor = after

    async def _event(self, draft: Draft, bodies: list[ScopedBody]) -> ExchangeEvent:
        if not isinstance(draft, RequestDraft):
            return draft
        identity = identity_in(draft.body or b"")
        scope = scope_of(draft.record.account, identity, draft.headers)
        if draft.body is None:
            return draft.event(scope, identity.account, None)
        body = cut(draft.body, await self._store.scope_key(scope), self._memory)
        bodies.append(ScopedBody(scope, body))
        return draft.event(scope, identity.account, body)

    async def _finish(self) -> None:
        self._keeper.finish(self._reader)
        await self._store.close_journal(self._reader.journal)

    async def _give_up(self) -> None:
        """The writer left no header we can read: nothing was recorded, or another version wrote it."""
        if any(size for _, size in self._reader.sizes()):
            _LOG.error("journal of an unknown format is set aside", kept=str(self._reader.set_aside()))
        else:
            await self._finish()


def _bytes_of(found: list[tuple[int, int, Found]]) -> int:
    """They stand in one segment."""
    return found[-1][1] - found[0][0]


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
