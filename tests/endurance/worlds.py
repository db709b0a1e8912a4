"""A world for the model test: two gateways with journals on disk, a shipper and a projector that fail on demand.

What is played is a forest (``tests/forest``), so what is right is known: every byte, every end, every link.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Literal
from uuid import UUID

from domain.errors import StoreUnavailableError
from domain.ids import JournalId
from domain.ports import Batch, JournalState, ShipStore, StreamTail
from gateway.frames import Kind, encode_frame_header
from gateway.journal_reader import JournalReader, journals_in
from gateway.shipper import ShipperConfig, ShipperState, run
from ops.db.pool import Pool
from projections.follower import Follower
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.connection import Connection
from tests.bench.capture_mix import frames_of
from tests.forest.feeding import request_ids
from tests.forest.truth import BEGIN, Forest
from tests.journals import JournalOnDisk
from tests.projected import Store
from tests.waiting import until

Fault = Literal["", "away", "rolled back", "unheard", "killed"]
"""Nothing; the store is away; all was written and is rolled back; the commit is not heard of; the process dies then."""
_CLEAN = """
DO $$ DECLARE gone text; BEGIN
    FOR gone IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'p\\_%' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', gone);
    END LOOP;
    SET LOCAL session_replication_role = replica;
    TRUNCATE nexus_events, event_seals, parts, chunks, scopes, journals, open_exchanges, projections,
        projection_failures
        RESTART IDENTITY;
    DELETE FROM nexus_tracking WHERE application_name <> '__migration__';
END $$
"""


@dataclass(frozen=True)
class Moment:
    """A frame that a gateway will write."""

    time_us: int
    request_id: UUID
    kind: Kind
    payload: bytes


@dataclass
class Gateway:
    """Writes its frames in their order; its journal changes when it is restarted."""

    root: Path
    number: int
    todo: list[Moment]
    written: int = 0
    journals: int = 0
    disk: JournalOnDisk = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.journals += 1
        journal = JournalId(UUID(int=7 << 76 | 2 << 62 | self.number << 32 | self.journals))
        self.disk = JournalOnDisk(self.root, journal)

    @property
    def is_at_rest(self) -> bool:
        """No exchange is open."""
        done = self.todo[: self.written]
        return {one.request_id for one in done} == {one.request_id for one in done if one.kind is Kind.END}

    def write(self, frames: int) -> None:
        data = b"".join(
            encode_frame_header(one.kind, one.request_id.bytes, one.time_us, one.payload) + one.payload
            for one in self.todo[self.written : self.written + frames]
        )
        self.written = min(self.written + frames, len(self.todo))
        if data:
            self.disk.append(data)

    def restart(self) -> None:
        self.disk.die()
        self.start()


@dataclass
class FlakyStore:
    """The real store, but for what goes wrong next."""

    inner: ShipStore
    fault: Fault
    struck: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_journal(self, journal: JournalId) -> JournalState:
        return await self.inner.open_journal(journal)

    async def tails(self, request_ids: Collection[UUID]) -> Mapping[UUID, StreamTail]:
        return await self.inner.tails(request_ids)

    async def scope_key(self, scope: str) -> bytes:
        return await self.inner.scope_key(scope)

    async def close_journal(self, journal: JournalId) -> None:
        await self.inner.close_journal(journal)

    async def append(self, batch: Batch) -> None:
        fault, self.fault = self.fault, ""
        if fault == "away":
            raise StoreUnavailableError("away")
        if fault == "rolled back":
            batch = replace(batch, before=replace(batch.before, offset=batch.before.offset + 1))
        await self.inner.append(batch)
        if fault == "unheard":
            raise StoreUnavailableError("cut after the commit")
        if fault == "killed":
            self.struck.set()
            await asyncio.Event().wait()


@dataclass
class World:
    """Everything, on one database that holds nothing else."""

    pool: Pool
    root: Path
    forest: Forest
    gateways: list[Gateway]
    store: Store

    @classmethod
    async def made(
        cls, pool: Pool, root: Path, forest: Forest, random: Random, jumps: Mapping[int, timedelta]
    ) -> "World":
        """``jumps``: by how much the wall clocks are put forward before the exchange with this number."""
        await pool.execute(_CLEAN)
        frames: list[list[Moment]] = [[], []]
        jumped = timedelta()
        for one in forest.captured:
            jumped += jumps.get(one.n, timedelta())
            ends = one.ended or one.at + timedelta(milliseconds=20)
            start_us, end_us = ((at - BEGIN) // timedelta(microseconds=1) for at in (one.at, ends))
            listed = frames_of(one, one.at + jumped)
            times = [min(start_us + place, end_us) for place in range(len(listed) - 1)] + [end_us]
            request_id = request_ids(forest)[one.n]
            frames[random.randrange(2)] += [
                Moment(time, request_id, kind, payload) for time, (kind, payload) in zip(times, listed, strict=True)
            ]
        gateways = [
            Gateway(root, number, sorted(todo, key=lambda moment: moment.time_us)) for number, todo in enumerate(frames)
        ]
        return cls(pool, root, forest, gateways, Store.over(pool))

    async def ship(self, fault: Fault = "", batch_events: int = 500) -> None:
        """All that is written, unless the shipper is killed at its first batch."""
        flaky, stop, state = FlakyStore(self.store.ship, fault), asyncio.Event(), ShipperState()
        config = ShipperConfig(self.root, poll_s=0.001, scan_s=0.001, backoff_s=0.001, batch_events=batch_events)
        async with asyncio.TaskGroup() as tasks:
            shipping = tasks.create_task(run(config, flaky, stop, state=state, jitter=lambda: 0.0))
            await until(lambda: flaky.struck.is_set() or self._is_shipped(state))
            if flaky.struck.is_set():
                shipping.cancel()
            stop.set()

    def _is_shipped(self, state: ShipperState) -> bool:
        living = {gateway.disk.directory for gateway in self.gateways if gateway.disk.lock is not None}
        for directory in journals_in(self.root):
            if directory not in living:
                return False
            if any(directory.glob("*.seg")) and state.shipped.get(directory.name) != JournalReader(directory, -1).end():
                return False
        return True

    async def follow(self, projection: Projection, batch_events: int, steps: int, *, cut: bool = False) -> None:
        """A few steps from the checkpoint on; ``cut``: none of them is committed."""
        sources = replace(self.store.sources, transactions=self._cut) if cut else self.store.sources
        async with self.store.sources.transactions() as tx:
            build = await builds.ensure_live(tx, projection)
        follower = Follower(projection, build, sources)
        await follower.load()
        with suppress(StoreUnavailableError):
            for _ in range(steps):
                if (await follower.step(batch_events)).done:
                    return

    def restart_projector(self) -> None:
        """It remembers nothing."""
        self.store = Store.over(self.pool)

    @asynccontextmanager
    async def _cut(self) -> AsyncIterator[Connection]:
        async with self.store.sources.transactions() as tx:
            yield tx
            if await tx.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"):
                raise StoreUnavailableError("cut before the commit")

    async def deliver_again(self, projection: Projection) -> None:
        await self.pool.execute(
            "UPDATE nexus_tracking SET notification_id = notification_id / 2 WHERE application_name LIKE $1",
            f"{projection.name}:%",
        )
