"""Whatever the disk does, recording goes on; what is missing is named; time never goes back."""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import SetupError
from gateway.frames import (
    FRAME_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    SEGMENT_HEADER_BYTES,
    Frame,
    Kind,
    decode_piece,
    encode_piece,
    read_frames,
)
from gateway.journal import JournalWriter, NullJournal, Timing, boot_clock_us
from gateway.journal_log import LogOptions
from gateway.records import GapRecord
from tests.faulty_disk import FaultyDisk
from tests.journals import JOURNAL
from tests.waiting import until

LONG_S, NEVER_S = 10.0, 1000.0
A, B = b"a" * 16, b"b" * 16


@dataclass
class Rig:
    root: Path
    disk: FaultyDisk
    journal: JournalWriter
    now: list[int]
    gaps: list[None] = field(default_factory=list)

    def frames(self, *kinds: Kind) -> list[Frame]:
        """Good frames of all segments, in order; TICKs only if asked for."""
        found = []
        for path in sorted((self.root / str(JOURNAL)).glob("*.seg")):
            found += [one for _, one in read_frames(path.read_bytes(), SEGMENT_HEADER_BYTES, complete=True)]
        frames = [one for one in found if isinstance(one, Frame)]
        return [one for one in frames if (one.kind in kinds if kinds else one.kind is not Kind.TICK)]

    def gap_records(self) -> list[GapRecord]:
        return [msgspec.json.decode(one.payload, type=GapRecord) for one in self.frames(Kind.GAP)]


@asynccontextmanager
async def rig(
    root: Path, *, tick_s: float = NEVER_S, background_s: float = NEVER_S, reserves: bool = False
) -> AsyncIterator[Rig]:
    disk, now, gaps = FaultyDisk(reserves=reserves), [1000], list[None]()
    options = LogOptions(root=root, journal=JOURNAL, started_ns=77, background_s=background_s, system=disk.system)
    journal = JournalWriter(options, lambda: gaps.append(None), Timing(lambda: now[0], tick_s))
    try:
        yield Rig(root, disk, journal, now, gaps)
    finally:
        disk.may_sync.set()
        await journal.close()


def trouble(made: Rig) -> str | None:
    return made.journal.trouble


def chunk(offset: int, data: bytes = b"data") -> bytes:
    return encode_piece(offset, data)


