"""What was asked, what came back, what did it use? One row per exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.assembly import AssembledMessage
from domain.ids import Position
from domain.usage import Usage, read_usage
from projections.exchanges import Exchange, ExchangeReader, header
from projections.projector import Write
from projections.read_models import requests
from projections.read_models.connection import Connection
from projections.read_models.requests import RequestRow
from projections.read_models.rows import storable, storable_or_none
from schemas.stored.events import RequestReceived, ResponseAborted, ResponseCompleted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID7_TIME_SHIFT = 80


@dataclass(frozen=True, slots=True)
class RequestsWrite:
    """The rows that are written."""

    rows: Sequence[RequestRow]

    async def __call__(self, tx: Connection) -> None:
        await requests.replace(tx, self.rows)


class RequestsProjector:
    """Keeps the ``requests`` table."""

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        return RequestsWrite([row_of(exchange) for exchange in await self._reader.read(request_ids, upto)])


def row_of(exchange: Exchange) -> RequestRow:
    """The row is a function of the exchange's events and payload alone."""
    request, response, end, view = exchange.request, exchange.response, exchange.end, exchange.view
    message, usage = exchange.message, _usage(exchange.message)
    session = header(request.headers, "x-claude-code-session-id") if request else ""
    received_at = request.timestamp if request else time_in(exchange.request_id)
    return RequestRow(
        request_id=exchange.request_id,
        position=exchange.position,
        received_at=received_at,
        completed_at=end.timestamp if end else None,
        mode=request.mode if request else None,
        method=storable(request.method) if request else None,
        path=storable(request.target) if request else None,
        client_domain=storable(request.client_domain) if request else None,
        scope=storable(request.scope) if request else None,
        account=storable_or_none(request.account) if request else None,
        key_id=request.key_id if request else None,
        project=_kept(request, "x-nexus-project"),
        session_id=storable_or_none(session or (view.identity.session if view else None)),
        agent_id=_kept(request, "x-claude-code-agent-id"),
        user_agent=_kept(request, "user-agent"),
        model=storable_or_none(_model(exchange)),
        streamed=view.stream if view else None,
        parsable=view is not None or request is None or request.body is None,
        request_bytes=request.byte_count if request else None,
        deferred=request.deferred if request else False,
        status=response.status if response else None,
        origin=response.origin if response else None,
        outcome=_outcome(end),
        detail=storable(end.detail) if isinstance(end, ResponseAborted) else "",
        stop_reason=storable_or_none(message.stop_reason) if message else None,
        error_type=storable(message.error.kind) if message and message.error else None,
        error_message=storable(message.error.message) if message and message.error else None,
        answer_bytes=end.byte_count if end else None,
        gaps=len(exchange.gaps),
        missing_bytes=sum(gap.byte_count for gap in exchange.gaps),
        input_tokens=usage.tokens.input_tokens if usage else None,
        output_tokens=usage.tokens.output_tokens if usage else None,
        thinking_tokens=usage.thinking_tokens if usage else None,
        cache_read_tokens=usage.tokens.cache_read_tokens if usage else None,
        cache_write_5m_tokens=usage.tokens.cache_write_5m_tokens if usage else None,
        cache_write_1h_tokens=usage.tokens.cache_write_1h_tokens if usage else None,
        time_to_first_byte_us=response.elapsed_us if response else None,
        duration_us=end.elapsed_us if end else None,
        upstream_request_id=storable_or_none(response.upstream_request_id) if response else None,
    )


def time_in(request_id: UUID) -> datetime:
    """The millisecond a UUIDv7 was made in."""
    return _EPOCH + timedelta(milliseconds=request_id.int >> _UUID7_TIME_SHIFT)


def _kept(request: RequestReceived | None, name: str) -> str | None:
    value = header(request.headers, name) if request else ""
    return storable(value) if value else None


def _model(exchange: Exchange) -> str | None:
    asked = exchange.view.model if exchange.view else None
    return asked or (exchange.message.model if exchange.message else None) or None


def _outcome(end: ResponseCompleted | ResponseAborted | None) -> str:
    if end is None:
        return "open"
    return end.ended_by if isinstance(end, ResponseAborted) else "completed"


def _usage(message: AssembledMessage | None) -> Usage | None:
    return read_usage(message.usage) if message is not None and message.usage else None
