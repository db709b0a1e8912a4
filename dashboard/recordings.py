"""What is recorded of one exchange? Its events and its bytes, as they went over the wire."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.errors import PayloadMissingError
from domain.ports import EventLog, Payloads, Recorded
from domain.viewers import OWNER, Viewer
from projections.exchanges import EXCHANGE_TOPICS, header
from schemas.read_api import EventItem
from schemas.stored.events import (
    TERMINAL,
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

_TOPICS = (*EXCHANGE_TOPICS, ChunkStreamed.TOPIC)
_TOLD_BESIDE = {"originator_id", "originator_version", "timestamp"}


@dataclass(frozen=True, slots=True)
class Stream:
    """The events of one exchange, by version; at least one."""

    events: Sequence[ExchangeEvent]

    @property
    def received(self) -> RequestReceived | None:
        """None: only a gap tells that there was a request."""
        return next((event for event in self.events if isinstance(event, RequestReceived)), None)

    @property
    def started(self) -> ResponseStarted | None:
        return next((event for event in self.events if isinstance(event, ResponseStarted)), None)

    @property
    def ended(self) -> ResponseCompleted | ResponseAborted | None:
        return next((event for event in self.events if isinstance(event, TERMINAL)), None)

    @property
    def gaps(self) -> tuple[RecordingGap, ...]:
        return tuple(event for event in self.events if isinstance(event, RecordingGap))

    @property
    def runs(self) -> tuple[ChunkStreamed, ...]:
        return tuple(event for event in self.events if isinstance(event, ChunkStreamed))

    @property
    def outcome(self) -> str:
        """As the read API names it."""
        end = self.ended
        if end is None:
            return "open"
        return end.ended_by if isinstance(end, ResponseAborted) else "completed"

    @property
    def answer_bytes(self) -> int:
        """Bytes of the answer that the events promise."""
        return sum(sum(run.lengths) for run in self.runs)

    def missing_bytes(self, part: str) -> int:
        """Bytes of the request or the response that could not be kept."""
        return sum(gap.byte_count for gap in self.gaps if gap.part == part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBytes:
    """A body as it went over the wire: transfer-decoded, content-encoding kept."""

    data: bytes
    outcome: str
    """open, completed, client, upstream, timeout, shutdown, gateway_crash."""
    content_type: str
    """From the recorded headers; empty: not said."""
    content_encoding: str
    missing_bytes: int
    """Bytes of this body that could not be recorded."""


ReadBytes = Callable[[UUID], Awaitable[RecordedBytes | None]]


class Recordings:
    """Reads what is recorded, also while an exchange is open. What the viewer does not see is unknown to him."""

    def __init__(self, log: EventLog, payloads: Payloads, viewer: Viewer = OWNER) -> None:
        self._log, self._payloads, self._viewer = log, payloads, viewer

    def seen_by(self, viewer: Viewer) -> "Recordings":
        return Recordings(self._log, self._payloads, viewer)

    async def stream(self, request_id: UUID) -> Stream | None:
        """None: unknown."""
        events = [event for event, _ in await self._exchange_events(request_id)]
        return Stream(events) if events else None

    async def streams(self, request_ids: Collection[UUID]) -> dict[UUID, Stream]:
        """Of many exchanges at once; without those that are unknown."""
        read = await self._log.streams(request_ids, await self._log.newest(), _TOPICS)
        known = {one: [each.event for each in read[one] if isinstance(each.event, ExchangeEvent)] for one in read}
        return {one: Stream(events) for one, events in known.items() if events and self._sees(events)}

    async def event_items(self, request_id: UUID) -> list[EventItem]:
        """Empty: unknown."""
        return [_item(event, recorded) for event, recorded in await self._exchange_events(request_id)]

    async def _exchange_events(self, request_id: UUID) -> list[tuple[ExchangeEvent, Recorded]]:
        """Without those that a newer Nexus wrote."""
        stream = await self._log.stream(request_id)
        events = [(one.event, one) for one in stream if isinstance(one.event, ExchangeEvent)]
        return events if self._sees([event for event, _ in events]) else []

    def _sees(self, events: Sequence[ExchangeEvent]) -> bool:
        """A stream that does not say whose it is, is everybody's: only who sees all accounts sees it."""
        if self._viewer.accounts is None:
            return True
        received = Stream(events).received
        return received is not None and self._viewer.sees(received.account, received.scope)

    async def body_of(self, stream: Stream) -> bytes:
        """The request's body; empty where there was none or none could be kept. Raises PayloadMissingError."""
        received = stream.received
        if received is None or received.body is None:
            return b""
        return await self._payloads.body(received.scope, received.body)

    async def answer_of(self, stream: Stream) -> bytes:
        """The answer as far as it is stored. Raises PayloadMissingError if the store has less than was recorded."""
        request_id = stream.events[0].originator_id
        data = (await self._payloads.answers([request_id])).get(request_id, b"")
        if len(data) < stream.answer_bytes:
            raise PayloadMissingError("The bytes of this answer are no longer in the store.")
        return data

    async def both_of(self, stream: Stream) -> tuple[bytes | None, bytes | None]:
        """Body and answer; None: erased."""
        return await _unless_erased(self.body_of, stream), await _unless_erased(self.answer_of, stream)

    async def request_bytes(self, request_id: UUID) -> RecordedBytes | None:
        """The request's body. None: unknown. Raises PayloadMissingError."""
        stream = await self.stream(request_id)
        if stream is None:
            return None
        headers = stream.received.headers if stream.received else ()
        return _recorded(stream, "request", await self.body_of(stream), headers)

    async def response_bytes(self, request_id: UUID) -> RecordedBytes | None:
        """The answer's bytes. None: unknown. Raises PayloadMissingError."""
        stream = await self.stream(request_id)
        if stream is None:
            return None
        headers = stream.started.headers if stream.started else ()
        return _recorded(stream, "response", await self.answer_of(stream), headers)


async def _unless_erased(read: Callable[[Stream], Awaitable[bytes]], stream: Stream) -> bytes | None:
    try:
        return await read(stream)
    except PayloadMissingError:
        return None


def _recorded(stream: Stream, part: str, data: bytes, headers: Sequence[HeaderFact]) -> RecordedBytes:
    return RecordedBytes(
        data=data,
        outcome=stream.outcome,
        content_type=header(headers, "content-type"),
        content_encoding=header(headers, "content-encoding"),
        missing_bytes=stream.missing_bytes(part),
    )


def _item(event: ExchangeEvent, recorded: Recorded) -> EventItem:
    return EventItem(
        position=recorded.position,
        version=event.originator_version,
        topic=event.TOPIC,
        timestamp=event.timestamp,
        data=event.model_dump(mode="json", exclude=_TOLD_BESIDE),
    )
