"""A journal is never seen unlocked, nobody else can read it, and a segment holds whole appends or nothing of them."""

import errno
import os
import stat
import sys
from pathlib import Path
from uuid import UUID

import pytest

from domain.ids import JournalId
from gateway import journal_files
from gateway.frames import SEGMENT_HEADER_BYTES, SegmentHeader, decode_segment_header
from gateway.journal_files import RESERVE, JournalFolder, Reserve, Segment, Syscalls, unwritable
from gateway.journal_reader import WRITER_LOCK, journals_in, try_lock
from tests.faulty_disk import FaultyDisk, fault

JOURNAL = JournalId(UUID("01990000-0000-7000-8000-00000000abcd"))
HEADER = SegmentHeader(1, JOURNAL, 77)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "00000001.seg"


def body_of(path: Path) -> bytes:
    return path.read_bytes()[SEGMENT_HEADER_BYTES:]


def test_a_folder_appears_with_its_lock_held_and_for_its_owner_only(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "journals"
    old = os.umask(0)
    try:
        folder = JournalFolder.create(root, JOURNAL, Syscalls())
        segment = folder.segment(Syscalls(), HEADER)
    finally:
        os.umask(old)
    assert journals_in(root) == [folder.path] == [root / str(JOURNAL)]
    assert mode_of(root) == mode_of(folder.path) == 0o700
    assert mode_of(folder.path / WRITER_LOCK) == mode_of(folder.path / "00000001.seg") == 0o600
    assert try_lock(folder.path / WRITER_LOCK) is None
    segment.close()
    folder.close()
    lock = try_lock(folder.path / WRITER_LOCK)
    assert lock is not None
    os.close(lock)


def test_names_of_folders_that_had_to_be_made_are_brought_to_the_disk(tmp_path: Path) -> None:
    disk = FaultyDisk()
    for number in range(2):
        JournalFolder.create(tmp_path / "a" / "b", JournalId(UUID(int=number)), disk.system).close()
    assert disk.folder_syncs == 2, "once"


def test_it_is_locked_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(path: Path) -> int | None:
        seen.append((path.parent.name.startswith(".new-"), journals_in(tmp_path)))
        return try_lock(path)

    monkeypatch.setattr(journal_files, "try_lock", look)
    JournalFolder.create(tmp_path, JOURNAL, Syscalls()).close()
    assert seen == [(True, [])]


def test_a_try_that_failed_in_the_middle_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Path:
        raise fault(errno.ENOSPC)

    before = set(Path("/dev/fd").iterdir())
    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", refuse)
        with pytest.raises(OSError, match="No space"):
            JournalFolder.create(tmp_path, JOURNAL, Syscalls())
    assert set(Path("/dev/fd").iterdir()) == before
    assert journals_in(tmp_path) == []
    JournalFolder.create(tmp_path, JOURNAL, Syscalls()).close()
    assert [path.name for path in journals_in(tmp_path)] == [str(JOURNAL)]
    assert set(Path("/dev/fd").iterdir()) == before


def test_a_folder_knows_when_it_is_gone_or_another(tmp_path: Path) -> None:
    folder = JournalFolder.create(tmp_path, JOURNAL, Syscalls())
    seen = [folder.exists]
    folder.path.rename(tmp_path / "away")
    seen.append(folder.exists)
    other = JournalFolder.create(tmp_path, JOURNAL, Syscalls())
    seen += [folder.exists, other.exists]
    assert seen == [True, False, False, True]
    folder.close()
    other.close()


def test_a_segment_begins_with_its_header_and_grows_by_whole_appends(path: Path) -> None:
    segment = Segment(Syscalls(), path, HEADER)
    segment.append([b"ab", b"", b"cd"])
    segment.append([b"e"])
    assert decode_segment_header(path.read_bytes()) == HEADER
    assert body_of(path) == b"abcde"
    assert segment.size == path.stat().st_size
    segment.close()


def test_a_segment_that_exists_is_never_opened_again(path: Path) -> None:
    Segment(Syscalls(), path, HEADER).close()
    with pytest.raises(FileExistsError):
        Segment(Syscalls(), path, HEADER)


def test_a_full_disk_leaves_no_piece_of_an_append(path: Path) -> None:
    disk = FaultyDisk()
    segment = Segment(disk.system, path, HEADER)
    segment.append([b"good"])
    disk.room = 3
    with pytest.raises(OSError, match="No space left"):
        segment.append([b"lo", b"st"])
    assert body_of(path) == b"good"
    assert not segment.torn
    disk.room = None
    segment.append([b"again"])
    assert body_of(path) == b"goodagain"
    segment.close()


def test_a_short_write_that_can_go_on_goes_on(path: Path) -> None:
    def two_bytes(descriptor: int, pieces: object) -> int:
        assert isinstance(pieces, list)
        return os.write(descriptor, b"".join(pieces)[:2])

    segment = Segment(Syscalls(), path, HEADER)
    stuttering = Segment(Syscalls(writev=two_bytes), path.with_name("2"), HEADER)
    for one in (segment, stuttering):
        one.append([b"abc", b"defg"])
        one.close()
    assert path.with_name("2").read_bytes() == path.read_bytes()


def test_a_piece_that_cannot_be_taken_back_tears_the_segment(path: Path) -> None:
    disk = FaultyDisk()
    segment = Segment(disk.system, path, HEADER)
    disk.room, disk.truncate_error = 2, errno.EIO
    with pytest.raises(OSError, match="No space left"):
        segment.append([b"lost"])
    assert segment.torn
    segment.close()


def test_a_segment_whose_header_cannot_be_written_leaves_no_file(path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        Segment(FaultyDisk(room=5).system, path, HEADER)
    assert not path.exists()


def test_a_segment_knows_that_it_was_deleted(path: Path) -> None:
    segment = Segment(Syscalls(), path, HEADER)
    before = segment.deleted
    path.unlink()
    assert (before, segment.deleted) == (False, True)
    segment.discard()


MEBIBYTE = 1 << 20
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="room can be set aside on Linux only")


@on_linux
def test_room_that_is_set_aside_is_taken_from_the_disk_and_makes_no_file_longer(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve = Reserve(Syscalls(), path, MEBIBYTE)
    assert (path.stat().st_size, path.stat().st_blocks * 512 >= MEBIBYTE) == (0, True)
    segment = reserve.segment(tmp_path / "00000002.seg", HEADER)
    segment.append([b"fact"])
    assert not path.exists()
    assert body_of(tmp_path / "00000002.seg") == b"fact", "no zeros behind it"
    segment.give_back()
    assert (tmp_path / "00000002.seg").stat().st_blocks * 512 < MEBIBYTE
    assert body_of(tmp_path / "00000002.seg") == b"fact"
    segment.close()


def test_a_segment_in_the_reserve_is_written_when_there_is_no_other_room(tmp_path: Path) -> None:
    disk = FaultyDisk(reserves=True)
    reserve = Reserve(disk.system, tmp_path / "reserve", 4096)
    disk.room = 0
    segment = reserve.segment(tmp_path / "2.seg", HEADER)
    segment.append([b"x" * (4096 - SEGMENT_HEADER_BYTES)])
    with pytest.raises(OSError, match="No space"):
        segment.append([b"y"])
    segment.close()


def test_a_reserve_whose_name_cannot_be_changed_leaves_no_file(tmp_path: Path) -> None:
    before = set(Path("/dev/fd").iterdir())
    reserve = Reserve(FaultyDisk(reserves=True).system, tmp_path / "reserve", 4096)
    with pytest.raises(OSError, match="No such file"):
        reserve.segment(tmp_path / "gone" / "2.seg", HEADER)
    with pytest.raises(OSError, match="not supported"):
        Reserve(FaultyDisk().system, tmp_path / "reserve", 4096)
    assert list(tmp_path.iterdir()) == []
    assert set(Path("/dev/fd").iterdir()) == before


@pytest.mark.parametrize(
    ("room", "expected"),
    [(None, 8 * MEBIBYTE), (16 * MEBIBYTE + 9, 2 * MEBIBYTE), (MEBIBYTE, 131072), (524288, 65536), (524287, None)],
)
def test_a_small_disk_is_not_eaten_up_by_the_reserve(tmp_path: Path, room: int | None, expected: int | None) -> None:
    folder = JournalFolder.create(tmp_path, JOURNAL, Syscalls())
    disk = FaultyDisk(room=room, reserves=True)
    reserve = folder.set_aside(disk.system, 8 * MEBIBYTE)
    assert list(disk.set_aside.values()) == ([expected] if expected else [])
    assert (folder.path / RESERVE).exists() == (expected is not None)
    if reserve is not None:
        reserve.discard()
    folder.close()


def test_other_systems_cannot_set_room_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="not supported"):
        Reserve(Syscalls(), path, 4096)


@on_linux
def test_room_that_the_system_refuses_is_an_error(path: Path) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        Reserve(Syscalls(), path, 0)
    assert Syscalls().free_bytes(os.open(path.parent, os.O_RDONLY)) > 0


def test_the_default_flush_reaches_the_disk_or_says_that_it_does_not(path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    Syscalls().sync_data(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file"):
        Syscalls().sync_data(descriptor)


@pytest.mark.skipif(sys.platform == "darwin", reason="there it is F_FULLFSYNC")
def test_without_fdatasync_it_is_fsync(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(os, "fsync", flushed.append)
    Syscalls().sync_data(17)
    assert flushed == [17]


def test_an_unwritable_folder_is_explained_with_a_mend() -> None:
    text = str(unwritable(Path("/some/where"), fault(errno.EACCES)))
    assert "/some/where" in text
    assert "Permission denied" in text
    assert "NEXUS_HOME" in text
    assert "\n" not in text
