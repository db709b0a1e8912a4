"""An answer's rhythm: chunks, pauses, and when each block came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import ChunkTiming, OpenedBody, ReceivedAnswer
from dashboard.figures import Arrival
from dashboard.views.stream import arrivals, stream_facts
from domain.assembly import AssembledMessage
from domain.content_blocks import Block
from tests.recorded_details import ANSWERED_MS, CHUNK_MS, request_details, text_answer


def answer(*chunks: tuple[int, int], blocks: tuple[Block, ...] = ()) -> ReceivedAnswer:
    """Chunks of (milliseconds, bytes); the answer has no content-encoding."""
    ends, timings = 0, list[ChunkTiming]()
    for at_ms, length in chunks:
        timings.append(ChunkTiming(ends, length, at_ms * 1000, ends + length))
        ends += length
    return ReceivedAnswer(
        OpenedBody("kept", "complete", b""), AssembledMessage("message", blocks=blocks), tuple(timings)
    )


def test_numbers_of_a_stream() -> None:
    facts = stream_facts(answer((500, 10), (700, 20), (1800, 5), (2800, 1)))
    assert (facts.chunks, facts.byte_count, facts.first_ms, facts.last_ms) == (4, 36, 500, 2800)
    assert (facts.longest_pause_ms, facts.pauses) == (1100, 1)


def test_nothing_came() -> None:
    facts = stream_facts(answer())
    assert (facts.chunks, facts.byte_count, facts.first_ms, facts.last_ms) == (0, 0, None, None)
    assert (facts.longest_pause_ms, facts.pauses, facts.blocks) == (0, 0, ())


def test_arrivals_are_those_of_the_chunks() -> None:
    assert arrivals(answer((500, 10), (700, 20))) == (Arrival(500, 10), Arrival(700, 20))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_a_block_came_with_the_chunks_that_hold_its_first_and_last_byte(sizes: list[int], data: st.DataObject) -> None:
    """Oracle: which chunk each byte stands in."""
    holder = [place for place, size in enumerate(sizes) for _ in range(size)]
    start = data.draw(st.integers(0, len(holder) - 1))
    end = data.draw(st.integers(start + 1, len(holder)))
    block = Block({"type": "text"}, start, end)
    (span,) = stream_facts(answer(*((100 * n, size) for n, size in enumerate(sizes)), blocks=(block,))).blocks
    assert (span.began_ms, span.ended_ms) == (100 * holder[start], 100 * holder[end - 1])
    assert span.byte_count == end - start


@pytest.mark.parametrize(("start", "end"), [(5, 9), (0, 0)])
def test_a_block_that_did_not_come_in_chunks_has_no_time(start: int, end: int) -> None:
    (span,) = stream_facts(answer(blocks=(Block({"type": "text"}, start, end),))).blocks
    assert (span.began_ms, span.ended_ms) == (None, None)


def test_blocks_are_named() -> None:
    blocks = (Block({"type": "tool_use", "name": "Bash"}, 0, 1, cut=True), Block({"name": 7}, 0, 1))
    found = stream_facts(answer((1, 1), blocks=blocks)).blocks
    assert [(span.kind, span.title, span.cut) for span in found] == [
        ("tool_use", "Bash", True),
        ("unknown", "7", False),
    ]


def test_a_recorded_answer_has_its_times() -> None:
    (span,) = stream_facts(request_details(answer=text_answer()).answer).blocks
    assert span.began_ms == ANSWERED_MS + CHUNK_MS
    assert span.ended_ms == ANSWERED_MS + 3 * CHUNK_MS
