"""What is not shipped yet is measured from the files: bytes, and the age of the oldest record."""

from pathlib import Path
from uuid import UUID

import pytest

from domain.ids import JournalId
from gateway.frames import FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES
from gateway.journal_reader import position
from gateway.unshipped import Unshipped, measure
from tests.journals import JOURNAL, STARTED_NS, JournalOnDisk, frame_bytes, tick


@pytest.fixture
def disk(tmp_path: Path) -> JournalOnDisk:
    """Two segments, two records each, a second apart."""
    made = JournalOnDisk(tmp_path)
    made.write([tick(1), tick(2)], 1)
    made.write([tick(3), tick(4)], 2)
    return made


SEGMENT_BYTES = SEGMENT_HEADER_BYTES + 2 * FRAME_HEADER_BYTES


@pytest.mark.parametrize(
    ("shipped", "frames_left", "oldest_s"),
    [
        (0, 4, 1),
        (position(1, 0), 4, 1),
        (position(1, SEGMENT_HEADER_BYTES), 4, 1),
        (position(1, SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES), 3, 2),
        (position(1, SEGMENT_BYTES), 2, 3),
        (position(2, 0), 2, 3),
        (position(2, SEGMENT_BYTES), 0, None),
        (position(3, 0), 0, None),
    ],
)
def test_bytes_and_age_follow_what_was_shipped(
    disk: JournalOnDisk, shipped: int, frames_left: int, oldest_s: int | None
) -> None:
    oldest = None if oldest_s is None else STARTED_NS + oldest_s * 1_000_000_000
    assert measure(disk.root, {str(JOURNAL): shipped}) == Unshipped(
        frames_left * FRAME_HEADER_BYTES, oldest, 2 * SEGMENT_BYTES
    )


def test_a_journal_of_which_nobody_speaks_counts_whole(disk: JournalOnDisk) -> None:
    assert measure(disk.root, {"another": position(9, 0)}).byte_count == 4 * FRAME_HEADER_BYTES


def test_of_several_journals_bytes_add_up_and_the_oldest_record_counts(disk: JournalOnDisk) -> None:
    younger = JournalOnDisk(disk.root, JournalId(UUID("01990000-0000-7000-8000-00000000eeee")))
    younger.write([tick(9)])
    found = measure(disk.root, {})
    assert (found.byte_count, found.oldest_ns) == (5 * FRAME_HEADER_BYTES, STARTED_NS + 1_000_000_000)
    assert found.disk_bytes == 2 * SEGMENT_BYTES + SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES


def test_the_lag_is_the_age_of_the_oldest_record_that_waits(disk: JournalOnDisk) -> None:
    found = measure(disk.root, {})
    assert found.lag_s(STARTED_NS / 1e9 + 61) == pytest.approx(60, abs=0.001)
    assert found.lag_s(0) == 0, "the clock went back"
    assert Unshipped().lag_s(1e9) == 0


def test_a_record_that_is_being_written_has_no_age_yet(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.append(frame_bytes(tick(1))[:-3])
    assert measure(tmp_path, {}) == Unshipped(
        FRAME_HEADER_BYTES - 3, None, SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES - 3
    )


def test_damage_and_strange_files_are_passed_over(disk: JournalOnDisk) -> None:
    first = disk.segment(1)
    data = bytearray(first.read_bytes())
    data[SEGMENT_HEADER_BYTES] ^= 0xFF
    first.write_bytes(data)
    (disk.directory / "notes.seg").write_bytes(b"x" * 500)
    (disk.root / "no journal").mkdir()
    assert measure(disk.root, {}) == Unshipped(4 * FRAME_HEADER_BYTES, STARTED_NS + 2_000_000_000, 2 * SEGMENT_BYTES)


def test_no_segment_header_no_age(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    disk.segment(1).write_bytes(b"y" * 100)
    assert measure(tmp_path, {}) == Unshipped(100 - SEGMENT_HEADER_BYTES, None, 100)


def test_nothing_there(tmp_path: Path) -> None:
    assert measure(tmp_path / "none", {}) == Unshipped()
    JournalOnDisk(tmp_path)
    assert measure(tmp_path, {}) == Unshipped()


def test_the_families_carry_the_names_that_are_promised() -> None:
    families = Unshipped(5, 1_000_000_000, 9).families(now=4.0)
    assert {family.name: family.samples[0].value for family in families} == {
        "nexus_journal_bytes": 9, "nexus_ship_lag_bytes": 5, "nexus_ship_lag_seconds": 3,
    }  # fmt: skip
