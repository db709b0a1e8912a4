"""Which conversations are asked for? Lists, single ones by any member's id, and their exchanges as nodes of a tree.

What a conversation adds up to is counted from its exchanges, for the conversations of one page only: first the page,
then its members, then the sums.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from projections.read_models.connection import Connection
from projections.read_models.reading import collector_at_rest, rows
from projections.read_models.request_queries import Place, evidence_of
from schemas.read_api import ConversationItem, EvidenceItem, TreeNode

WANTED_CONVERSATIONS = """
    ($2::text IS NULL OR c.conversation_id IN (
        SELECT l.conversation_id FROM read.requests r JOIN read.links l ON l.request_id = r.request_id
        WHERE r.session_id = $2))
    AND ($3::text IS NULL OR root.account = $3)
    AND ($4::text IS NULL OR root.project = $4)
    AND ($5::text IS NULL OR strpos(lower(c.title), lower($5)) > 0)
    AND ($6::timestamptz IS NULL OR c.last_at >= $6)
    AND ($7::timestamptz IS NULL OR c.last_at < $7)
"""
_PAGE = """
WITH page AS (
    SELECT c.conversation_id, c.title, c.client_domain, c.started_at, c.last_at, root.account, root.project
    FROM read.conversations c LEFT JOIN read.requests root ON root.request_id = c.conversation_id WHERE
"""
_BEFORE = """
    AND ($8::timestamptz IS NULL OR (c.last_at, c.conversation_id) < ($8, $9::uuid))
    ORDER BY c.last_at DESC, c.conversation_id DESC
    LIMIT $1
),
"""
_THESE = """
    c.conversation_id = ANY($1::uuid[])
),
"""
_PAGE_OF_ONE = """
WITH page AS (
    SELECT c.conversation_id, c.title, c.client_domain, c.started_at, c.last_at, root.account, root.project
    FROM read.links member
    JOIN read.conversations c ON c.conversation_id = member.conversation_id
    LEFT JOIN read.requests root ON root.request_id = c.conversation_id
    WHERE member.request_id = $1
),
"""
# Asked for by one list of ids, the rows of a page's requests, which lie side by side, cost little more than one.
_ITEMS = """
link AS MATERIALIZED (
    SELECT page.conversation_id, l.request_id, l.edge, l.received_at
    FROM page JOIN read.links l ON l.conversation_id = page.conversation_id
),
own AS MATERIALIZED (
    SELECT * FROM read.requests WHERE request_id = ANY(ARRAY(SELECT request_id FROM link))
),
members AS MATERIALIZED (
    SELECT l.conversation_id, l.edge, l.received_at, r.session_id, r.model, r.outcome, r.status, r.error_type,
        r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_5m_tokens, r.cache_write_1h_tokens
    FROM link l LEFT JOIN own r ON r.request_id = l.request_id
),
sums AS (
    SELECT conversation_id,
        count(*) AS requests,
        count(*) FILTER (WHERE outcome = 'open') AS open_requests,
        count(*) FILTER (WHERE edge IN ('root', 'branches', 'forks')) AS branches,
        count(*) FILTER (WHERE edge = 'spawned') AS subtasks,
        count(*) FILTER (
            WHERE outcome NOT IN ('open', 'completed') OR status >= 400 OR error_type IS NOT NULL) AS failures,
        coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
        coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
        coalesce(sum(cache_read_tokens), 0)::bigint AS cache_read_tokens,
        (coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0))::bigint
            AS cache_write_tokens
    FROM members GROUP BY conversation_id
),
sessions AS (
    SELECT conversation_id, array_agg(session_id ORDER BY first_at, session_id) AS session_ids
    FROM (
        SELECT conversation_id, session_id, min(received_at) AS first_at
        FROM members WHERE session_id IS NOT NULL GROUP BY conversation_id, session_id
    ) AS each_session GROUP BY conversation_id
),
models AS (
    SELECT conversation_id, array_agg(model ORDER BY first_at, model) AS models
    FROM (
        SELECT conversation_id, model, min(received_at) AS first_at
        FROM members WHERE model IS NOT NULL GROUP BY conversation_id, model
    ) AS each_model GROUP BY conversation_id
)
SELECT page.*, sums.requests, sums.open_requests, sums.branches, sums.subtasks, sums.failures, sums.input_tokens,
    sums.output_tokens, sums.cache_read_tokens, sums.cache_write_tokens,
    coalesce(sessions.session_ids, '{}') AS session_ids, coalesce(models.models, '{}') AS models
