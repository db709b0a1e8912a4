"""A journal directory is read whole, in order, while it grows and after its writer died."""

import multiprocessing
import os
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gateway.journal_reader
from gateway.frames import Damage, Frame, Kind
from gateway.journal_reader import (
    WRITER_LOCK,
    Found,
    JournalReader,
    journals_in,
    position,
    split_position,
    try_lock,
)
from tests.journals import JOURNAL, STARTED_NS, JournalOnDisk, Scripted, frame_bytes, journals


def claimed(disk: JournalOnDisk) -> JournalReader:
    reader = JournalReader.claim(disk.directory)
    assert reader is not None
    return reader


def read_all(reader: JournalReader, at: int = 0, *, complete: bool) -> list[tuple[int, int, Found]]:
    out: list[tuple[int, int, Found]] = []
    while more := list(reader.read(at, complete=complete)):
        out += more
        at = more[-1][1]
    return out


def frame(number: int, size: int = 5) -> Frame:
    return Frame(Kind.CHUNK, UUID(int=number), number, bytes(8) + b"x" * size)


@given(st.integers(1, 2**20), st.integers(0, 2**40 - 1))
def test_positions_split_again_and_grow_with_segments(segment: int, offset: int) -> None:
    assert split_position(position(segment, offset)) == (segment, offset)
    assert position(segment, offset) < position(segment + 1, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(journals(3), st.integers(1, 30), st.data())
def test_every_frame_comes_once_from_any_position(
    tmp_path_factory: pytest.TempPathFactory,
    journal: tuple[list[Scripted], list[Frame]],
    per_segment: int,
    data: st.DataObject,
) -> None:
    _, frames = journal
    disk = JournalOnDisk(tmp_path_factory.mktemp("j"))
    disk.write_in_segments(frames, per_segment)
    disk.die()
    reader = claimed(disk)
    found = read_all(reader, complete=True)
    assert [item for _, _, item in found] == frames
    start = data.draw(st.integers(0, len(found)))
    at = found[start - 1][1] if start else 0
    assert [item for _, _, item in read_all(reader, at, complete=True)] == frames[start:]
    assert reader.end() == found[-1][1]
    reader.release()


def test_a_growing_journal_is_followed(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    reader = claimed(disk)
    assert reader.header() is None
    assert reader.segments() == []
    assert reader.end() == position(1, 0)
    data = frame_bytes(frame(1)) + frame_bytes(frame(2))
    disk.append(data[:70])
    [(_, at, one)] = read_all(reader, complete=False)
    assert one == frame(1)
    assert list(reader.read(at, complete=False)) == []
    disk.append(data[70:])
    disk.write([frame(3)], 2)
    assert [item for _, _, item in read_all(reader, at, complete=False)] == [frame(2), frame(3)]
    header = reader.header()
    assert header is not None
    assert (header.journal, header.started_ns) == (JOURNAL, STARTED_NS)
    assert not reader.writer_is_gone()
    disk.die()
    assert reader.writer_is_gone()


def test_a_torn_tail_waits_for_a_living_writer_and_is_damage_after_its_death(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.append(frame_bytes(frame(1)) + frame_bytes(frame(2))[:-1])
    reader = claimed(disk)
    assert [item for _, _, item in read_all(reader, complete=False)] == [frame(1)]
    assert [type(item) for _, _, item in read_all(reader, complete=True)] == [Frame, Damage]


def test_a_torn_tail_of_a_segment_that_has_a_successor_is_damage(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.append(frame_bytes(frame(1))[:-1])
    disk.write([frame(2)], 2)
    assert [type(item) for _, _, item in read_all(claimed(disk), complete=False)] == [Damage, Frame]


def test_a_successor_without_its_header_may_be_taken_back_and_ends_nothing(tmp_path: Path) -> None:
    """A full disk has room for a name, but not for a header: the segment before it goes on."""
    disk = JournalOnDisk(tmp_path)
    disk.append(frame_bytes(frame(1)) + frame_bytes(frame(2))[:-1])
    disk.segment(2).write_bytes(b"")
    reader = claimed(disk)
    found = read_all(reader, complete=False)
    assert [item for _, _, item in found] == [frame(1)]
    disk.segment(2).unlink()
    disk.append(frame_bytes(frame(2))[-1:])
    assert [item for _, _, item in read_all(reader, found[-1][1], complete=False)] == [frame(2)]


def test_a_segment_that_is_taken_back_while_it_is_looked_at_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write([frame(1)])
    disk.write([frame(2)], 2)
    reader = claimed(disk)
    monkeypatch.setattr(JournalReader, "segments", lambda _: [1, 2, 3])
    assert [item for _, _, item in read_all(reader, complete=True)] == [frame(1), frame(2)]
    monkeypatch.setattr(JournalReader, "_size", lambda *_: 100)
    assert read_all(reader, position(3, 0), complete=True) == []


def test_a_damaged_segment_header_loses_no_frame(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write([frame(1), frame(2)])
    raw = bytearray(disk.segment(1).read_bytes())
    raw[0] ^= 255
    disk.segment(1).write_bytes(raw)
    disk.write([frame(3)], 2)
    reader = claimed(disk)
    assert [item for _, _, item in read_all(reader, complete=True) if isinstance(item, Frame)] == [
        frame(1),
        frame(2),
        frame(3),
    ]
    assert reader.header() is not None, "the second segment's header serves"


def test_half_a_segment_header_waits(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.append(b"")
    disk.segment(1).write_bytes(disk.segment(1).read_bytes()[:10])
    assert read_all(claimed(disk), complete=False) == []


def test_damage_longer_than_the_window_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.journal_reader, "_READ_BYTES", 64)
    disk = JournalOnDisk(tmp_path)
    disk.append(b"\0" * 1000)
    disk.write([frame(1, 300), frame(2)])
    assert [type(item) for _, _, item in read_all(claimed(disk), complete=True)] == [Damage, Frame, Frame]


def test_one_shipper_holds_a_journal(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    reader = claimed(disk)
    assert JournalReader.claim(disk.directory) is None
    reader.release()
    claimed(disk).release()


def test_a_journal_that_is_gone_cannot_be_claimed(tmp_path: Path) -> None:
    assert JournalReader.claim(tmp_path / str(JOURNAL)) is None


def test_a_journal_deleted_under_the_lock_is_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = JournalOnDisk(tmp_path)

    def lock_then_lose(path: Path) -> int | None:
        lock = try_lock(path)
        claimed_before.delete()
        return lock

    claimed_before = claimed(disk)
    claimed_before.release()
    monkeypatch.setattr(gateway.journal_reader, "try_lock", lock_then_lose)
    assert JournalReader.claim(disk.directory) is None


def test_segments_before_a_position_are_dropped_and_the_rest_stays(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write_in_segments([frame(n) for n in range(5)], 1)
    reader = claimed(disk)
    reader.drop_segments_before(position(3, 10))
    assert reader.segments() == [3, 4, 5]
    assert [number for number, _ in reader.sizes()] == [3, 4, 5]
    kept = reader.set_aside()
    assert journals_in(tmp_path) == []
    assert kept.is_dir()


def test_of_a_journal_that_is_removed_nobody_can_say_that_its_writer_is_gone(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write([frame(1)])
    reader = claimed(disk)
    was_there = reader.is_there()
    reader.delete()
    assert (was_there, reader.is_there(), reader.writer_is_gone()) == (True, False, False)
    assert read_all(reader, complete=False) == []


def test_deleting_takes_the_directory(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    claimed(disk).delete()
    assert not disk.directory.exists()


def test_only_journal_directories_are_listed_oldest_first(tmp_path: Path) -> None:
    names = ["01990000-0000-7000-8000-000000000002", "01990000-0000-7000-8000-000000000001", "tmp-x", "note.txt"]
    for name in names:
        (tmp_path / name).mkdir()
    assert [path.name for path in journals_in(tmp_path)] == [names[1], names[0]]
    assert journals_in(tmp_path / "missing") == []


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / WRITER_LOCK

    def hold() -> None:
        assert try_lock(path) is not None
        os.kill(os.getpid(), 9)

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    process.join(10)
    lock = try_lock(path)
    assert lock is not None
    os.close(lock)


def test_other_errors_of_locking_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int, _how: int) -> None:
        raise OSError(38, "no locks here")

    monkeypatch.setattr("fcntl.flock", broken)
    with pytest.raises(OSError, match="no locks"):
        try_lock(tmp_path / "lock")
