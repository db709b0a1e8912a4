"""Does what is stored of one exchange hold together? Facts in, broken promises out; pure, the store alone.

No journal and no client is asked here: a stream's versions, its beginning and its end, its bytes against its events,
its request body against its digest, its gaps against what is missing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from ops.checking.stored_format import Aborted, Completed, Content, Foreign, Lost, Received, Started, Streamed
from ops.checking.violations import Violation

Told = Iterator[tuple[str, str]]
"""(invariant, what is wrong)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the event store, opened."""

    version: int
    position: int
    content: Content | str
    """A text: what is wrong with its bytes."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A row of ``chunks``, opened."""

    offset: int
    size: int
    broken: str = ""


@dataclass(frozen=True, slots=True)
class JoinedBody:
    """A request body, put together."""

    size: int
    sha256: bytes
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """All that the store has of one exchange."""

    request_id: UUID
    events: tuple[Event, ...]
    """By version."""
    chunks: tuple[StoredChunk, ...] = ()
    """By offset."""
    answer_sha256: str = ""
    """Of the chunks' bytes, one behind the other."""
    body: JoinedBody | None = None
    """None: RequestReceived refers to none."""
    open_in: UUID | None = None
    """The journal in whose ``open_exchanges`` it stands."""

    @property
    def contents(self) -> list[Content]:
        return [event.content for event in self.events if not isinstance(event.content, str)]

    @property
    def is_exchange(self) -> bool:
        """An exchange, of all of whose events this Nexus knows the meaning."""
        return bool(self.events) and not any(isinstance(event.content, Foreign) for event in self.events)

    @property
    def received(self) -> Received | None:
        return next((one for one in self.contents if isinstance(one, Received)), None)

    @property
    def started(self) -> Started | None:
        return next((one for one in self.contents if isinstance(one, Started)), None)

    @property
    def end(self) -> Completed | Aborted | None:
        return next((one for one in self.contents if isinstance(one, Completed | Aborted)), None)

    @property
    def lost(self) -> list[Lost]:
        return [one for one in self.contents if isinstance(one, Lost)]


def stream_violations(stream: Stream) -> Iterator[Violation]:
    """What is wrong with it."""
    for rule in _rules_for(stream):
        for invariant, words in rule(stream):
            yield Violation(invariant, stream.request_id, words)


def _rules_for(stream: Stream) -> list[Callable[[Stream], Told]]:
    if not stream.events:
        return [_readable, _rows]
    if stream.is_exchange:
        return [_order, _readable, _beginning, _ends, _tiling, _rows, _digest, _request_body, _answer_head]
    return [_order, _readable, _foreign]


def _order(stream: Stream) -> Told:
    for expected, event in enumerate(stream.events, 1):
        if event.version != expected:
            yield "store", f"version {event.version} stands where version {expected} belongs: an event is missing"
            break
    for before, after in pairwise(stream.events):
        if after.position <= before.position:
            yield (
                "I5",
                f"version {after.version} has position {after.position}, not above {before.position} of the one before",
            )


def _readable(stream: Stream) -> Told:
    for event in stream.events:
        if isinstance(event.content, str):
            yield "store", f"version {event.version}: {event.content}"
    for chunk in stream.chunks:
        if chunk.broken:
            yield "store", f"chunks at offset {chunk.offset}: {chunk.broken}"


def _foreign(stream: Stream) -> Told:
    """A stream is an aggregate's, and all of it foreign here, or an exchange's, and none of it."""
    for event in stream.events:
        if isinstance(event.content, Foreign) and not all(isinstance(one, Foreign) for one in stream.contents):
            yield (
                "store",
                f"version {event.version} is of a kind this Nexus does not know: upgrade it, or it was changed",
            )


def _beginning(stream: Stream) -> Told:
    first = stream.events[0].content
    if isinstance(first, str):
        return
    if not isinstance(first, Received) and not (isinstance(first, Lost) and first.part == "request"):
        yield "I2", "it does not begin with RequestReceived, and no gap of the request says why"
    if sum(isinstance(one, Received) for one in stream.contents) > 1:
        yield "I2", "it has more than one RequestReceived"


def _ends(stream: Stream) -> Told:
    ends = [event.version for event in stream.events if isinstance(event.content, Completed | Aborted)]
    if len(ends) > 1:
        yield "I4", f"it has {len(ends)} terminal events, versions {', '.join(map(str, ends))}"
    if ends and ends[0] != stream.events[-1].version:
        yield "I4", f"events follow its terminal event, version {ends[0]}"
    if ends and stream.open_in is not None:
        yield "store", f"it has ended and still stands among the open exchanges of journal {stream.open_in}"
    if not ends and stream.open_in is None:
        yield "I4", "it has no terminal event and no journal has it open: nobody will ever end it"


def _tiling(stream: Stream) -> Told:
    """Chunks and told gaps lie side by side, from the first byte to the last."""
    reached = 0
    for one in stream.contents:
        match one:
            case Streamed(offset=offset, lengths=lengths):
                size = sum(lengths)
            case Lost(part="response", offset=offset, byte_count=size) if size:
                pass
            case Completed(byte_count=offset) | Aborted(byte_count=offset):
                size = 0
            case _:
                continue
        if offset > reached:
            yield "I7", f"bytes {reached} to {offset} of the answer are missing and no gap says so"
        elif offset < reached:
            yield "I7", f"what stands at byte {offset} of the answer overlaps what came before, up to byte {reached}"
        reached = offset + size


def _rows(stream: Stream) -> Told:
    """Every run of chunks has its bytes, and no bytes are without their event."""
    rows = {chunk.offset: chunk for chunk in stream.chunks}
    for one in stream.contents:
        if not isinstance(one, Streamed):
            continue
        row = rows.pop(one.offset, None)
        if len(one.lengths) != len(one.arrivals_us):
            yield "store", f"the run at offset {one.offset} has {len(one.lengths)} lengths, other arrivals"
        if row is None:
            yield "store", f"the bytes of the run at offset {one.offset} are not there"
        elif row.size != sum(one.lengths):
            yield "store", f"the run at offset {one.offset} says {sum(one.lengths)} bytes, its row has {row.size}"
    for offset in sorted(rows):
        yield "store", f"the bytes at offset {offset} belong to no event"


def _digest(stream: Stream) -> Told:
    end = stream.end
    if isinstance(end, Completed) and end.sha256 != stream.answer_sha256:
        yield "I3", "the stored bytes of the answer have another sha256 than ResponseCompleted says"


def _request_body(stream: Stream) -> Told:
    received, lost = stream.received, [one for one in stream.lost if one.part == "request"]
    if received is None:
        return
    if received.body is None:
        if received.byte_count and not lost:
            yield "I7", f"its request body of {received.byte_count} bytes is not there and no gap says so"
    elif stream.body is None or stream.body.broken:
        yield "I2", f"its request body: {stream.body.broken if stream.body else 'it was not put together'}"
    elif stream.body.size != received.byte_count:
        yield "I2", f"its request body has {stream.body.size} bytes, RequestReceived says {received.byte_count}"
    for one in lost:
        if one.offset + one.byte_count > received.byte_count:
            yield "I7", f"a gap of the request reaches to byte {one.offset + one.byte_count}, beyond the body's end"


def _answer_head(stream: Stream) -> Told:
    heads = sum(isinstance(one, Started) for one in stream.contents)
    if heads > 1:
        yield "store", f"it has {heads} events ResponseStarted"
    has_answer = any(isinstance(one, Streamed | Completed) for one in stream.contents)
    if has_answer and not heads and not stream.lost:
        yield "I7", "it has an answer without ResponseStarted and no gap says so"
