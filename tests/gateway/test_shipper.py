"""Journals reach the store whole and once, through outages, lost answers, restarts and dead gateways."""

import asyncio
import hashlib
import itertools
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import JournalId
from gateway.frames import SEGMENT_HEADER_BYTES, Frame, Kind
from gateway.journal_reader import JournalReader
from gateway.shipper import ShipperConfig, ShipperState, run
from gateway.unshipped import measure
from schemas.stored.events import (
    TERMINAL,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
)
from tests.fake_store import FakeStore
from tests.journals import JOURNAL, JournalOnDisk, Scripted, frame_bytes, journals
from tests.waiting import until


def config(root: Path, **changes: float) -> ShipperConfig:
    quick = {"poll_s": 0.001, "scan_s": 0.001, "backoff_s": 0.001, "max_backoff_s": 0.002}
    return ShipperConfig(root, **{**quick, **changes})  # type: ignore[arg-type]  # ints stay ints


@asynccontextmanager
async def _shipping(
    root: Path, store: FakeStore, state: ShipperState | None, changes: dict[str, float]
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(config(root, **changes), store, stop, state=state, jitter=lambda: 0.5))
        yield
        stop.set()


def shipping(
    root: Path, store: FakeStore, state: ShipperState | None = None, **changes: float
) -> AbstractAsyncContextManager[None]:
    """A shipper over ``root`` for as long as the context lasts."""
    return _shipping(root, store, state, changes)


def frames_of(script: Scripted) -> list[Frame]:
    now, out = 0, []
    for pause, kind, payload in script.frames():
        now += pause
        out.append(Frame(kind, script.request_id, now, payload))
    return out


def check_whole(store: FakeStore, script: Scripted) -> None:
    """Everything the journal says of this exchange is in the store, once and in order."""
    stream = store.stream(script.request_id)
    assert [event.originator_version for event in stream] == list(range(1, len(stream) + 1))
    assert [isinstance(event, TERMINAL) for event in stream] == [False] * (len(stream) - 1) + [True]
    request, end = stream[0], stream[-1]
    assert isinstance(request, RequestReceived)
    assert (store.body(request.scope, request.body) if request.body else b"") == script.body
    assert store.answer(script.request_id) == script.answer
    if isinstance(end, ResponseCompleted):
        assert end.sha256 == hashlib.sha256(script.answer).hexdigest()
    assert not any(isinstance(event, RecordingGap) for event in stream)


