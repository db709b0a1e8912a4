"""How did an answer come over the wire? Its silences, its pace, who ended it and how far it had come; pure.

Chunks say when bytes came, frames say what they were, the end says who closed. All times are microseconds after the
request was received. A frame came with the chunk that holds its last byte; a chunk that is recorded as earlier than
the one before counts as of the same moment. No input raises, and nothing is said that these records do not show:

* A silence is a time in which no byte came: between the headers, the chunks and the end.
* A time of only pings begins with what came before the first ``ping`` frame and ends with the first frame that is
  none. Bytes come, so it is no silence, but the reader sees nothing new.
* An answer is ``abandoned`` if its status was a success, its stop reason never came and the client closed; ``cut``
  if anybody else did. Where the answer cannot be read whole, its end is ``unknown``: the stop reason may be in the
  part that is missing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from domain.assembly import AssembledMessage, frame_kind
from domain.billing import CHARS_PER_TOKEN, delivered_chars
from domain.content_blocks import Block
from domain.sse import Frame
from domain.usage import read_usage

PAUSE_US = 1_000_000
"""A silence, or a time of only pings, is listed from this length on."""
STALL_US = 30_000_000
"""A longer silence is a stall."""
SLOW_START_US = 10_000_000
"""Whoever waits longer for the headers waits long."""
CRAWL_TOKENS_PER_S = 5
"""A complete answer that took longer than a stall and was slower than this on average must have stood still."""
GAP_BOUNDS_US = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000)
"""Upper ends of the histogram's buckets, themselves not included; a last bucket has the rest."""

Ending = Literal["open", "unanswered", "refused", "failed", "abandoned", "cut", "complete", "unknown"]
"""``unanswered``: no headers came; ``refused``: the status was no success; ``failed``: an error came in the stream."""


class Chunk(NamedTuple):
    """Bytes that came together."""

    arrival_us: int
    length: int
    """As received."""
    end: int
    """Offset behind it in the opened answer, where frames and blocks have theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the events say of an answer."""

    outcome: str
    """As the read API names it: open, completed, client, upstream, timeout, shutdown, gateway_crash."""
    status: int | None = None
    headers_us: int | None = None
    ended_us: int | None = None
    readable: bool = True
    """All that came is recorded and could be opened."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the answer; what stood there last."""

    frame: str
    """Kind of the last whole frame (``content_block_delta``, ``ping``, …); empty: there was none."""
    block: int | None
    """The last block that had begun, counted from 0; None: there was none."""
    block_kind: str
    inside: bool
    """The block's end had not come."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No byte came."""

    start_us: int
    end_us: int
    after: Place

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


@dataclass(frozen=True, slots=True)
class PingTime:
    """Nothing but pings came."""

    start_us: int
    end_us: int
    pings: int

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


@dataclass(frozen=True, slots=True)
class Gaps:
    """Times between a chunk and the next."""

    count: int
    p50_us: int
    p95_us: int
    max_us: int
    histogram: tuple[int, ...]
    """Gaps in each bucket of GAP_BOUNDS_US; one more than there are bounds."""


@dataclass(frozen=True, slots=True)
class BlockTime:
    """When a block of the answer came."""

    kind: str
    name: str
    """Of a tool; empty: it has none."""
    began_us: int | None
    """None: it cannot be told, the answer could not be opened."""
    ended_us: int | None
    byte_count: int
    """Of its frames, opened."""
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamForensics:
    """All of it."""

    ending: Ending
    ended_by: str
    """The outcome."""
    chunks: int
    byte_count: int
    """As received."""
    headers_us: int | None
    first_byte_us: int | None
    first_token_us: int | None
    """The first ``content_block_delta``."""
    last_byte_us: int | None
    ended_us: int | None
    gaps: Gaps | None
    """None: fewer than two chunks."""
    longest_silence: Silence | None
    """Of any length; None: fewer than two moments are known."""
    silences: tuple[Silence, ...]
    """Those of PAUSE_US and more."""
    ping_times: tuple[PingTime, ...]
    """Those of PAUSE_US and more."""
    pings_us: tuple[int, ...]
    """When each ping came."""
    output_tokens: int | None
    """None: nothing of a message came."""
    tokens_estimated: bool
    """The last count never came; what was delivered is counted in characters."""
    tokens_per_second: float | None
    """From the first to the last delta; None: they came at one moment, or there are none."""
    blocks: tuple[BlockTime, ...]
    reached: Place
    """How far it had come in the end."""

    @property
    def stalled(self) -> bool:
        return self.longest_silence is not None and self.longest_silence.duration_us > STALL_US

    @property
    def only_pinged(self) -> bool:
        """As long as a stall, nothing but pings came."""
        return any(each.duration_us > STALL_US for each in self.ping_times)


def ending_of(course: Course, message: AssembledMessage) -> Ending:
    """How an exchange ended. Completed without a stop reason is a cut too, if a message had begun."""
    if course.outcome == "open":
        return "open"
    if course.status is None:
        return "unanswered"
    if not 200 <= course.status < 300:
        return "refused"
    if message.error is not None:
        return "failed"
    if message.stop_reason is not None or (course.outcome == "completed" and message.kind != "message"):
        return "complete"
    if not course.readable:
        return "unknown"
    return "abandoned" if course.outcome == "client" else "cut"


