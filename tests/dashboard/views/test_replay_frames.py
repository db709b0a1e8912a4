"""Played to its end, an answer is what was put together of it; a piece comes when its frame was there; no key shows."""

import gzip
import json
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import details_of
from dashboard.recordings import Stream
from dashboard.views import replay_frames
from dashboard.views.replay_frames import Piece, PlayedBlock, Replay, replay_of
from domain.assembly import assemble
from schemas.stored.events import ChunkStreamed, ResponseStarted
from tests.answers import sse, streams
from tests.recorded_details import ANSWERED_MS, CHUNK_MS, request_details, text_answer
from tests.strategies import Cut, cuts

KEY = "sk-ant-api03-" + "A" * 40


def start(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def delta(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def replay(*events: dict[str, Any], **how: Any) -> Replay:
    return replay_of(request_details(answer=list(events), **how))


def words(found: Replay) -> list[str]:
    """The whole text of each block."""
    return ["".join(piece.text for piece in found.pieces if piece.block == n) for n in range(len(found.blocks))]


def streamed(data: bytes, cut: Cut, coding: str = "") -> Replay:
    """Bytes in any chunks, one every CHUNK_MS."""
    details = request_details(answer=b"x")
    pieces = [piece for piece in cut.split(data) if piece]
    assert details.received is not None
    started = details.started
    assert isinstance(started, ResponseStarted)
    header = started.headers[0].model_copy(update={"name": "content-encoding", "value": coding})
    run = ChunkStreamed(
        originator_id=details.request_id,
        originator_version=3,
        timestamp=started.timestamp,
        offset=0,
        lengths=tuple(map(len, pieces)),
        arrivals_us=tuple((ANSWERED_MS + CHUNK_MS * place) * 1000 for place in range(len(pieces))),
    )
    started = started.model_copy(update={"headers": (*started.headers, *((header,) if coding else ()))})
    return replay_of(details_of(Stream([details.received, started, run]), None, b"{}", data))


@given(streams(), cuts())
def test_played_to_the_end_it_is_the_answer(events: list[dict[str, Any]], cut: Cut) -> None:
    """Oracle: what the assembly makes of the same bytes."""
    data = sse(events)
    message = assemble(data, "text/event-stream")
    found = streamed(data, cut)
    played = [
        text for block, text in zip(found.blocks, words(found), strict=True) if block.kind in {"text", "thinking"}
    ]
    texts = [
        str(block.value.get(kind, ""))
        for block in message.blocks
        if (kind := str(block.value.get("type"))) in {"text", "thinking"}
    ]
    assert "".join(played) == "".join(texts)


@given(st.lists(st.text(max_size=9), min_size=1, max_size=9), cuts(), st.booleans())
def test_a_piece_comes_with_the_last_byte_of_its_frame(texts: list[str], cut: Cut, packed: bool) -> None:
    """Oracle: the first chunk with which that many bytes are there."""
    frames = [sse([start(0, "text", text="")]), *(sse([delta(0, "text_delta", text=text)]) for text in texts)]
    data = b"".join(frames)
    found = streamed(gzip.compress(data) if packed else data, cut, "gzip" if packed else "")
    assert [piece.at_ms for piece in found.pieces] == sorted(piece.at_ms for piece in found.pieces)
    assert [piece.text for piece in found.pieces] == ["", *filter(None, texts)]
    if not packed:
        there = list(accumulate(map(len, (piece for piece in cut.split(data) if piece))))
        ends = [end for end, text in zip(accumulate(map(len, frames)), ["x", *texts], strict=True) if text]
        chunks = [next(n for n, bytes_there in enumerate(there) if bytes_there >= end) for end in ends]
        assert [piece.at_ms for piece in found.pieces] == [ANSWERED_MS + CHUNK_MS * n for n in chunks]


def test_an_answer_is_told_block_by_block() -> None:
    found = replay(
        text_answer()[0],
        start(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="c2ln"),
        start(1, "text", text="I "),
        delta(1, "text_delta", text="look."),
        start(2, "tool_use", id="t", name="Bash", input={}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"command":'),
        delta(2, "input_json_delta", partial_json=' "ls"}'),
        start(3, "web_search_tool_result", content=[]),
    )
    assert found.blocks == (
        PlayedBlock("thinking", "thinking"),
        PlayedBlock("text", "text"),
        PlayedBlock("input", "tool use Bash"),
        PlayedBlock("other", "web search tool result"),
    )
    assert words(found) == ["Hm", "I look.", '{"command": "ls"}', ""]
    assert found.pieces[0] == Piece(ANSWERED_MS + CHUNK_MS, 0, "")
    assert found.pieces[3] == Piece(ANSWERED_MS + 4 * CHUNK_MS, 1, "I ")
    assert found.lasted_ms == ANSWERED_MS + 11 * CHUNK_MS


def test_an_index_that_comes_again_is_another_block() -> None:
    found = replay(start(0, "text", text="one"), start(0, "text", text="two"), delta(0, "text_delta", text="!"))
    assert words(found) == ["one", "two!"]


def test_a_block_whose_start_was_lost_begins_with_its_text() -> None:
    found = replay(delta(4, "text_delta", text="late"), delta(5, "odd_delta", text="x"), start(6, "text", text=7))
    assert (found.blocks, words(found)) == ((PlayedBlock("text", ""), PlayedBlock("text", "text")), ["late", ""])


def test_an_error_is_part_of_what_came() -> None:
    found = replay(
        *text_answer()[:3], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    )
    assert found.blocks[-1] == PlayedBlock("error", "overloaded_error")
    assert words(found)[-1] == "Overloaded"


@pytest.mark.parametrize("cut", range(1, len(KEY), 7))
def test_no_key_shows_though_it_came_in_pieces(cut: int) -> None:
    found = replay(
        start(0, "text", text="It is "), *(delta(0, "text_delta", text=part) for part in (KEY[:cut], KEY[cut:]))
    )
    assert words(found) == ["It is sk-ant-" + "*" * (len(KEY) - len("sk-ant-"))]
    assert [len(piece.text) for piece in found.pieces] == [0, 6, cut, len(KEY) - cut]


def test_what_was_not_streamed_has_no_pieces() -> None:
    whole = json.dumps({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]}).encode()
    for answer in (whole, b"", b"\xff\xfe"):
        found = replay_of(request_details(answer=answer))
        assert (found.pieces, found.blocks) == ((), ())
    assert replay_of(request_details(answer=b"", ended_by="open")).lasted_ms == 0


def test_what_is_still_coming_lasts_until_its_newest_chunk() -> None:
    assert replay(*text_answer()[:3], ended_by="open").lasted_ms == ANSWERED_MS + 2 * CHUNK_MS


def test_the_frame_that_the_end_cut_is_not_played() -> None:
    data = sse(text_answer()[:3])
    assert words(streamed(data[:-1], Cut(()))) == [""]


def test_of_very_much_text_the_beginning_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_frames, "MOST_CHARS", 10)
    found = replay(start(0, "text", text=""), *(delta(0, "text_delta", text="four") for _ in range(5)))
    assert (words(found), found.hidden) == (["fourfour"], 12)
