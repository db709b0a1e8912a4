"""An exchange taken apart: nothing is lost, nothing is invented, and nothing in it can break the page."""

import gzip
import json
from itertools import accumulate
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import RequestDetails, details_of
from dashboard.recordings import Stream
from domain.parts import cut
from schemas.stored.events import ChunkStreamed, ExchangeEvent, HeaderFact, RecordingGap, ResponseStarted
from tests.answers import sse, streams
from tests.recorded_details import request_details
from tests.shipping import AT, completed, received
from tests.strategies import json_values

REQUEST = UUID(int=7)
BODY = {
    "model": "opus",
    "max_tokens": 10,
    "system": [{"type": "text", "text": "You are", "cache_control": {"type": "ephemeral"}}, "plain"],
    "tools": [{"name": "Bash", "description": "Runs", "input_schema": {}}, {"type": "web_search", "name": "w"}, 7],
    "messages": [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}, "more", None]},
        "no message",
    ],
    "metadata": {"user_id": "u"},
}


def details(
    body: bytes | None = b"",
    answer: bytes | None = b"",
    *,
    lengths: list[int] | None = None,
    request_coding: str = "",
    coding: str = "",
    content_type: str = "text/event-stream",
    extra: tuple[ExchangeEvent, ...] = (),
    ended: bool = True,
    byte_count: int | None = None,
) -> RequestDetails:
    reference = cut(body or b"{}", bytes(32)).reference if body is None or body else None
    head = received(REQUEST, body=reference).model_copy(
        update={
            "byte_count": len(body or b"") if byte_count is None else byte_count,
            "headers": (HeaderFact(name="content-encoding", value=request_coding),),
        }
    )
    events: list[ExchangeEvent] = [head]
    told = [len(answer)] if lengths is None and answer else lengths or []
    if told:
        headers = (
            HeaderFact(name="content-type", value=content_type),
            HeaderFact(name="content-encoding", value=coding),
        )
        events.append(
            ResponseStarted(
                originator_id=REQUEST,
                originator_version=2,
                timestamp=AT,
                origin="upstream",
                status=200,
                headers=headers,
                elapsed_us=5,
            )
        )
        events.append(
            ChunkStreamed(
                originator_id=REQUEST,
                originator_version=3,
                timestamp=AT,
                offset=0,
                lengths=tuple(told),
                arrivals_us=tuple(range(10, 10 + len(told))),
            )
        )
    events += extra
    if ended:
        events.append(completed(REQUEST, 9))
    return details_of(Stream(events), None, body, answer)


def test_a_messages_request_is_taken_apart() -> None:
    sent = details(json.dumps(BODY).encode()).sent
    assert sent.parsable
    assert sent.system == (BODY["system"][0], {"type": "text", "text": "plain"})  # type: ignore[index]  # a list
    assert [(tool.name, tool.description) for tool in sent.tools] == [("Bash", "Runs"), ("w", ""), ("", "")]
    assert sent.tools[0].value["input_schema"] == {}
    assert [(message.role, len(message.blocks)) for message in sent.messages] == [
        ("user", 1),
        ("assistant", 1),
        ("user", 3),
        ("", 1),
    ]
    assert sent.messages[0].blocks == ({"type": "text", "text": "hello"},)
    assert sent.messages[2].blocks[1:] == ({"type": "text", "text": "more"}, {"type": "unknown", "value": None})
    assert sent.messages[3].blocks == ({"type": "text", "text": "no message"},)
    assert sent.settings == {"model": "opus", "max_tokens": 10, "metadata": {"user_id": "u"}}
    assert json.loads(sent.body.text) == BODY


