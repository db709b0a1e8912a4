"""Answers of the Anthropic API as Hypothesis draws them: stream events, the bytes around them, and recorded ones."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.strategies import Json, json_values

Event = dict[str, Any]
_RECORDED = Path(__file__).parent / "golden" / "answers"
LINE_ENDS = ("\n", "\r\n", "\r")


@dataclass(frozen=True)
class Recording:
    """A stream that a client got, and the whole message it came from; the stream may have been cut."""

    name: str
    events: list[Event]
    response: Json


def recordings() -> list[Recording]:
    return [Recording(path.stem, **json.loads(path.read_text())) for path in sorted(_RECORDED.glob("*.json"))]


def sse(events: list[Event], line_end: str = "\n") -> bytes:
    """The plainest framing."""
    frames = (f"event: {event['type']}{line_end}data: {json.dumps(event)}{line_end * 2}" for event in events)
    return "".join(frames).encode()


@st.composite
def framed(draw: st.DrawFn, events: list[Event]) -> bytes:
    """Any framing that the standard allows: line ends, comments, no space, data on several lines, extra fields."""
    frames = [draw(_frame(event)) for event in events]
    return (draw(st.sampled_from(["", "\ufeff"])) + "".join(frames)).encode()


@st.composite
def _frame(draw: st.DrawFn, event: Event) -> str:
    end, space = draw(st.sampled_from(LINE_ENDS)), draw(st.sampled_from(["", " "]))
    indent, ascii_only = draw(st.sampled_from([None, None, 0])), draw(st.booleans())
    data = json.dumps(event, indent=indent, ensure_ascii=ascii_only).split("\n")
    lines = [f"event:{space}{event['type']}", *(f"data:{space}{line}" for line in data)]
    noise = draw(st.lists(st.sampled_from([": keep-alive", ":", "id: 1", "retry: 10", "x: y"]), max_size=2))
    return end.join([*noise, *lines, "", ""])


def _pieces(text: str) -> st.SearchStrategy[list[str]]:
    """The text in pieces, some of them empty."""
    places = st.lists(st.integers(0, len(text)), max_size=4).map(lambda cuts: [0, *sorted(cuts), len(text)])
    return places.map(lambda cuts: [text[a:b] for a, b in pairwise(cuts)])


@dataclass(frozen=True)
class ScriptedBlock:
    """How a block comes: its start and its deltas."""

    start: Json
    deltas: list[Json]


@st.composite
def text_blocks(draw: st.DrawFn) -> ScriptedBlock:
    start = {"type": "text", "text": draw(st.sampled_from(["", "", "Already "]))}
    citation = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None}
    citation |= {"start_char_index": 0, "end_char_index": 1, "file_id": None}
    cited = {"type": "citations_delta", "citation": citation}
    texts = [{"type": "text_delta", "text": piece} for piece in draw(_pieces(draw(st.text(max_size=40))))]
    citations = [cited] * draw(st.integers(0, 2))
    return ScriptedBlock(start, draw(st.permutations([*texts, *citations])) if citations else texts)


@st.composite
def thinking_blocks(draw: st.DrawFn) -> ScriptedBlock:
    start = {"type": "thinking", "thinking": "", "signature": ""}
    thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in draw(_pieces(draw(st.text(max_size=40))))]
    return ScriptedBlock(start, [*thoughts, {"type": "signature_delta", "signature": draw(st.text(max_size=9))}])


@st.composite
def tool_blocks(draw: st.DrawFn) -> ScriptedBlock:
    kind = draw(st.sampled_from(["tool_use", "server_tool_use", "mcp_tool_use"]))
    start = {"type": kind, "id": f"{kind}_1", "name": "web_search", "input": {}}
    if kind == "mcp_tool_use":
        start["server_name"] = "files"
    tool_input = draw(st.dictionaries(st.text(max_size=5), json_values(5), max_size=3))
    text = draw(st.sampled_from(["", json.dumps(tool_input), json.dumps(tool_input, ensure_ascii=False)]))
    return ScriptedBlock(start, [{"type": "input_json_delta", "partial_json": piece} for piece in draw(_pieces(text))])


@st.composite
def whole_blocks(draw: st.DrawFn) -> ScriptedBlock:
    """Blocks that come whole with their start; the last kind is unknown to everybody."""
    found = {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "e", "page_age": None}
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    result = {"type": "web_search_tool_result", "tool_use_id": "t"}
    blocks = [
        {"type": "redacted_thinking", "data": "b64"},
        {**result, "content": [found]},
        {**result, "content": failed},
        {"type": "mcp_tool_result", "tool_use_id": "t", "is_error": False, "content": [{"type": "text", "text": "y"}]},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "hologram", "voxels": [1, 2, {"deep": "x"}]},
    ]
    unknown_delta = {"type": "glow_delta", "glow": 3}
    return ScriptedBlock(draw(st.sampled_from(blocks)), draw(st.sampled_from([[], [], [unknown_delta]])))


@st.composite
def compaction_blocks(draw: st.DrawFn) -> ScriptedBlock:
    delta = {"type": "compaction_delta", "content": draw(st.none() | st.text(max_size=9)), "encrypted_content": "e"}
    return ScriptedBlock({"type": "compaction", "content": None, "encrypted_content": None}, [delta])


def scripted_blocks() -> st.SearchStrategy[ScriptedBlock]:
    return text_blocks() | thinking_blocks() | tool_blocks() | whole_blocks() | compaction_blocks()


@st.composite
def _interleaved(draw: st.DrawFn, blocks: list[ScriptedBlock]) -> list[Event]:
    """Every block's events in order, the blocks mixed; starts come by index."""
    waiting = [_block_events(index, block) for index, block in enumerate(blocks)]
    events: list[Event] = []
    started = 0
    while any(waiting):
        ready = [index for index, rest in enumerate(waiting) if rest and index <= started]
        index = draw(st.sampled_from(ready))
        started = max(started, index + 1)
        events.append(waiting[index].pop(0))
        events += draw(st.sampled_from([[], [], [], [{"type": "ping"}], [{"type": "aurora", "hue": [1]}]]))
    return events


