"""What does the API send back: whole, as a stream, or cut somewhere?"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.forest.shapes import Block, Json
from tests.forest.vocabulary import Words

_STREAM = "text/event-stream; charset=utf-8"
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What the model says."""

    blocks: tuple[Block, ...]
    stop_reason: str = "end_turn"


@dataclass(frozen=True)
class Outcome:
    """What came over the wire, and how it ended."""

    status: int
    content_type: str
    body: bytes
    fault: str | None = None
    """Why it is not whole; ``client_gone``: it was the client who left."""


def whole(answer: Answer, words: Words, *, stream: bool) -> Outcome:
    if not stream:
        return Outcome(200, _JSON, json.dumps(_message(answer, words)).encode())
    return Outcome(200, _STREAM, b"".join(_frames(_events(answer, words))))


def without_message_stop(answer: Answer, words: Words) -> Outcome:
    """The client takes it as complete: there was a message_delta."""
    return Outcome(200, _STREAM, b"".join(_frames(_events(answer, words)[:-1])))


def cut_short(answer: Answer, words: Words, fault: str) -> Outcome:
    """The stream breaks somewhere after its first event, perhaps in the middle of one."""
    frames = list(_frames(_events(answer, words)[:-2]))
    kept = b"".join(frames[: words.random.randint(1, len(frames))])
    return Outcome(200, _STREAM, kept[: -words.random.randint(1, 9)] if words.chance(0.3) else kept, fault)


def cut_before_end(answer: Answer, words: Words) -> Outcome:
    """Every block is there, but not the end: the client does nothing of what it says."""
    return Outcome(200, _STREAM, b"".join(_frames(_events(answer, words)[:-2])), "drop_mid")


def cut_after_text(answer: Answer, words: Words, shown: str) -> Outcome:
    """The client leaves, having ``shown`` this beginning of the text; more may have come, but not the end."""
    events = _events(answer, words)[:-2]
    seen = [0]
    for event in events:
        seen.append(seen[-1] + len(event.get("delta", {}).get("text", "")))
    enough = [count for count in range(1, len(seen)) if (seen[count] >= len(shown) if shown else seen[count] == 0)]
    return Outcome(200, _STREAM, b"".join(_frames(events[: words.random.choice(enough)])), "client_gone")


def error_event(answer: Answer, words: Words, *, after_text: bool) -> Outcome:
    events = _events(answer, words)
    kept = events[: words.random.randint(1, max(1, len(events) - 2))] if after_text else events[:1]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    return Outcome(200, _STREAM, b"".join(_frames([*kept, error])))


def refused(status: int, kind: str) -> Outcome:
    """A plain error answer."""
    return Outcome(status, _JSON, json.dumps({"type": "error", "error": {"type": kind, "message": kind}}).encode())


NOTHING = Outcome(0, _JSON, b"", "drop_before_headers")


def renamed(answer: Answer, words: Words) -> Answer:
    """What the model might have said as well: the same, with other ids."""
    return replace(answer, blocks=tuple(_renamed(block, words) for block in answer.blocks))


def _renamed(block: Block, words: Words) -> Block:
    if block["type"] == "tool_use":
        return {**block, "id": words.tool_use_id()}
    return {**block, "signature": words.signature()} if block["type"] == "thinking" else block


def _message(answer: Answer, words: Words) -> Json:
    return {
        "id": f"msg_01{words.hex(22)}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": list(answer.blocks),
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 7},
    }


def _events(answer: Answer, words: Words) -> list[Json]:
    start = {**_message(answer, words), "content": [], "stop_reason": None}
    events: list[Json] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(answer.blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": _opened(block)})
        if words.chance(0.2):
            events.append({"type": "ping"})
        events += ({"type": "content_block_delta", "index": index, "delta": one} for one in _deltas(block, words))
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    return [
        *events,
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


def _opened(block: Block) -> Block:
    emptied: dict[str, Block] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
        "server_tool_use": {"input": {}},
    }
    return {**block, **emptied.get(block["type"], {})}


def _deltas(block: Block, words: Words) -> Iterator[Json]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"], words))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": one} for one in _pieces(block["thinking"], words))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use" | "server_tool_use":
            written = json.dumps(block["input"])
            yield from ({"type": "input_json_delta", "partial_json": one} for one in ["", *_pieces(written, words)])


def _pieces(whole_text: str, words: Words) -> list[str]:
    size = words.random.choice([4, 9, 24, 400])
    return [whole_text[at : at + size] for at in range(0, len(whole_text), size)]


def _frames(events: list[Json]) -> Iterator[bytes]:
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
