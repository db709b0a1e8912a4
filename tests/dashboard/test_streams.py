"""The forensics of a recorded exchange, and their form in the read API."""

import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from dashboard.details import RequestDetails, details_of
from dashboard.recordings import Stream
from dashboard.streams import forensics_of, stream_item
from domain.sse import SseParser
from schemas.stored.events import ChunkStreamed, HeaderFact, RecordingGap
from tests.answers import sse
from tests.read_rows import START, request_id
from tests.recorded_details import request_details, text_answer

STREAMED = text_answer()


def test_the_item_says_what_was_found() -> None:
    said = json.loads(stream_item(request_details(answer=STREAMED)).model_dump_json())
    after_the_start = {"frame": "message_start", "block": None, "block_kind": "", "inside": False}
    histogram = said["gaps"].pop("histogram")
    assert said == {
        "ending": "complete",
        "ended_by": "completed",
        "stalled": False,
        "only_pinged": False,
        "reached": {"frame": "message_stop", "block": 0, "block_kind": "text", "inside": False},
        "headers_ms": 640,
        "first_byte_ms": 640,
        "first_token_ms": 840,
        "last_byte_ms": 1140,
        "ended_ms": 1240,
        "chunks": 6,
        "bytes": len(sse(STREAMED)),
        "gaps": {"count": 5, "p50_ms": 100, "p95_ms": 100, "max_ms": 100},
        "longest_silence": {"start_ms": 640, "end_ms": 740, "after": after_the_start},
        "silences": [],
        "ping_times": [],
        "pings": 0,
        "output_tokens": 9,
        "tokens_estimated": False,
        "tokens_per_second": None,
    }
    assert [(each["below_ms"], each["count"]) for each in histogram if each["count"]] == [(300, 5)]
    assert histogram[-1]["below_ms"] is None


def test_silences_and_pings_are_listed() -> None:
    details = request_details(answer=[STREAMED[0], {"type": "ping"}, *STREAMED[1:]])
    slow = [replace(each, arrival_us=20 * each.arrival_us) for each in details.answer.chunks]
    item = stream_item(replace(details, answer=replace(details.answer, chunks=tuple(slow))))
    assert item.pings == 1
    assert [(each.start_ms, each.end_ms, each.pings) for each in item.ping_times] == [(12_800, 16_800, 1)]
    assert len(item.silences) == 7, "one of them before the first byte"
    assert item.silences[1].after.frame == "message_start"


def test_nothing_came() -> None:
    item = stream_item(request_details(answer=b"", ended_by="timeout"))
    assert (item.ending, item.chunks, item.gaps, item.headers_ms, item.longest_silence) == (
        "unanswered", 0, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("ended_by", ["client", "upstream"])
def test_where_a_part_is_missing_nobody_is_accused(ended_by: str) -> None:
    details = request_details(answer=STREAMED[:3], ended_by=ended_by)
    assert forensics_of(details).ending in {"abandoned", "cut"}
    gap = RecordingGap(
        originator_id=request_id(1),
        originator_version=9,
        timestamp=START,
        part="response",
        reason="disk",
        offset=9,
        byte_count=1,
    )
    assert forensics_of(replace(details, gaps=(gap,))).ending == "unknown"
    assert forensics_of(replace(details, gaps=(gap.model_copy(update={"part": "request"}),))).ending != "unknown"
    for changes in ({"kept": "erased"}, {"state": "undecodable"}, {"state": "broken"}):
        assert forensics_of(with_body(details, **changes)).ending == "unknown"
    assert forensics_of(with_body(details, state="truncated")).ending != "unknown"


def with_body(details: RequestDetails, **changes: Any) -> RequestDetails:
    return replace(details, answer=replace(details.answer, body=replace(details.answer.body, **changes)))


def test_a_compressed_answer_has_the_times_of_its_opened_bytes() -> None:
    """Each chunk is a flushed piece of one gzip stream, so it opens as it came."""
    plain, packed = request_details(answer=STREAMED), compressed(STREAMED)
    found, expected = forensics_of(packed), forensics_of(plain)
    assert found.byte_count != expected.byte_count
    assert [(each.began_us, each.ended_us) for each in found.blocks] == [
        (each.began_us, each.ended_us) for each in expected.blocks
    ]
    assert (found.first_token_us, found.gaps, found.reached) == (
        expected.first_token_us,
        expected.gaps,
        expected.reached,
    )


def compressed(events: list[dict[str, Any]]) -> RequestDetails:
    plain = request_details(answer=events)
    assert plain.received is not None
    assert plain.started is not None
    assert plain.ended is not None
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(sse([event])) + packer.flush(zlib.Z_SYNC_FLUSH) for event in events]
    coding = HeaderFact(name="content-encoding", value="gzip")
    run = ChunkStreamed(
        originator_id=plain.request_id,
        originator_version=3,
        timestamp=START,
        offset=0,
        lengths=tuple(map(len, pieces)),
        arrivals_us=tuple(chunk.arrival_us for chunk in plain.answer.chunks),
    )
    started = plain.started.model_copy(update={"headers": (*plain.started.headers, coding)})
    return details_of(Stream([plain.received, started, run, plain.ended]), plain.item, None, b"".join(pieces))


def test_a_key_in_the_answer_does_not_move_the_frames() -> None:
    secret = text_answer("sk-ant-" + "a" * 40)
    frames = SseParser().feed(sse(secret))
    found = forensics_of(request_details(answer=secret))
    assert found.first_token_us == 840_000
    assert found.blocks[0].byte_count == frames[3].end - frames[1].start