def examine(
    chunks: Sequence[Chunk], frames: Sequence[Frame], message: AssembledMessage, course: Course
) -> StreamForensics:
    """``frames``: of the opened answer; none where it is no event stream. ``message``: assembled of them."""
    clock = Arrivals(chunks)
    times = clock.times
    whole = [(clock.when(frame.end - 1), frame.end, frame_kind(frame)) for frame in frames if frame.finished]
    dated = [(at, kind) for at, _, kind in whole if at is not None]
    deltas = [at for at, kind in dated if kind == "content_block_delta"]
    places = _Places(whole, message)
    stretches = [Silence(start, end, places.at(offset)) for start, end, offset in _stretches(clock, course)]
    tokens, estimated = _output_tokens(message)
    return StreamForensics(
        ending=ending_of(course, message),
        ended_by=course.outcome,
        chunks=len(chunks),
        byte_count=sum(chunk.length for chunk in chunks),
        headers_us=course.headers_us,
        first_byte_us=times[0] if times else None,
        first_token_us=deltas[0] if deltas else None,
        last_byte_us=times[-1] if times else None,
        ended_us=course.ended_us,
        gaps=_gaps(times),
        longest_silence=max(stretches, key=lambda each: each.duration_us, default=None),
        silences=tuple(each for each in stretches if each.duration_us >= PAUSE_US),
        ping_times=tuple(_ping_times(dated, clock, course)),
        pings_us=tuple(at for at, kind in dated if kind == "ping"),
        output_tokens=tokens,
        tokens_estimated=estimated,
        tokens_per_second=_rate(tokens, deltas),
        blocks=tuple(_block_times(message, clock)),
        reached=places.at(clock.ends[-1] if clock.ends else 0),
    )


class Arrivals:
    """When did which byte come?"""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.times = list(accumulate((chunk.arrival_us for chunk in chunks), max))
        self.ends = list(accumulate((chunk.end for chunk in chunks), max))

    def when(self, offset: int) -> int | None:
        """Arrival of the chunk that holds this byte of the opened answer."""
        place = bisect_right(self.ends, offset)
        return self.times[place] if place < len(self.times) else None


class _Places:
    """What stood before an offset of the opened answer?"""

    def __init__(self, whole: Sequence[tuple[int | None, int, str]], message: AssembledMessage) -> None:
        self._kinds = [kind for _, _, kind in whole]
        self._frame_ends = [end for _, end, _ in whole]
        self._blocks = sorted((block.start, number) for number, block in enumerate(message.blocks))
        self._block_starts = [start for start, _ in self._blocks]
        self._message = message

    def at(self, offset: int) -> Place:
        """What a frame brings is there when all of the frame is."""
        frames = bisect_right(self._frame_ends, offset)
        frame = self._kinds[frames - 1] if frames else ""
        if self._kinds:
            offset = self._frame_ends[frames - 1] if frames else 0
        begun = bisect_left(self._block_starts, offset)
        if not begun:
            return Place(frame, None, "", inside=False)
        number = self._blocks[begun - 1][1]
        block = self._message.blocks[number]
        return Place(frame, number, _kind_of(block), inside=block.cut or offset < block.end)


def _stretches(clock: Arrivals, course: Course) -> Iterator[tuple[int, int, int]]:
    """From each moment at which something came to the next: (start, end, offset reached at the start)."""
    moments = [] if course.headers_us is None else [(course.headers_us, 0)]
    moments += zip(clock.times, clock.ends, strict=True)
    if course.ended_us is not None:
        moments.append((course.ended_us, 0))
    times = accumulate((at for at, _ in moments), max)
    for (start, end), (_, offset) in zip(pairwise(times), moments, strict=False):
        yield start, end, offset


def _ping_times(dated: Sequence[tuple[int, str]], clock: Arrivals, course: Course) -> Iterator[PingTime]:
    """Frames come in order, so each time ends where the next frame that is no ping begins."""
    closing = course.ended_us if course.ended_us is not None else max(clock.times, default=0)
    start = course.headers_us if course.headers_us is not None else min(clock.times, default=0)
    pings = 0
    for at, kind in (*dated, (closing, "")):
        if kind == "ping":
            pings += 1
            continue
        if pings and at - start >= PAUSE_US:
            yield PingTime(start, at, pings)
        start, pings = at, 0


def _gaps(times: Sequence[int]) -> Gaps | None:
    gaps = sorted(after - before for before, after in pairwise(times))
    if not gaps:
        return None
    below = [0, *(bisect_left(gaps, bound) for bound in GAP_BOUNDS_US), len(gaps)]
    histogram = tuple(after - before for before, after in pairwise(below))
    return Gaps(len(gaps), _quantile(gaps, 50), _quantile(gaps, 95), gaps[-1], histogram)


def _quantile(values: Sequence[int], percent: int) -> int:
    """The smallest of the sorted values that ``percent`` of them do not exceed."""
    return values[-(-percent * len(values) // 100) - 1]


def _output_tokens(message: AssembledMessage) -> tuple[int | None, bool]:
    """The count, and whether it is an estimate: the first count of a stream is no total."""
    if message.kind != "message":
        return None, False
    seen = read_usage(message.usage).tokens.output_tokens
    if seen and (message.finished or message.stop_reason is not None):
        return seen, False
    return max(seen, -(-delivered_chars(message.blocks) // CHARS_PER_TOKEN)), True


def _rate(tokens: int | None, deltas: Sequence[int]) -> float | None:
    if tokens is None or not deltas or deltas[-1] <= deltas[0]:
        return None
    return tokens * 1_000_000 / (deltas[-1] - deltas[0])


def _block_times(message: AssembledMessage, clock: Arrivals) -> Iterator[BlockTime]:
    for block in message.blocks:
        yield BlockTime(
            kind=_kind_of(block),
            name=str(block.value.get("name", "")),
            began_us=clock.when(block.start),
            ended_us=clock.when(max(block.start, block.end - 1)),
            byte_count=block.end - block.start,
            cut=block.cut,
        )


def _kind_of(block: Block) -> str:
    return str(block.value.get("type", "unknown"))
