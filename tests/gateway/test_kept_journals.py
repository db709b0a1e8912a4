"""What was shipped stays as long as it should, and a store that was set back gets it again, whole and once."""

import asyncio
import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ports import Batch
from gateway import kept_journals
from gateway.frames import Frame
from gateway.journal_reader import JournalReader, position
from gateway.kept_journals import Keeper, bring_back, kept_in
from schemas.stored.events import ExchangeEvent, ResponseAborted
from tests.fake_store import FakeStore
from tests.gateway.test_shipper import check_whole, shipping
from tests.journals import JOURNAL, JournalOnDisk, Scripted, journals, tick
from tests.waiting import until

HOUR = 3600.0


@dataclass
class BackedUpStore(FakeStore):
    """Of which a backup is made after some appends."""

    backup_after: int = 0
    backup: FakeStore = field(default_factory=FakeStore)

    async def append(self, batch: Batch) -> None:
        await super().append(batch)
        if self.appends == self.backup_after:
            names = ("events", "chunks", "parts", "cursors")
            self.backup = FakeStore(**{name: copy.copy(getattr(self, name)) for name in names})


def by_stream(store: FakeStore) -> dict[tuple[UUID, int], object]:
    """What must be the same. When a dead gateway was heard last is known less well by a shipper that began later."""
    out = {(event.originator_id, event.originator_version): _without_last_sign(event) for event in store.events}
    assert len(out) == len(store.events)
    return out


def _without_last_sign(event: ExchangeEvent) -> object:
    if isinstance(event, ResponseAborted) and event.ended_by == "gateway_crash":
        return event.ended_by, event.byte_count
    return event


async def ship_all(root: Path, store: FakeStore, **changes: float) -> None:
    async with shipping(root, store, None, **changes):
        await until(lambda: store.closed, "the journal to be shipped")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(journals(4), st.integers(1, 40), st.integers(1, 8), st.integers(0, 12))
def test_a_store_set_back_to_any_moment_gets_the_same_events_again(
    tmp_path_factory: pytest.TempPathFactory,
    journal: tuple[list[Scripted], list[Frame]],
    per_segment: int,
    batch_events: int,
    backup_after: int,
) -> None:
    exchanges, frames = journal
    disk = JournalOnDisk(tmp_path_factory.mktemp("keep"))
    disk.write_in_segments(frames, per_segment)
    disk.die()
    store = BackedUpStore(backup_after=backup_after)
    asyncio.run(ship_all(disk.root, store, batch_events=batch_events, keep_s=HOUR))
    assert not disk.directory.exists()
    restored = store.backup
    assert bring_back(disk.root) == [disk.directory]
    asyncio.run(ship_all(disk.root, restored, batch_events=batch_events, keep_s=HOUR))
    assert by_stream(restored) == by_stream(store)
    assert (restored.chunks, restored.parts) == (store.chunks, store.parts)
    for exchange in exchanges:
        check_whole(restored, exchange)
    assert len(kept_in(disk.root)) == 1


async def test_a_living_journal_whose_store_was_set_back_goes_on_from_the_older_cursor(tmp_path: Path) -> None:
    disk = JournalOnDisk(tmp_path)
    store = BackedUpStore(backup_after=1)
    scripts = [Scripted(JOURNAL, b"{}", ((1, b"abc"),), "completed")]
    frames = [Frame(kind, JOURNAL, at, data) for at, (_, kind, data) in enumerate(scripts[0].frames())]
    for number in range(len(frames)):
        disk.write([frames[number]], number + 1)
    async with shipping(tmp_path, store, batch_events=1, keep_s=HOUR):
        await until(lambda: store.cursors[JOURNAL].segment == len(frames) if JOURNAL in store.cursors else False)
    assert len(list(disk.directory.glob("*.seg"))) == len(frames)
    async with shipping(tmp_path, store.backup, batch_events=1, keep_s=HOUR):
        await until(lambda: len(store.backup.events) == len(store.events), "it to be shipped again")
    assert by_stream(store.backup) == by_stream(store)
    disk.die()


async def test_a_store_older_than_what_was_kept_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk, store = JournalOnDisk(tmp_path), FakeStore()
    disk.write([tick(1)], 4)
    disk.die()
    await ship_all(tmp_path, store)
    said = capsys.readouterr()
    assert "journal segments are gone" in said.out + said.err
    assert "1 to 3" in said.out + said.err


# --- how long


@pytest.fixture
def disk(tmp_path: Path) -> JournalOnDisk:
    """A journal of four segments, last written at 1000, 2000, 3000 and 4000."""
    disk = JournalOnDisk(tmp_path)
    for number in range(1, 5):
        disk.write([tick(number)], number)
        os.utime(disk.segment(number), (number * 1000, number * 1000))
    disk.die()
    return disk


def keeper(disk: JournalOnDisk, keep_s: float, now: float, free: float = 0.5) -> Keeper:
    return Keeper(disk.root, keep_s, lambda: now, lambda _: free)


def claimed(disk: JournalOnDisk) -> JournalReader:
    reader = JournalReader.claim(disk.directory)
    assert reader is not None
    return reader


@pytest.mark.parametrize(
    ("keep_s", "free", "left"),
    [(0, 0.5, [3, 4]), (2600, 0.5, [2, 3, 4]), (9000, 0.5, [1, 2, 3, 4]), (9000, 0.05, [3, 4]), (1, 0.5, [3, 4])],
)
def test_segments_go_when_they_are_shipped_and_old_or_the_disk_runs_short(
    disk: JournalOnDisk, keep_s: float, free: float, left: Sequence[int]
) -> None:
    reader = claimed(disk)
    keeper(disk, keep_s, 4500, free).drop_segments_before(reader, position(3, 10))
    assert reader.segments() == left


@pytest.mark.parametrize(("keep_s", "free", "kept"), [(0, 0.5, 0), (10, 0.5, 1), (10, 0.05, 0)])
def test_a_finished_journal_is_set_aside_or_deleted(disk: JournalOnDisk, keep_s: float, free: float, kept: int) -> None:
    keeper(disk, keep_s, 0, free).finish(claimed(disk))
    assert not disk.directory.exists()
    assert len(kept_in(disk.root)) == kept


@pytest.mark.parametrize(("now", "keep_s", "kept"), [(4900, 1000, 1), (5000, 1000, 0), (4000, 0, 0)])
def test_a_kept_journal_goes_when_its_last_record_is_old(
    disk: JournalOnDisk, now: float, keep_s: float, kept: int
) -> None:
    keeper(disk, 1000, 0).finish(claimed(disk))
    keeper(disk, keep_s, now).expire()
    assert len(kept_in(disk.root)) == kept


def test_one_that_cannot_be_set_aside_is_deleted(disk: JournalOnDisk) -> None:
    (disk.root / f"kept-{JOURNAL}" / "in the way").mkdir(parents=True)
    keeper(disk, 1000, 0).finish(claimed(disk))
    assert not disk.directory.exists()


def test_none_is_brought_back_over_a_living_one(disk: JournalOnDisk) -> None:
    keeper(disk, 1000, 0).finish(claimed(disk))
    disk.directory.mkdir()
    assert bring_back(disk.root) == []
    assert kept_in(disk.root / "nowhere") == []


def test_free_room_is_that_of_the_disk(tmp_path: Path) -> None:
    assert 0 <= kept_journals._free(tmp_path) <= 1
