"""Journals of dead gateways reach the store once, however often whoever ships them is killed and whoever else lives."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from uuid import UUID

import pytest

from domain.assembly import assemble
from domain.ids import JournalId, Position
from gateway.batching import Batcher
from gateway.frames import Damage, Frame
from gateway.journal_reader import JournalReader, journals_in
from gateway.shipper import ShipperConfig, run
from ops.db.event_log import PostgresEventLog
from ops.db.event_store import PostgresShipStore
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.stored.events import TERMINAL, ExchangeEvent, RequestReceived, ResponseAborted
from tests.bar import Figure
from tests.endured import ship_all
from tests.journals import STARTED_NS, JournalOnDisk, Scripted
from tests.requirements import scaled
from tests.waiting import until, until_true

EXCHANGES = 20
SHIPPER = """
import asyncio, os, sys
from pathlib import Path
from gateway.shipper import ShipperConfig, run
from ops.db.event_store import PostgresShipStore
from ops.db.pool import open_pool
async def ship(root, dsn):
    pool = await open_pool(dsn, application_name="nexus-test-shipper", max_size=4)
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    config = ShipperConfig(Path(root), poll_s=0.002, scan_s=0.01, batch_events=9)
    await run(config, store, asyncio.Event())
asyncio.run(ship(*sys.argv[1:]))
"""
START = (
    b'event: message_start\\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":17,"output_tokens":1}}}'
    b"\\n\\n"
).replace(b"\\n", b"\n")


def exchanges(rng: random.Random, first: int) -> list[Scripted]:
    """A third of them was open when the gateway died."""
    out = []
    for number in range(first, first + EXCHANGES):
        texts = tuple(
            (rng.choice([1, 400_000]), rng.randbytes(rng.choice([20, 900]))) for _ in range(rng.randint(1, 9))
        )
        outcome = rng.choice([None, "completed", "client"])
        out.append(Scripted(UUID(int=number), rng.randbytes(30), ((1, START), *texts), outcome))
    return out


def frames_of(scripts: Sequence[Scripted]) -> list[Frame]:
    """Interleaved, as one gateway would write them."""
    queues = [[Frame(kind, one.request_id, 0, data) for _, kind, data in one.frames()] for one in scripts]
    mixed = [queue[at] for at in range(max(map(len, queues))) for queue in queues if at < len(queue)]
    return [Frame(one.kind, one.exchange, 40_000 * at, one.payload) for at, one in enumerate(mixed)]


@dataclass
class Journals:
    """Of three gateways that are dead and one that lives on for a while."""

    root: Path
    scripts: list[Scripted] = field(default_factory=list)
    coming: list[Frame] = field(default_factory=list)
    """Of the one that lives."""

    def __post_init__(self) -> None:
        rng = random.Random(3)
        self.disks = [JournalOnDisk(self.root, JournalId(UUID(int=n << 64 | 7 << 76 | 2 << 62))) for n in range(1, 5)]
        for number, disk in enumerate(self.disks):
            made = exchanges(rng, 1000 * (number + 1))
            self.scripts += made
            if number < 3:
                disk.write_in_segments(frames_of(made), 25)
                disk.die()
            else:
                self.coming = frames_of(made)

    def go_on(self, count: int) -> None:
        """The living one writes ``count`` records more."""
        self.disks[3].write(self.coming[:count])
        self.coming = self.coming[count:]

    def end(self) -> None:
        self.go_on(len(self.coming))
        self.disks[3].die()


@asynccontextmanager
async def shipper_process(root: Path, dsn: str) -> AsyncIterator[None]:
    """Killed at the end."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SHIPPER, str(root), dsn)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def events_of(pool: Pool) -> dict[UUID, list[ExchangeEvent]]:
    streams: dict[UUID, list[ExchangeEvent]] = {}
    for recorded in await PostgresEventLog(pool).read(Position(0), 100_000):
        event = recorded.event
        if isinstance(event, ExchangeEvent):
            streams.setdefault(event.originator_id, []).append(event)
    return streams


