"""How does the course of an answer read on its page? Words and numbers of its forensics, and what the rhythm draws."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from dashboard.details import ReceivedAnswer
from dashboard.figures import Arrival, Mark, RhythmRows
from dashboard.formatting import NOTHING, duration, number, one_line, plural, size
from dashboard.streams import in_ms
from domain.stream_forensics import GAP_BOUNDS_US, BlockTime, Ending, Gaps, Place, StreamForensics

KIND_CHARS = 40
STRETCHES = 40
"""The longest are shown."""
_US_PER_MS = 1_000
Tone = Literal["good", "bad", "run", ""]
_ENDED_BY: Mapping[str, str] = MappingProxyType(
    {
        "open": "nobody yet",
        "completed": "the API, in order",
        "client": "the client",
        "upstream": "the API's side",
        "timeout": "the gateway, tired of waiting",
        "shutdown": "the gateway, shutting down",
        "gateway_crash": "the gateway, which died",
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said first."""

    words: str
    tone: Tone


_ENDINGS: Mapping[Ending, Verdict] = MappingProxyType(
    {
        "open": Verdict("still open", "run"),
        "unanswered": Verdict("no answer came", "bad"),
        "refused": Verdict("refused", "bad"),
        "failed": Verdict("an error came inside the stream", "bad"),
        "abandoned": Verdict("200, but abandoned by the client", "bad"),
        "cut": Verdict("cut before its end", "bad"),
        "unknown": Verdict("how it ended cannot be told: a part is missing", ""),
        "complete": Verdict("complete", "good"),
    }
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its name."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the histogram of gaps."""

    name: str
    count: int
    percent: float
    """Of the highest column."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A silence or a time of only pings, as a row."""

    what: str
    start_ms: float
    lasted_ms: float
    where: str


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """When a block of the answer came, as a row."""

    number: int
    kind: str
    name: str
    began_ms: float | None
    """None: it was not streamed, or the answer could not be opened."""
    ended_ms: float | None
    byte_count: int
    cut: bool


@dataclass(frozen=True, slots=True)
class ShownStream:
    """The stream section."""

    came: bool
    """False: there is nothing but the verdicts."""
    verdicts: tuple[Verdict, ...]
    facts: tuple[Fact, ...]
    histogram: tuple[Column, ...]
    stretches: tuple[Stretch, ...]
    """The longest of a second and more, in their order."""
    blocks: tuple[BlockSpan, ...]


def shown_stream(found: StreamForensics) -> ShownStream:
    return ShownStream(
        came=found.chunks > 0,
        verdicts=tuple(_verdicts(found)),
        facts=tuple(_facts(found)),
        histogram=_histogram(found.gaps) if found.gaps else (),
        stretches=_stretches(found),
        blocks=tuple(_span(place, block) for place, block in enumerate(found.blocks, 1)),
    )


def rhythm_rows(answer: ReceivedAnswer, found: StreamForensics) -> RhythmRows:
    """For the chart."""
    silences = [
        Mark(each.start_us / _US_PER_MS, each.end_us / _US_PER_MS, "silence", f"no byte for {_long(each.duration_us)}")
        for each in found.silences
    ]
    pings = [
        Mark(each.start_us / _US_PER_MS, each.end_us / _US_PER_MS, "pings", f"only pings for {_long(each.duration_us)}")
        for each in found.ping_times
    ]
    return RhythmRows(
        arrivals=tuple(Arrival(chunk.arrival_us / _US_PER_MS, chunk.length) for chunk in answer.chunks),
        marks=(*silences, *pings),
        pings_ms=tuple(at / _US_PER_MS for at in found.pings_us),
        ended_ms=(found.ended_us or 0) / _US_PER_MS,
    )


def _verdicts(found: StreamForensics) -> Iterator[Verdict]:
    yield _ENDINGS[found.ending]
    if found.stalled and found.longest_silence is not None:
        yield Verdict(f"stalled for {_long(found.longest_silence.duration_us)}", "bad")
    if found.only_pinged:
        yield Verdict("for a long time only pings", "bad")


def _facts(found: StreamForensics) -> Iterator[Fact]:
    yield Fact("Ended by", _ENDED_BY.get(found.ended_by, found.ended_by), _in_words(found.reached))
    yield Fact("Headers after", duration(in_ms(found.headers_us)))
    yield Fact("First byte after", duration(in_ms(found.first_byte_us)))
    yield Fact("First token after", duration(in_ms(found.first_token_us)))
    yield Fact("Last byte after", duration(in_ms(found.last_byte_us)))
    longest = found.longest_silence
    yield Fact(
        "Longest silence",
        _long(longest.duration_us) if longest else NOTHING,
        _in_words(longest.after) if longest else "",
    )
    gaps = found.gaps
    shown = [_long(us) for us in (gaps.p50_us, gaps.p95_us, gaps.max_us)] if gaps else []
    yield Fact("Between chunks", " · ".join(shown) or NOTHING, "median · 95 % · most" if gaps else "")
    rate = found.tokens_per_second
    yield Fact("Tokens a second", NOTHING if rate is None else f"{rate:,.1f}", "estimated" if _is_guess(found) else "")
    yield Fact("Pings", number(len(found.pings_us)))
    yield Fact("Chunks", number(found.chunks))
    yield Fact("Bytes", size(found.byte_count))


def _is_guess(found: StreamForensics) -> bool:
    return found.tokens_per_second is not None and found.tokens_estimated


def _histogram(gaps: Gaps) -> tuple[Column, ...]:
    between = (f"{_long(low)} to {_long(high)}" for low, high in pairwise(GAP_BOUNDS_US))
    names = [f"under {_long(GAP_BOUNDS_US[0])}", *between, f"{_long(GAP_BOUNDS_US[-1])} and more"]
    highest = max(gaps.histogram)
    return tuple(
        Column(name, count, 100 * count / highest) for name, count in zip(names, gaps.histogram, strict=True) if count
    )


def _stretches(found: StreamForensics) -> tuple[Stretch, ...]:
    rows = [
        Stretch("no byte", each.start_us / _US_PER_MS, each.duration_us / _US_PER_MS, _in_words(each.after))
        for each in found.silences
    ]
    rows += [
        Stretch("only pings", each.start_us / _US_PER_MS, each.duration_us / _US_PER_MS, plural(each.pings, "ping"))
        for each in found.ping_times
    ]
    longest = sorted(rows, key=lambda row: row.lasted_ms, reverse=True)[:STRETCHES]
    return tuple(sorted(longest, key=lambda row: row.start_ms))


def _in_words(place: Place) -> str:
    """Empty: there is nothing to name it by."""
    if place.block is None:
        return f"after {one_line(place.frame, KIND_CHARS)}" if place.frame else ""
    where = "in" if place.inside else "after"
    ping = ", after a ping" if place.frame == "ping" else ""
    return f"{where} block {place.block + 1}, {one_line(place.block_kind, KIND_CHARS)}{ping}"


def _span(number: int, block: BlockTime) -> BlockSpan:
    return BlockSpan(
        number, block.kind, block.name, in_ms(block.began_us), in_ms(block.ended_us), block.byte_count, block.cut
    )


def _long(us: int) -> str:
    return duration(us / _US_PER_MS)
