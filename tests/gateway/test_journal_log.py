"""Frames go to one segment after the other; what a broken disk may have lost is written again elsewhere."""

import errno
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.backlog import Entry
from gateway.frames import FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, Frame, Kind, SegmentHeader, decode_segment_header
from gateway.frames import read_frames as frames_in
from gateway.journal_files import RESERVE
from gateway.journal_log import JournalLog, LogOptions
from gateway.journal_reader import WRITER_LOCK, try_lock
from tests.faulty_disk import FaultyDisk
from tests.journals import JOURNAL
from tests.waiting import until

LONG_S, NEVER_S = 10.0, 1000.0
EXCHANGE = b"e" * 16


def entry(number: int, size: int = 4) -> Entry:
    return Entry(Kind.TICK, EXCHANGE, number, bytes([number % 256]) * size)


@dataclass
class Rig:
    root: Path
    disk: FaultyDisk
    log: JournalLog
    losses: list[None] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / str(JOURNAL)

    def in_reserve(self) -> bool:
        return self.log.in_reserve

    def numbers(self) -> list[list[int]]:
        """Times of the frames, which number them, by segment."""
        out = []
        for path in sorted(self.folder.glob("*.seg")):
            found = [item for _, item in frames_in(path.read_bytes(), SEGMENT_HEADER_BYTES, complete=True)]
            out.append([item.time_us for item in found if isinstance(item, Frame)])
            assert len(out[-1]) == len(found), "no damage"
        return out


@asynccontextmanager
async def rig(
    root: Path, *, reserves: bool = False, room: int | None = None, background_s: float = NEVER_S, **sizes: int
) -> AsyncIterator[Rig]:
    """``sizes``: those of LogOptions."""
    disk, losses = FaultyDisk(room=room, reserves=reserves), list[None]()
    sizes = {"segment_bytes": 1 << 20, "unsafe_bytes": 1 << 20, **sizes}
    options = LogOptions(
        root=root, journal=JOURNAL, started_ns=77, background_s=background_s, system=disk.system, **sizes
    )
    made = Rig(root, disk, JournalLog(options, lambda: losses.append(None)), losses)
    try:
        yield made
    finally:
        disk.may_sync.set()
        await made.log.close(LONG_S)


