"""What happened, exchange by exchange? Rows of the ``requests`` projection, and how they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

DELETE = "DELETE FROM requests WHERE request_id = ANY($1::uuid[])"
INSERT = "INSERT INTO requests SELECT * FROM jsonb_populate_recordset(NULL::requests, $1::jsonb)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One exchange. None: not known, or not yet."""

    request_id: UUID
    position: int
    received_at: datetime
    completed_at: datetime | None
    mode: str | None
    method: str | None
    path: str | None
    client_domain: str | None
    scope: str | None
    account: str | None
    key_id: str | None
    project: str | None
    session_id: str | None
    agent_id: str | None
    user_agent: str | None
    model: str | None
    streamed: bool | None
    parsable: bool
    request_bytes: int | None
    deferred: bool
    status: int | None
    origin: str | None
    outcome: str
    detail: str
    stop_reason: str | None
    error_type: str | None
    error_message: str | None
    answer_bytes: int | None
    gaps: int
    missing_bytes: int
    input_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    time_to_first_byte_us: int | None
    duration_us: int | None
    upstream_request_id: str | None


async def replace(tx: Connection, rows: Sequence[RequestRow]) -> None:
    """Put these rows in the place of what stood there for the same exchanges."""
    await tx.execute(DELETE, [row.request_id for row in rows])
    await tx.execute(INSERT, as_json(rows))
