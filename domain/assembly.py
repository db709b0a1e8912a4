"""How do the recorded bytes of an answer become one whole message again?

Bytes become frames (``domain/sse.py``), frames are folded into a message by the rules of the client's own SDK, so
that what stands here is what the client saw. Where the SDK would give up (a lost start, an unknown frame, JSON that
is none) the fold keeps what came and says so: a frame that has no place is listed in ``unplaced``. No input raises.

* ``message_start`` is the message to begin with. A second one is not placed.
* ``content_block_start``, ``_delta``, ``_stop`` build the block of their ``index`` (``domain/content_blocks.py``).
* ``message_delta`` sets stop reason, stop sequence and stop details, merges usage, and replaces any other member
  that it gives and that is not null.
* ``message_stop`` finishes the message. ``ping`` says nothing. ``error`` ends it; the first one is kept.
* A frame that the end of the bytes cut is not folded: no client saw it. It is kept as ``unfinished``.

An answer that was not streamed is a JSON message already and gives the same type.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal, TypeGuard

from domain.content_blocks import Block, BlockBuilder, guess_block
from domain.sse import Frame, SseParser
from domain.usage import merge_usage
from schemas.anthropic.stream import JsonObject, JsonValue, read_object

EVENT_STREAM = "text/event-stream"
_FIELD_LINE = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:event|data|id|retry)?:")
_FIXED_MEMBERS = frozenset({"type", "id", "role", "content", "usage"})
"""What only ``message_start`` may say."""
_STOP_MEMBERS = ("stop_reason", "stop_sequence", "stop_details")
_TEXT_MEMBERS = ("id", "model", "role", "stop_reason", "stop_sequence")

Kind = Literal["message", "error", "opaque"]


@dataclass(frozen=True, slots=True)
class AnswerError:
    """An error that the API reported, in an error answer or in the middle of a stream."""

    kind: str
    """Anthropic's error type; empty: it gave none."""
    message: str
    request_id: str | None
    raw: JsonValue
    """What was sent: the envelope, or text that is no JSON object."""


@dataclass(frozen=True, slots=True)
class AssembledMessage:
    """An answer put together, whole or as far as it came."""

    kind: Kind
    """``message``; ``error``: there is an error and no message; ``opaque``: neither, look at the bytes."""
    id: str = ""
    model: str = ""
    role: str = ""
    blocks: tuple[Block, ...] = ()
    """By index."""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: JsonObject = field(default_factory=dict)
    """As sent, later counts over earlier ones; ``domain.usage.read_usage`` reads it."""
    extra: JsonObject = field(default_factory=dict)
    """The message's further members (``stop_details``, ``container``, ``context_management``, …), and known ones of
    the wrong type."""
    error: AnswerError | None = None
    finished: bool = False
    """``message_stop`` came; always so for a message that was not streamed."""
    unplaced: tuple[Frame, ...] = ()
    """Frames that the message has no place for, in order."""
    unfinished: Frame | None = None
    """The frame in the middle of which the bytes end."""

    @property
    def content(self) -> tuple[JsonObject, ...]:
        """The blocks' values."""
        return tuple(block.value for block in self.blocks)

    @property
    def whole(self) -> bool:
        """The client took it as complete: Claude Code does so once ``message_delta`` gave the stop reason."""
        return self.kind == "message" and self.error is None and (self.finished or self.stop_reason is not None)


def assemble(body: bytes, content_type: str) -> AssembledMessage:
    """The message in a recorded answer. ``body``: after content-decoding; ``content_type``: as in its header."""
    if body.lstrip()[:1] != b"{" and (_is_event_stream(content_type) or _FIELD_LINE.match(body)):
        assembler = AnswerAssembler()
        assembler.feed(body)
        assembler.finish()
        return assembler.message()
    return _assemble_json(body)


def frame_kind(frame: Frame) -> str:
    """What a frame says: the names ``error`` and ``ping`` count; else the type in the data does. Empty: none."""
    return _kind_in(frame, read_object(frame.data))


def _kind_in(frame: Frame, value: JsonObject | None) -> str:
    return frame.event if frame.event in {"error", "ping"} else _text_in(value or {}, "type")


