"""Is what clients and upstream saw for themselves recorded? Facts in, broken promises out; pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from ops.checking.invariants import Stream, Told
from ops.checking.journal_facts import ExchangeFrames
from ops.checking.recordings import ClientSaw, UpstreamSaw
from ops.checking.spans import Range, missing
from ops.checking.stored_format import Completed, Streamed
from ops.checking.violations import Violation

Excuse = Literal["gateway_killed", "refused"]
"""Why a client may fail without a fault of ours: the gateway was killed on purpose; it had to refuse requests."""
_ENDED_WITH_GATEWAY = {"gateway_crash", "shutdown"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What store and journals together have of one exchange."""

    ranges: tuple[Range, ...] = ()
    """Of the answer: bytes that are here, or told as missing."""
    differs: bool = False
    """Some byte of the answer is another than the client's."""
    ended_by: str | None = None
    """``completed``, or who ended it; None: it is open."""
    byte_count: int = 0
    origin: str | None = None


def recorded_of(stream: Stream | None, frames: ExchangeFrames | None, *, differs: bool = False) -> Recorded:
    """``differs``: the store's bytes are others than the client's."""
    ranges = [*_stored_ranges(stream), *_journal_ranges(frames)]
    ended_by, byte_count = _end(stream, frames)
    heads = (stream and stream.started, frames and frames.response)
    origin = next((head.origin for head in heads if head), None)
    return Recorded(tuple(ranges), differs or bool(frames and frames.differs_from_client), ended_by, byte_count, origin)


def _stored_ranges(stream: Stream | None) -> Iterator[Range]:
    if stream is None:
        return
    for one in stream.contents:
        if isinstance(one, Streamed):
            yield one.offset, one.offset + sum(one.lengths)
    yield from ((one.offset, one.offset + one.byte_count) for one in stream.lost if one.part == "response")


def _journal_ranges(frames: ExchangeFrames | None) -> Iterator[Range]:
    if frames is not None:
        yield from frames.answer.ranges()
        yield from ((gap.offset, gap.offset + gap.byte_count) for _, gap in frames.gaps if gap.part == "response")


def _end(stream: Stream | None, frames: ExchangeFrames | None) -> tuple[str | None, int]:
    if stream is not None and stream.end is not None:
        by = "completed" if isinstance(stream.end, Completed) else stream.end.ended_by
        return by, stream.end.byte_count
    if frames is not None and frames.end is not None:
        return frames.end.outcome, frames.end.received
    return None, 0


@dataclass(slots=True)
class Bodies:
    """The request bodies that are recorded."""

    hashes: set[bytes] = field(default_factory=set)
    lost: Counter[int] = field(default_factory=Counter)
    """Requests of whose body a gap says that it is incomplete, by its length."""

    def note(self, stream: Stream | None, frames: ExchangeFrames | None) -> None:
        if stream is not None and stream.body is not None and not stream.body.broken:
            self.hashes.add(stream.body.sha256)
        elif frames is not None and frames.request and (whole := frames.body.whole(frames.request.byte_count)):
            self.hashes.add(whole)
        elif stream is not None and any(one.part == "request" for one in stream.lost):
            self.lost[stream.received.byte_count if stream.received else -1] += 1

    def has(self, saw: UpstreamSaw) -> bool:
        """A request whose body is told to be lost answers for one of the same length, once."""
        if bytes.fromhex(saw.body_sha256) in self.hashes:
            return True
        for size in (saw.body_bytes, -1):
            if self.lost[size] > 0:
                self.lost[size] -= 1
                return True
        return False


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything to be judged."""

    clients: tuple[ClientSaw, ...]
    upstream: tuple[UpstreamSaw, ...]
    recorded: Mapping[UUID, Recorded]
    """Of the exchanges that clients know the id of."""
    bodies: Bodies
    excuses: Collection[Excuse] = ()


def recording_violations(seen: Seen) -> Iterator[Violation]:
    by_body = {saw.body_sha256: saw for saw in seen.upstream}
    for client in seen.clients:
        recorded = seen.recorded.get(client.request_id) if client.request_id else None
        upstream = by_body.get(client.body_sha256)
        for invariant, words in _client(client, recorded, upstream, seen.excuses):
            yield Violation(invariant, client.request_id, words)
    for saw in seen.upstream:
        if not seen.bodies.has(saw):
            words = f"upstream saw a request of {saw.body_bytes} bytes (sha256 {saw.body_sha256}) that is not recorded"
            yield Violation("I2", None, words)


def _client(
    client: ClientSaw, recorded: Recorded | None, upstream: UpstreamSaw | None, excuses: Collection[Excuse]
) -> Told:
    if recorded is not None:
        yield from _received(client, recorded)
        yield from _whole(client, recorded)
    elif client.request_id is not None:
        yield from _unrecorded(client, upstream, excuses)
    if client.failed and not client.gone and not _is_excused(recorded, upstream, excuses):
        yield "I8", f"the client failed ({client.failed}) though upstream did not cut it; body {client.body_sha256}"
    if not client.faithful and (recorded is None or recorded.origin != "gateway"):
        yield "I8", "the client received other bytes than upstream sent"


def _received(client: ClientSaw, recorded: Recorded) -> Told:
    if recorded.differs:
        yield "I1", "the client received other bytes than are recorded"
    if (hole := missing(recorded.ranges, client.size)) is not None:
        yield "I1", f"the client received {client.size} bytes, those from {hole[0]} to {hole[1]} are not recorded"


def _whole(client: ClientSaw, recorded: Recorded) -> Told:
    if not client.whole:
        return
    if recorded.ended_by is None:
        yield "I3", "the client saw the whole answer, and it is still open here"
    elif recorded.ended_by != "completed" and recorded.origin != "gateway":
        yield "I3", f"the client saw the whole answer, recorded is that it was cut ({recorded.ended_by})"
    elif recorded.byte_count != client.size:
        yield "I3", f"the client saw a whole answer of {client.size} bytes, recorded are {recorded.byte_count}"


def _unrecorded(client: ClientSaw, upstream: UpstreamSaw | None, excuses: Collection[Excuse]) -> Told:
    """A refusal before a request is accepted leaves no exchange."""
    if client.whole and upstream is None and client.status is not None and client.status >= 400:
        if "refused" not in excuses:
            yield "I8", f"the gateway refused the request with status {client.status}"
        return
    yield "I1", f"the client received {client.size} bytes, nothing is recorded of this exchange"


def _is_excused(recorded: Recorded | None, upstream: UpstreamSaw | None, excuses: Collection[Excuse]) -> bool:
    if upstream is not None and upstream.ended == "cut":
        return True
    if "gateway_killed" not in excuses:
        return False
    return recorded is None or recorded.ended_by in _ENDED_WITH_GATEWAY
