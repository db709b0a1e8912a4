"""How did one recorded answer come? The forensics of an exchange's details, and how the read API says it.

The answer is parsed once more, so ask only where it is shown.
"""

from dashboard.details import RequestDetails
from domain.sse import SseParser
from domain.stream_forensics import (
    GAP_BOUNDS_US,
    Chunk,
    Course,
    Gaps,
    PingTime,
    Place,
    Silence,
    StreamForensics,
    examine,
)
from schemas.stream_api import GapBucket, GapsItem, PingTimeItem, PlaceItem, SilenceItem, StreamItem

_READABLE = frozenset({"kept", "none"})
"""How an answer is kept, if all of it can be seen."""


def forensics_of(details: RequestDetails) -> StreamForensics:
    """How its answer came, as far as it is recorded."""
    body, started, ended = details.answer.body, details.started, details.ended
    parser = SseParser()
    frames = [*parser.feed(body.data), *parser.finish()]
    course = Course(
        outcome=details.outcome,
        status=started.status if started else None,
        headers_us=started.elapsed_us if started else None,
        ended_us=ended.elapsed_us if ended else None,
        readable=body.kept in _READABLE and body.state in {"complete", "truncated"} and not _is_incomplete(details),
    )
    chunks = [Chunk(each.arrival_us, each.length, each.opened_end) for each in details.answer.chunks]
    return examine(chunks, frames, details.answer.message, course)


def stream_item(details: RequestDetails) -> StreamItem:
    """The same for the read API."""
    found = forensics_of(details)
    return StreamItem(
        ending=found.ending,
        ended_by=found.ended_by,
        stalled=found.stalled,
        only_pinged=found.only_pinged,
        reached=_place(found.reached),
        headers_ms=in_ms(found.headers_us),
        first_byte_ms=in_ms(found.first_byte_us),
        first_token_ms=in_ms(found.first_token_us),
        last_byte_ms=in_ms(found.last_byte_us),
        ended_ms=in_ms(found.ended_us),
        chunks=found.chunks,
        bytes=found.byte_count,
        gaps=_gaps(found.gaps) if found.gaps else None,
        longest_silence=_silence(found.longest_silence) if found.longest_silence else None,
        silences=[_silence(each) for each in found.silences],
        ping_times=[_ping_time(each) for each in found.ping_times],
        pings=len(found.pings_us),
        output_tokens=found.output_tokens,
        tokens_estimated=found.tokens_estimated,
        tokens_per_second=found.tokens_per_second,
    )


def in_ms(us: int | None) -> float | None:
    """None stays None."""
    return None if us is None else us / 1000


def _is_incomplete(details: RequestDetails) -> bool:
    """Something of the answer could not be recorded."""
    return any(gap.part == "response" for gap in details.gaps)


def _place(place: Place) -> PlaceItem:
    return PlaceItem(frame=place.frame, block=place.block, block_kind=place.block_kind, inside=place.inside)


def _silence(silence: Silence) -> SilenceItem:
    return SilenceItem(start_ms=silence.start_us / 1000, end_ms=silence.end_us / 1000, after=_place(silence.after))


def _ping_time(time: PingTime) -> PingTimeItem:
    return PingTimeItem(start_ms=time.start_us / 1000, end_ms=time.end_us / 1000, pings=time.pings)


def _gaps(gaps: Gaps) -> GapsItem:
    bounds = (*(bound / 1000 for bound in GAP_BOUNDS_US), None)
    return GapsItem(
        count=gaps.count,
        p50_ms=gaps.p50_us / 1000,
        p95_ms=gaps.p95_us / 1000,
        max_ms=gaps.max_us / 1000,
        histogram=[GapBucket(below_ms=below, count=count) for below, count in zip(bounds, gaps.histogram, strict=True)],
    )
