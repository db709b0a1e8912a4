"""How is an answer cut into server-sent events? Pure: a message in, frames out."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ops.demo.blocks import AnswerBlock, Answered, Json, Text, Thinking

_SHORTEST, _SPREAD = 3, 26
"""A delta has at least that many letters, and up to so many more."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event."""

    data: bytes
    letters: int = 0
    """How many letters of the answer it brings; 0: it is no delta."""


def frames(answer: Answered) -> Iterator[Frame]:
    """All frames of a finished answer, in the order the API sends them."""
    begun = msgspec.structs.replace(
        answer, content=(), stop_reason=None, usage=msgspec.structs.replace(answer.usage, output_tokens=1)
    )
    yield _frame("message_start", msgspec.json.encode({"type": "message_start", "message": begun}))
    for index, block in enumerate(answer.content):
        yield from _block_frames(index, block)
    ending = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence}
    final = {"type": "message_delta", "delta": ending, "usage": answer.usage}
    yield _frame("message_delta", msgspec.json.encode(final))
    yield _event({"type": "message_stop"})


def error_frame(kind: str, message: str) -> Frame:
    return _event({"type": "error", "error": {"type": kind, "message": message}})


def _block_frames(index: int, block: AnswerBlock) -> Iterator[Frame]:
    start = msgspec.json.encode({"type": "content_block_start", "index": index, "content_block": _emptied(block)})
    yield _frame("content_block_start", start)
    if index == 0:
        yield _event({"type": "ping"})
    yield from _deltas(index, block)
    yield _event({"type": "content_block_stop", "index": index})


def _emptied(block: AnswerBlock) -> AnswerBlock:
    match block:
        case Text():
            return Text("")
        case Thinking():
            return Thinking("", "")
        case _:
            return msgspec.structs.replace(block, input=msgspec.Raw(b"{}"))


def _deltas(index: int, block: AnswerBlock) -> Iterator[Frame]:
    match block:
        case Text(text):
            for piece in pieces(text):
                yield _delta(index, {"type": "text_delta", "text": piece}, piece)
        case Thinking(thinking, signature):
            for piece in pieces(thinking):
                yield _delta(index, {"type": "thinking_delta", "thinking": piece}, piece)
            yield _delta(index, {"type": "signature_delta", "signature": signature}, "")
        case _:
            for piece in ["", *pieces(bytes(block.input).decode())]:
                yield _delta(index, {"type": "input_json_delta", "partial_json": piece}, piece)


def pieces(text: str) -> Iterator[str]:
    """Cut as a model cuts: in pieces of uneven length, always the same for the same text."""
    lengths, at, number = b"", 0, 0
    while at < len(text):
        if number % 32 == 0:
            lengths = hashlib.sha256(f"{number}{text[:64]}".encode()).digest()
        length = _SHORTEST + lengths[number % 32] % _SPREAD
        yield text[at : at + length]
        at, number = at + length, number + 1


def _delta(index: int, delta: dict[str, Json], piece: str) -> Frame:
    return _event({"type": "content_block_delta", "index": index, "delta": delta}, len(piece))


def _event(content: dict[str, Json], letters: int = 0) -> Frame:
    return _frame(str(content["type"]), msgspec.json.encode(content), letters)


def _frame(name: str, data: bytes, letters: int = 0) -> Frame:
    return Frame(b"event: %b\ndata: %b\n\n" % (name.encode(), data), letters)