failures = st.lists(st.booleans(), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(journals(4), st.integers(1, 40), st.integers(1, 20), failures, failures)
def test_a_dead_journal_is_shipped_whole_through_any_outage(
    tmp_path_factory: pytest.TempPathFactory,
    journal: tuple[list[Scripted], list[Frame]],
    per_segment: int,
    batch_events: int,
    before: Sequence[bool],
    after: Sequence[bool],
) -> None:
    exchanges, frames = journal
    disk = JournalOnDisk(tmp_path_factory.mktemp("ship"))
    disk.write_in_segments(frames, per_segment)
    disk.die()
    store = FakeStore(fail_before=list(before), fail_after=list(after))

    async def ship() -> None:
        async with shipping(disk.root, store, batch_events=batch_events):
            await until(lambda: store.closed, "the journal to be shipped")

    asyncio.run(ship())
    for exchange in exchanges:
        check_whole(store, exchange)
    assert not disk.directory.exists()
    assert store.cursors == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(journals(4), st.lists(st.integers(0, 80), max_size=4), st.integers(1, 30))
def test_a_living_journal_is_followed_over_restarts_of_the_shipper(
    tmp_path_factory: pytest.TempPathFactory,
    journal: tuple[list[Scripted], list[Frame]],
    restarts: list[int],
    per_segment: int,
) -> None:
    exchanges, frames = journal
    disk, store = JournalOnDisk(tmp_path_factory.mktemp("ship")), FakeStore()
    edges = [0, *sorted(at % (len(frames) + 1) for at in restarts), len(frames)]

    async def live() -> None:
        for start, end in itertools.pairwise(edges):
            for number in range(start, end):
                disk.write([frames[number]], 1 + number // per_segment)
            async with shipping(disk.root, store):
                await until(lambda: JOURNAL in store.cursors)
        disk.die()
        async with shipping(disk.root, store):
            await until(lambda: store.closed, "the journal to be shipped")

    asyncio.run(live())
    for exchange in exchanges:
        check_whole(store, exchange)


async def test_a_gateway_that_dies_leaves_no_exchange_open(tmp_path: Path) -> None:
    """Also one whose every frame was shipped before the shipper itself was restarted."""
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"{}", ((1, b"abc"),), None)
    disk.write([*frames_of(script), Frame(Kind.TICK, JOURNAL, 600_000, b"")])
    async with shipping(tmp_path, store):
        await until(lambda: store.answer(script.request_id) == b"abc")
    disk.die()
    async with shipping(tmp_path, store):
        await until(lambda: store.closed)
    end = store.stream(script.request_id)[-1]
    assert isinstance(end, ResponseAborted)
    assert (end.ended_by, end.byte_count) == ("gateway_crash", 3)
    check_whole(store, script)


async def test_segments_go_when_they_are_shipped(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"{}", ((1, b"abc"),), "completed")
    disk.write_in_segments(frames_of(script), 1)
    async with shipping(tmp_path, store):
        await until(
            lambda: store.stream(script.request_id)[-1:] and isinstance(store.stream(script.request_id)[-1], TERMINAL)
        )
        await until(lambda: len(list(disk.directory.glob("*.seg"))) == 1, "old segments to be deleted")
    assert disk.directory.exists(), "the writer lives"


async def test_who_is_behind_does_not_rest(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"{}", tuple((1, b"x" * 60_000) for _ in range(150)), "completed")
    disk.write(frames_of(script))
    async with shipping(tmp_path, store, poll_s=3600.0):
        await until(lambda: any(isinstance(event, TERMINAL) for event in store.events), "all of it to be shipped")
    check_whole(store, script)


async def test_a_damaged_record_is_lost_alone_and_told(tmp_path: Path) -> None:
    disk, store, state = JournalOnDisk(tmp_path), FakeStore(), ShipperState()
    script = Scripted(UUID(int=9), b"{}", ((1, b"abc"), (1, b"def"), (1, b"ghi")), "completed")
    frames = frames_of(script)
    damaged = next(n for n, frame in enumerate(frames) if frame.payload.endswith(b"def"))
    data = [bytearray(frame_bytes(frame)) for frame in frames]
    data[damaged][-1] ^= 1
    disk.append(b"".join(map(bytes, data)))
    disk.die()
    async with shipping(tmp_path, store, state):
        await until(lambda: store.closed)
    [gap] = [event for event in store.stream(script.request_id) if isinstance(event, RecordingGap)]
    assert (gap.part, gap.offset, gap.byte_count) == ("response", 3, 3)
    assert store.answer(script.request_id) == b"abcghi"
    assert state.damaged_bytes == len(data[damaged])
    assert state.events == len(store.events)


@pytest.mark.bar(9)
async def test_a_journal_that_is_removed_under_the_shipper_and_made_again_goes_on(tmp_path: Path) -> None:
    """rm -rf of the journals: the gateway lives, and so do its streams."""
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"{}", ((1, b"abc"), (600_000, b"def")), "completed")
    frames = frames_of(script)
    disk.write(frames[:-2])
    async with shipping(tmp_path, store):
        await until(lambda: store.stream(script.request_id), "the first events")
        shutil.rmtree(disk.directory)
        await until(lambda: not disk.directory.exists())
        again = JournalOnDisk(tmp_path)
        again.write(frames[-3:], 2)
        await until(lambda: isinstance(store.stream(script.request_id)[-1], ResponseCompleted), "the end")
        again.die()
        await until(lambda: store.closed)
    check_whole(store, script)


@pytest.mark.parametrize("frames", [0, 5])
async def test_a_shipper_lets_go_of_a_journal_that_is_removed_for_good(tmp_path: Path, frames: int) -> None:
    disk, store, state = JournalOnDisk(tmp_path), FakeStore(), ShipperState()
    if frames:
        disk.write(frames_of(Scripted(UUID(int=9), b"{}", ((1, b"abc"),), "completed"))[:frames])
    async with shipping(tmp_path, store, state):
        await until(lambda: state.shipped, "the journal to be found")
        shutil.rmtree(disk.directory)
        await until(lambda: not state.shipped, "the journal to be forgotten")
    assert not any(isinstance(event, TERMINAL) for event in store.events), "nobody knows that its gateway died"