def _block_events(index: int, block: ScriptedBlock) -> list[Event]:
    deltas = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block.deltas]
    start = {"type": "content_block_start", "index": index, "content_block": block.start}
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def _start_usage() -> Json:
    written = {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3}
    cache = {"cache_creation_input_tokens": 7, "cache_read_input_tokens": 90, "cache_creation": written}
    return {"input_tokens": 5, "output_tokens": 1, "service_tier": "standard", "server_tool_use": None, **cache}


@st.composite
def _message_deltas(draw: st.DrawFn) -> list[Event]:
    """One, seldom two; the counts that a delta may leave out are sometimes left out, sometimes null."""
    counts = st.none() | st.integers(0, 2**40)
    optional = {
        "input_tokens": counts,
        "cache_creation_input_tokens": counts,
        "cache_read_input_tokens": counts,
        "server_tool_use": st.just({"web_search_requests": 2, "web_fetch_requests": 0}),
        "output_tokens_details": st.just({"thinking_tokens": 11}),
        "iterations": st.just([{"type": "compaction", "input_tokens": 1, "output_tokens": 2}]),
    }
    usage = st.fixed_dictionaries({"output_tokens": st.integers(0, 2**40)}, optional=optional)
    stops = st.sampled_from(["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal", "pause_turn", None])
    delta = st.fixed_dictionaries(
        {"stop_reason": stops, "stop_sequence": st.sampled_from([None, "STOP"])},
        optional={"container": st.sampled_from([None, {"id": "c", "expires_at": "2026-11-22T00:00:00Z"}])},
    )
    top: st.SearchStrategy[Event] = st.fixed_dictionaries(
        {"type": st.just("message_delta"), "delta": delta, "usage": usage},
        optional={"context_management": st.just({"applied_edits": []})},
    )
    return draw(st.lists(top, min_size=1, max_size=2))


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """The events of a whole, well-formed stream."""
    message: Event = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": _start_usage()}
    blocks = draw(st.lists(scripted_blocks(), max_size=4))
    middle = draw(_interleaved(blocks))
    start = {"type": "message_start", "message": message}
    return [start, {"type": "ping"}, *middle, *draw(_message_deltas()), {"type": "message_stop"}]
