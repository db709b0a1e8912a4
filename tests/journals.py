"""Journals for tests: exchanges as frames, written to a directory, and what they must become."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from hypothesis import strategies as st

from domain.ids import JournalId
from gateway.frames import Frame, Kind, SegmentHeader, encode_frame_header, encode_piece, encode_segment_header
from gateway.journal_reader import WRITER_LOCK, try_lock
from gateway.records import EndRecord, ForwardedRecord, HeaderLine, RequestRecord, ResponseRecord, encode

STARTED_NS = 1_790_000_000_000_000_000
JOURNAL = JournalId(UUID("01990000-0000-7000-8000-00000000abcd"))


@dataclass(frozen=True)
class Scripted:
    """One exchange: the bytes and moments that go in, and how it ends."""

    request_id: UUID
    body: bytes
    chunks: tuple[tuple[int, bytes], ...]
    """(microseconds after the one before, bytes)."""
    outcome: str | None
    """None: the gateway died."""
    status: int = 200

    @property
    def answer(self) -> bytes:
        return b"".join(data for _, data in self.chunks)

    def frames(self) -> list[tuple[int, Kind, bytes]]:
        """(microseconds after the one before, kind, payload)."""
        head = RequestRecord(
            wall_ns=STARTED_NS + 5,
            mode="pass_through",
            method="POST",
            target="/v1/messages?beta=true",
            headers=(HeaderLine("Host", "here"), HeaderLine("x-api-key", None, None, "f" * 32)),
            client_domain="here",
            byte_count=len(self.body),
        )
        out = [(0, Kind.REQUEST, encode(head))]
        out += [
            (1, Kind.REQUEST_BODY, encode_piece(at, self.body[at : at + 50])) for at in range(0, len(self.body), 50)
        ]
        out += [(1, Kind.FORWARDED, encode(ForwardedRecord(deferred=False)))]
        if self.chunks or self.outcome == "completed":
            out.append((1, Kind.RESPONSE, encode(ResponseRecord("upstream", self.status, (), "req_1"))))
        offset = 0
        for gap_us, data in self.chunks:
            out.append((gap_us, Kind.CHUNK, encode_piece(offset, data)))
            offset += len(data)
        if self.outcome is not None:
            out.append((1, Kind.END, encode(EndRecord(self.outcome, offset, offset))))  # type: ignore[arg-type]  # a test's word
        return out


def scripted(ids: st.SearchStrategy[UUID]) -> st.SearchStrategy[Scripted]:
    chunk = st.tuples(st.sampled_from([0, 10, 90_000, 499_999, 500_000, 2_000_000]), st.binary(min_size=1, max_size=40))
    big = st.tuples(st.integers(0, 5), st.integers(20_000, 60_000).map(bytes))
    return st.builds(
        Scripted,
        ids,
        st.binary(max_size=200),
        st.lists(chunk | chunk | big, max_size=8).map(tuple),
        st.sampled_from(["completed", "completed", "client", "upstream", "timeout", None]),
    )


@st.composite
def journals(draw: st.DrawFn, most: int = 5) -> tuple[list[Scripted], list[Frame]]:
    """Exchanges, and their frames interleaved as one gateway would write them, with ticks."""
    ids = draw(st.lists(st.uuids(version=4), min_size=1, max_size=most, unique=True))
    exchanges = [draw(scripted(st.just(one))) for one in ids]
    queues = [(exchange.request_id, exchange.frames()) for exchange in exchanges]
    frames, now = list[Frame](), 0
    while queues:
        index = draw(st.integers(0, len(queues) - 1))
        request_id, rest = queues[index]
        pause, kind, payload = rest.pop(0)
        for _ in range(pause // 500_000):
            now += 500_000
            frames.append(Frame(Kind.TICK, JOURNAL, now, b""))
        now += pause % 500_000
        frames.append(Frame(kind, request_id, now, payload))
        if not rest:
            queues.pop(index)
    return exchanges, frames


def frame_bytes(frame: Frame) -> bytes:
    return encode_frame_header(frame.kind, frame.exchange.bytes, frame.time_us, frame.payload) + frame.payload


def tick(second: int) -> Frame:
    """A record that holds nothing but its time."""
    return Frame(Kind.TICK, JOURNAL, second * 1_000_000, b"")


@dataclass
class JournalOnDisk:
    """A journal directory with a living or a dead writer."""

    root: Path
    journal: JournalId = JOURNAL
    lock: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.lock = try_lock(self.directory / WRITER_LOCK)

    @property
    def directory(self) -> Path:
        return self.root / str(self.journal)

    def segment(self, number: int) -> Path:
        return self.directory / f"{number:08d}.seg"

    def append(self, data: bytes, number: int = 1) -> None:
        path = self.segment(number)
        if not path.exists():
            path.write_bytes(encode_segment_header(SegmentHeader(number, self.journal, STARTED_NS)))
        with path.open("ab") as file:
            file.write(data)

    def write(self, frames: Iterable[Frame], number: int = 1) -> None:
        self.append(b"".join(map(frame_bytes, frames)), number)

    def write_in_segments(self, frames: Sequence[Frame], per_segment: int) -> None:
        for number, start in enumerate(range(0, max(1, len(frames)), per_segment), start=1):
            self.write(frames[start : start + per_segment], number)

    def die(self) -> None:
        """The writer's process ends."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
