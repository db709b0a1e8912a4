"""Which exchanges are asked for? Lists and single rows of ``read.requests`` with what ``read.links`` says of them.

A list is asked for in one of three ways, each along an index of its own: by time, by link (a conversation or a class
is given), or by what changed since a position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from domain.ids import Position
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from schemas.read_api import RequestItem

WANTED_REQUESTS = """
    ($2::text IS NULL OR r.session_id = $2)
    AND ($3::text IS NULL OR r.model = $3)
    AND ($4::int IS NULL OR r.status = $4)
    AND ($5::text IS NULL OR r.outcome = $5)
    AND ($6::text IS NULL OR coalesce(r.account, r.scope) = $6)
    AND ($7::text IS NULL OR r.project = $7)
"""
"""What an exchange's own row is asked for, but for its time."""
WANTED_BY_LINK = """
    AND ($10::uuid IS NULL OR l.conversation_id = (
        SELECT member.conversation_id FROM read.links member WHERE member.request_id = $10))
    AND ($11::text IS NULL OR l.request_class = $11)
"""
_PAGE_BY_TIME = """
WITH page AS (
    SELECT r.request_id FROM read.requests r WHERE
"""
_BEFORE = """
    AND ($8::timestamptz IS NULL OR r.received_at >= $8)
    AND ($9::timestamptz IS NULL OR r.received_at < $9)
    AND ($10::timestamptz IS NULL OR (r.received_at, r.request_id) < ($10, $11::uuid))
    ORDER BY r.received_at DESC, r.request_id DESC
    LIMIT $1
)
"""
_PAGE_BY_LINK = """
WITH page AS (
    SELECT r.request_id FROM read.links l JOIN read.requests r ON r.request_id = l.request_id WHERE
"""
_LINKED_BEFORE = """
    AND ($8::timestamptz IS NULL OR l.received_at >= $8)
    AND ($9::timestamptz IS NULL OR l.received_at < $9)
    AND ($12::timestamptz IS NULL OR (l.received_at, l.request_id) < ($12, $13::uuid))
    ORDER BY l.received_at DESC, l.request_id DESC
    LIMIT $1
)
"""
_PAGE_BY_POSITION = """
WITH page AS (
    SELECT r.request_id FROM read.requests r LEFT JOIN read.links l ON l.request_id = r.request_id WHERE
"""
_CHANGED = """
    AND ($8::timestamptz IS NULL OR r.received_at >= $8)
    AND ($9::timestamptz IS NULL OR r.received_at < $9)
    AND r.position > $12 AND r.position <= $13
    ORDER BY r.position
    LIMIT $1
)
"""
_PAGE_OF_ONE = "WITH page AS (SELECT $1::uuid AS request_id)"
_PAGE_OF_THESE = "WITH page AS (SELECT unnest($1::uuid[]) AS request_id)"
# What a page shows lies side by side in its tables. Asked for by one list of ids, each buffer is looked at once; a join
# would go down the index again for every row.
_ITEMS = """,
own AS MATERIALIZED (
    SELECT * FROM read.requests WHERE request_id = ANY(ARRAY(SELECT request_id FROM page))
),
link AS MATERIALIZED (
    SELECT *, CASE edge WHEN 'retries' THEN parent_request_id ELSE request_id END AS first_attempt
    FROM read.links WHERE request_id = ANY(ARRAY(SELECT request_id FROM page))
),
again AS MATERIALIZED (
    SELECT parent_request_id, count(*) AS attempts FROM read.links
    WHERE edge = 'retries' AND parent_request_id = ANY(ARRAY(SELECT first_attempt FROM link))
    GROUP BY parent_request_id
)
SELECT r.request_id, r.position, r.received_at, r.completed_at, r.method, r.path, r.client_domain, r.account,
    r.key_id AS key, r.project, r.session_id, r.agent_id, l.request_class, l.edge, l.confidence, l.evidence,
    l.parent_request_id, l.conversation_id, l.branch_id, l.tool_use_id, r.model, r.status, r.outcome,
    1 + coalesce(again.attempts, 0) AS attempts,
    r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_5m_tokens, r.cache_write_1h_tokens,
    NULL::numeric AS cost_usd, r.time_to_first_byte_us / 1000.0::float8 AS time_to_first_byte_ms,
    r.duration_us / 1000.0::float8 AS duration_ms, r.upstream_request_id, r.stop_reason, r.error_type,
    r.error_message, r.detail, r.parsable, r.missing_bytes
FROM own r
LEFT JOIN link l ON l.request_id = r.request_id
LEFT JOIN again ON again.parent_request_id = l.first_attempt
"""
_NEWEST_FIRST = "ORDER BY r.received_at DESC, r.request_id DESC"
_OLDEST_CHANGE_FIRST = "ORDER BY r.position"
SELECT_BY_TIME = _PAGE_BY_TIME + WANTED_REQUESTS + _BEFORE + _ITEMS + _NEWEST_FIRST
SELECT_BY_LINK = _PAGE_BY_LINK + WANTED_REQUESTS + WANTED_BY_LINK + _LINKED_BEFORE + _ITEMS + _NEWEST_FIRST
SELECT_BY_POSITION = _PAGE_BY_POSITION + WANTED_REQUESTS + WANTED_BY_LINK + _CHANGED + _ITEMS + _OLDEST_CHANGE_FIRST
SELECT_ONE = _PAGE_OF_ONE + _ITEMS
SELECT_THESE = _PAGE_OF_THESE + _ITEMS
# In the order of an index, which is far smaller than the table, and from the old end, where vacuum has been.
SELECT_COUNTS = """
SELECT (SELECT count(*) FROM (SELECT FROM read.requests ORDER BY request_id LIMIT $1) AS each) AS requests,
    (SELECT count(*) FROM (SELECT FROM read.conversations ORDER BY conversation_id LIMIT $1) AS each) AS conversations,
    (SELECT count(*) FROM (SELECT FROM read.requests WHERE outcome = 'open' LIMIT $1) AS each) AS open_requests
"""

