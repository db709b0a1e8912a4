"""What did one exchange really say? Its request as sent and its answer as received, taken apart for the request page.

Pure: recorded events and bytes in, plain values out. Everything here comes from the wire and is to be escaped before
it is shown. Keys are hidden, in the bytes and in what is put together of them: a key may have come in pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from typing import Literal
from uuid import UUID

from dashboard.recordings import Stream
from domain.assembly import AnswerError, AssembledMessage, assemble
from domain.content_blocks import Block
from domain.decoding import decode_chunks
from domain.errors import UndecodableBodyError
from domain.secrets_in_text import hide, hide_bytes, hide_in, may_hold_keys
from projections.exchanges import header
from schemas.anthropic.stream import JsonObject, JsonValue, read_object
from schemas.read_api import RequestItem
from schemas.stored.events import (
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

Kept = Literal["kept", "none", "not_kept", "erased"]
"""``none``: there was nothing to keep; ``not_kept``: a gap says why; ``erased``: it was kept once."""
State = Literal["complete", "truncated", "broken", "too_large", "undecodable"]
"""How well the content-encoding came off; ``domain/decoding.py`` explains."""


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """A body without its content-encoding."""

    kept: Kept
    state: State
    data: bytes
    ends: tuple[int, ...] = ()
    """For each chunk, how many opened bytes it and those before it gave."""
    hides_keys: bool = False
    """There were keys in it, and now there are none."""

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class SentTool:
    """A tool that the request offers."""

    name: str
    description: str
    value: JsonObject


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of the request."""

    role: str
    blocks: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """The request's body.

    Blocks are as they were sent; a string stands as a text block, whatever is no object as
    ``{"type": "unknown", "value": …}``.
    """

    body: OpenedBody
    parsable: bool
    """It is a JSON object; False: only the body's text says what it is."""
    system: tuple[JsonObject, ...] = ()
    tools: tuple[SentTool, ...] = ()
    messages: tuple[SentMessage, ...] = ()
    settings: JsonObject
    """All other members: model, max_tokens, thinking, metadata …"""


