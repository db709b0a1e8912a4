"""What is known of these exchanges up to position p? Their events, read, opened and assembled, for any projector.

Whatever a projector says of an exchange is a function of what stands here, and that is a function of the events up to
``upto``: so the rows do not depend on how events were batched or interleaved.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.assembly import AssembledMessage, assemble
from domain.decoding import decode_body
from domain.errors import UndecodableBodyError
from domain.ids import Position
from domain.ports import EventLog, Payloads, Recorded
from domain.request_view import RequestView
from projections.body_reader import BodyReader, WantedBody
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
    """Reads exchanges in batches; keep one for a whole process."""

    def __init__(self, log: EventLog, payloads: Payloads) -> None:
        self.log, self._payloads = log, payloads
        self._bodies = BodyReader(payloads)

    async def read(self, request_ids: Collection[UUID], upto: Position) -> list[Exchange]:
        """In the order of the ids; those without an event up to ``upto`` are left out."""
        streams = await self.log.streams(request_ids, upto, EXCHANGE_TOPICS)
        bare = [_bare(request_id, streams[request_id]) for request_id in sorted(streams)]
        views = await self._bodies.views([body for one in bare if (body := _wanted(one)) is not None])
        answers = await self._payloads.answers([one.request_id for one in bare if one.end is not None])
        return [_whole(one, views.get(one.request_id), answers.get(one.request_id)) for one in bare]


def _bare(request_id: UUID, stream: Sequence[Recorded]) -> Exchange:
    events = [recorded.event for recorded in stream]
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


def _whole(bare: Exchange, view: RequestView | None, answer: bytes | None) -> Exchange:
    return Exchange(
        request_id=bare.request_id,
        position=bare.position,
        request=bare.request,
        view=view,
        response=bare.response,
        end=bare.end,
        gaps=bare.gaps,
        message=_assembled(bare.response, answer) if answer else None,
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


def header(headers: Sequence[HeaderFact], name: str) -> str:
    """The kept value of a header; several lines are joined as HTTP does; empty: there is none."""
    return ", ".join(fact.value for fact in headers if fact.name.lower() == name and fact.value is not None)