async def test_records_come_back_with_their_times_since_the_start(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        for step, (kind, payload) in enumerate([(Kind.REQUEST, b"r"), (Kind.CHUNK, chunk(0)), (Kind.END, b"e")]):
            made.now[0] = 1000 + 7 * step
            made.journal.record(kind, A, payload)
        assert await made.journal.sync(LONG_S)
        assert trouble(made) is None
    assert made.frames() == [
        Frame(Kind.REQUEST, UUID(bytes=A), 0, b"r"),
        Frame(Kind.CHUNK, UUID(bytes=A), 7, chunk(0)),
        Frame(Kind.END, UUID(bytes=A), 14, b"e"),
    ]
    assert not made.gaps


async def test_a_record_is_in_the_file_when_record_returns(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.journal.record(Kind.CHUNK, A, chunk(0))
        assert len(made.frames()) == 1
        assert made.disk.syncs == 0


TOGETHER = [(Kind.RESPONSE, b"r"), (Kind.CHUNK, chunk(0)), (Kind.END, b"e")]


async def test_records_that_come_together_are_one_write(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.journal.record(Kind.REQUEST, A, b"r")
        before, made.now[0] = made.disk.writes, 1007
        made.journal.record_together(A, TOGETHER)
        assert made.disk.writes == before + 1
        assert made.frames()[1:] == [Frame(kind, UUID(bytes=A), 7, payload) for kind, payload in TOGETHER]
        assert await made.journal.sync(LONG_S)
        assert not made.journal._open, "an end that comes with others is an end too"


async def test_a_disk_without_room_for_all_that_came_together_takes_what_it_can(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.disk.room = FRAME_HEADER_BYTES + 10
        made.journal.record_together(A, TOGETHER)
        assert [frame.kind for frame in made.frames()] == [Kind.RESPONSE]
        made.disk.room = None
    assert [frame.kind for frame in made.frames()] == [Kind.RESPONSE, Kind.GAP, Kind.END]
    assert len(made.gaps) == 1


async def test_times_never_go_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        for now in (1000, 5000, 2000, 1, 6000):
            made.now[0] = now
            made.journal.record(Kind.CHUNK, A, chunk(0))
    assert [frame.time_us for frame in made.frames()] == [0, 4000, 4000, 4000, 5000]


def test_the_clock_counts_microseconds_and_never_goes_back() -> None:
    before, began = boot_clock_us(), perf_counter()
    seen = [boot_clock_us() for _ in range(1000)]
    passed = (perf_counter() - began) * 1e6
    assert all(one <= other for one, other in pairwise([before, *seen]))
    assert seen[-1] - before <= passed + 1000


async def test_while_an_exchange_is_open_the_journal_says_the_time(tmp_path: Path) -> None:
    async with rig(tmp_path, tick_s=0.001) as made:
        made.journal.record(Kind.REQUEST, A, b"r")
        made.journal.record(Kind.REQUEST, B, b"r")
        made.journal.record(Kind.END, A, b"e")
        made.now[0] = 9000
        await until(lambda: len(made.frames(Kind.TICK)) >= 2)
        tick = made.frames(Kind.TICK)[0]
        assert (tick.exchange, tick.time_us, tick.payload) == (JOURNAL, 8000, b"")
        made.journal.record(Kind.END, B, b"e")
        await until(lambda: made.journal._timer is None)
        assert made.frames(Kind.TICK, Kind.END)[-1].kind is Kind.END


async def test_a_slow_disk_holds_a_request_up_for_its_deadline_only(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.disk.may_sync.clear()
        made.journal.record(Kind.REQUEST, A, b"r")
        began = perf_counter()
        assert not await made.journal.sync(0.05)
        assert 0.04 < perf_counter() - began < 1.0
        assert trouble(made) is None, "slow is no trouble"
        made.journal.record(Kind.CHUNK, A, chunk(0))
        assert len(made.frames()) == 2, "recording goes on while the disk is slow"
        made.disk.may_sync.set()
        assert await made.journal.sync(LONG_S)


async def test_a_full_disk_leaves_gaps_and_facts_come_later(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        record = made.journal.record
        record(Kind.REQUEST, A, b"r")
        record(Kind.CHUNK, A, chunk(0))
        made.disk.room = 10
        record(Kind.CHUNK, A, chunk(4))
        record(Kind.CHUNK, A, chunk(8))
        record(Kind.REQUEST, B, b"r2")
        record(Kind.END, A, b"e")
        assert trouble(made) == "the disk refuses writes"
        assert not await made.journal.sync(LONG_S), "nobody waits for a disk in trouble"
        made.disk.room = None
        record(Kind.CHUNK, B, chunk(0))
        assert trouble(made) is not None, "the disk is not tried with every record"
        made.now[0] += 200_000
        record(Kind.END, B, b"e2")
        assert trouble(made) is None
    kinds = [(frame.kind, frame.exchange.bytes) for frame in made.frames()]
    assert kinds == [
        (Kind.REQUEST, A),
        (Kind.CHUNK, A),
        (Kind.GAP, A),
        (Kind.REQUEST, B),
        (Kind.END, A),
        (Kind.GAP, B),
        (Kind.END, B),
    ]
    reason = "No space left on device"
    assert made.gap_records() == [GapRecord("response", reason, 4, 8), GapRecord("response", reason, 0, 4)]
    assert len(made.gaps) == 2
    times = [frame.time_us for frame in made.frames()]
    assert times == sorted(times)


async def test_facts_of_a_full_disk_are_on_it_at_once_behind_their_gaps(tmp_path: Path) -> None:
    """A process that is killed now loses none of them."""
    async with rig(tmp_path, reserves=True) as made:
        record = made.journal.record
        record(Kind.REQUEST, A, b"r")
        record(Kind.CHUNK, A, chunk(0))
        made.disk.room = 10
        record(Kind.CHUNK, A, chunk(4))
        record(Kind.CHUNK, A, chunk(8))
        record(Kind.REQUEST, B, b"r2")
        made.now[0] += 50
        record(Kind.CHUNK, A, chunk(12))
        assert trouble(made) == "the disk refuses writes"
        on_disk = [(frame.kind, frame.exchange.bytes) for frame in made.frames()]
        assert on_disk == [(Kind.REQUEST, A), (Kind.CHUNK, A), (Kind.GAP, A), (Kind.REQUEST, B)]
        record(Kind.END, A, b"e")
        assert await made.journal.sync(LONG_S), "the facts can be flushed"
        assert made.frames()[-1].kind is Kind.END
        record(Kind.CHUNK, B, chunk(0))
        record(Kind.CHUNK, B, chunk(4))
        made.disk.room = 1 << 20
        made.now[0] += 200_000
        record(Kind.CHUNK, B, chunk(8))
        assert trouble(made) is None
        record(Kind.END, B, b"e2")
    reason = "No space left on device"
    assert made.gap_records() == [
        GapRecord("response", reason, 4, 4),
        GapRecord("response", reason, 8, 8),
        GapRecord("response", reason, 0, 4),
        GapRecord("response", reason, 4, 4),
    ]
    assert [frame.kind for frame in made.frames()][-4:] == [Kind.GAP, Kind.GAP, Kind.CHUNK, Kind.END]
    assert len(made.gaps) == 2, "a gap that goes on is counted once"
    times = [frame.time_us for frame in made.frames()]
    assert times == sorted(times)


async def test_facts_for_which_the_reserve_has_no_room_wait_in_memory(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True) as made:
        made.disk.room = 0
        count = 0
        while not made.journal._backlog.facts:
            made.journal.record(Kind.RESPONSE, A, b"x" * 60_000)
            count += 1
        assert not await made.journal.sync(LONG_S), "what is only in memory is not on the disk"
        made.journal.record(Kind.END, A, b"e")
        assert made.frames(Kind.END) == [], "no fact overtakes another"
        made.disk.room = None
    assert [frame.kind for frame in made.frames()] == [Kind.RESPONSE] * count + [Kind.END]
    assert count > 100
    assert not made.gaps


async def test_a_disk_that_has_room_again_is_used_again_without_a_new_record(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True, tick_s=0.001) as made:
        made.disk.room = 0
        made.journal.record(Kind.END, A, b"e")
        assert trouble(made) is not None
        made.disk.room = None
        made.now[0] += 200_000
        await until(lambda: trouble(made) is None)


async def test_a_disk_that_works_again_gets_the_rest_without_a_new_record(tmp_path: Path) -> None:
    async with rig(tmp_path, tick_s=0.001) as made:
        made.disk.room = 0
        made.journal.record(Kind.END, A, b"e")
        assert trouble(made) is not None
        made.disk.room = None
        await until(lambda: trouble(made) is None)
        assert [frame.kind for frame in made.frames()] == [Kind.END]


async def test_the_end_of_the_journal_writes_what_waited(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.disk.room = 0
        made.journal.record(Kind.CHUNK, A, chunk(3))
        made.journal.record(Kind.END, A, b"e")
        made.disk.room = None
    assert [frame.kind for frame in made.frames()] == [Kind.GAP, Kind.END]
    assert made.disk.syncs == 1


async def test_a_broken_write_moves_on_to_a_new_segment(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.journal.record(Kind.CHUNK, A, chunk(0))
        made.disk.write_error = errno.EIO
        made.journal.record(Kind.CHUNK, A, chunk(4))
        made.disk.write_error = None
        made.now[0] += 200_000
        made.journal.record(Kind.CHUNK, A, chunk(8))
    assert {decode_piece(frame.payload)[0] for frame in made.frames(Kind.CHUNK)} == {0, 8}
    assert made.gap_records() == [GapRecord("response", "Input/output error", 4, 4)]


async def test_a_flush_that_fails_is_trouble_until_one_succeeds(tmp_path: Path) -> None:
    async with rig(tmp_path, background_s=0.001) as made:
        made.disk.sync_error = errno.EIO
        made.journal.record(Kind.CHUNK, A, chunk(0))
        assert not await made.journal.sync(LONG_S)
        assert trouble(made) == "the disk refuses to flush"
        made.disk.sync_error = None
        await until(lambda: trouble(made) is None)
        assert await made.journal.sync(LONG_S)
    assert not made.gaps


async def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    async with rig(tmp_path, background_s=0.001) as made:
        made.journal.record(Kind.REQUEST, A, b"r")
        assert await made.journal.sync(LONG_S)
        made.disk.may_sync.clear()
        made.journal.record(Kind.CHUNK, A, chunk(0))
        shutil.rmtree(tmp_path)
        made.disk.may_sync.set()
        await until(lambda: tmp_path.is_dir() and len(made.frames()) == 1)
        made.journal.record(Kind.END, A, b"e")
    assert [frame.kind for frame in made.frames()] == [Kind.CHUNK, Kind.END]


async def test_a_record_that_no_reader_would_take_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.journal.record(Kind.REQUEST, A, b"x" * MAX_PAYLOAD_BYTES)
        with pytest.raises(ValueError, match="too long"):
            made.journal.record(Kind.REQUEST, A, b"x" * (MAX_PAYLOAD_BYTES + 1))
        with pytest.raises(ValueError, match="too long"):
            made.journal.record_together(A, [(Kind.END, b"e"), (Kind.REQUEST, b"x" * (MAX_PAYLOAD_BYTES + 1))])
    assert len(made.frames()) == 1


async def test_a_folder_that_cannot_be_written_stops_the_start_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = LogOptions(root=tmp_path / "file" / "journals", journal=JOURNAL, started_ns=1)
    with pytest.raises(SetupError, match="NEXUS_HOME"):
        JournalWriter(options, lambda: None)


async def test_a_disk_that_is_full_from_the_start_stops_nobody_and_is_recorded_on_later(tmp_path: Path) -> None:
    """A gateway that comes back while the disk is full must serve: what is waiting for it are sessions."""
    disk, now, gaps = FaultyDisk(room=3), [1000], list[None]()
    options = LogOptions(root=tmp_path, journal=JOURNAL, started_ns=77, background_s=NEVER_S, system=disk.system)
    journal = JournalWriter(options, lambda: gaps.append(None), Timing(lambda: now[0], NEVER_S))
    made = Rig(tmp_path, disk, journal, now, gaps)
    assert trouble(made) == "the disk refuses writes"
    assert not await journal.sync(LONG_S)
    for kind, payload in ((Kind.REQUEST, b"r"), (Kind.CHUNK, chunk(0)), (Kind.RESPONSE, b"p")):
        journal.record(kind, A, payload)
    assert not await journal.sync(LONG_S)
    disk.room = None
    now[0] += 200_000
    journal.record(Kind.END, A, b"e")
    assert trouble(made) is None
    await journal.close()
    assert [frame.kind for frame in made.frames()] == [Kind.REQUEST, Kind.GAP, Kind.RESPONSE, Kind.END]
    assert len(gaps) == 1


async def test_a_disk_that_stays_full_to_the_end_leaves_no_journal(tmp_path: Path) -> None:
    options = LogOptions(root=tmp_path, journal=JOURNAL, started_ns=77, system=FaultyDisk(room=3).system)
    journal = JournalWriter(options, lambda: None)
    journal.record(Kind.END, A, b"e")
    await journal.close()
    assert list((tmp_path / str(JOURNAL)).glob("*.seg")) == []


async def test_a_journal_that_records_nothing_is_always_well() -> None:
    journal = NullJournal()
    journal.record(Kind.CHUNK, A, b"")
    assert await journal.sync(0)
    assert journal.trouble is None
    await journal.close()


# --------------------------------------------------------------------------------------- any order of faults and work

Step = tuple[str, int]
ROOM = {"full": 30, "little": 70, "room": 700_000}
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(
            ["chunk", "chunk", "end", "last", "full", "little", "room", "eio", "noflush", "heal", "later", "sync"]
        ),
        st.integers(0, 1),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.booleans())
def test_every_byte_is_in_the_journal_or_in_a_gap_and_no_fact_is_lost(story: Sequence[Step], reserves: bool) -> None:
    asyncio.run(_live_through(story, reserves))


async def _live_through(story: Sequence[Step], reserves: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        streamed, ended = [0, 0], [0, 0]
        async with rig(Path(folder), background_s=0.0001, reserves=reserves) as made:
            for step, which in story:
                if step == "sync":
                    await made.journal.sync(0.01)
                _happen(made, step, which, streamed, ended)
            made.disk.room = made.disk.write_error = made.disk.sync_error = None
        assert not made.journal._backlog
        _check(made, streamed, ended)
        if not {"eio", "noflush"} & {step for step, _ in story}:  # then there are copies
            times = [frame.time_us for frame in made.frames()]
            assert times == sorted(times)


def _happen(made: Rig, step: str, which: int, streamed: list[int], ended: list[int]) -> None:
    exchange = (A, B)[which]
    match step:
        case "chunk":
            made.journal.record(Kind.CHUNK, exchange, chunk(streamed[which], b"x" * 5))
            streamed[which] += 5
        case "last":
            piece, end = chunk(streamed[which], b"x" * 5), b"%d" % ended[which]
            made.journal.record_together(exchange, [(Kind.CHUNK, piece), (Kind.END, end)])
            streamed[which] += 5
            ended[which] += 1
        case "end":
            made.journal.record(Kind.END, exchange, b"%d" % ended[which])
            ended[which] += 1
        case "full" | "little" | "room":
            made.disk.room = ROOM[step]
        case "eio":
            made.disk.write_error = errno.EIO
        case "noflush":
            made.disk.sync_error = errno.EIO
        case "heal":
            made.disk.room = made.disk.write_error = made.disk.sync_error = None
        case "later":
            made.now[0] += 200_000


def _check(made: Rig, streamed: list[int], ended: list[int]) -> None:
    for which, exchange in enumerate((A, B)):
        frames = [frame for frame in made.frames() if frame.exchange.bytes == exchange]
        covered = dict[int, int]()
        for frame in frames:
            if frame.kind is Kind.CHUNK:
                offset, data = decode_piece(frame.payload)
                covered[offset] = len(data)
            elif frame.kind is Kind.GAP:
                gap = msgspec.json.decode(frame.payload, type=GapRecord)
                covered |= dict.fromkeys(range(gap.offset, gap.offset + gap.byte_count, 5), 5)
        assert covered == dict.fromkeys(range(0, streamed[which], 5), 5)
        ends = [int(frame.payload) for frame in frames if frame.kind is Kind.END]
        assert sorted(set(ends)) == list(range(ended[which])), "facts are late, never lost"
