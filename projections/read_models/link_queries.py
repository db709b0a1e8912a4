"""How is a request linked, and what did people say of it? For who wants to see a link or to correct it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from domain.classification import Evidence
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

_LINKED = """
SELECT l.request_id, l.received_at, l.request_class, l.edge, l.parent_request_id, l.confidence, l.evidence,
    l.conversation_id, e.scope, e.title, e.asked, c.who AS corrected_by, c.why AS corrected_why
FROM read.links l
JOIN read.exchanges e ON e.request_id = l.request_id
LEFT JOIN read.corrections c ON c.request_id = l.request_id
"""
SELECT_LINKED = _LINKED + "WHERE l.request_id = ANY($1::uuid[])"
SELECT_CORRECTED = _LINKED + "WHERE c.request_id IS NOT NULL ORDER BY l.received_at, l.request_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A request's link as it stands."""

    request_id: UUID
    received_at: datetime
    request_class: str
    edge: str
    parent_request_id: UUID | None
    conversation_id: UUID | None
    confidence: float
    evidence: tuple[Evidence, ...]
    scope: str
    asked: str
    """The beginning of what was asked."""
    corrected_by: str | None
    """None: nobody's correction stands."""
    corrected_why: str | None


async def linked(connection: Connection, request_ids: Collection[UUID]) -> dict[UUID, Linked]:
    """By request id; what is not linked yet is left out."""
    return {row["request_id"]: _linked(row) for row in await rows(connection, SELECT_LINKED, list(request_ids))}


async def corrected(connection: Connection) -> list[Linked]:
    """Every link that stands corrected, the oldest request first."""
    return [_linked(row) for row in await rows(connection, SELECT_CORRECTED)]


def _linked(row: asyncpg.Record) -> Linked:
    return Linked(
        request_id=row["request_id"],
        received_at=row["received_at"],
        request_class=row["request_class"],
        edge=row["edge"],
        parent_request_id=row["parent_request_id"],
        conversation_id=row["conversation_id"],
        confidence=row["confidence"],
        evidence=tuple(msgspec.json.decode(row["evidence"], type=list[Evidence])),
        scope=row["scope"],
        asked=row["asked"] or row["title"],
        corrected_by=row["corrected_by"],
        corrected_why=row["corrected_why"],
    )