async def test_an_empty_journal_of_a_dead_gateway_is_deleted(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    disk.die()
    async with shipping(tmp_path, store):
        await until(lambda: store.closed)
    assert not disk.directory.exists()


async def test_a_journal_without_a_header_yet_waits_for_its_writer(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"", (), "completed")
    async with shipping(tmp_path, store):
        await until(lambda: JOURNAL in store.cursors)
        disk.write(frames_of(script))
        await until(lambda: store.stream(script.request_id))
    assert JournalReader.claim(disk.directory) is not None, "the shipper let go of it"


async def test_a_journal_of_another_format_is_kept_and_set_aside(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    disk.segment(1).write_bytes(b"NXJ9" + bytes(100))
    disk.die()
    async with shipping(tmp_path, store):
        await until((tmp_path / f"unreadable-{JOURNAL}").exists)
    assert store.closed == []


async def test_a_conflict_that_stays_leaves_the_journal_for_later(tmp_path: Path) -> None:
    """Someone else's event stands where ours must go: nothing is overwritten, nothing deleted."""
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    script = Scripted(UUID(int=9), b"", (), "completed")
    disk.write(frames_of(script))
    disk.die()
    place = {"originator_id": script.request_id, "originator_version": 1, "timestamp": datetime(2026, 1, 1, tzinfo=UTC)}
    foreign = RecordingGap(**place, part="request", reason="not ours", offset=0, byte_count=0)
    store.events.append(foreign)
    store.tails = _no_tails  # type: ignore[method-assign,assignment]  # a store that does not say what it has
    async with shipping(tmp_path, store, max_conflicts=2):
        await until(lambda: store.appends > 5, "the journal to be tried again")
    assert disk.directory.exists()
    assert store.events == [foreign]


async def _no_tails(_ids: object) -> dict[UUID, object]:
    return {}


async def test_stop_ends_a_shipper_that_waits_for_its_store(tmp_path: Path) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore(fail_before=[True] * 1000)
    disk.write(frames_of(Scripted(UUID(int=9), b"", (), "completed")))
    state = ShipperState()
    async with shipping(tmp_path, store, state, backoff_s=0.5, max_backoff_s=30.0):
        await until(lambda: state.failures >= 1)
    assert store.events == []
    assert disk.directory.exists()


async def test_two_journals_are_shipped_side_by_side(tmp_path: Path) -> None:
    store = FakeStore()
    disks = [JournalOnDisk(tmp_path, JournalId(UUID(int=n << 64 | 0x7 << 76 | 2 << 62))) for n in (1, 2)]
    for number, disk in enumerate(disks):
        disk.write(frames_of(Scripted(UUID(int=100 + number), b"", ((1, b"x"),), "completed")))
    async with shipping(tmp_path, store):
        await until(lambda: sum(isinstance(event, TERMINAL) for event in store.events) == 2)


def waiting(disk: JournalOnDisk, state: ShipperState) -> int:
    return measure(disk.root, state.shipped).byte_count


async def test_how_far_each_journal_is_shipped_is_told_and_an_outage_does_not_hide_what_waits(tmp_path: Path) -> None:
    disk, store, state = JournalOnDisk(tmp_path), FakeStore(), ShipperState()
    disk.write_in_segments(frames_of(Scripted(UUID(int=9), b"{}", ((1, b"abc"),), "completed")), 3)
    async with shipping(tmp_path, store, state):
        await until(lambda: JOURNAL in store.cursors and waiting(disk, state) == 0, "everything to be shipped")
        store.fail_before = [True] * 100_000
        last = len(list(disk.directory.glob("*.seg"))) + 9
        disk.write(frames_of(Scripted(UUID(int=10), b"{}", (), "completed")), last)
        await until(lambda: state.failures > 3)
        assert waiting(disk, state) == disk.segment(last).stat().st_size - SEGMENT_HEADER_BYTES
        store.fail_before = []
        await until(lambda: waiting(disk, state) == 0, "the rest to be shipped")
        disk.die()
        await until(lambda: store.closed)
    assert state.shipped == {}, "a journal that is gone is forgotten"
