"""How an answer came: held against a reader that goes over the bytes one by one, and against planted courses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assembly import AnswerAssembler, AssembledMessage, assemble
from domain.billing import delivered_chars
from domain.content_blocks import Block
from domain.sse import Frame, SseParser
from domain.stream_forensics import (
    GAP_BOUNDS_US,
    PAUSE_US,
    STALL_US,
    Chunk,
    Course,
    Place,
    StreamForensics,
    ending_of,
    examine,
)
from schemas.anthropic.stream import read_object
from tests.answers import framed, sse, streams

SECOND = 1_000_000
OUTCOMES = ("open", "completed", "client", "upstream", "timeout", "shutdown", "gateway_crash")
EVENT_STREAM = "text/event-stream"
PING = {"type": "ping"}
STOPPED = AssembledMessage("message", stop_reason="end_turn")
BEGUN = AssembledMessage("message")
OPAQUE = AssembledMessage("opaque")


@dataclass(frozen=True)
class Played:
    """An answer as it came."""

    pieces: Sequence[bytes]
    times: Sequence[int]
    course: Course

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ends(self) -> list[int]:
        return [sum(map(len, self.pieces[: place + 1])) for place in range(len(self.pieces))]

    @property
    def message(self) -> AssembledMessage:
        return assemble(self.data, EVENT_STREAM)

    def examined(self) -> StreamForensics:
        parser = SseParser()
        frames = [*parser.feed(self.data), *parser.finish()]
        chunks = [Chunk(at, len(piece), end) for at, piece, end in zip(self.times, self.pieces, self.ends, strict=True)]
        return examine(chunks, frames, self.message, self.course)


def played(*steps: tuple[float, Any], ended_s: float | None = None, **course: Any) -> Played:
    """Steps of (second, event): a chunk each. Headers at once."""
    given = Course(
        outcome=course.pop("outcome", "completed"),
        status=course.pop("status", 200),
        headers_us=course.pop("headers_us", 0),
        ended_us=None if ended_s is None else int(ended_s * SECOND),
        **course,
    )
    return Played([sse([event]) for _, event in steps], [int(at * SECOND) for at, _ in steps], given)


def start(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"type": "message", "role": "assistant", "usage": usage}}


def block(index: int, kind: str = "text", **members: object) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, "text": "", **members}}


def text(index: int, said: str = "four") -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": said}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(tokens: int = 9) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens}}


@st.composite
def any_course(draw: st.DrawFn, *, any_framing: bool = False) -> Played:
    """A stream with pings in it, cut anywhere, in chunks of any size at any times."""
    events = list(draw(streams()))
    for place in sorted(draw(st.lists(st.integers(0, len(events)), max_size=4)), reverse=True):
        events.insert(place, PING)
    data = draw(framed(events)) if any_framing else sse(events)
    data = data[: draw(st.just(len(data)) | st.integers(0, len(data)))]
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=12))
    pieces = [data[a:b] for a, b in pairwise([0, *sorted(set(cuts) - {0, len(data)}), len(data)])] if data else []
    waits = st.sampled_from([0, 0, 1, 9_999, 10_000, PAUSE_US - 1, PAUSE_US, 2 * PAUSE_US, STALL_US, STALL_US + 1])
    headers = draw(st.none() | waits)
    at, times = headers or 0, list[int]()
    for _ in pieces:
        at += draw(waits)
        times.append(at)
    course = Course(
        outcome=draw(st.sampled_from(OUTCOMES)),
        status=draw(st.sampled_from([200, 200, 529, None])),
        headers_us=headers,
        ended_us=draw(st.none() | waits.map(lambda wait: at + wait)),
        readable=draw(st.booleans()),
    )
    return Played(pieces, times, course)


def arrival_of_bytes(given: Played) -> list[int]:
    return [at for at, piece in zip(given.times, given.pieces, strict=True) for _ in piece]


def dated_frames(given: Played) -> list[tuple[int, str]]:
    """Parsed byte by byte."""
    parser = SseParser()
    arrival, found = arrival_of_bytes(given), list[Frame]()
    for place in range(len(given.data)):
        found += parser.feed(given.data[place : place + 1])
    found += [frame for frame in parser.finish() if frame.finished]
    return [(arrival[frame.end - 1], kind(frame)) for frame in found]


def kind(frame: Frame) -> str:
    if frame.event in {"ping", "error"}:
        return frame.event
    return str((read_object(frame.data) or {}).get("type", ""))


def place_after(data: bytes) -> Place:
    """Of an answer of which this much came: put together anew from just these bytes."""
    assembler = AnswerAssembler()
    frames = [frame for frame in (*assembler.feed(data), *assembler.finish()) if frame.finished]
    blocks = assembler.message().blocks
    frame = kind(frames[-1]) if frames else ""
    if not blocks:
        return Place(frame, None, "", inside=False)
    last = max(blocks, key=lambda each: each.start)
    return Place(frame, -1, str(last.value["type"]), inside=last.cut)


def without_number(place: Place) -> Place:
    """Blocks are numbered by their index, and one that begins later may have a lower one."""
    return place if place.block is None else replace(place, block=-1)


@given(any_course(any_framing=True))
def test_frames_have_the_time_of_their_last_byte(given: Played) -> None:
    found, frames = given.examined(), dated_frames(given)
    deltas = [at for at, said in frames if said == "content_block_delta"]
    assert found.first_token_us == (deltas[0] if deltas else None)
    assert list(found.pings_us) == [at for at, said in frames if said == "ping"]
    assert (found.first_byte_us, found.last_byte_us) == (
        (given.times[0], given.times[-1]) if given.times else (None,) * 2
    )
    assert (found.chunks, found.byte_count) == (len(given.pieces), len(given.data))
    if found.tokens_per_second is not None:
        assert found.output_tokens is not None
        assert found.tokens_per_second * (deltas[-1] - deltas[0]) == pytest.approx(found.output_tokens * SECOND)
    else:
        assert len(set(deltas)) < 2 or given.message.kind != "message"


@given(any_course())
def test_silences_lie_between_moments_and_know_what_stood_before(given: Played) -> None:
    found, course = given.examined(), given.course
    moments = [] if course.headers_us is None else [(course.headers_us, 0)]
    moments += zip(given.times, given.ends, strict=True)
    ends = [at for at, _ in moments[1:]] + ([course.ended_us] if course.ended_us is not None else [])
    silences = [(at, until, offset) for (at, offset), until in zip(moments, ends, strict=False)]
    expected = [(at, until, place_after(given.data[:to])) for at, until, to in silences if until - at >= PAUSE_US]
    assert [(each.start_us, each.end_us, without_number(each.after)) for each in found.silences] == expected
    longest = max((until - at for at, until, _ in silences), default=None)
    assert (found.longest_silence.duration_us if found.longest_silence else None) == longest
    assert found.stalled == (longest is not None and longest > STALL_US)
    assert without_number(found.reached) == place_after(given.data)


@given(any_course())
def test_only_pings_come_in_a_time_of_pings_and_what_is_around_it_is_none(given: Played) -> None:
    """Oracle: every ping belongs to one time, from the frame before to the frame after; short ones are left out."""
    course, frames = given.course, dated_frames(given)
    begin = course.headers_us if course.headers_us is not None else (given.times[0] if given.times else 0)
    close = course.ended_us if course.ended_us is not None else (given.times[-1] if given.times else 0)
    expected = dict[tuple[int, int, int], int]()
    for place, (_, said) in enumerate(frames):
        if said != "ping":
            continue
        before = [number for number in range(place) if frames[number][1] != "ping"]
        after = [number for number in range(place, len(frames)) if frames[number][1] != "ping"]
        first, last = frames[before[-1]][0] if before else begin, frames[after[0]][0] if after else close
        key = (before[-1] if before else -1, first, last)
        expected[key] = expected.get(key, 0) + 1
    long = [(first, last, count) for (_, first, last), count in expected.items() if last - first >= PAUSE_US]
    found = given.examined()
    assert [(each.start_us, each.end_us, each.pings) for each in found.ping_times] == long
    assert found.only_pinged == any(last - first > STALL_US for first, last, _ in long)


@given(any_course())
def test_gaps_are_those_between_neighbours(given: Played) -> None:
    gaps = sorted(after - before for before, after in pairwise(given.times))
    found = given.examined().gaps
    if not gaps:
        assert found is None
        return
    assert found is not None
    assert (found.count, found.max_us) == (len(gaps), gaps[-1])
    for percent, value in ((50, found.p50_us), (95, found.p95_us)):
        assert 100 * sum(gap <= value for gap in gaps) >= percent * len(gaps)
        assert 100 * sum(gap < value for gap in gaps) < percent * len(gaps)
    bounds = [0, *GAP_BOUNDS_US, STALL_US * 1_000]
    assert list(found.histogram) == [sum(low <= gap < high for gap in gaps) for low, high in pairwise(bounds)]


@given(any_course())
def test_a_block_came_with_the_chunks_that_hold_its_first_and_last_byte(given: Played) -> None:
    arrival = arrival_of_bytes(given)
    for found, block in zip(given.examined().blocks, given.message.blocks, strict=True):
        assert (found.began_us, found.ended_us) == (arrival[block.start], arrival[block.end - 1])
        assert (found.byte_count, found.cut) == (block.end - block.start, block.cut)
        assert found.kind == block.value["type"]


@given(any_course())
def test_tokens_are_those_reported_or_an_estimate_of_what_was_delivered(given: Played) -> None:
    found, message = given.examined(), given.message
    if message.kind != "message":
        assert (found.output_tokens, found.tokens_estimated) == (None, False)
        return
    assert found.output_tokens is not None
    seen = message.usage.get("output_tokens")
    seen = seen if isinstance(seen, int) else 0
    if found.tokens_estimated:
        assert found.output_tokens == max(seen, (delivered_chars(message.blocks) + 3) // 4)
        assert not seen or not (message.finished or message.stop_reason)
    else:
        assert found.output_tokens == seen > 0


NUMBERS = st.integers(-(2**70), 2**70)
ANY_TEXT = st.text(max_size=3)


@given(
    st.lists(st.builds(Chunk, NUMBERS, NUMBERS, NUMBERS), max_size=5),
    st.lists(
        st.builds(
            Frame,
            st.sampled_from(["ping", "error", "x"]),
            st.just('{"type":"content_block_delta"}') | ANY_TEXT,
            NUMBERS,
            NUMBERS,
            finished=st.booleans(),
        ),
        max_size=5,
    ),
    st.lists(
        st.builds(Block, st.dictionaries(st.sampled_from(["type", "name"]), st.none() | ANY_TEXT), NUMBERS, NUMBERS),
        max_size=3,
    ),
    st.builds(
        Course,
        outcome=ANY_TEXT,
        status=st.none() | NUMBERS,
        headers_us=st.none() | NUMBERS,
        ended_us=st.none() | NUMBERS,
    ),
)
def test_nothing_makes_it_raise_and_time_never_runs_backwards(
    chunks: list[Chunk], frames: list[Frame], blocks: list[Block], course: Course
) -> None:
    found = examine(chunks, frames, AssembledMessage("message", blocks=tuple(blocks)), course)
    assert all(each.duration_us >= PAUSE_US for each in found.silences)
    assert all(each.duration_us >= PAUSE_US for each in found.ping_times)
    assert found.gaps is None or 0 <= found.gaps.p50_us <= found.gaps.p95_us <= found.gaps.max_us
    assert found.tokens_per_second is None or found.tokens_per_second >= 0


def test_a_stall_in_the_middle_of_a_tool_call() -> None:
    found = played(
        (0.5, start(output_tokens=1)),
        (0.6, block(0)),
        (0.7, text(0)),
        (0.8, stop(0)),
        (1.0, block(1, "tool_use", name="Bash", input={})),
        (1.1, {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{"}}),
        (32.5, PING),
        ended_s=33,
        outcome="client",
    ).examined()
    assert (found.ending, found.stalled, found.only_pinged) == ("abandoned", True, True)
    assert found.longest_silence is not None
    assert found.longest_silence.after == Place("content_block_delta", 1, "tool_use", inside=True)
    assert found.longest_silence.duration_us == 31_400_000
    assert found.reached == Place("ping", 1, "tool_use", inside=True)
    assert (found.first_token_us, found.output_tokens, found.tokens_estimated) == (700_000, 2, True)
    assert [(each.kind, each.name, each.cut) for each in found.blocks] == [
        ("text", "", False),
        ("tool_use", "Bash", True),
    ]


def test_pings_alone_keep_a_stream_from_stalling_but_not_from_saying_nothing() -> None:
    pings = [(float(at), PING) for at in range(1, 40)]
    found = played(
        (0, start()), *pings, (40, block(0)), (41, text(0)), (43, text(0)), (43, end(60)), ended_s=43
    ).examined()
    assert (found.stalled, found.only_pinged, found.ending) == (False, True, "complete")
    assert [(each.start_us, each.end_us, each.pings) for each in found.ping_times] == [(0, 40 * SECOND, 39)]
    assert len(found.pings_us) == 39
    assert (found.output_tokens, found.tokens_estimated, found.tokens_per_second) == (60, False, 30.0)


@pytest.mark.parametrize(
    ("outcome", "status", "message", "readable", "ending"),
    [
        ("open", 200, STOPPED, True, "open"),
        ("client", None, OPAQUE, True, "unanswered"),
        ("timeout", None, OPAQUE, True, "unanswered"),
        ("completed", 529, OPAQUE, True, "refused"),
        ("client", 199, BEGUN, True, "refused"),
        ("client", 300, BEGUN, True, "refused"),
        ("completed", 200, assemble(sse([{"type": "error", "error": {}}]), EVENT_STREAM), True, "failed"),
        ("completed", 200, STOPPED, True, "complete"),
        ("client", 200, STOPPED, True, "complete"),
        ("client", 200, STOPPED, False, "complete"),
        ("completed", 200, OPAQUE, True, "complete"),
        ("completed", 200, BEGUN, True, "cut"),
        ("completed", 200, BEGUN, False, "unknown"),
        ("client", 200, BEGUN, False, "unknown"),
        ("client", 200, BEGUN, True, "abandoned"),
        ("client", 299, OPAQUE, True, "abandoned"),
        ("upstream", 200, BEGUN, True, "cut"),
        ("timeout", 200, OPAQUE, True, "cut"),
        ("shutdown", 200, BEGUN, True, "cut"),
        ("gateway_crash", 200, BEGUN, True, "cut"),
    ],
)
def test_the_ending_is_told_by_the_status_the_stop_reason_and_who_closed(
    outcome: str, status: int | None, message: AssembledMessage, readable: bool, ending: str
) -> None:
    assert ending_of(Course(outcome=outcome, status=status, readable=readable), message) == ending


def test_an_answer_that_is_no_stream_is_one_whole() -> None:
    data = b'{"type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}'
    message = assemble(data, "application/json")
    found = examine([Chunk(5, 60, 60), Chunk(9, 49, len(data))], (), message, Course(outcome="completed", status=200))
    assert found.reached == Place("", 0, "text", inside=False)
    assert found.longest_silence is not None
    assert found.longest_silence.after == Place("", 0, "text", inside=True)
    assert (found.first_token_us, found.tokens_per_second, found.ending) == (None, None, "complete")
    assert (found.blocks[0].began_us, found.blocks[0].ended_us) == (5, 9)


def test_an_answer_that_could_not_be_opened_has_chunks_and_no_blocks() -> None:
    found = examine(
        [Chunk(5, 60, 0), Chunk(9, 49, 0)], (), OPAQUE, Course(outcome="client", status=200, readable=False)
    )
    assert (found.chunks, found.byte_count, found.blocks, found.ending) == (2, 109, (), "unknown")


def test_nothing_came() -> None:
    found = played(ended_s=3, outcome="upstream").examined()
    assert (found.chunks, found.first_byte_us, found.gaps, found.output_tokens) == (0, None, None, None)
    assert found.longest_silence is not None
    assert (found.longest_silence.duration_us, found.longest_silence.after.frame) == (3 * SECOND, "")
    assert examine((), (), OPAQUE, Course(outcome="open")).longest_silence is None