@given(st.dictionaries(st.sampled_from(["system", "tools", "messages", "model", "x"]), json_values(8)))
def test_any_object_is_taken_apart_without_loss(body: dict[str, Any]) -> None:
    sent = details(json.dumps(body).encode()).sent
    assert sent.parsable
    for name, taken in (("tools", sent.tools), ("messages", sent.messages)):
        if isinstance(body.get(name), list):
            assert len(taken) == len(body[name])
            assert name not in sent.settings
        else:
            assert len(taken) == 0
            assert sent.settings.get(name) == body.get(name)
    assert sent.settings.get("model") == body.get("model")
    system = body.get("system")
    assert len(sent.system) == (len(system) if isinstance(system, list) else system is not None)
    blocks = [*sent.system, *(block for message in sent.messages for block in message.blocks)]
    assert all(isinstance(block, dict) for block in blocks)


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"{", b"\xff\xfe", b"null", b"[" * 500])
def test_what_is_no_object_is_text(body: bytes) -> None:
    sent = details(body).sent
    assert (sent.parsable, sent.messages, sent.settings, sent.body.kept) == (False, (), {}, "kept")
    assert sent.body.text == body.decode("utf-8", "replace")


def test_a_compressed_body_is_opened_and_a_cut_one_as_far_as_it_goes() -> None:
    data = json.dumps(BODY).encode() * 50
    packed = gzip.compress(data)
    whole = details(packed, request_coding="gzip").sent.body
    assert (whole.state, whole.data) == ("complete", data)
    half = details(packed[: len(packed) // 2], request_coding="gzip").sent.body
    assert half.state == "truncated"
    assert data.startswith(half.data)
    assert details(packed, request_coding="rot13").sent.body.state == "undecodable"


@pytest.mark.parametrize(
    ("body", "byte_count", "kept"), [(b"", 0, "none"), (b"", 9, "not_kept"), (None, 9, "erased"), (b"{}", 2, "kept")]
)
def test_why_there_is_no_body(body: bytes | None, byte_count: int, kept: str) -> None:
    assert details(body, byte_count=byte_count).sent.body.kept == kept


def test_a_gap_alone_has_nothing_kept() -> None:
    gap = RecordingGap(
        originator_id=REQUEST,
        originator_version=1,
        timestamp=AT,
        part="request",
        reason="disk full",
        offset=0,
        byte_count=5,
    )
    found = details_of(Stream([gap]), None, b"", b"")
    assert (found.received, found.sent.body.kept, found.answer.body.kept) == (None, "not_kept", "none")
    assert found.gaps == (gap,)
    lost = gap.model_copy(update={"part": "response"})
    assert details_of(Stream([lost]), None, b"", b"").answer.body.kept == "not_kept"


@given(streams(), st.data())
def test_the_answer_is_the_message_however_it_was_cut_into_chunks(
    events: list[dict[str, Any]], data: st.DataObject
) -> None:
    raw = sse(events)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=6)))
    lengths = [b - a for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    found = details(b"{}", raw, lengths=lengths)
    assert found.answer.message == details(b"{}", raw).answer.message
    assert found.answer.message.finished
    assert found.answer.body.data == raw
    ends = list(accumulate(lengths))
    assert [(chunk.offset + chunk.length, chunk.opened_end) for chunk in found.answer.chunks] == list(
        zip(ends, ends, strict=True)
    )
    assert [chunk.arrival_us for chunk in found.answer.chunks] == list(range(10, 10 + len(lengths)))


def test_chunks_of_a_compressed_answer_know_where_they_end_in_the_opened_one() -> None:
    raw = sse([{"type": "ping", "n": n} for n in range(2000)])
    packed = gzip.compress(raw)
    half = len(packed) // 2
    answer = details(b"{}", packed, lengths=[half, len(packed) - half], coding="gzip").answer
    first, second = answer.chunks
    assert 0 < first.opened_end < second.opened_end == len(raw)
    assert (second.offset, second.length) == (half, len(packed) - half)


def test_an_answer_that_cannot_be_opened_keeps_its_chunks() -> None:
    answer = details(b"{}", b"xyz", lengths=[1, 2], coding="rot13").answer
    assert answer.body.state == "undecodable"
    assert [(chunk.offset, chunk.length, chunk.opened_end) for chunk in answer.chunks] == [(0, 1, 0), (1, 2, 0)]
    assert answer.message.kind == "opaque"


def test_a_chunk_stands_where_its_run_begins() -> None:
    """A gap before a run moves it."""
    event = ChunkStreamed(
        originator_id=REQUEST,
        originator_version=4,
        timestamp=AT,
        offset=100,
        lengths=(2, 3),
        arrivals_us=(50, 60),
    )
    answer = details(b"{}", b"abcdeXY", lengths=[2], extra=(event,)).answer
    assert [(chunk.offset, chunk.length, chunk.arrival_us) for chunk in answer.chunks] == [
        (0, 2, 10),
        (100, 2, 50),
        (102, 3, 60),
    ]
    assert answer.body.data == b"abcdeXY"


def test_an_erased_answer_keeps_its_times() -> None:
    answer = details(b"{}", None, lengths=[3, 4]).answer
    assert (answer.body.kept, answer.body.data) == ("erased", b"")
    assert [chunk.arrival_us for chunk in answer.chunks] == [10, 11]


def test_bytes_that_came_after_the_stream_was_read_wait_for_their_event() -> None:
    assert details(b"{}", b"abcdef", lengths=[2, 2]).answer.body.data == b"abcd"


def test_no_answer_yet() -> None:
    found = details(b"{}", b"", ended=False)
    assert (found.outcome, found.started, found.ended, found.answer.chunks) == ("open", None, None, ())
    assert found.answer.body.kept == "none"


def test_a_json_error_is_an_error() -> None:
    raw = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).encode()
    message = details(b"{}", raw, content_type="application/json").answer.message
    assert message.error is not None
    assert message.error.kind == "overloaded_error"


