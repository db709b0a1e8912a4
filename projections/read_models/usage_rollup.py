"""How much was used, by whom, when? Lines of the ``conversations`` projection, and their sums by quarter and by day.

Lines are facts of exchanges with what their links say; ``usage_quarters`` (15 minutes: every time zone's day is made of
them) and ``usage_days`` (of UTC) are sums of lines and nothing else. One statement brings all three up to date: what a
line counted before is taken off, what it counts now is added. A sum of nothing is no row, so the rows depend on the
lines alone, and those on the set of exchanges.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

DIMENSIONS = (
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "conversation_id", "branch_id", "service_tier", "speed", "inference_geo", "long_context", "estimated",
)  # fmt: skip
MEASURES = (
    "requests", "failed", "aborted", "input_tokens", "output_tokens", "estimated_output_tokens", "thinking_tokens",
    "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches",
)  # fmt: skip
_LINE = ("request_id", "line", "kind", "received_at", "said_project", "said_agent_type", "subtask_id")
_LINKED = ("project", "request_class", "agent_type", "conversation_id", "branch_id", "subtask_id")
_GROUPED = ", ".join(DIMENSIONS)
_SUMS = ", ".join(MEASURES)
_COLUMNS = (*_LINE, *DIMENSIONS, *MEASURES)
_ALL = ", ".join(_COLUMNS)
_FROM_LINK = {
    "project": "coalesce(nullif(f.said_project, ''), nullif(new_root.said_project, ''), old_root.said_project, '')",
    "request_class": "l.request_class",
    "agent_type": "coalesce(nullif(f.said_agent_type, ''), task.agent_type, '')",
    "conversation_id": "l.conversation_id",
    "branch_id": "l.branch_id",
    "subtask_id": "l.subtask_id",
}
_DERIVED = ", ".join(f"{_FROM_LINK[name]} AS {name}" if name in _LINKED else f"f.{name}" for name in _COLUMNS)
_CHANGES = ", ".join(f"sum(sign * {name})::bigint AS {name}" for name in MEASURES)
_NOTHING = " AND ".join(f"{name} = 0" for name in MEASURES)


def _adding(table: str, source: str) -> str:
    """The statement that adds changes to a table of sums, and returns what has become nothing."""
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in MEASURES)
    nothing = " AND ".join(f"{table}.{name} = 0" for name in MEASURES)
    return (
        f"INSERT INTO {table} (starts_at, group_id, {_GROUPED}, {_SUMS}) "
        f"SELECT starts_at, group_id, {_GROUPED}, {_SUMS} FROM {source} WHERE NOT ({_NOTHING}) "
        f"ON CONFLICT (starts_at, group_id) DO UPDATE SET {added} "
        f"RETURNING '{table}' AS name, starts_at, group_id, {nothing} AS is_nothing"
    )


REFRESH = f"""
WITH told AS MATERIALIZED (
    SELECT * FROM jsonb_populate_recordset(NULL::usage_lines, $1::jsonb)
), respawned AS (
    SELECT unnest($3::uuid[]) AS request_id
    UNION SELECT request_id FROM links WHERE parent_request_id = ANY($4::uuid[]) AND edge = 'spawned'
), touched AS MATERIALIZED (
    SELECT unnest($2::uuid[]) AS request_id
    UNION SELECT l.request_id FROM respawned r JOIN links l ON l.subtask_id = r.request_id
), standing AS MATERIALIZED (
    SELECT {_ALL} FROM usage_lines WHERE request_id IN (SELECT request_id FROM touched)
), facts AS (
    SELECT {_ALL} FROM told
    UNION ALL SELECT * FROM standing WHERE request_id NOT IN (SELECT request_id FROM told)
), derived AS MATERIALIZED (
    SELECT {_DERIVED}
    FROM facts f
    JOIN links l ON l.request_id = f.request_id
    LEFT JOIN told new_root ON new_root.request_id = l.conversation_id AND new_root.line = 0
    LEFT JOIN usage_lines old_root ON old_root.request_id = l.conversation_id AND old_root.line = 0
    LEFT JOIN links spawn ON spawn.request_id = l.subtask_id
    LEFT JOIN LATERAL (
        SELECT t.agent_type FROM tasks t
        WHERE t.request_id = spawn.parent_request_id AND t.tool_use_id = spawn.tool_use_id ORDER BY t.ordinal LIMIT 1
    ) task ON true
), removed AS MATERIALIZED (
    SELECT * FROM standing EXCEPT SELECT * FROM derived
), added AS MATERIALIZED (
    SELECT * FROM derived EXCEPT SELECT * FROM standing
), gone AS (
    DELETE FROM usage_lines u USING removed r WHERE u.request_id = r.request_id AND u.line = r.line
        AND NOT EXISTS (SELECT FROM added a WHERE a.request_id = r.request_id AND a.line = r.line)
), written AS (
    INSERT INTO usage_lines ({_ALL}) SELECT * FROM added
    ON CONFLICT (request_id, line) DO UPDATE SET ({_ALL}) = ({", ".join(f"excluded.{name}" for name in _COLUMNS)})
), changes AS MATERIALIZED (
    SELECT date_bin('15 minutes', received_at, 'epoch') AS starts_at,
        encode(substr(sha256(convert_to(ROW({_GROUPED})::text, 'UTF8')), 1, 16), 'hex')::uuid AS group_id,
        {_GROUPED}, {_CHANGES}
    FROM (SELECT 1 AS sign, * FROM added UNION ALL SELECT -1 AS sign, * FROM removed) each
    GROUP BY 1, {_GROUPED}
), day_changes AS (
    SELECT date_trunc('day', starts_at, 'UTC') AS starts_at, group_id, {_GROUPED},
        {", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)}
    FROM changes GROUP BY 1, group_id, {_GROUPED}
), quarters AS (
    {_adding("usage_quarters", "changes")}
), days AS (
    {_adding("usage_days", "day_changes")}
)
SELECT name, starts_at, group_id FROM quarters WHERE is_nothing
UNION ALL SELECT name, starts_at, group_id FROM days WHERE is_nothing
"""
DELETE_NOTHING = """
WITH quarters AS (
    DELETE FROM usage_quarters u USING unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS n(name, starts_at, group_id)
    WHERE n.name = 'usage_quarters' AND u.starts_at = n.starts_at AND u.group_id = n.group_id
)
DELETE FROM usage_days u USING unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS n(name, starts_at, group_id)
WHERE n.name = 'usage_days' AND u.starts_at = n.starts_at AND u.group_id = n.group_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """One billed line of an exchange, as the exchange alone tells it. An empty text: not said."""

    request_id: UUID
    line: int
    """From 0; what is counted by exchange stands on line 0."""
    kind: str
    received_at: datetime
    said_project: str
    """By the request itself; where it says nothing, its conversation's first request does."""
    said_agent_type: str
    """By the request itself; else the call that started the sub-task says it."""
    scope: str
    account: str
    client_domain: str
    key_id: str
    device: str
    model: str
    service_tier: str
    speed: str
    inference_geo: str
    long_context: bool
    estimated: bool
    requests: int
    failed: int
    aborted: int
    input_tokens: int
    output_tokens: int
    estimated_output_tokens: int
    thinking_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    web_searches: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Whose lines count elsewhere now, because of links."""

    exchanges: set[UUID] = field(default_factory=set)
    """Their class or their place is another."""
    subtasks: set[UUID] = field(default_factory=set)
    """The calls that started them are others; named by their first exchange."""


async def refresh(tx: Connection, told: Collection[UUID], lines: Sequence[UsageLine], moved: Moved) -> None:
    """Bring lines and sums up to date, after links. ``told``: exchanges that have just told ``lines``."""
    if not told and not moved.exchanges and not moved.subtasks:
        return
    touched = sorted({*told, *moved.exchanges})
    nothing = await tx.fetch(REFRESH, as_json(lines), touched, sorted(moved.subtasks), sorted(told))
    if nothing:
        columns = [[row[name] for row in nothing] for name in ("name", "starts_at", "group_id")]
        await tx.execute(DELETE_NOTHING, *columns)
