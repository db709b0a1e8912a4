"""A journal that is cut or in which bits have flipped loses the damaged records, says so, and nothing else."""

import random
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import UUID

import pytest

from gateway.batching import Batcher
from gateway.exchange_fold import Made
from gateway.frames import SEGMENT_HEADER_BYTES, Damage, Frame, Kind
from gateway.journal_reader import JournalReader, position
from schemas.stored.events import TERMINAL, RecordingGap, ResponseCompleted
from tests.bar import Figure
from tests.journals import JOURNAL, STARTED_NS, JournalOnDisk, Scripted, frame_bytes
from tests.requirements import scaled

SEGMENTS = 40
EXCHANGES_A_SEGMENT = 5
LENGTH_AT = 4
pytestmark = pytest.mark.bar(7)


@dataclass
class Whole:
    """One segment as it was written: its exchanges live in it and nowhere else."""

    number: int
    exchanges: list[Scripted]

    @cached_property
    def frames(self) -> list[Frame]:
        queues = [[Frame(kind, one.request_id, 0, data) for _, kind, data in one.frames()] for one in self.exchanges]
        mixed = [queue[at] for at in range(max(map(len, queues))) for queue in queues if at < len(queue)]
        return [Frame(one.kind, one.exchange, now, one.payload) for now, one in enumerate(mixed)]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """(start, end) of each frame in the segment."""
        at, out = SEGMENT_HEADER_BYTES, []
        for frame in self.frames:
            size = len(frame_bytes(frame))
            out.append((at, at + size))
            at += size
        return out


def _exchange(rng: random.Random, number: int) -> Scripted:
    chunks = tuple((1, rng.randbytes(rng.choice([10, 135, 2000, 30_000]))) for _ in range(rng.randint(1, 14)))
    return Scripted(UUID(int=number + 1), rng.randbytes(rng.choice([20, 300])), chunks, "completed")


@dataclass
class Target:
    """A journal of a dead gateway, its segments damaged one at a time."""

    disk: JournalOnDisk
    segments: list[Whole]
    reader: JournalReader

    def read_after(self, whole: Whole, data: bytes) -> tuple[list[Frame], list[tuple[int, int]]]:
        """Frames of the segment if it held ``data``, and stretches of damage; all others must be as they were."""
        path = self.disk.segment(whole.number)
        good = path.read_bytes()
        path.write_bytes(data)
        try:
            return self._read(whole)
        finally:
            path.write_bytes(good)

    def _read(self, whole: Whole) -> tuple[list[Frame], list[tuple[int, int]]]:
        frames, damage, at = list[Frame](), list[tuple[int, int]](), position(whole.number, 0)
        end = position(whole.number + 1, 0)
        while (found := list(self.reader.read(at, complete=True))) and found[0][0] < end:
            frames += [item for _, _, item in found if isinstance(item, Frame)]
            damage += [(at, behind) for at, behind, item in found if isinstance(item, Damage)]
            at = found[-1][1]
        if whole.number < len(self.segments):
            assert found[0][2] == self.segments[whole.number].frames[0], "the next segment is whole"
        return frames, damage


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    rng, disk = random.Random(7), JournalOnDisk(tmp_path)
    segments = []
    for number in range(1, SEGMENTS + 1):
        first = number * EXCHANGES_A_SEGMENT
        whole = Whole(number, [_exchange(rng, first + one) for one in range(EXCHANGES_A_SEGMENT)])
        disk.write(whole.frames, number)
        segments.append(whole)
    disk.die()
    reader = JournalReader.claim(disk.directory)
    assert reader is not None
    yield Target(disk, segments, reader)
    reader.release()


def fold(frames: list[Frame]) -> Made:
    """The events of what could be read."""
    batcher = Batcher(JOURNAL, STARTED_NS)
    for at, frame in enumerate(frames):
        batcher.feed(at, frame)
    batcher.close()
    return batcher.take()


