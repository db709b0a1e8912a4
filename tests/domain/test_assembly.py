"""The assembled message against the client's own SDK, over any split, any cut and any damage."""

import json
import time
from dataclasses import replace
from functools import cache
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assembly import AnswerAssembler, AnswerError, AssembledMessage, assemble, frame_kind
from domain.sse import SseParser
from tests.answers import Event, Recording, framed, recordings, sse, streams
from tests.strategies import Cut, Json, cuts, json_values

STREAM = "text/event-stream; charset=utf-8"
MESSAGE_START: Json = {
    "type": "message_start",
    "message": {"id": "msg_1", "role": "assistant", "model": "m", "content": []},
}
MESSAGE_STOP = {"type": "message_stop"}


def start(index: Json, **block: Json) -> Event:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: Json, **change: Json) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": change}


def text(index: Json, piece: str) -> Event:
    return delta(index, type="text_delta", text=piece)


def stop(index: Json) -> Event:
    return {"type": "content_block_stop", "index": index}


def message_of(*events: Event) -> AssembledMessage:
    return assemble(sse(list(events)), STREAM)


def in_pieces(pieces: list[bytes]) -> AssembledMessage:
    assembler = AnswerAssembler()
    for piece in pieces:
        assembler.feed(piece)
    assembler.finish()
    return assembler.message()


def without_places(message: AssembledMessage) -> AssembledMessage:
    """The same message, whatever the framing was."""
    blocks = tuple(replace(block, start=0, end=0) for block in message.blocks)
    unplaced = tuple(frame._replace(start=0, end=0, last_event_id="", retry_ms=None) for frame in message.unplaced)
    return replace(message, blocks=blocks, unplaced=unplaced)


# --- the client's SDK as the oracle ---------------------------------------------------------------------------------


class Sdk:
    """The public stream of the installed SDK, over a transport that answers what it is told."""

    def __init__(self) -> None:
        self.answer = b""
        transport = httpx2.MockTransport(self.respond)
        self.client = anthropic.Anthropic(
            api_key="fake", base_url="http://127.0.0.1:1", http_client=httpx2.Client(transport=transport)
        )

    def respond(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": STREAM}, content=self.answer)

    def message(self, answer: bytes) -> dict[str, Any]:
        self.answer = answer
        question: Any = {"role": "user", "content": "?"}
        with self.client.beta.messages.stream(model="claude-opus-5-5", max_tokens=9, messages=[question]) as stream:
            return stream.get_final_message().to_dict(mode="json", warnings=False)


@cache
def sdk() -> Sdk:
    return Sdk()


def given_members(value: Json) -> Json:
    """The SDK has every member that its model knows; null is as good as absent."""
    return {name: member for name, member in value.items() if member is not None}


def assert_same_as_sdk(message: AssembledMessage, theirs: dict[str, Any]) -> None:
    assert [given_members(block) for block in message.content] == [given_members(block) for block in theirs["content"]]
    assert given_members(message.usage) == given_members(theirs["usage"])
    stopped = (theirs["stop_reason"], theirs["stop_sequence"])
    assert (message.stop_reason, message.stop_sequence) == stopped
    assert (message.id, message.model, message.role) == (theirs["id"], theirs["model"], theirs["role"])
    for member in ("container", "context_management", "stop_details"):
        assert message.extra.get(member) == theirs.get(member)


@settings(max_examples=200, deadline=None)
@given(streams())
def test_the_message_is_the_sdks_own(events: list[Event]) -> None:
    answer = sse(events)
    message = assemble(answer, STREAM)
    assert_same_as_sdk(message, sdk().message(answer))
    assert (message.kind, message.finished, message.error, message.unfinished) == ("message", True, None, None)
    assert not any(block.cut or block.raw_input for block in message.blocks)
    assert {json.loads(frame.data)["type"] for frame in message.unplaced} <= {"aurora"}


def test_a_fallback_names_the_model_that_answered() -> None:
    block = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}, "trigger": {"type": "refusal"}}
    usage = {"input_tokens": 1, "output_tokens": 1}
    head = {**MESSAGE_START["message"], "type": "message", "usage": usage}
    done = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    answer = sse([{"type": "message_start", "message": head}, start(0, **block), stop(0), done, MESSAGE_STOP])
    assert_same_as_sdk(assemble(answer, STREAM), sdk().message(answer))
    assert assemble(answer, STREAM).model == "b"
    assert message_of(MESSAGE_START, start(0, type="fallback", to=5)).model == "m"


@pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
def test_recorded_answers(recording: Recording) -> None:
    message = message_of(*recording.events)
    whole: Json = recording.response
    assert message.unplaced == ()
    assert (message.id, message.model, message.role) == (whole["id"], whole["model"], whole["role"])
    if message.whole:
        assert list(message.content) == whole["content"]
        assert (message.usage, message.stop_reason) == (whole["usage"], whole["stop_reason"])
        return
    assert message.blocks[-1].cut
    assert recording.name.startswith(("cut", "error"))
    for block, full in zip(message.blocks, whole["content"], strict=False):
        given_text, full_text = str(block.value.get("text", "")), full.get("text", "")
        assert full_text.startswith(given_text)


def test_recorded_answers_end_in_every_way() -> None:
    ends = {name: message_of(*events) for name, events in ((one.name, one.events) for one in recordings())}
    assert [name for name, message in ends.items() if message.error] == ["error_in_stream"]
    assert [name for name, message in ends.items() if message.blocks[-1].raw_input] == ["cut_in_tool_input"]
    assert {name for name, message in ends.items() if not message.finished and message.whole} == {"no_message_stop"}


# --- splits, framings, cuts, damage ---------------------------------------------------------------------------------


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A stream with events lost, doubled and out of order, and some bytes of it replaced."""
    events = draw(streams())
    picked = draw(st.lists(st.sampled_from(events), max_size=15))
    stream = draw(framed(draw(st.sampled_from([events, picked, [*events, *picked]]))))
    at, damage = draw(st.integers(0, len(stream))), draw(st.binary(max_size=4))
    return stream[:at] + damage + stream[at + draw(st.integers(0, 4)) :]


@settings(deadline=None)
@given(damaged(), cuts(8))
def test_any_split_gives_the_same_message(stream: bytes, cut: Cut) -> None:
    whole = in_pieces([stream])
    assert in_pieces(cut.split(stream)) == whole
    assert in_pieces([stream[at : at + 1] for at in range(len(stream))]) == whole


@settings(deadline=None)
@given(streams().flatmap(lambda events: st.tuples(st.just(events), framed(events))))
def test_any_framing_gives_the_same_message(both: tuple[list[Event], bytes]) -> None:
    events, stream = both
    plain = without_places(assemble(sse(events), STREAM))
    shapes = [json.loads(frame.data) for frame in plain.unplaced]
    found = without_places(assemble(stream, STREAM))
    assert [json.loads(frame.data) for frame in found.unplaced] == shapes
    assert replace(found, unplaced=()) == replace(plain, unplaced=())


def grown_text(value: Json) -> str:
    kind = value["type"]
    return str(value["text"] if kind == "text" else value["thinking"] if kind == "thinking" else "")


@settings(deadline=None)
@given(streams(), st.integers(0, 2**30))
def test_a_cut_answer_is_the_beginning_of_the_whole_one(events: list[Event], place: int) -> None:
    stream = sse(events)
    whole, part = assemble(stream, STREAM), assemble(stream[: place % (len(stream) + 1)], STREAM)
    assert len(part.blocks) <= len(whole.blocks)
    for ours, full in zip(part.blocks, whole.blocks, strict=False):
        assert ours.value["type"] == full.value["type"]
        assert grown_text(full.value).startswith(grown_text(ours.value))
        assert ours.raw_input is not None or ours.value.get("input", {}) in ({}, full.value.get("input", {}))
        assert ours.cut or ours == full
        assert ours.start == full.start
        assert ours.end <= full.end
    assert part.unplaced == whole.unplaced[: len(part.unplaced)]
    assert not part.whole or part.stop_reason is not None or part.finished


@st.composite
def marked(draw: st.DrawFn) -> tuple[list[Event], list[str]]:
    """Events in any order and number, each text in them to be found again."""
    kinds = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json", "glow": "glow"}
    blocks = st.sampled_from(["text", "thinking", "tool_use", "server_tool_use", "hologram"])
    indices = st.integers(0, 2) | st.sampled_from([None, "0", True, -1, 2**70])
    events: list[Event] = []
    marks: list[str] = []
    for number in range(draw(st.integers(0, 12))):
        mark = f"<{number}>"
        kind = draw(st.sampled_from([*kinds, "start", "stop", "head", "error"]))
        if kind in kinds:
            events.append(delta(draw(indices), type=kind, **{kinds[kind]: mark}))
        elif kind == "start":
            events.append(start(draw(indices), type=draw(blocks), id=mark))
        elif kind == "stop":
            events.append(stop(draw(indices)))
        elif kind == "head":
            events.append({"type": "message_start", "message": {"id": mark}})
        else:
            events.append({"type": "error", "error": {"type": "e", "message": mark}})
        marks += [] if kind == "stop" else [mark]
    return events, marks


@given(marked())
def test_nothing_is_lost(events_and_marks: tuple[list[Event], list[str]]) -> None:
    events, marks = events_and_marks
    message = repr(message_of(*events))
    assert [mark for mark in marks if mark not in message] == []


@given(st.binary(max_size=200), st.sampled_from([STREAM, "application/json", "", "text/html", ";", "\0"]))
def test_no_bytes_raise(body: bytes, content_type: str) -> None:
    message = assemble(body, content_type)
    assert message.kind in {"message", "error", "opaque"}


def hostile_events() -> st.SearchStrategy[Event]:
    """Known types with anything under the names that the fold reads."""
    types = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]
    names = ["message", "index", "content_block", "delta", "usage", "error", "type", "content", "stop_reason"]
    values = json_values(6) | st.sampled_from([10**400, -1, 1e308, {"type": []}, {"type": "text", "text": 5}, [{}]])
    inner = st.dictionaries(st.sampled_from([*names, "text", "signature", "citation"]), values, max_size=4)
    known = st.sampled_from([*types, "message_stop", "error", "ping"])
    return st.builds(
        lambda kind, members: {**members, "type": kind},
        known,
        st.dictionaries(st.sampled_from(names), values | inner, max_size=4),
    )


@settings(deadline=None)
@given(st.lists(hostile_events(), max_size=8))
def test_no_events_raise(events: list[Event]) -> None:
    message = message_of(*events)
    assert json.loads(json.dumps([*message.content, message.usage, message.extra])) is not None
    for one in [*message.content, message.usage, message.extra]:
        json.dumps(one, allow_nan=False).encode()


@given(st.lists(json_values(8), max_size=6), st.sampled_from(["message", "error", "other"]))
def test_no_json_body_raises(values: list[Json], kind: str) -> None:
    names = ["content", "usage", "id", "error", "stop_reason", "model"]
    body = dict(zip(names, values, strict=False)) | {"type": kind}
    message = assemble(json.dumps(body).encode(), "application/json")
    assert message.kind == {"message": "message", "error": "error", "other": "opaque"}[kind]


# --- one rule, one example ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ('event: ping\ndata: {"type": "message_stop"}', "ping"),
        ("event: error\ndata: x", "error"),
        ('event: x\ndata: {"type": "message_stop"}', "message_stop"),
        ("event: message_stop\ndata: {}", ""),
        ("event: message_stop\ndata: [", ""),
    ],
)
def test_a_frame_is_what_its_data_says_but_for_pings_and_errors(frame: str, kind: str) -> None:
    (found,) = SseParser().feed(f"{frame}\n\n".encode())
    assert frame_kind(found) == kind


def test_a_second_message_start_has_no_place() -> None:
    message = message_of(MESSAGE_START, {"type": "message_start", "message": {"id": "msg_2"}})
    assert message.id == "msg_1"
    assert [frame.event for frame in message.unplaced] == ["message_start"]


def test_a_late_message_start_does_not_undo_what_came_before() -> None:
    late = {"type": "message_start", "message": {"id": "msg_1", "stop_reason": None, "usage": {"a": 1, "b": 2}}}
    message = message_of({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"b": 3}}, late)
    assert (message.id, message.stop_reason, message.usage) == ("msg_1", "end_turn", {"a": 1, "b": 3})


def test_content_of_message_start_comes_before_the_blocks() -> None:
    head = {"type": "message_start", "message": {"content": [{"type": "text", "text": "a"}]}}
    message = message_of(head, text(0, "b"), start(1, type="text", text=""), text(1, "c"), stop(1))
    assert [block["text"] for block in message.content] == ["ab", "c"]
    assert not any(block.cut for block in message.blocks)
    assert "content" not in message.extra


def test_blocks_stand_by_index() -> None:
    message = message_of(
        start(1, type="text", text=""), start(0, type="text", text=""), text(1, "one"), text(0, "nought"), stop(1)
    )
    assert [block["text"] for block in message.content] == ["nought", "one"]
    assert [block.cut for block in message.blocks] == [True, False]


def test_a_doubled_index_makes_a_second_block_that_grows_on() -> None:
    message = message_of(start(0, type="text", text="a"), start(0, type="text", text="b"), text(0, "!"))
    assert [block["text"] for block in message.content] == ["a", "b!"]


def test_a_block_knows_where_its_frames_are() -> None:
    events = [MESSAGE_START, start(0, type="text", text=""), {"type": "ping"}, text(0, "x"), stop(0), MESSAGE_STOP]
    stream = sse(events)
    parser = SseParser()
    frames = parser.feed(stream)
    (block,) = assemble(stream, STREAM).blocks
    assert (block.start, block.end) == (frames[1].start, frames[4].end)
    (block,) = assemble(sse(events[:4]), STREAM).blocks
    assert (block.start, block.end) == (frames[1].start, frames[3].end)


@pytest.mark.parametrize(
    ("change", "block"),
    [
        ({"type": "text_delta", "text": "a"}, {"type": "text", "text": "a"}),
        ({"type": "thinking_delta", "thinking": "a"}, {"type": "thinking", "thinking": "a"}),
        ({"type": "signature_delta", "signature": "a"}, {"type": "thinking", "signature": "a"}),
        ({"type": "citations_delta", "citation": 1}, {"type": "text", "citations": [1]}),
        ({"type": "input_json_delta", "partial_json": "{}"}, {"type": "tool_use", "input": {}}),
    ],
)
def test_a_block_whose_start_was_lost_is_told_by_its_delta(change: Json, block: Json) -> None:
    message = message_of(MESSAGE_START, delta(0, **change), stop(0))
    assert [(one.value, one.cut) for one in message.blocks] == [(block, True)]


def test_a_start_that_comes_late_is_the_blocks_own() -> None:
    message = message_of(text(0, "b"), start(0, type="text", text="a", extra=1), text(0, "c"), stop(0))
    assert [(one.value, one.cut) for one in message.blocks] == [({"type": "text", "text": "abc", "extra": 1}, False)]


@pytest.mark.parametrize(
    "event",
    [
        delta(0, type="glow_delta"),
        {"type": "content_block_delta", "index": 0, "delta": "text"},
        {"type": "content_block_delta", "index": 0},
        delta("0", type="text_delta", text="a"),
        delta(True, type="text_delta", text="a"),
        start(None, type="text"),
        {"type": "content_block_start", "index": 0, "content_block": []},
        stop(0),
        stop([]),
        {"type": "message_start", "message": "hello"},
        {"type": "message_delta", "delta": 1, "usage": 2},
        {"type": "aurora"},
        {"type": ["message_stop"]},
        {},
    ],
)
def test_an_event_without_a_place_is_kept(event: Event) -> None:
    stream = f"event: x\ndata: {json.dumps(event)}\n\n".encode()
    message = assemble(stream, STREAM)
    assert [json.loads(frame.data) for frame in message.unplaced] == [event]
    assert message.kind == "opaque"


@pytest.mark.parametrize("data", ["[DONE]", "[]", "7", "NaN", '{"type": "message_stop"', "[" * 10_000])
def test_data_that_is_no_object_is_kept(data: str) -> None:
    message = assemble(f"data: {data}\n\n".encode(), STREAM)
    assert [frame.data for frame in message.unplaced] == [data]


def test_message_delta_replaces_what_it_gives_and_nothing_else() -> None:
    head = {"id": "1", "stop_reason": None, "container": {"id": "c"}, "usage": {"input_tokens": 5, "output_tokens": 1}}
    message = message_of(
        {"type": "message_start", "message": head},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal"}, "container": None, "id": "2"},
            "usage": {"output_tokens": 9, "input_tokens": None},
            "context_management": {"applied_edits": []},
        },
    )
    assert (message.id, message.stop_reason, message.stop_sequence) == ("1", "refusal", None)
    assert message.usage == {"input_tokens": 5, "output_tokens": 9}
    details = {"stop_details": {"type": "refusal"}, "context_management": {"applied_edits": []}}
    assert message.extra == {"container": {"id": "c"}, **details}


def test_a_message_delta_with_usage_only_leaves_the_stop_reason() -> None:
    done = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": "x"}}
    message = message_of(done, {"type": "message_delta", "usage": {"output_tokens": 3}})
    assert (message.stop_reason, message.stop_sequence, message.usage) == ("end_turn", "x", {"output_tokens": 3})


def test_the_last_message_delta_holds() -> None:
    first = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": "x"}}
    message = message_of(first, {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}})
    assert (message.stop_reason, message.stop_sequence) == ("max_tokens", None)


def test_figures_in_the_last_frame_are_kept_but_change_nothing() -> None:
    message = message_of(MESSAGE_START, {**MESSAGE_STOP, "model": "other", "id": "other", "cloud-metrics": {"n": 1}})
    assert (message.id, message.model, message.finished) == ("msg_1", "m", True)
    assert message.extra == {"cloud-metrics": {"n": 1}}


OVERLOADED: Json = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_1",
}


def test_the_first_error_is_kept_and_the_message_with_it() -> None:
    message = message_of(MESSAGE_START, start(0, type="text", text=""), text(0, "a"), OVERLOADED, {"type": "error"})
    assert message.error == AnswerError("overloaded_error", "Overloaded", "req_1", OVERLOADED)
    assert (message.kind, message.whole, message.content[0]["text"]) == ("message", False, "a")
    assert [frame.event for frame in message.unplaced] == ["error"]


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"event: error\ndata: boom\n\n", AnswerError("", "boom", None, "boom")),
        (b'event: error\ndata: {"message": "m"}\n\n', AnswerError("", "m", None, {"message": "m"})),
        (b'data: {"type": "error"}\n\n', AnswerError("error", "", None, {"type": "error"})),
    ],
)
def test_errors_in_other_shapes(stream: bytes, error: AnswerError) -> None:
    message = assemble(stream, STREAM)
    assert (message.kind, message.error, message.unplaced) == ("error", error, ())


def test_a_ping_is_known_by_its_name_and_by_its_type() -> None:
    message = assemble(b'event: ping\ndata: pong\n\ndata: {"type": "ping"}\n\n', STREAM)
    assert message == AssembledMessage("opaque")


def test_the_type_in_the_data_counts_not_the_name() -> None:
    assert assemble(b'event: message_delta\ndata: {"type": "message_stop"}\n\n', STREAM).finished


def test_an_unfinished_frame_is_no_part_of_the_message() -> None:
    stream = sse([MESSAGE_START, start(0, type="text", text=""), text(0, "seen"), text(0, "unseen")])[:-1]
    message = assemble(stream, STREAM)
    assert message.content[0]["text"] == "seen"
    assert message.unfinished is not None
    assert message.unfinished.event == "content_block_delta"


def test_the_message_can_be_asked_for_while_it_grows() -> None:
    assembler = AnswerAssembler()
    frames = assembler.feed(sse([MESSAGE_START, start(0, type="text", text=""), text(0, "a")]))
    early = assembler.message()
    assembler.feed(sse([text(0, "b"), stop(0), MESSAGE_STOP]))
    assert [frame.event for frame in frames] == ["message_start", "content_block_start", "content_block_delta"]
    assert [message.content[0]["text"] for message in (early, assembler.message())] == ["a", "ab"]
    assert [message.finished for message in (early, assembler.message())] == [False, True]


@pytest.mark.parametrize(
    ("events", "whole"),
    [
        ([MESSAGE_START, MESSAGE_STOP], True),
        ([MESSAGE_START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}], True),
        ([MESSAGE_START, {"type": "message_delta", "delta": {"stop_reason": None}}], False),
        ([MESSAGE_START], False),
        ([MESSAGE_START, OVERLOADED, MESSAGE_STOP], False),
        ([OVERLOADED], False),
        ([{"type": "ping"}], False),
    ],
)
def test_whole_is_what_the_client_takes_as_complete(events: list[Event], whole: bool) -> None:
    assert message_of(*events).whole is whole


# --- answers that were not streamed ---------------------------------------------------------------------------------


def test_a_json_message_is_the_same_type() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "hologram", "x": [1]}]
    body: Event = {"type": "message", "id": "msg_1", "role": "assistant", "model": "m", "content": blocks}
    body |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1}, "container": {"id": "c"}}
    raw = json.dumps(body).encode()
    message = assemble(raw, "application/json")
    assert list(message.content) == blocks
    assert (message.id, message.role, message.model, message.stop_reason) == ("msg_1", "assistant", "m", "end_turn")
    assert (message.usage, message.extra) == ({"input_tokens": 1}, {"container": {"id": "c"}})
    assert (message.kind, message.finished, message.whole) == ("message", True, True)
    assert {(block.start, block.end, block.cut) for block in message.blocks} == {(0, len(raw), False)}


def test_members_of_the_wrong_type_are_kept_aside() -> None:
    wrong = {"id": 5, "content": ["text"], "usage": [], "stop_reason": {"a": 1}}
    message = assemble(json.dumps({"type": "message", **wrong}).encode(), "application/json")
    assert (message.id, message.content, message.usage, message.stop_reason) == ("", (), {}, None)
    assert message.extra == wrong


def test_a_json_error_is_an_error() -> None:
    message = assemble(json.dumps(OVERLOADED).encode(), "application/json")
    assert message == AssembledMessage(
        "error", error=AnswerError("overloaded_error", "Overloaded", "req_1", OVERLOADED)
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b'{"input_tokens": 7}', b'{"type": "message"', b"[1]", b"\xff\xfe", b"null"]
)
def test_anything_else_is_opaque(body: bytes) -> None:
    assert assemble(body, "application/json") == AssembledMessage("opaque")
    assert assemble(body, "") == AssembledMessage("opaque")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("Text/Event-Stream", b": hello\n\n" + sse([MESSAGE_STOP])),
        ("", sse([MESSAGE_STOP])),
        ("application/json", b"\xef\xbb\xbf\r\n" + sse([MESSAGE_STOP])),
        ("application/json", b":\n" + sse([MESSAGE_STOP])),
        ("application/json", json.dumps({"type": "message"}).encode()),
        ("application/json", b"\xef\xbb\xbf " + json.dumps({"type": "message"}).encode()),
        (STREAM, b"\n " + json.dumps({"type": "message"}).encode()),
    ],
)
def test_a_wrong_content_type_does_no_harm(content_type: str, body: bytes) -> None:
    message = assemble(body, content_type)
    assert (message.kind, message.finished) == ("message", True)


# --- size -----------------------------------------------------------------------------------------------------------


def cpu_seconds(frames: int) -> float:
    stream = sse([MESSAGE_START, start(0, type="text", text=""), *[text(0, "word " * 4)] * frames])
    began = time.process_time()
    message = in_pieces([stream[at : at + 1400] for at in range(0, len(stream), 1400)])
    spent = time.process_time() - began
    assert len(str(message.content[0]["text"])) == 20 * frames
    return spent


def test_the_cost_grows_with_the_length_not_with_its_square() -> None:
    assert min(cpu_seconds(40_000) for _ in range(2)) < 30 * min(cpu_seconds(5_000) for _ in range(3))


def test_many_useless_frames_are_no_trouble() -> None:
    message = assemble(b"data: x\n\n" * 100_000, STREAM)
    assert len(message.unplaced) == 100_000
