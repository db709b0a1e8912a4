"""How much was used, by whom, when? Lines of the ``conversations`` projection, and their sums by quarter and by day.

Lines are facts of exchanges with what their links say. What they are added up by, but for the conversation, makes a
group: one row for thousands of lines. ``usage_quarters`` (15 minutes: every time zone's day is made of them),
``usage_days``, ``usage_months`` (of UTC) and ``usage_conversations`` (those days, by branch too) are sums of lines and
nothing else.
One statement brings them all up to date: what a line counted before is taken off, what it counts now is added. A sum
of no line is no row, and neither is a group of none, so the rows depend on the lines alone, and those on the set of
exchanges.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

GROUP = (
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "service_tier", "speed", "inference_geo", "long_context", "estimated",
)  # fmt: skip
"""What lines are added up by."""
PLACE = ("conversation_id", "branch_id")
"""And this, in ``usage_conversations``."""
MEASURES = (
    "requests", "failed", "aborted", "unrecorded", "input_tokens", "output_tokens", "estimated_output_tokens",
    "thinking_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches",
)  # fmt: skip
NOWHERE = UUID(int=0)
"""Stands for the conversation of what belongs to none, where a key needs a value."""
_NOWHERE = f"'{NOWHERE}'"
_COUNTED = ("lines", *MEASURES)
_FACTS = ("request_id", "line", "kind", "received_at", "said_project", "said_agent_type")
_LINE = (*_FACTS, *PLACE, "group_id", *MEASURES)
_TYPES = {"request_id": "uuid", "line": "int", "received_at": "timestamptz", "long_context": "boolean",
          "estimated": "boolean", **dict.fromkeys(MEASURES, "bigint")}  # fmt: skip
_FROM_LINK = {
    "project": "coalesce(nullif(f.said_project, ''), nullif(new_root.said_project, ''), old_root.said_project, '')",
    "request_class": "l.request_class",
    "agent_type": "coalesce(nullif(f.said_agent_type, ''), task.agent_type, '')",
}
_GROUPED, _PLACED, _LINES = ", ".join(GROUP), ", ".join(PLACE), ", ".join(_LINE)
_KNOWN = ", ".join((*_FACTS, *GROUP, *MEASURES))
_TOLD = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in (*_FACTS, *GROUP, *MEASURES))
_OF_LINE = ", ".join(f"f.{name}" for name in (*_FACTS, *MEASURES))
_GROUP_OF_LINE = ", ".join(f"{_FROM_LINK.get(name, f'f.{name}')} AS {name}" for name in GROUP)
_EXCLUDED = ", ".join(f"excluded.{name}" for name in _LINE)
_SIGNED = ", ".join(f"sum(sign * {name})::bigint AS {name}" for name in MEASURES)
_TOTALS = ", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTED)
_SUMS = ", ".join(_COUNTED)
_CHANGED = " OR ".join(f"{name} <> 0" for name in _COUNTED)
_ADD = ", ".join(f"{name} = u.{name} + excluded.{name}" for name in _COUNTED)
# A plan may be made while the tables are empty, and is kept: what is looked up by a key stands in a LATERAL with OFFSET
# 0, which no planner turns into a join with the whole table.
REFRESH = f"""
WITH told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS told({_TOLD})
), respawned AS (
    SELECT unnest($3::uuid[]) AS request_id
    UNION SELECT request_id FROM links WHERE parent_request_id = ANY($4::uuid[]) AND edge = 'spawned'
), touched AS MATERIALIZED (
    SELECT unnest($2::uuid[]) AS request_id
    UNION SELECT l.request_id FROM respawned r
    CROSS JOIN LATERAL (SELECT request_id FROM links WHERE subtask_id = r.request_id OFFSET 0) l
), standing AS MATERIALIZED (
    SELECT u.* FROM touched t
    CROSS JOIN LATERAL (SELECT {_LINES} FROM usage_lines WHERE request_id = t.request_id OFFSET 0) u
), facts AS (
    SELECT {_KNOWN} FROM told
    UNION ALL SELECT {_KNOWN} FROM standing s
    CROSS JOIN LATERAL (SELECT {_GROUPED} FROM usage_groups WHERE group_id = s.group_id OFFSET 0) g
    WHERE s.request_id NOT IN (SELECT request_id FROM told)
), linked AS (
    SELECT {_OF_LINE}, l.conversation_id, l.branch_id, {_GROUP_OF_LINE}
    FROM facts f
    CROSS JOIN LATERAL (SELECT * FROM links WHERE request_id = f.request_id OFFSET 0) l
    LEFT JOIN told new_root ON new_root.request_id = l.conversation_id AND new_root.line = 0
    LEFT JOIN LATERAL (
        SELECT said_project FROM usage_lines WHERE request_id = l.conversation_id AND line = 0 OFFSET 0
    ) old_root ON true
    LEFT JOIN LATERAL (
        SELECT parent_request_id, tool_use_id FROM links WHERE request_id = l.subtask_id OFFSET 0
    ) spawn ON true
    LEFT JOIN LATERAL (
        SELECT t.agent_type FROM tasks t
        WHERE t.request_id = spawn.parent_request_id AND t.tool_use_id = spawn.tool_use_id ORDER BY t.ordinal LIMIT 1
    ) task ON true
), derived AS MATERIALIZED (
    SELECT *, encode(substr(sha256(convert_to(ROW({_GROUPED})::text, 'UTF8')), 1, 16), 'hex')::uuid AS group_id
    FROM linked
), removed AS MATERIALIZED (
    SELECT * FROM standing EXCEPT SELECT {_LINES} FROM derived
), added AS MATERIALIZED (
    SELECT {_LINES} FROM derived EXCEPT SELECT * FROM standing
), surplus AS MATERIALIZED (
    SELECT request_id, line FROM removed EXCEPT SELECT request_id, line FROM added
), gone AS (
    DELETE FROM usage_lines u WHERE u.request_id = ANY(ARRAY(SELECT request_id FROM surplus))
        AND (u.request_id, u.line) IN (SELECT request_id, line FROM surplus)
), written AS (
    INSERT INTO usage_lines ({_LINES}) SELECT * FROM added
    ON CONFLICT (request_id, line) DO UPDATE SET ({_LINES}) = ({_EXCLUDED})
), groups AS (
    INSERT INTO usage_groups (group_id, {_GROUPED})
    SELECT DISTINCT group_id, {_GROUPED} FROM derived WHERE group_id IN (SELECT group_id FROM added)
    ON CONFLICT DO NOTHING
), changes AS MATERIALIZED (
    SELECT date_bin('15 minutes', received_at, 'epoch') AS starts_at, group_id,
        coalesce(conversation_id, {_NOWHERE}) AS conversation_id, coalesce(branch_id, {_NOWHERE}) AS branch_id,
        sum(sign)::bigint AS lines, {_SIGNED}
    FROM (SELECT 1 AS sign, * FROM added UNION ALL SELECT -1 AS sign, * FROM removed) each
    GROUP BY 1, 2, 3, 4
), quarters AS (
    INSERT INTO usage_quarters AS u (starts_at, group_id, {_SUMS})
    SELECT * FROM (SELECT starts_at, group_id, {_TOTALS} FROM changes GROUP BY 1, 2) each WHERE {_CHANGED}
    ON CONFLICT (starts_at, group_id) DO UPDATE SET {_ADD}
    RETURNING 'usage_quarters' AS name, starts_at, group_id, NULL::uuid, NULL::uuid, u.lines
), days AS (
    INSERT INTO usage_days AS u (starts_at, group_id, {_SUMS})
    SELECT * FROM (
        SELECT date_trunc('day', starts_at, 'UTC'), group_id, {_TOTALS} FROM changes GROUP BY 1, 2
    ) each WHERE {_CHANGED}
    ON CONFLICT (starts_at, group_id) DO UPDATE SET {_ADD}
    RETURNING 'usage_days' AS name, starts_at, group_id, NULL::uuid, NULL::uuid, u.lines
), months AS (
    INSERT INTO usage_months AS u (starts_at, group_id, {_SUMS})
    SELECT * FROM (
        SELECT date_trunc('month', starts_at, 'UTC'), group_id, {_TOTALS} FROM changes GROUP BY 1, 2
    ) each WHERE {_CHANGED}
    ON CONFLICT (starts_at, group_id) DO UPDATE SET {_ADD}
    RETURNING 'usage_months' AS name, starts_at, group_id, NULL::uuid, NULL::uuid, u.lines
), conversations AS (
    INSERT INTO usage_conversations AS u (starts_at, group_id, {_PLACED}, {_SUMS})
    SELECT * FROM (
        SELECT date_trunc('day', starts_at, 'UTC'), group_id, {_PLACED}, {_TOTALS} FROM changes GROUP BY 1, 2, 3, 4
    ) each WHERE {_CHANGED}
    ON CONFLICT (starts_at, group_id, {_PLACED}) DO UPDATE SET {_ADD}
    RETURNING 'usage_conversations' AS name, starts_at, group_id, {_PLACED}, u.lines
)
SELECT * FROM (
    SELECT * FROM quarters UNION ALL SELECT * FROM days UNION ALL SELECT * FROM months
    UNION ALL SELECT * FROM conversations
) AS each(name, starts_at, group_id, conversation_id, branch_id, lines)
WHERE lines = 0
"""  # noqa: S608  names of the lists above
_EMPTY = (
    "unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[]) "
    "AS empty(name, starts_at, group_id, conversation_id, branch_id)"
)
DELETE_EMPTY = f"""
WITH quarters AS (
    DELETE FROM usage_quarters u USING {_EMPTY}
    WHERE u.starts_at = ANY($2::timestamptz[]) AND u.group_id = ANY($3::uuid[])
        AND empty.name = 'usage_quarters' AND u.starts_at = empty.starts_at AND u.group_id = empty.group_id
), days AS (
    DELETE FROM usage_days u USING {_EMPTY}
    WHERE u.starts_at = ANY($2::timestamptz[]) AND u.group_id = ANY($3::uuid[])
        AND empty.name = 'usage_days' AND u.starts_at = empty.starts_at AND u.group_id = empty.group_id
), months AS (
    DELETE FROM usage_months u USING {_EMPTY}
    WHERE u.starts_at = ANY($2::timestamptz[]) AND u.group_id = ANY($3::uuid[])
        AND empty.name = 'usage_months' AND u.starts_at = empty.starts_at AND u.group_id = empty.group_id
), conversations AS (
    DELETE FROM usage_conversations u USING {_EMPTY}
    WHERE u.starts_at = ANY($2::timestamptz[]) AND u.group_id = ANY($3::uuid[])
        AND empty.name = 'usage_conversations' AND u.starts_at = empty.starts_at AND u.group_id = empty.group_id
        AND u.conversation_id = empty.conversation_id AND u.branch_id = empty.branch_id
)
DELETE FROM usage_groups g WHERE g.group_id = ANY($3::uuid[])
    AND NOT EXISTS (SELECT FROM usage_days d WHERE d.group_id = g.group_id AND d.lines > 0)
"""  # noqa: S608  names of the lists above


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
    unrecorded: int
    """Its answer could not be kept whole, and what is kept does not say what it used."""
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
    empty = await tx.fetch(REFRESH, as_json(lines), touched, sorted(moved.subtasks), sorted(told))
    if empty:
        names = ("name", "starts_at", "group_id", "conversation_id", "branch_id")
        await tx.execute(DELETE_EMPTY, *([row[name] for row in empty] for name in names))
