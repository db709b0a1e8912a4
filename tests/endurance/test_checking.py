"""``nexus verify`` while everything moves: no false alarm, nothing overlooked; and memory that does not grow."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from domain.ids import JournalId
from gateway.frames import Frame
from ops.checking.checker import Checked, Place, check
from ops.checking.journal_reading import journals_in
from tests.bar import Figure
from tests.checked import CheckedHome, checked_home, frames_of, scripts, shipping
from tests.journals import JournalOnDisk, Scripted
from tests.requirements import scaled
from tests.shipping import new_journal_id
from tests.waiting import until


async def live(root: Path, journal: JournalId, these: list[Scripted]) -> None:
    """A gateway that records, rotates its segments, and dies."""
    disk = JournalOnDisk(root, journal)
    for number, frame in enumerate(frames_of(these)):
        disk.write([frame], 1 + number // 20)
        await asyncio.sleep(0)
    disk.die()


@asynccontextmanager
async def gateways(root: Path, count: int) -> AsyncIterator[asyncio.Event]:
    """One after the other, two at a time; the event is set when the last has died."""
    over = asyncio.Event()

    async def one_after_the_other() -> None:
        for _ in range(count):
            async with asyncio.TaskGroup() as both:
                for _ in range(2):
                    both.create_task(live(root, new_journal_id(), scripts()))

    async def all_of_them() -> None:
        await one_after_the_other()
        over.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(all_of_them())
        yield over


@pytest.mark.bar(1, 3)
async def test_no_false_alarm_while_gateways_live_and_die(
    tmp_path: Path, migrated_database: str, figure: Figure
) -> None:
    root, looks = tmp_path / "journals", list[Checked]()
    place = Place(journals=root, database=migrated_database, only_host=True, settle_s=0.0)
    async with shipping(root, migrated_database):
        async with gateways(root, scaled(4, 50)) as over:
            while not over.is_set():
                looks.append(await check(replace(place, settle_s=(len(looks) % 2) * 0.2)))
        await until(lambda: not journals_in(root), "the journals to be shipped")
        looks.append(await check(place))
    assert [one.violations for one in looks if not one.ok] == []
    assert looks[-1].counts.exchanges == scaled(4, 50) * 2 * 4
    assert looks[-1].counts.open == 0
    moving = sum(one.counts.compared for one in looks)
    figure(f"{len(looks)} checks while journals came and went, {moving} exchanges compared, no false alarm")


async def test_a_running_shipper_is_waited_for(tmp_path: Path, migrated_database: str) -> None:
    """Then everything that was read is compared, what came last too."""
    home = await checked_home(tmp_path / "journals", migrated_database, scripts()[:1])
    more = [Frame(one.kind, one.exchange, one.time_us + 10**7, one.payload) for one in frames_of(scripts()[:1])]
    async with shipping(home.root, home.dsn):
        home.disk.write(more)
        checked = await home.check(settle_s=10.0)
    assert checked.ok
    assert (checked.counts.compared, checked.counts.unshipped) == (2, 0)


_MANY = """
INSERT INTO nexus_events (originator_id, originator_version, topic, state)
SELECT event.id, version, topic, convert_to(state, 'UTF8')
FROM (SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid AS id FROM generate_series({0}, {1}) n)
    AS event,
LATERAL (VALUES
    (1, 'request-received', '{{"timestamp":"2026-11-22T09:00:00Z","journal_id":"01990000-0000-7000-8000-00000000beef",'
        '"journal_us":1,"mode":"pass_through","method":"POST","target":"/v1/messages","headers":[],'
        '"client_domain":"here","scope":"many","byte_count":0}}'),
    (2, 'response-started', '{{"origin":"upstream","status":200,"headers":[],"elapsed_us":2}}'),
    (3, 'chunk-streamed', '{{"offset":0,"lengths":[1000],"arrivals_us":[3]}}'),
    (4, 'response-completed', '{{"byte_count":1000,"elapsed_us":4,'
        '"sha256":"' || encode(sha256(convert_to(repeat('x', 1000), 'UTF8')), 'hex') || '"}}')
) AS told (version, topic, state)
"""
_BYTES = """
INSERT INTO chunks (request_id, "offset", codec, raw_length, data)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 0, 0, 1000,
    convert_to(repeat('x', 1000), 'UTF8')
FROM generate_series({0}, {1}) n
"""


async def fill(dsn: str, first: int, last: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in (_MANY, _BYTES):
            connection.execute(statement.format(first, last).encode())


async def peak(home: CheckedHome) -> tuple[int, float, Checked]:
    """Bytes of memory at most, and seconds."""
    tracemalloc.start()
    begun = monotonic()
    checked = await home.check()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most, monotonic() - begun, checked


async def test_memory_does_not_grow_with_the_store(kept_home: CheckedHome, figure: Figure) -> None:
    home, few, many = kept_home.restored(), 400, scaled(1_600, 12_000)
    await fill(home.dsn, 1, few)
    small, _, _ = await peak(home)
    await fill(home.dsn, few + 1, many)
    large, seconds, checked = await peak(home)
    assert [one.invariant for one in checked.violations] == ["store"], "they were put in without a seal"
    assert checked.counts.exchanges == many + 4
    assert large < small * 1.5
    figure(f"{checked.counts.events:,} events checked with {large / 2**20:.1f} MiB at most, traced in {seconds:.1f} s")
