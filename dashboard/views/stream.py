"""How did an answer come? Its chunks and blocks in time."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from dashboard.details import ReceivedAnswer
from dashboard.figures import Arrival

_PAUSE_MS = 1_000.0


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """When a block of the answer came."""

    kind: str
    title: str
    began_ms: float | None
    """None: it was not streamed, or the answer could not be opened."""
    ended_ms: float | None
    byte_count: int
    cut: bool


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """An answer's rhythm in numbers."""

    chunks: int
    byte_count: int
    first_ms: float | None
    last_ms: float | None
    longest_pause_ms: float
    pauses: int
    """Of more than a second."""
    blocks: tuple[BlockSpan, ...]


def arrivals(answer: ReceivedAnswer) -> tuple[Arrival, ...]:
    """For the chart."""
    return tuple(Arrival(chunk.arrival_us / 1000, chunk.length) for chunk in answer.chunks)


def stream_facts(answer: ReceivedAnswer) -> StreamFacts:
    times = [chunk.arrival_us / 1000 for chunk in answer.chunks]
    pauses = [after - before for before, after in pairwise(times)]
    return StreamFacts(
        chunks=len(times),
        byte_count=sum(chunk.length for chunk in answer.chunks),
        first_ms=times[0] if times else None,
        last_ms=times[-1] if times else None,
        longest_pause_ms=max(pauses, default=0.0),
        pauses=sum(pause > _PAUSE_MS for pause in pauses),
        blocks=_spans(answer, times),
    )


def _spans(answer: ReceivedAnswer, times: list[float]) -> tuple[BlockSpan, ...]:
    ends = [chunk.opened_end for chunk in answer.chunks]

    def when(offset: int) -> float | None:
        """Arrival of the chunk that holds this byte of the opened answer."""
        place = bisect_right(ends, offset)
        return times[place] if place < len(times) else None

    return tuple(
        BlockSpan(
            kind=str(block.value.get("type", "unknown")),
            title=str(block.value.get("name", "")),
            began_ms=when(block.start),
            ended_ms=when(max(block.start, block.end - 1)),
            byte_count=block.end - block.start,
            cut=block.cut,
        )
        for block in answer.message.blocks
    )
