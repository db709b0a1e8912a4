"""The course of an answer in words and rows, and what the rhythm draws of it."""

from typing import Any

import pytest

from dashboard.figures import Arrival, Mark
from dashboard.streams import forensics_of
from dashboard.views.stream import STRETCHES, ShownStream, rhythm_rows, shown_stream
from domain.assembly import AssembledMessage
from domain.sse import SseParser
from domain.stream_forensics import Chunk, Course, StreamForensics, examine
from tests.answers import sse
from tests.recorded_details import ANSWERED_MS, CHUNK_MS, request_details, text_answer

PING = {"type": "ping"}


def examined(*times_ms: int, **course: Any) -> StreamForensics:
    """Chunks of one byte of no message."""
    chunks = [Chunk(at * 1000, 1, place) for place, at in enumerate(times_ms, 1)]
    given = Course(**{"outcome": "completed", "status": 200, "headers_us": 0, **course})
    return examine(chunks, (), AssembledMessage("opaque"), given)


def facts(shown: ShownStream) -> dict[str, tuple[str, str]]:
    return {fact.name: (fact.value, fact.note) for fact in shown.facts}


def verdicts(found: StreamForensics) -> list[tuple[str, str]]:
    return [(each.words, each.tone) for each in shown_stream(found).verdicts]


def test_a_recorded_answer_in_numbers() -> None:
    details = request_details(answer=text_answer())
    shown = shown_stream(forensics_of(details))
    assert shown.came
    assert [each.words for each in shown.verdicts] == ["complete"]
    assert facts(shown) == {
        "Ended by": ("the API, in order", "after block 1, text"),
        "Headers after": ("640 ms", ""),
        "First byte after": ("640 ms", ""),
        "First token after": ("840 ms", ""),
        "Last byte after": ("1.1 s", ""),
        "Longest silence": ("100 ms", "after message_start"),
        "Between chunks": ("100 ms · 100 ms · 100 ms", "median · 95 % · most"),
        "Tokens a second": ("–", ""),
        "Pings": ("0", ""),
        "Chunks": ("6", ""),
        "Bytes": (f"{len(sse(text_answer()))} B", ""),
    }
    (span,) = shown.blocks
    assert (span.number, span.kind, span.name, span.cut) == (1, "text", "", False)
    assert (span.began_ms, span.ended_ms) == (ANSWERED_MS + CHUNK_MS, ANSWERED_MS + 3 * CHUNK_MS)
    assert [(column.name, column.count, column.percent) for column in shown.histogram] == [("100 ms to 300 ms", 5, 100)]
    assert shown.stretches == ()


def test_gaps_stand_in_columns_with_both_ends() -> None:
    times = (0, 5, 20, 35, 40_000)
    found = [(column.name, column.count, column.percent) for column in shown_stream(examined(*times)).histogram]
    assert found == [("under 10 ms", 1, 50), ("10 ms to 30 ms", 2, 100), ("30 s and more", 1, 50)]


def test_nothing_came() -> None:
    shown = shown_stream(examined(outcome="client", status=None, headers_us=None))
    assert not shown.came
    assert [(each.words, each.tone) for each in shown.verdicts] == [("no answer came", "bad")]
    assert facts(shown)["Ended by"] == ("the client", "")
    assert facts(shown)["Longest silence"] == facts(shown)["Between chunks"] == ("–", "")


@pytest.mark.parametrize(
    ("course", "words"),
    [
        ({"outcome": "open"}, [("still open", "run")]),
        ({"status": 529}, [("refused", "bad")]),
        ({"outcome": "client"}, [("200, but abandoned by the client", "bad")]),
        ({"outcome": "upstream"}, [("cut before its end", "bad")]),
        ({"outcome": "upstream", "readable": False}, [("how it ended cannot be told: a part is missing", "")]),
        ({"outcome": "timeout", "ended_us": 42_000_000}, [("cut before its end", "bad"), ("stalled for 42 s", "bad")]),
    ],
)
def test_verdicts(course: dict[str, Any], words: list[tuple[str, str]]) -> None:
    assert verdicts(examined(0, **course)) == words


def test_a_time_of_only_pings_is_told_drawn_and_listed() -> None:
    answer = text_answer()
    events = [*answer[:3], PING, *answer[3:]]
    details = request_details(answer=events)
    chunks = details.answer.chunks
    late_ms = (0, 0, 0, 20_000, 40_000, 40_000, 40_000)
    moved = [
        Chunk(chunk.arrival_us + 1000 * late, chunk.length, chunk.opened_end)
        for chunk, late in zip(chunks, late_ms, strict=True)
    ]
    found = examine(
        moved, SseParser().feed(sse(events)), details.answer.message, Course(outcome="completed", status=200)
    )
    assert verdicts(found) == [("complete", "good"), ("for a long time only pings", "bad")]
    assert [(each.what, each.start_ms, each.lasted_ms, each.where) for each in shown_stream(found).stretches] == [
        ("only pings", 840, 40_200, "1 ping"),
        ("no byte", 840, 20_100, "in block 1, text"),
        ("no byte", 20_940, 20_100, "in block 1, text, after a ping"),
    ]
    rows = rhythm_rows(details.answer, found)
    assert rows.marks == (
        Mark(840, 20_940, "silence", "no byte for 20 s"),
        Mark(20_940, 41_040, "silence", "no byte for 20 s"),
        Mark(840, 41_040, "pings", "only pings for 40 s"),
    )
    assert list(rows.pings_ms) == [20_940]
    assert rows.arrivals[0] == Arrival(ANSWERED_MS, chunks[0].length)
    assert rows.ended_ms == 0


def test_the_longest_stretches_are_kept_in_their_order() -> None:
    waits = [1_000 + 10 * place for place in range(STRETCHES + 5)]
    times = [sum(waits[:place]) for place in range(len(waits) + 1)]
    shown = shown_stream(examined(*times)).stretches
    assert [each.lasted_ms for each in shown] == waits[5:]


def test_an_estimated_pace_is_said_to_be_one() -> None:
    answer = text_answer()
    details = request_details(answer=[*answer[:3], answer[2]], ended_by="client")
    assert facts(shown_stream(forensics_of(details)))["Tokens a second"] == ("80.0", "estimated")


def test_frames_that_nobody_knows_are_named_as_far_as_they_fit() -> None:
    found = forensics_of(request_details(answer=[{"type": "aurora" * 20}]))
    assert facts(shown_stream(found))["Ended by"][1].startswith("after auroraaurora")
    assert len(facts(shown_stream(found))["Ended by"][1]) < 60
