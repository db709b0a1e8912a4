"""What came when? A recorded answer as its chunks, each with the moment it arrived."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.stored.events import ChunkStreamed


@dataclass(frozen=True, slots=True)
class TimedChunk:
    """Bytes as they came off the socket."""

    offset: int
    """In the answer."""
    arrival_us: int
    """Microseconds after the request was received."""
    data: bytes


def chunks_of(runs: Iterable[ChunkStreamed], answer: bytes) -> Iterator[TimedChunk]:
    """``answer``: the recorded bytes, those of one run behind those of the other; holes between runs are left out."""
    at = 0
    for run in sorted(runs, key=lambda one: one.offset):
        offset = run.offset
        for length, arrival_us in zip(run.lengths, run.arrivals_us, strict=True):
            yield TimedChunk(offset, arrival_us, answer[at : at + length])
            at += length
            offset += length