@dataclass(frozen=True, slots=True)
class ChunkTiming:
    """A chunk of the answer as it came."""

    offset: int
    """Of its first byte in the answer as recorded."""
    length: int
    arrival_us: int
    """After the request was received."""
    opened_end: int
    """Offset behind it in the opened answer, where blocks have their ``start`` and ``end``."""


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """The answer as far as it is recorded."""

    body: OpenedBody
    message: AssembledMessage
    """Of kind ``opaque`` where it is no message."""
    chunks: tuple[ChunkTiming, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDetails:
    """All that is recorded of one exchange."""

    request_id: UUID
    item: RequestItem | None
    """Its row in the list; None: not projected yet."""
    outcome: str
    received: RequestReceived | None
    """With the request's headers; None: only a gap tells that there was one."""
    started: ResponseStarted | None
    """With the answer's headers; None: no answer yet."""
    ended: ResponseCompleted | ResponseAborted | None
    """None: still open."""
    gaps: tuple[RecordingGap, ...]
    sent: SentRequest
    answer: ReceivedAnswer


def details_of(stream: Stream, item: RequestItem | None, body: bytes | None, answer: bytes | None) -> RequestDetails:
    """``body``, ``answer`` None: erased."""
    return _details(stream, item, _sent(_open_request(stream, body)), answer)


def details_told(stream: Stream, item: RequestItem | None, told: JsonObject, answer: bytes | None) -> RequestDetails:
    """``told``: what the body says, without keys; its text is not at hand and stands empty."""
    return _details(stream, item, _told(OpenedBody("kept", "complete", b""), dict(told)), answer)


def _details(stream: Stream, item: RequestItem | None, sent: SentRequest, answer: bytes | None) -> RequestDetails:
    return RequestDetails(
        request_id=stream.events[0].originator_id,
        item=item,
        outcome=stream.outcome,
        received=stream.received,
        started=stream.started,
        ended=stream.ended,
        gaps=stream.gaps,
        sent=sent,
        answer=_answer(stream, answer),
    )


def _open_request(stream: Stream, body: bytes | None) -> OpenedBody:
    received = stream.received
    if received is None or (received.body is None and received.byte_count):
        return OpenedBody("not_kept", "complete", b"")
    if received.body is None:
        return OpenedBody("none", "complete", b"")
    return _opened(None if body is None else [body], received.headers)


def _answer(stream: Stream, answer: bytes | None) -> ReceivedAnswer:
    lengths = [length for run in stream.runs for length in run.lengths]
    headers = stream.started.headers if stream.started else ()
    if not lengths:
        opened = OpenedBody("not_kept" if stream.missing_bytes("response") else "none", "complete", b"")
        return ReceivedAnswer(opened, AssembledMessage("opaque"), ())
    cuts = pairwise(accumulate(lengths, initial=0))
    opened = _opened(None if answer is None else [answer[start:end] for start, end in cuts], headers)
    message = _without_keys(assemble(opened.data, header(headers, "content-type")))
    return ReceivedAnswer(_shown(opened), message, _chunks(stream, opened))


def _without_keys(message: AssembledMessage) -> AssembledMessage:
    return replace(
        message,
        blocks=tuple(map(_block_without_keys, message.blocks)),
        extra=_object_without_keys(message.extra),
        error=_error_without_keys(message.error) if message.error else None,
        unplaced=tuple(frame._replace(data=hide(frame.data)) for frame in message.unplaced),
    )


def _block_without_keys(block: Block) -> Block:
    return replace(
        block,
        value=_object_without_keys(block.value),
        raw_input=None if block.raw_input is None else hide(block.raw_input),
        unknown_deltas=tuple(map(hide_in, block.unknown_deltas)),
    )


def _error_without_keys(error: AnswerError) -> AnswerError:
    return replace(error, message=hide(error.message), raw=hide_in(error.raw))


def _object_without_keys(value: JsonObject) -> JsonObject:
    return {hide(name): hide_in(member) for name, member in value.items()}


def _opened(chunks: Sequence[bytes] | None, headers: Sequence[HeaderFact]) -> OpenedBody:
    if chunks is None:
        return OpenedBody("erased", "complete", b"")
    try:
        opened = decode_chunks(chunks, header(headers, "content-encoding"))
    except UndecodableBodyError:
        return OpenedBody("kept", "undecodable", b"")
    return OpenedBody("kept", opened.state, opened.data, opened.ends)


def _shown(body: OpenedBody) -> OpenedBody:
    data = hide_bytes(body.data)
    return replace(body, data=data, hides_keys=data != body.data)


def _chunks(stream: Stream, opened: OpenedBody) -> tuple[ChunkTiming, ...]:
    ends = chain(opened.ends, iter(int, 1))  # without opened bytes every chunk ends at 0
    return tuple(
        ChunkTiming(offset, length, arrival_us, opened_end)
        for (offset, length, arrival_us), opened_end in zip(_timings(stream), ends, strict=False)
    )


def _timings(stream: Stream) -> list[tuple[int, int, int]]:
    """(offset, length, arrival) of each chunk."""
    return [
        (offset, length, arrival_us)
        for run in stream.runs
        for offset, length, arrival_us in zip(
            accumulate(run.lengths, initial=run.offset), run.lengths, run.arrivals_us, strict=False
        )
    ]


def _sent(body: OpenedBody) -> SentRequest:
    value = read_object(body.text) if body.data else None
    if value is None:
        return SentRequest(body=_shown(body), parsable=False, settings={})
    settings = _object_without_keys(value) if may_hold_keys(body.data) else dict(value)
    return _told(_shown(body), settings)


def _told(body: OpenedBody, settings: JsonObject) -> SentRequest:
    """``settings``: all members; those that stand by themselves are taken out."""
    return SentRequest(
        body=body,
        parsable=True,
        system=_blocks(settings.pop("system", None)),
        tools=tuple(_tool(tool) for tool in _listed(settings, "tools")),
        messages=tuple(_message(message) for message in _listed(settings, "messages")),
        settings=settings,
    )


def _listed(members: JsonObject, name: str) -> list[JsonValue]:
    """Take a list out; anything else stays where it is."""
    value = members.get(name)
    if not isinstance(value, list):
        return []
    del members[name]
    return value


def _message(value: JsonValue) -> SentMessage:
    if not isinstance(value, dict):
        return SentMessage("", _blocks([value]))
    return SentMessage(_text_in(value, "role"), _blocks(value.get("content")))


def _tool(value: JsonValue) -> SentTool:
    block = _block(value)
    return SentTool(_text_in(block, "name"), _text_in(block, "description"), block)


def _blocks(value: JsonValue) -> tuple[JsonObject, ...]:
    """A list of blocks, or what stands for one block; nothing for null."""
    if value is None:
        return ()
    return tuple(_block(item) for item in (value if isinstance(value, list) else [value]))


def _block(value: JsonValue) -> JsonObject:
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"type": "text", "text": value}
    return {"type": "unknown", "value": value}


def _text_in(value: JsonObject, name: str) -> str:
    member = value.get(name)
    return member if isinstance(member, str) else ""