def check_told(whole: Whole, frames: list[Frame]) -> None:
    """Every answer is whole, or its missing bytes are named exactly; each exchange has one end."""
    made = fold(frames)
    kept: dict[UUID, set[tuple[int, int]]] = defaultdict(set)
    for run in made.runs:
        kept[run.request_id].add((run.offset, run.offset + len(run.data)))
        script = next(one for one in whole.exchanges if one.request_id == run.request_id)
        assert script.answer[run.offset : run.offset + len(run.data)] == run.data
    seen = {frame.exchange for frame in frames}
    for script in whole.exchanges:
        events = [event for event in made.drafts if _stream_of(event) == script.request_id]
        assert sum(isinstance(event, TERMINAL) for event in events) == (script.request_id in seen)
        gaps = [event for event in events if isinstance(event, RecordingGap)]
        missing = {(one.offset, one.offset + one.byte_count) for one in gaps if one.part == "response"}
        if events and isinstance(events[-1], ResponseCompleted):
            assert _covered(kept[script.request_id] | missing) == len(script.answer)
            assert bool(gaps) == bool(_lost(whole, frames, script.request_id) - {Kind.FORWARDED})


def _lost(whole: Whole, frames: list[Frame], request_id: UUID) -> set[Kind]:
    """Kinds of its frames that could not be read. That it went upstream, what follows tells as well."""
    kept = {frame for frame in frames if frame.exchange == request_id}
    return {frame.kind for frame in whole.frames if frame.exchange == request_id and frame not in kept}


def _stream_of(event: object) -> UUID | None:
    return getattr(event, "originator_id", None) or getattr(event, "request_id", None)


def _covered(spans: set[tuple[int, int]]) -> int:
    """Up to where they reach without a hole and without meeting twice."""
    at = 0
    for start, end in sorted(spans):
        assert start == at
        at = end
    return at


def expected(whole: Whole, broken: Callable[[int, int], bool]) -> list[Frame]:
    return [frame for frame, span in zip(whole.frames, whole.spans, strict=True) if not broken(*span)]


def test_a_flipped_bit_loses_the_record_it_is_in(target: Target, figure: Figure) -> None:
    rng, count = random.Random(8), scaled(150, 2000)
    for _ in range(count):
        whole = rng.choice(target.segments)
        data = bytearray(target.disk.segment(whole.number).read_bytes())
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
        frames, damage = target.read_after(whole, bytes(data))
        assert frames == expected(whole, lambda start, end, at=at: start <= at < end), f"bit of byte {at}"  # type: ignore[misc]  # bound now
        assert len(damage) == 1 or at < SEGMENT_HEADER_BYTES
        check_told(whole, frames)
    figure(
        f"{count} flipped bits in a journal of {_size(target)} MB: only the damaged record was lost, and it was told"
    )


def test_a_journal_that_is_cut_anywhere_keeps_all_before_the_cut(target: Target, figure: Figure) -> None:
    rng, count = random.Random(9), scaled(150, 2000)
    for _ in range(count):
        whole = rng.choice(target.segments)
        data = target.disk.segment(whole.number).read_bytes()
        at = rng.randrange(len(data))
        frames, _ = target.read_after(whole, data[:at])
        assert frames == expected(whole, lambda _, end, at=at: end > at), f"cut at byte {at}"  # type: ignore[misc]  # bound now
        check_told(whole, frames)
    figure(f"{count} cuts of a journal of {_size(target)} MB: every record before the cut was read")


@pytest.mark.parametrize("length", [0xFFFF_FFFF, 0x8000_0000, 1 << 20, 0])
def test_a_length_field_that_lies_costs_neither_memory_nor_its_neighbours(target: Target, length: int) -> None:
    whole = target.segments[3]
    data = bytearray(target.disk.segment(whole.number).read_bytes())
    start, _ = whole.spans[5]
    struct.pack_into("<I", data, start + LENGTH_AT, length)
    frames, damage = target.read_after(whole, bytes(data))
    assert frames == expected(whole, lambda begin, _: begin == start)
    assert [(position(whole.number, start), position(whole.number, whole.spans[5][1]))] == damage
    check_told(whole, frames)


def _size(target: Target) -> str:
    return f"{sum(size for _, size in target.reader.sizes()) / 1e6:.1f}"
