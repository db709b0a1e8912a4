"""Is everything a journal says in the store, and nothing else? One exchange at a time; pure.

What lies before the journal's cursor must be there. What lies behind may be. Where an exchange is whole in the journal
the store must not have more than that either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ops.checking.invariants import Stream, Told
from ops.checking.journal_facts import ExchangeFrames, JournalFacts
from ops.checking.journal_format import Request
from ops.checking.spans import Stretch
from ops.checking.stored_format import Aborted, Completed, Received
from ops.checking.violations import Violation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of a journal must be in the store that is looked at."""

    until: int
    """The cursor in the store's snapshot; beyond everything once the journal is shipped and gone."""
    everything: bool
    """All that was read lies before it."""
    exact: bool
    """Nothing of the journal was deleted or damaged: what it does not have never was."""


def promised(exchange: ExchangeFrames, reach: Reach) -> Sequence[Stretch]:
    """Stretches of the answer that must be in the store."""
    return exchange.answer.all() if reach.everything else exchange.answer.settled()


def journal_violations(
    request_id: UUID, exchange: ExchangeFrames, stream: Stream | None, reach: Reach, complaints: Sequence[str]
) -> Iterator[Violation]:
    """``complaints``: what the witnesses say of the promised stretches of the answer."""
    told = _not_there(exchange, reach) if stream is None else _differences(exchange, stream, reach, complaints)
    for invariant, words in told:
        yield Violation(invariant, request_id, f"journal {exchange.journal}: {words}")
    if len(exchange.ends) > 1:
        yield Violation("I4", request_id, f"journal {exchange.journal} has {len(exchange.ends)} ends of it")


def _not_there(exchange: ExchangeFrames, reach: Reach) -> Told:
    if exchange.first_at < reach.until and (exchange.request or exchange.end or exchange.answer.ranges()):
        yield "I5", "its records are shipped, the store has nothing of it"


def _differences(exchange: ExchangeFrames, stream: Stream, reach: Reach, complaints: Sequence[str]) -> Told:
    yield from _request(exchange, stream, reach)
    yield from _response(exchange, stream, reach)
    yield from (("I5", f"of the answer in the store {complaint}") for complaint in complaints)
    yield from _gaps(exchange, stream, reach)
    yield from _end(exchange, stream, reach)
    if reach.exact and exchange.request is not None:
        yield from _surplus(exchange, stream)


def _request(exchange: ExchangeFrames, stream: Stream, reach: Reach) -> Told:
    request, received = exchange.request, stream.received
    if request is None or exchange.request_at >= reach.until:
        return
    if received is None:
        yield "I2", "the journal has the request, the store has no RequestReceived"
        return
    if _facts_of(request) != _facts_in(received) or received.journal_us != exchange.request_us:
        yield "I5", "RequestReceived says something else than the record of the request"
    expected = exchange.body.whole(request.byte_count)
    if expected is not None and request.byte_count:
        if stream.body is None:
            yield "I7", "the journal has the whole request body, the store has none"
        elif not stream.body.broken and stream.body.sha256 != expected:
            yield "I5", "the request body in the store is another than the journal's"


def _facts_of(request: Request) -> tuple[object, ...]:
    at = _EPOCH + timedelta(microseconds=request.wall_ns // 1000)
    headers = tuple(map(_line, request.headers))
    told = request.mode, request.method, request.target, request.client_domain, request.byte_count, request.key_id
    return at, headers, told


def _facts_in(received: Received) -> tuple[object, ...]:
    headers = tuple(map(_line, received.headers))
    told = received.mode, received.method, received.target, received.client_domain, received.byte_count, received.key_id
    return received.timestamp, headers, told


def _line(header: object) -> tuple[object, ...]:
    return tuple(getattr(header, name) for name in ("name", "value", "length", "fingerprint"))


def _response(exchange: ExchangeFrames, stream: Stream, reach: Reach) -> Told:
    response, started = exchange.response, stream.started
    if response is None or exchange.response_at >= reach.until:
        return
    if started is None:
        yield "I5", "the journal has the head of the answer, the store has no ResponseStarted"
        return
    here = response.origin, response.status, tuple(map(_line, response.headers)), response.upstream_request_id
    there = started.origin, started.status, tuple(map(_line, started.headers)), started.upstream_request_id
    if here != there:
        yield "I5", "ResponseStarted says something else than the record of the answer's head"


def _gaps(exchange: ExchangeFrames, stream: Stream, reach: Reach) -> Told:
    told = {(one.part, one.reason, one.offset, one.byte_count) for one in stream.lost}
    for at, gap in exchange.gaps:
        if at < reach.until and (gap.part, gap.reason, gap.offset, gap.byte_count) not in told:
            yield "I7", f"the journal's gap of {gap.byte_count} bytes at {gap.offset} of the {gap.part} is not told"


def _end(exchange: ExchangeFrames, stream: Stream, reach: Reach) -> Told:
    end, stored = exchange.end, stream.end
    if end is None or (stored is None and exchange.end_at >= reach.until):
        return
    match stored:
        case None:
            yield "I4", "the journal has its end, the store has no terminal event"
        case Completed(byte_count=size) if (end.outcome, end.received) != ("completed", size):
            yield "I5", f"the store says completed with {size} bytes, the journal {end.outcome} with {end.received}"
        case Aborted(ended_by=by, byte_count=size, delivered=delivered):
            if (end.outcome, end.received, end.delivered) != (by, size, delivered):
                yield "I5", f"the store says aborted by {by} with {size} bytes, the journal {end.outcome}"


def _surplus(exchange: ExchangeFrames, stream: Stream) -> Told:
    """What the store has and the journal, all of which is here, has not."""
    if exchange.end is None:
        return
    recorded = sum(end - start for start, end in exchange.answer.ranges())
    stored = sum(chunk.size for chunk in stream.chunks)
    if stored > recorded:
        yield "I5", f"the store has {stored} bytes of its answer, the journal {recorded}"
    size = exchange.end.received
    whole = not exchange.gaps and exchange.answer.whole(size) is not None
    if whole and any(one.part == "response" and one.byte_count for one in stream.lost):
        yield "I7", "a gap says that bytes of the answer are missing, and the journal has them all"


def own_violations(facts: JournalFacts) -> Iterator[Violation]:
    """What is wrong with the journal itself."""
    for segment, damage in facts.damage:
        yield Violation(
            "I5",
            None,
            f"journal {facts.journal}: bytes {damage.start} to {damage.end} of segment {segment} hold no good record: "
            "what stood there is lost",
        )
    for request_id, kind in facts.unreadable:
        yield Violation("I5", request_id, f"journal {facts.journal}: a record of kind {kind} cannot be read")


def unknown_to_journal(facts: JournalFacts, stream: Stream) -> Violation | None:
    """A stored exchange that claims a journal which is all here and has never heard of it."""
    received = stream.received
    if received is None or not facts.from_the_start or facts.damage or received.journal_us >= facts.last_us:
        return None
    words = f"journal {facts.journal} is all here and has nothing of this exchange"
    return Violation("I5", stream.request_id, words)
