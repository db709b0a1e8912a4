"""What is known of these exchanges up to position p? Their events, read, opened and assembled, for any projector.

Whatever a projector says of an exchange is a function of what stands here, and that is a function of the events up to
``upto``: so the rows do not depend on how events were batched or interleaved.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.assembly import AssembledMessage, assemble
from domain.decoding import decode_body
from domain.errors import NexusError, UndecodableBodyError
from domain.ids import Position
from domain.ports import EventLog, Payloads, Recorded, UnreadableEvent
from domain.request_view import RequestView
from projections.body_reader import BodyReader, WantedBody
from projections.remembered import Remembered
from schemas.anthropic.stream import JsonValue
from schemas.stored.events import (
    TERMINAL,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

EXCHANGE_TOPICS = tuple(
    event.TOPIC for event in (RequestReceived, ResponseStarted, ResponseCompleted, ResponseAborted, RecordingGap)
)
"""All but the chunks: their bytes are read when the answer is over."""
_EXCHANGES_REMEMBERED = 2_000
_BYTES_REMEMBERED = 64 * 1024 * 1024
"""Of the bodies and answers they were made of."""


class DamagedEventError(NexusError):
    """An exchange cannot be read whole: `nexus verify` says what else is damaged."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as far as its events go."""

    request_id: UUID
    position: Position
    """Of its newest event."""
    request: RequestReceived | None
    """None: only a gap tells that there was one."""
    view: RequestView | None
    response: ResponseStarted | None
    end: ResponseCompleted | ResponseAborted | None
    gaps: tuple[RecordingGap, ...]
    message: AssembledMessage | None
    """The answer; None while it is open, or if none of it is stored."""


class ExchangeReader:
    """Reads exchanges in batches; keep one for a whole process.

    Several projections ask for the same exchanges, one soon after the other, and each asks again when an exchange
    goes on. What was made of an exchange is remembered with the very events it was made of: the request's view serves
    as long as the request is the same, the answer as long as all is.
    """

    def __init__(self, log: EventLog, payloads: Payloads) -> None:
        self.log, self._payloads = log, payloads
        self._bodies = BodyReader(payloads)
        self._read = Remembered[UUID, Exchange](_EXCHANGES_REMEMBERED, _BYTES_REMEMBERED)

    async def read(self, request_ids: Collection[UUID], upto: Position) -> list[Exchange]:
        """In the order of the ids; those without an event up to ``upto`` are left out."""
        bare = await self.heads(request_ids, upto)
        known = {one.request_id: found for one in bare if (found := self._read.get(one.request_id)) is not None}
        new = [one for one in bare if not _is_same(one, known.get(one.request_id))]
        views = {one: found.view for one, found in known.items()}
        asked = [one for one in new if not _is_asked_the_same(one, known.get(one.request_id))]
        views |= await self._bodies.views([body for one in asked if (body := _wanted(one)) is not None])
        answers = await self._answers([one.request_id for one in new if one.end is not None])
        for one in new:
            answer = answers.get(one.request_id, b"")
            message = _assembled(one.response, answer) if answer else None
            known[one.request_id] = replace(one, view=views.get(one.request_id), message=message)
            self._read.put(one.request_id, known[one.request_id], _weight(one, answer))
        return [known[one.request_id] for one in bare]

    async def heads(self, request_ids: Collection[UUID], upto: Position) -> list[Exchange]:
        """The same without bodies: ``view`` and ``message`` are None, and no payload is read."""
        streams = await self.log.streams(request_ids, upto, EXCHANGE_TOPICS)
        return [_bare(request_id, streams[request_id]) for request_id in sorted(streams)]

    async def blocks(self, parts: Collection[tuple[str, bytes]]) -> dict[tuple[str, bytes], JsonValue]:
        """Blocks by scope and part key; without those that are gone, or are no JSON."""
        return await self._bodies.blocks(parts)

    async def scope_key(self, scope: str) -> bytes:
        """The scope's HMAC key. Raises PayloadMissingError if nothing is stored under the scope."""
        return await self._payloads.scope_key(scope)

    async def _answers(self, request_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        return await self._payloads.answers(request_ids) if request_ids else {}


def _is_same(bare: Exchange, known: Exchange | None) -> bool:
    """What is remembered was made of these events and no others."""
    return known is not None and _events_of(known) == _events_of(bare)


def _events_of(one: Exchange) -> tuple[object, ...]:
    return one.position, one.request, one.response, one.end, one.gaps


def _is_asked_the_same(bare: Exchange, known: Exchange | None) -> bool:
    return known is not None and known.request == bare.request


def _weight(bare: Exchange, answer: bytes) -> int:
    return len(answer) + (bare.request.byte_count if bare.request else 0)


def _bare(request_id: UUID, stream: Sequence[Recorded]) -> Exchange:
    events = [recorded.event for recorded in stream]
    if damaged := next((event for event in events if isinstance(event, UnreadableEvent)), None):
        raise DamagedEventError(f"Event {damaged.originator_version} ({damaged.topic}) is damaged in the store.")
    return Exchange(
        request_id=request_id,
        position=max(recorded.position for recorded in stream),
        request=next((event for event in events if isinstance(event, RequestReceived)), None),
        view=None,
        response=next((event for event in events if isinstance(event, ResponseStarted)), None),
        end=next((event for event in events if isinstance(event, TERMINAL)), None),
        gaps=tuple(event for event in events if isinstance(event, RecordingGap)),
        message=None,
    )


def _wanted(one: Exchange) -> WantedBody | None:
    request = one.request
    if request is None or request.body is None:
        return None
    return WantedBody(one.request_id, request.scope, request.body, header(request.headers, "content-encoding"))


def _assembled(response: ResponseStarted | None, answer: bytes) -> AssembledMessage | None:
    headers = response.headers if response else ()
    try:
        opened = decode_body(answer, header(headers, "content-encoding"))
    except UndecodableBodyError:
        return None
    return assemble(opened.data, header(headers, "content-type"))


def session_of(request: RequestReceived, view: RequestView | None) -> str:
    """As its header says, else its body; empty: neither does."""
    named = header(request.headers, "x-claude-code-session-id")
    return named or (view.identity.session if view else None) or ""


def header(headers: Sequence[HeaderFact], name: str) -> str:
    """The kept value of a header; several lines are joined as HTTP does; empty: there is none."""
    return ", ".join([fact.value for fact in headers if fact.value is not None and fact.name.lower() == name])