FROM page
JOIN sums USING (conversation_id)
LEFT JOIN sessions USING (conversation_id)
LEFT JOIN models USING (conversation_id)
ORDER BY page.last_at DESC, page.conversation_id DESC
"""
SELECT_PAGE = _PAGE + WANTED_CONVERSATIONS + _BEFORE + _ITEMS
SELECT_THESE = _PAGE + _THESE + _ITEMS
SELECT_ONE = _PAGE_OF_ONE + _ITEMS
_LINKS = """
WITH link AS MATERIALIZED (
    SELECT * FROM read.links WHERE conversation_id = $1
"""
_OPENING = "AND edge IN ('root', 'branches', 'forks', 'spawned')"
_NODES = """
),
own AS MATERIALIZED (
    SELECT * FROM read.requests WHERE request_id = ANY(ARRAY(SELECT request_id FROM link))
),
said AS MATERIALIZED (
    SELECT request_id, asked FROM read.exchanges WHERE request_id = ANY(ARRAY(SELECT request_id FROM link))
)
SELECT l.request_id, l.parent_request_id, l.edge, l.request_class, l.branch_id, l.depth, r.session_id, r.agent_id,
    l.tool_use_id, nullif(task.agent_type, '') AS agent_type, nullif(task.description, '') AS task,
    nullif(e.asked, '') AS prompt, l.received_at, r.completed_at, coalesce(r.outcome, 'open') AS outcome,
    r.status, r.error_type, r.model, r.stop_reason, r.input_tokens, r.output_tokens, r.cache_read_tokens,
    r.cache_write_5m_tokens + r.cache_write_1h_tokens AS cache_write_tokens,
    r.duration_us / 1000.0::float8 AS duration_ms, l.confidence, l.evidence
FROM link l
LEFT JOIN own r ON r.request_id = l.request_id
LEFT JOIN said e ON e.request_id = l.request_id
LEFT JOIN LATERAL (
    SELECT t.agent_type, t.description FROM read.tasks t
    WHERE l.edge = 'spawned' AND t.request_id = l.parent_request_id AND t.tool_use_id = l.tool_use_id
    ORDER BY t.ordinal LIMIT 1
) AS task ON true
ORDER BY l.received_at, l.request_id
"""
SELECT_NODES = _LINKS + _NODES
SELECT_REPORTS = """
SELECT l.branch_id, max(m.reported_tokens) AS tokens
FROM read.links l
JOIN read.exchanges e ON e.request_id = l.request_id
JOIN read.mentions m ON (m.scope, m.session, m.agent) = (e.scope, e.session, e.agent)
WHERE l.conversation_id = $1 AND l.branch_id = l.request_id AND l.edge = 'spawned' AND e.agent <> ''
    AND m.reported_tokens IS NOT NULL
GROUP BY l.branch_id
"""
SELECT_OPENINGS = _LINKS + _OPENING + _NODES
SELECT_TITLES = "SELECT conversation_id, title FROM read.conversations WHERE conversation_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Which conversations are wanted; None: any."""

    session: str | None = None
    """One of its requests is of this session."""
    account: str | None = None
    project: str | None = None
    title: str | None = None
    """Stands in the title, upper and lower case alike."""
    since: datetime | None = None
    """Its newest request came then or later."""
    until: datetime | None = None
    """Its newest request came before."""

    @property
    def asked(self) -> tuple[object, ...]:
        """$2 to $7."""
        return (self.session, self.account, self.project, self.title, self.since, self.until)


async def newest(
    connection: Connection, wanted: ConversationFilter, before: Place | None, limit: int
) -> list[ConversationItem]:
    """Those with the newest request first, all behind ``before`` (last_at, conversation_id)."""
    return _items(await rows(connection, SELECT_PAGE, limit, *wanted.asked, *(before or (None, None))))


async def these(connection: Connection, ids: Sequence[UUID]) -> list[ConversationItem]:
    """In no order that counts; without those that are gone."""
    return _items(await rows(connection, SELECT_THESE, list(ids)))


async def one(connection: Connection, member: UUID) -> ConversationItem | None:
    """The conversation that this exchange belongs to."""
    found = await rows(connection, SELECT_ONE, member)
    return ConversationItem.model_validate(dict(found[0])) if found else None


async def titles(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """By the conversations' own ids; without those that are gone."""
    return {row["conversation_id"]: row["title"] for row in await rows(connection, SELECT_TITLES, list(ids))}


async def nodes(connection: Connection, conversation: UUID) -> list[TreeNode]:
    """All exchanges of a conversation in the order they were received."""
    return _nodes(await rows(connection, SELECT_NODES, conversation))


async def openings(connection: Connection, conversation: UUID) -> list[TreeNode]:
    """Those of them that begin a branch or a sub-task."""
    return _nodes(await rows(connection, SELECT_OPENINGS, conversation))


async def agent_reports(connection: Connection, conversation: UUID) -> dict[UUID, int]:
    """Tokens by the client's own word, by the branch of a sub-task. Of an agent that was asked again: its largest."""
    return {row["branch_id"]: row["tokens"] for row in await rows(connection, SELECT_REPORTS, conversation)}


def _items(found: Iterable[asyncpg.Record]) -> list[ConversationItem]:
    return [ConversationItem.model_validate(dict(row)) for row in found]


def _nodes(found: list[asyncpg.Record]) -> list[TreeNode]:
    """Made in one go, with the collector at rest: it would go through all that was made already, again and again. What
    is said of many as evidence is one object."""
    said: dict[str | None, list[EvidenceItem]] = {}
    nodes = list[TreeNode]()
    with collector_at_rest():
        for row in found:
            evidence = said.get(row["evidence"])
            if evidence is None:
                evidence = said[row["evidence"]] = [EvidenceItem.model_validate(one) for one in evidence_of(row)]
            nodes.append(TreeNode.model_validate({**row, "evidence": evidence}))
    return nodes
