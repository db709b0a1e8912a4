"""Which links and conversations are there? Rows of the ``conversations`` projection, and how they are written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from domain.classification import Evidence, RequestClass
from domain.links import Edge
from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

SELECT_LINKS = "SELECT * FROM links WHERE request_id = ANY($1::uuid[])"
SELECT_CHILDREN = "SELECT * FROM links WHERE parent_request_id = ANY($1::uuid[])"
DELETE_LINKS = "DELETE FROM links WHERE request_id = ANY($1::uuid[])"
INSERT_LINKS = "INSERT INTO links SELECT * FROM jsonb_populate_recordset(NULL::links, $1::jsonb)"
SELECT_DECLARED = "SELECT request_id, declared_class FROM exchanges WHERE request_id = ANY($1::uuid[])"
DELETE_CONVERSATIONS = "DELETE FROM conversations WHERE conversation_id = ANY($1::uuid[])"
INSERT_CONVERSATIONS = """
INSERT INTO conversations
SELECT e.request_id, e.scope, e.client_domain,
    coalesce((
        SELECT t.session_title FROM exchanges t
        WHERE t.scope = e.scope AND t.session = e.session AND t.session <> '' AND t.session_title <> ''
        ORDER BY t.received_at DESC, t.request_id DESC LIMIT 1
    ), e.title),
    e.received_at,
    (SELECT l.received_at FROM links l WHERE l.conversation_id = e.request_id
     ORDER BY l.received_at DESC, l.request_id DESC LIMIT 1)
FROM exchanges e JOIN links r ON r.request_id = e.request_id
WHERE e.request_id = ANY($1::uuid[]) AND r.conversation_id = e.request_id
"""
SELECT_TITLED = """
SELECT l.conversation_id FROM exchanges t
JOIN exchanges e ON e.scope = t.scope AND e.session = t.session
JOIN links l ON l.request_id = e.request_id AND l.conversation_id = l.request_id
WHERE t.request_id = ANY($1::uuid[]) AND t.session <> '' AND t.session_title <> ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """One exchange in the forest."""

    request_id: UUID
    received_at: datetime
    request_class: RequestClass
    own_edge: Edge
    """As its own rule decided, before its siblings were asked."""
    edge: Edge
    parent_request_id: UUID | None
    confidence: float
    evidence: tuple[Evidence, ...]
    tool_use_id: str | None
    conversation_id: UUID | None
    branch_id: UUID | None
    depth: int
    subtask_id: UUID | None


async def select(tx: Connection, request_ids: Collection[UUID]) -> dict[UUID, LinkRow]:
    return {row["request_id"]: _row(row) for row in await tx.fetch(SELECT_LINKS, list(request_ids))}


async def children(tx: Connection, parents: Collection[UUID]) -> list[LinkRow]:
    return [_row(row) for row in await tx.fetch(SELECT_CHILDREN, list(parents))]


async def declared_classes(tx: Connection, request_ids: Collection[UUID]) -> dict[UUID, RequestClass]:
    """The classes before linking."""
    rows = await tx.fetch(SELECT_DECLARED, list(request_ids))
    return {row["request_id"]: row["declared_class"] for row in rows}


async def replace(tx: Connection, rows: Sequence[LinkRow]) -> None:
    await tx.execute(DELETE_LINKS, [row.request_id for row in rows])
    await tx.execute(INSERT_LINKS, as_json(rows))


async def titled(tx: Connection, request_ids: Collection[UUID]) -> set[UUID]:
    """Conversations that have their title from one of these."""
    return {row["conversation_id"] for row in await tx.fetch(SELECT_TITLED, list(request_ids))}


async def refresh_conversations(tx: Connection, conversation_ids: Collection[UUID]) -> None:
    """Write the rows of these conversations anew; one that has lost its root goes."""
    ids = sorted(conversation_ids)
    await tx.execute(DELETE_CONVERSATIONS, ids)
    await tx.execute(INSERT_CONVERSATIONS, ids)


def _row(row: asyncpg.Record) -> LinkRow:
    return LinkRow(
        request_id=row["request_id"],
        received_at=row["received_at"],
        request_class=row["request_class"],
        own_edge=row["own_edge"],
        edge=row["edge"],
        parent_request_id=row["parent_request_id"],
        confidence=row["confidence"],
        evidence=tuple(msgspec.json.decode(row["evidence"], type=list[Evidence])),
        tool_use_id=row["tool_use_id"],
        conversation_id=row["conversation_id"],
        branch_id=row["branch_id"],
        depth=row["depth"],
        subtask_id=row["subtask_id"],
    )