async def test_frames_come_back_in_order_and_the_end_frees_the_lock(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        for number in range(5):
            made.log.append(entry(number))
        assert try_lock(made.folder / WRITER_LOCK) is None
    assert made.numbers() == [[0, 1, 2, 3, 4]]
    assert try_lock(made.folder / WRITER_LOCK) is not None
    assert made.disk.syncs == 1


async def test_a_full_segment_is_followed_by_the_next_and_all_of_them_are_flushed(tmp_path: Path) -> None:
    frame = FRAME_HEADER_BYTES + 4
    async with rig(tmp_path, segment_bytes=SEGMENT_HEADER_BYTES + 2 * frame) as made:
        for number in range(5):
            made.log.append(entry(number))
        assert await made.log.wait(LONG_S)
        assert made.disk.syncs == 3, "the full ones and the current one"
        made.log.append(entry(5))
        assert await made.log.wait(LONG_S)
        assert made.disk.syncs == 4, "a full segment needs no second flush"
    assert made.numbers() == [[0, 1], [2, 3], [4, 5]]
    headers = [decode_segment_header(path.read_bytes()) for path in sorted(made.folder.glob("*.seg"))]
    assert headers == [SegmentHeader(number, JOURNAL, 77) for number in (1, 2, 3)]


async def test_the_folder_is_flushed_once_for_each_new_name(tmp_path: Path) -> None:
    async with rig(tmp_path, segment_bytes=SEGMENT_HEADER_BYTES + 100) as made:
        told = []
        for number in range(3):
            made.log.append(entry(number))
            await made.log.wait(LONG_S)
            told.append(made.disk.folder_syncs)
    assert told == [2, 2, 4], "the segment's name and the folder's own"


async def test_a_segment_without_a_successor_goes_on_and_tries_again_later(tmp_path: Path) -> None:
    async with rig(tmp_path, segment_bytes=SEGMENT_HEADER_BYTES + 50) as made:
        made.log.append(entry(0))
        made.disk.open_error = errno.EMFILE
        made.log.append(entry(1))
        made.disk.open_error = None
        made.log.append(entry(2))
        made.log.append(entry(3, size=1024 * 1024))
        made.log.append(entry(4))
    assert made.numbers() == [[0, 1, 2], [3], [4]]


async def test_a_full_disk_refuses_and_the_same_segment_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.log.append(entry(0))
        made.disk.room = 7
        with pytest.raises(OSError, match="No space"):
            made.log.append(entry(1))
        made.disk.room = None
        made.log.append(entry(2))
    assert made.numbers() == [[0, 2]]


async def test_after_an_io_error_a_new_segment_begins_with_what_is_not_safe(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.log.append(entry(0))
        assert await made.log.wait(LONG_S)
        made.log.append(entry(1))
        made.disk.write_error = errno.EIO
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                made.log.append(entry(9))
        made.disk.write_error = None
        made.log.append(entry(2))
        assert await made.log.wait(LONG_S)
        made.log.append(entry(3))
    assert made.numbers() == [[0, 1], [1, 2, 3]], "a successor begun in vain leaves no file"


async def test_a_new_segment_that_has_no_room_for_what_is_not_safe_is_tried_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.log.append(entry(1))
        made.disk.write_error = errno.EIO
        with pytest.raises(OSError, match="Input/output"):
            made.log.append(entry(9))
        made.disk.write_error, made.disk.room = None, SEGMENT_HEADER_BYTES + 3
        with pytest.raises(OSError, match="No space"):
            made.log.append(entry(9))
        assert made.numbers() == [[1]], "it left no file"
        made.disk.room = None
        made.log.append(entry(2))
    assert made.numbers() == [[1], [1, 2]]


def _open_files() -> set[Path]:
    return set(Path("/dev/fd").iterdir())


async def test_a_segment_that_was_left_behind_is_closed_even_if_nothing_follows(tmp_path: Path) -> None:
    before = _open_files()
    async with rig(tmp_path) as made:
        made.disk.write_error = errno.EIO
        with pytest.raises(OSError, match="Input/output"):
            made.log.append(entry(9))
        made.disk.write_error, made.disk.room = None, SEGMENT_HEADER_BYTES
        with pytest.raises(OSError, match="No space"):
            made.log.append(entry(9))
    assert _open_files() == before


async def test_a_torn_end_is_left_behind(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.log.append(entry(0))
        made.disk.room, made.disk.truncate_error = 9, errno.EIO
        with pytest.raises(OSError, match="No space"):
            made.log.append(entry(9))
        made.disk.room = made.disk.truncate_error = None
        made.log.append(entry(1))
    torn, following = (path.read_bytes() for path in sorted(made.folder.glob("*.seg")))
    assert [item.time_us for _, item in frames_in(torn, 32, complete=False) if isinstance(item, Frame)] == [0]
    assert [item.time_us for _, item in frames_in(following, 32, complete=True) if isinstance(item, Frame)] == [0, 1]


def _remove_folder(made: Rig) -> None:
    shutil.rmtree(made.folder)


def _remove_segment(made: Rig) -> None:
    for path in made.folder.glob("*.seg"):
        path.unlink()


@pytest.mark.parametrize("remove", [_remove_folder, _remove_segment])
async def test_what_somebody_deletes_is_written_again_if_it_was_not_safe(
    tmp_path: Path, remove: Callable[[Rig], None]
) -> None:
    async with rig(tmp_path, background_s=0.001) as made:
        made.disk.may_sync.clear()
        made.log.append(entry(1))
        remove(made)
        made.disk.may_sync.set()
        await until(lambda: made.folder.is_dir() and made.numbers() == [[1]])
        await until(lambda: not made.log.flush_failed)
        made.log.append(entry(2))
        assert await made.log.wait(LONG_S)
        assert try_lock(made.folder / WRITER_LOCK) is None
    assert made.numbers() == [[1, 2]]
    assert [path.name for path in made.folder.glob("*.seg")] == ["00000002.seg"]
    assert not made.losses


@pytest.mark.parametrize("where", ["sync_error", "folder_error"])
async def test_a_failed_flush_is_no_flush_and_a_new_segment_gets_what_it_may_have_lost(
    tmp_path: Path, where: str
) -> None:
    async with rig(tmp_path, background_s=0.001) as made:
        setattr(made.disk, where, errno.EIO)
        made.log.append(entry(1))
        assert not await made.log.wait(LONG_S)
        assert made.log.flush_failed
        made.log.append(entry(2))
        setattr(made.disk, where, None)
        await until(lambda: not made.log.flush_failed)
        assert await made.log.wait(LONG_S)
    segments = made.numbers()
    assert segments[0] == [1]
    assert segments[1][:1] == [1]
    assert segments[-1][-1:] == [2]
    assert not made.losses


async def test_a_disk_that_can_no_longer_flush_nor_open_keeps_what_is_not_safe(tmp_path: Path) -> None:
    async with rig(tmp_path, background_s=0.001) as made:
        made.disk.sync_error = made.disk.open_error = errno.EIO
        made.log.append(entry(1))
        assert not await made.log.wait(LONG_S)
        with pytest.raises(OSError, match="Input/output"):
            made.log.append(entry(9))
        made.disk.sync_error = made.disk.open_error = None
        made.log.append(entry(2))
        await until(lambda: not made.log.flush_failed)
    assert made.numbers() == [[1], [1, 2]]


async def test_what_was_forgotten_before_it_was_safe_counts_as_a_loss_when_the_flush_fails(tmp_path: Path) -> None:
    async with rig(tmp_path, unsafe_bytes=10) as made:
        for number in range(4):
            made.log.append(entry(number))
        assert await made.log.wait(LONG_S)
        assert not made.losses, "they were safe"
        for number in range(4, 8):
            made.log.append(entry(number))
        made.disk.sync_error = errno.EIO
        assert not await made.log.wait(LONG_S)
        made.disk.sync_error = None
        assert len(made.losses) == 1
    assert made.numbers() == [[0, 1, 2, 3, 4, 5, 6, 7], [6, 7]]


async def test_a_segment_in_use_by_a_hanging_flush_is_closed_only_after_it(tmp_path: Path) -> None:
    async with rig(tmp_path, segment_bytes=SEGMENT_HEADER_BYTES + 50) as made:
        made.disk.may_sync.clear()
        made.log.append(entry(0))
        assert not await made.log.wait(0.001)
        for number in range(1, 4):
            made.log.append(entry(number))
        made.disk.may_sync.set()
        assert await made.log.wait(LONG_S), "no descriptor was closed under the flush"
    assert made.numbers() == [[0], [1], [2], [3]]


# ------------------------------------------------------------------------------------------------------ a full disk

FRAME = FRAME_HEADER_BYTES + 4


def refuse(made: Rig, number: int, write: Callable[[Entry], None] | None = None) -> None:
    with pytest.raises(OSError, match="No space"):
        (write or made.log.append)(entry(number))


async def test_a_full_disk_has_room_that_was_set_aside_and_leaves_it_for_a_new_segment(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True) as made:
        made.log.append(entry(0))
        made.disk.room = 0
        refuse(made, 9)
        for number in (1, 2):
            made.log.append_reserved(entry(number))
        assert made.in_reserve()
        assert made.numbers() == [[0], [1, 2]], "no reader needs to know"
        refuse(made, 9)
        made.disk.room = 600_000
        assert await made.log.wait(LONG_S), "a full disk flushes"
        made.log.append(entry(3))
        assert not made.in_reserve()
        made.disk.room = 0
        refuse(made, 9)
        made.log.append_reserved(entry(4))
    assert made.numbers() == [[0], [1, 2], [3], [4]]
    assert not (made.folder / RESERVE).exists()


async def test_the_reserve_is_not_left_for_room_that_is_too_small_for_another(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True) as made:
        made.disk.room = 0
        made.log.append_reserved(entry(0))
        made.disk.room = 100_000
        refuse(made, 9)
        assert made.numbers() == [[], [0]]


async def test_a_reserve_that_is_full_is_left_for_whatever_room_there_is(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True, reserve_bytes=65536) as made:
        made.disk.room = 0
        made.log.append_reserved(entry(0, size=65000))
        refuse(made, 9, lambda one: made.log.append_reserved(one._replace(payload=bytes(999))))
        made.disk.room = 1000
        made.log.append(entry(1))
    assert made.numbers() == [[], [0], [1]]


async def test_where_nothing_can_be_set_aside_a_full_disk_takes_nothing_and_that_is_said_once(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with rig(tmp_path, segment_bytes=SEGMENT_HEADER_BYTES + FRAME) as made:
            for number in range(3):
                made.log.append(entry(number))
            made.disk.room = 0
            refuse(made, 9, made.log.append_reserved)
    assert [line["error"] for line in logs] == ["Operation not supported"]


async def test_a_reserve_for_which_there_was_no_room_is_made_with_a_later_segment(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True, room=5000, segment_bytes=SEGMENT_HEADER_BYTES + FRAME) as made:
        made.log.append(entry(0))
        refuse(made, 9, made.log.append_reserved)
        made.disk.room = 1 << 20
        made.log.append(entry(1))
        made.disk.room = 0
        made.log.append_reserved(entry(2))
    assert made.numbers() == [[0], [1], [2]]


async def test_no_fact_goes_to_a_segment_that_is_not_trusted(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True) as made:
        made.disk.write_error = errno.EIO
        with pytest.raises(OSError, match="Input/output"):
            made.log.append(entry(9))
        refuse(made, 9, made.log.append_reserved)
        made.disk.write_error = None
        made.log.append(entry(0))
        made.disk.room = 0
        made.log.append_reserved(entry(1))
    assert made.numbers() == [[], [0], [1]]


async def test_a_flush_that_fails_in_the_reserve_writes_it_again_when_there_is_room(tmp_path: Path) -> None:
    async with rig(tmp_path, reserves=True, background_s=0.001) as made:
        made.disk.room = 0
        made.disk.sync_error = errno.EIO
        made.log.append_reserved(entry(0))
        await until(lambda: made.log.flush_failed)
        refuse(made, 9, made.log.append_reserved)
        made.disk.sync_error = None
        made.disk.room = 1 << 20
        made.log.append(entry(1))
        assert await made.log.wait(LONG_S)
        assert not made.in_reserve()
    assert made.numbers()[:2] == [[], [0]]
    assert made.numbers()[-1] == [0, 1]


async def test_a_folder_that_is_removed_takes_its_reserve_along_and_gets_another(tmp_path: Path) -> None:
    before = _open_files()
    async with rig(tmp_path, reserves=True, background_s=0.001) as made:
        made.log.append(entry(0))
        shutil.rmtree(made.folder)
        await until(lambda: made.folder.is_dir() and not made.log.flush_failed)
        assert (made.folder / RESERVE).exists()
        made.disk.room = 0
        made.log.append_reserved(entry(1))
    assert made.numbers()[-1] == [1]
    assert _open_files() == before


async def test_the_end_with_a_hanging_disk_does_not_hang(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = JournalLog(LogOptions(root=tmp_path, journal=JOURNAL, started_ns=1, system=disk.system), lambda: None)
    log.append(entry(1))
    disk.may_sync.clear()
    await log.close(0.001)
    assert try_lock(tmp_path / str(JOURNAL) / WRITER_LOCK) is None, "it is the writer's until the process ends"
    disk.may_sync.set()
    await until(lambda: disk.syncs == 1)


async def test_a_root_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        JournalLog(LogOptions(root=tmp_path / "file" / "x", journal=JOURNAL, started_ns=1), lambda: None)