Place = tuple[datetime, UUID]
"""Where in a list by time: (received_at, request_id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which exchanges are wanted; None: any."""

    conversation: UUID | None = None
    """Any member's id."""
    session: str | None = None
    request_class: str | None = None
    model: str | None = None
    status: int | None = None
    outcome: str | None = None
    account: str | None = None
    """Who pays; where nobody is named, the tenant."""
    project: str | None = None
    since: datetime | None = None
    """Received then or later."""
    until: datetime | None = None
    """Received before."""

    @property
    def own(self) -> tuple[object, ...]:
        """$2 to $7."""
        return (self.session, self.model, self.status, self.outcome, self.account, self.project)

    @property
    def by_link(self) -> bool:
        """Only the link says who is wanted."""
        return self.conversation is not None or self.request_class is not None


async def newest(connection: Connection, wanted: RequestFilter, before: Place | None, limit: int) -> list[RequestItem]:
    """The newest first, all older than ``before``."""
    place, asked = before or (None, None), (*wanted.own, wanted.since, wanted.until)
    if not wanted.by_link:
        return _items(await rows(connection, SELECT_BY_TIME, limit, *asked, *place))
    linked = (wanted.conversation, wanted.request_class)
    return _items(await rows(connection, SELECT_BY_LINK, limit, *asked, *linked, *place))


async def changed(
    connection: Connection, wanted: RequestFilter, after: Position, upto: Position, limit: int
) -> list[RequestItem]:
    """Those whose newest event lies above ``after`` and not above ``upto``, the oldest change first."""
    asked = (*wanted.own, wanted.since, wanted.until, wanted.conversation, wanted.request_class)
    return _items(await rows(connection, SELECT_BY_POSITION, limit, *asked, after, upto))


async def these(connection: Connection, request_ids: Sequence[UUID]) -> list[RequestItem]:
    """In no order; without those that are not projected."""
    return _items(await rows(connection, SELECT_THESE, list(request_ids)))


async def one(connection: Connection, request_id: UUID) -> RequestItem | None:
    return next(iter(_items(await rows(connection, SELECT_ONE, request_id))), None)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to see, each counted up to a limit."""

    requests: int
    conversations: int
    open_requests: int


async def counts(connection: Connection, limit: int) -> Counts:
    """Whatever there is more of than ``limit`` counts as ``limit``: so the cost is bounded too."""
    found = await rows(connection, SELECT_COUNTS, limit)
    return Counts(*found[0]) if found else Counts(0, 0, 0)


def _items(found: list[asyncpg.Record]) -> list[RequestItem]:
    return [RequestItem.model_validate({**row, "evidence": evidence_of(row)}) for row in found]


def evidence_of(row: asyncpg.Record) -> list[object]:
    """JSON comes from the driver as text."""
    evidence: list[object] = msgspec.json.decode(row["evidence"]) if row["evidence"] else []
    return evidence