async def counted(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM nexus_events")
    return count


@pytest.mark.bar(2)
async def test_recovery_that_is_killed_again_and_again_writes_each_end_once(
    tmp_path: Path, migrated_database: str, pool: Pool, figure: Figure
) -> None:
    journals, rng, kills = Journals(tmp_path), random.Random(4), scaled(2, 12)
    for _ in range(kills):
        before, step = await counted(pool), rng.randint(1, 40)

        async def has_moved(wanted: int = before + step) -> bool:
            return await counted(pool) >= wanted or not journals.coming

        async with shipper_process(tmp_path, migrated_database):
            journals.go_on(len(journals.coming) // 4 + 1)
            await until_true(has_moved, "the shipper to get on")
    journals.end()
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    async with asyncio.TaskGroup() as tasks:  # two of them, who must not meet
        for _ in range(2):
            tasks.create_task(ship_all(tmp_path, store))
    await _check(journals, pool)
    crashed = sum(script.outcome is None for script in journals.scripts)
    figure(f"{kills} kills of the recovery of 4 journals: {crashed} open requests, {crashed} ends, each once")


async def _check(journals: Journals, pool: Pool) -> None:
    streams, payloads = await events_of(pool), PostgresPayloads(pool)
    answers = await payloads.answers(list(streams))
    assert set(streams) == {script.request_id for script in journals.scripts}
    for script in journals.scripts:
        events = streams[script.request_id]
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        assert [isinstance(event, TERMINAL) for event in events] == [False] * (len(events) - 1) + [True]
        first, end = events[0], events[-1]
        assert isinstance(first, RequestReceived)
        assert first.body is not None
        assert await payloads.body(first.scope, first.body) == script.body
        assert answers[script.request_id] == script.answer
        crashed = isinstance(end, ResponseAborted) and end.ended_by == "gateway_crash"
        assert crashed == (script.outcome is None)


@pytest.mark.bar(2)
async def test_what_was_used_before_a_crash_can_be_told(tmp_path: Path, pool: Pool) -> None:
    disk = JournalOnDisk(tmp_path)
    script = Scripted(UUID(int=9), b"{}", ((1, START), (1, b"event: content_bl")), None)
    disk.write(frames_of([script]))
    disk.die()
    await ship_all(tmp_path, PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom))
    answer = (await PostgresPayloads(pool).answers([script.request_id]))[script.request_id]
    message = assemble(answer, "text/event-stream")
    assert message.usage["input_tokens"] == 17


def _big_journal(root: Path, megabytes: int) -> JournalOnDisk:
    disk, rng = JournalOnDisk(root), random.Random(5)
    for number in range(megabytes):
        chunks = tuple((1, rng.randbytes(rng.choice([300, 8_000, 60_000]))) for _ in range(44))
        made = [Scripted(UUID(int=number + 1), rng.randbytes(9000), chunks, None if number % 4 else "completed")]
        disk.write(frames_of(made), 1 + number // 16)
    disk.die()
    return disk


@pytest.mark.bar(2)
async def test_a_large_journal_is_recovered_quickly(tmp_path: Path, pool: Pool, figure: Figure) -> None:
    disk = _big_journal(tmp_path / "journals", scaled(10, 100))
    reader = JournalReader.claim(disk.directory)
    assert reader is not None
    megabytes = sum(size for _, size in reader.sizes()) / 1e6
    began = process_time()
    ends = _fold(reader)
    read_s = process_time() - began
    reader.release()
    began = process_time()
    await ship_all(disk.root, PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom))
    shipped_s = process_time() - began
    stored = [events[-1] for events in (await events_of(pool)).values()]
    assert ends == sum(isinstance(event, TERMINAL) for event in stored) == len(stored)
    per_100 = 100 / megabytes
    figure(f"{megabytes:.0f} MB: read and folded in {read_s * per_100:.2f} CPU s per 100 MB, "
           f"into PostgreSQL in {shipped_s * per_100:.1f} CPU s of the shipper per 100 MB")  # fmt: skip
    assert read_s * per_100 < 10


def _fold(reader: JournalReader) -> int:
    """Every event of a dead journal, in memory; how many exchanges ended."""
    batcher, at, ends = Batcher(reader.journal, STARTED_NS), 0, 0
    while found := list(reader.read(at, complete=True)):
        for place, behind, item in found:
            assert not isinstance(item, Damage)
            batcher.feed(place, item)
            at = behind
        ends += sum(isinstance(draft, TERMINAL) for draft in batcher.take().drafts)
    batcher.close()
    return ends + sum(isinstance(draft, TERMINAL) for draft in batcher.take().drafts)


@pytest.mark.bar(16)
async def test_a_journal_is_handed_from_one_shipper_to_the_next(tmp_path: Path, pool: Pool) -> None:
    """As when Nexus is updated: the old one ships what there is and lets go, the new one goes on where it was."""
    journals = Journals(tmp_path)
    for _ in range(4):
        stop, store = asyncio.Event(), PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
        quick = ShipperConfig(tmp_path, poll_s=0.001, scan_s=0.002, batch_events=7)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(quick, store, stop))
            journals.go_on(len(journals.coming) // 3)
            await until(lambda: len(journals_in(tmp_path)) <= 3, "a dead journal to go")
            stop.set()
    journals.end()
    await ship_all(tmp_path, PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom))
    await _check(journals, pool)