def _is_event_stream(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == EVENT_STREAM


def _assemble_json(body: bytes) -> AssembledMessage:
    value = read_object(body.decode("utf-8-sig", "replace")) or {}
    match _text_in(value, "type"):
        case "message":
            blocks = tuple(Block(item, 0, len(body)) for item in _objects_in(value.get("content")) or ())
            return _message_of(value, blocks, finished=True)
        case "error":
            return AssembledMessage("error", error=_read_error(value))
        case _:
            return AssembledMessage("opaque")


class AnswerAssembler:
    """An event stream, as it comes: bytes in, frames out, and the message so far."""

    def __init__(self) -> None:
        self._parser = SseParser()
        self._message: JsonObject = {}
        self._started = False
        self._finished = False
        self._blocks: list[tuple[int, BlockBuilder]] = []
        self._newest: dict[int, BlockBuilder] = {}
        self._error: AnswerError | None = None
        self._unplaced: list[Frame] = []
        self._unfinished: Frame | None = None
        self._placers: dict[str, Callable[[JsonObject, Frame], bool]] = {
            "message_start": self._start_message,
            "content_block_start": self._start_block,
            "content_block_delta": self._grow_block,
            "content_block_stop": self._stop_block,
            "message_delta": self._change_message,
            "message_stop": self._finish_message,
        }

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes; they are part of the message now."""
        return self._place_all(self._parser.feed(data))

    def finish(self) -> list[Frame]:
        """The stream is over; an unfinished frame is returned, but is no part of the message."""
        return self._place_all(self._parser.finish())

    def _place_all(self, frames: list[Frame]) -> list[Frame]:
        for frame in frames:
            self.place(frame)
        return frames

    def place(self, frame: Frame) -> None:
        """Fold one frame, by its kind."""
        if not frame.finished:
            self._unfinished = frame
            return
        value = read_object(frame.data)
        kind = _kind_in(frame, value)
        if kind == "ping":
            return
        if kind == "error" and self._error is None:
            self._error = _read_error(frame.data if value is None else value)
            return
        placer = self._placers.get(kind)
        if value is None or placer is None or not placer(value, frame):
            self._unplaced.append(frame)

    def message(self) -> AssembledMessage:
        """The message so far. The cost is that of the whole message, so ask for it when it is needed."""
        blocks = tuple(builder.build() for _, builder in sorted(self._blocks, key=lambda entry: entry[0]))
        message = _message_of(self._message, blocks, finished=self._finished)
        begun = self._started or self._finished or bool(self._message) or bool(blocks)
        return replace(
            message,
            kind="message" if begun else "opaque" if self._error is None else "error",
            error=self._error,
            unplaced=tuple(self._unplaced),
            unfinished=self._unfinished,
        )

    def _start_message(self, value: JsonObject, frame: Frame) -> bool:
        message = value.get("message")
        if self._started or not isinstance(message, dict):
            return False
        self._started = True
        for index, item in enumerate(_objects_in(message.get("content")) or ()):
            self._open_block(index, BlockBuilder(item, frame.start, frame.end)).stopped = True
        usage = merge_usage(_object_in(message, "usage"), _object_in(self._message, "usage"))
        self._message = message | self._message | {"usage": usage}
        return True

    def _start_block(self, value: JsonObject, frame: Frame) -> bool:
        index, block = value.get("index"), value.get("content_block")
        if not _is_index(index) or not isinstance(block, dict):
            return False
        newest = self._newest.get(index)
        if newest is None or not newest.begin(block):
            self._open_block(index, BlockBuilder(block, frame.start, frame.end))
        if block.get("type") == "fallback":
            self._message["model"] = _text_in(_object_in(block, "to"), "model") or self._message.get("model")
        return True

    def _open_block(self, index: int, builder: BlockBuilder) -> BlockBuilder:
        self._blocks.append((index, builder))
        self._newest[index] = builder
        return builder

    def _grow_block(self, value: JsonObject, frame: Frame) -> bool:
        index, delta = value.get("index"), value.get("delta")
        if not _is_index(index):
            return False
        builder = self._newest.get(index)
        if builder is None:
            guessed = guess_block(delta)
            if guessed is None:
                return False
            builder = self._open_block(index, BlockBuilder(guessed, frame.start, frame.end, guessed=True))
        builder.add(delta)
        builder.end = frame.end
        return True

    def _stop_block(self, value: JsonObject, frame: Frame) -> bool:
        index = value.get("index")
        builder = self._newest.get(index) if _is_index(index) else None
        if builder is None:
            return False
        builder.stopped, builder.end = True, frame.end
        return True

    def _change_message(self, value: JsonObject, _: Frame) -> bool:
        delta, usage = value.get("delta"), value.get("usage")
        if not isinstance(delta, dict) and not isinstance(usage, dict):
            return False
        if isinstance(delta, dict):
            self._message |= {name: delta.get(name) for name in _STOP_MEMBERS}
            self._message |= _members_given(delta, but=_FIXED_MEMBERS)
        self._message |= _members_given(value, but=_FIXED_MEMBERS | {"delta"})
        self._message["usage"] = merge_usage(_object_in(self._message, "usage"), _object_in(value, "usage"))
        return True

    def _finish_message(self, value: JsonObject, _: Frame) -> bool:
        """Some clouds put figures of their own into the last frame."""
        self._finished = True
        self._message = _members_given(value, but=_FIXED_MEMBERS) | self._message
        return True


def _message_of(message: JsonObject, blocks: tuple[Block, ...], *, finished: bool) -> AssembledMessage:
    texts = {name: value for name in _TEXT_MEMBERS if isinstance(value := message.get(name), str)}
    read = {"type", *texts}
    if isinstance(message.get("usage"), dict):
        read.add("usage")
    if _objects_in(message.get("content")) is not None:
        read.add("content")
    return AssembledMessage(
        kind="message",
        id=texts.get("id", ""),
        model=texts.get("model", ""),
        role=texts.get("role", ""),
        blocks=blocks,
        stop_reason=texts.get("stop_reason"),
        stop_sequence=texts.get("stop_sequence"),
        usage=_object_in(message, "usage"),
        extra=_members_given(message, but=read),
        finished=finished,
    )


def _read_error(raw: JsonValue) -> AnswerError:
    envelope: JsonObject = raw if isinstance(raw, dict) else {"message": raw}
    detail = _object_in(envelope, "error") or envelope
    request_id = _text_in(envelope, "request_id") or None
    return AnswerError(_text_in(detail, "type"), _text_in(detail, "message"), request_id, raw)


def _members_given(value: JsonObject, *, but: Collection[str]) -> JsonObject:
    return {name: member for name, member in value.items() if member is not None and name not in but}


def _object_in(value: JsonObject, name: str) -> JsonObject:
    """Empty: there is no such object."""
    member = value.get(name)
    return member if isinstance(member, dict) else {}


def _objects_in(value: JsonValue) -> list[JsonObject] | None:
    """None: this is no list of objects."""
    if not isinstance(value, list):
        return None
    objects = [item for item in value if isinstance(item, dict)]
    return objects if len(objects) == len(value) else None


def _text_in(value: JsonObject, name: str) -> str:
    """Empty: there is no such text."""
    member = value.get(name)
    return member if isinstance(member, str) else ""


def _is_index(value: JsonValue) -> TypeGuard[int]:
    return type(value) is int