KEY = "sk-ant-api03-" + "AbCdEf0123456789" * 3
HIDDEN = "sk-ant-" + "*" * (len(KEY) - 7)


def in_pieces(*pieces: str) -> bytes:
    """A block of text that comes in these pieces."""
    return sse(
        [
            {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}} for p in pieces),
            {"type": "from_the_future", "said": KEY},
        ]
    )


@pytest.mark.parametrize("at", range(len(KEY) + 1))
def test_a_key_that_came_in_two_pieces_is_hidden_wherever_it_was_split(at: int) -> None:
    found = details(answer=in_pieces(f"before {KEY[:at]}", f"{KEY[at:]} after")).answer
    assert found.message.content[0]["text"] == f"before {HIDDEN} after"
    assert KEY.encode() not in found.body.data
    assert KEY not in repr(found.message)


def test_hiding_moves_nothing() -> None:
    answer = in_pieces("before ", KEY)
    found = details(answer=answer, lengths=[100, len(answer) - 100]).answer
    assert len(found.body.data) == len(answer)
    assert [chunk.opened_end for chunk in found.chunks] == [100, len(answer)]


def test_a_key_in_a_request_is_hidden_even_if_its_letters_are_escaped() -> None:
    body = json.dumps({"system": KEY, "messages": [{"role": "user", "content": "KEY"}], KEY: KEY}).encode()
    sent = details(body=body.replace(b'"KEY"', b'"\\u0073' + KEY[1:].encode() + b'"')).sent
    assert sent.messages[0].blocks == ({"type": "text", "text": HIDDEN},)
    assert KEY not in repr(sent)
    assert sent.settings == {HIDDEN: HIDDEN}


def test_a_key_in_an_error_is_hidden() -> None:
    answer = json.dumps({"type": "error", "error": {"type": "authentication_error", "message": f"no {KEY}"}}).encode()
    error = details(answer=answer, content_type="application/json").answer.message.error
    assert error is not None
    assert (error.message, KEY in repr(error)) == (f"no {HIDDEN}", False)


def test_a_key_in_what_is_no_json_is_hidden() -> None:
    assert details(body=f"x={KEY}".encode()).sent.body.text == f"x={HIDDEN}"


def test_a_key_that_is_written_with_an_escape_is_hidden_too() -> None:
    body = json.dumps({"messages": [{"role": "user", "content": KEY}]}).replace("sk-", "sk\\u002d")
    assert KEY.replace("-", "\\u002d", 1) in body
    (message,) = request_details(body=body.encode()).sent.messages
    assert message.blocks[0]["text"] == HIDDEN
