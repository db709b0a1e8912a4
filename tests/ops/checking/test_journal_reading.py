"""Journals on disk: which there are, who holds them, and all that is in them however large they are."""

import hashlib
from pathlib import Path
from uuid import UUID

import pytest

from gateway.frames import Frame, Kind, encode_piece
from ops.checking.journal_facts import JournalFacts, place
from ops.checking.journal_format import HEADER_BYTES, Damage
from ops.checking.journal_reading import is_held, journals_in, read_journal, read_journals, sizes_of
from tests.checked import frames_of, scripts
from tests.journals import JOURNAL, JournalOnDisk, frame_bytes

ONE = UUID(int=1)
PIECE = 60_000


def read(disk: JournalOnDisk, shipped_to: int = 0) -> JournalFacts:
    return read_journal(JOURNAL, disk.directory, shipped_to, lambda *_: False)


def large(disk: JournalOnDisk, count: int = 160) -> bytes:
    """A segment longer than what is read at once; the answer that is in it."""
    pieces = [bytes([number]) * PIECE for number in range(count)]
    frames = [Frame(Kind.CHUNK, ONE, at, encode_piece(at * PIECE, data)) for at, data in enumerate(pieces)]
    disk.write(frames)
    return b"".join(pieces)


def test_folders_that_are_no_journal_are_passed_over(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    (tmp_path / f"unreadable-{JOURNAL}").mkdir()
    (tmp_path / ".new").mkdir()
    (tmp_path / str(ONE)).write_text("a file")
    assert journals_in(tmp_path) == {JOURNAL: disk.directory}
    assert journals_in(tmp_path / "nowhere") == {}
    disk.die()


def test_what_is_shipped_and_kept_is_read_too(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    kept = tmp_path / f"kept-{JOURNAL}"
    kept.mkdir()
    assert journals_in(tmp_path) == {JOURNAL: disk.directory}
    disk.die()
    kept.rmdir()
    disk.directory.rename(kept)
    assert journals_in(tmp_path) == {JOURNAL: kept}


def test_a_lock_is_seen_and_left_alone(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    lock = disk.directory / "writer.lock"
    assert is_held(lock)
    assert is_held(lock)
    disk.die()
    assert not is_held(lock)
    assert not is_held(tmp_path / "none")


def test_sizes_are_by_number(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.append(b"abc", 2)
    disk.append(b"", 1)
    (disk.directory / "other.seg").write_bytes(b"x")
    assert sizes_of(disk.directory) == {1: HEADER_BYTES, 2: HEADER_BYTES + 3}
    disk.die()


def test_everything_is_read(tmp_path: Path) -> None:
    disk, these = JournalOnDisk(tmp_path), scripts()
    disk.write_in_segments(frames_of(these), 7)
    facts = read(disk)
    assert facts.exchanges.keys() == {script.request_id for script in these}
    assert (facts.living, facts.from_the_start, facts.lowest_segment, facts.damage) == (True, True, 1, [])
    assert facts.read_to == place(*max(sizes_of(disk.directory).items()))
    disk.die()
    assert not read(disk).living
    assert read_journals(tmp_path, {JOURNAL: 1 << 60}, lambda *_: False)[JOURNAL].shipped_to == 1 << 60


def test_a_segment_longer_than_the_window_is_read_whole(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    whole = large(disk)
    facts = read(disk, shipped_to=1 << 60)
    assert facts.exchanges[ONE].answer.whole(len(whole)) == hashlib.sha256(whole).digest()
    assert [one.end for one in facts.exchanges[ONE].answer.settled()] == [len(whole)]
    disk.die()


@pytest.mark.bar(7)
def test_damage_longer_than_the_window_costs_only_what_it_covers(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    large(disk)
    start, end = HEADER_BYTES + 10 * (PIECE + 44) + 50, HEADER_BYTES + 130 * (PIECE + 44) + 50
    with disk.segment(1).open("r+b") as file:
        file.seek(start)
        file.write(bytes(end - start))
    facts = read(disk)
    assert facts.exchanges[ONE].answer.ranges() == [(0, 10 * PIECE), (131 * PIECE, 160 * PIECE)]
    whole = 121 * (PIECE + 44)
    assert facts.damage == [(1, Damage(start - 50, start - 50 + whole))]
    assert facts.damaged_bytes == whole
    disk.die()


def test_a_torn_end_is_counted_and_is_no_damage(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    frame = frame_bytes(Frame(Kind.CHUNK, ONE, 1, encode_piece(0, b"data")))
    disk.append(frame + frame[:9])
    assert (read(disk).damaged_bytes, read(disk).damage) == (0, [])  # it may still be written
    disk.die()
    assert (read(disk).damaged_bytes, read(disk).damage) == (9, [])
    assert read(disk).read_to == place(1, HEADER_BYTES + len(frame))


def test_a_segment_without_its_head_is_read_all_the_same(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write(frames_of(scripts()))
    data = disk.segment(1).read_bytes()
    disk.segment(1).write_bytes(b"XXXX" + data[4:])
    facts = read(disk)
    assert len(facts.exchanges) == 4
    assert facts.damage == [(1, Damage(0, HEADER_BYTES))]
    disk.die()


def test_a_segment_that_is_deleted_meanwhile_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.write(frames_of(scripts()))
    monkeypatch.setattr("ops.checking.journal_reading.sizes_of", lambda _: {1: 9, 2: 9})
    facts = read(disk)
    assert not facts.from_the_start
    assert len(facts.exchanges) == 4
    disk.die()


def test_an_empty_journal(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    facts = read(disk)
    assert (facts.lowest_segment, facts.read_to, facts.from_the_start) == (None, 0, False)
    disk.append(b"")
    assert read(disk).read_to == place(1, HEADER_BYTES)
    disk.die()
