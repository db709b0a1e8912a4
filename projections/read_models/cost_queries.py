"""What did these exchanges or these conversations use, so that somebody can say what they cost? Billed lines by id.

One question for a whole page of a list. Lines that have one price, by tariff and day of UTC, are one row.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.billing import BilledLine, Tariff
from domain.usage import TokenCounts
from domain.usage_sums import Attempt, CostRow
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

_TARIFF = ("model", "service_tier", "speed", "inference_geo", "long_context")
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_BESIDE = ("estimated_output_tokens", "web_searches")
_TARIFFS = ", ".join(f"g.{name}" for name in _TARIFF)
_COUNTS = ", ".join(f"u.{name}" for name in (*_TOKENS, *_BESIDE))
PRICED = f"""
    {", ".join(f"g.{name}" for name in _TARIFF)}, (u.received_at AT TIME ZONE 'UTC')::date AS day,
    {", ".join(f"sum(u.{name})::bigint AS {name}" for name in (*_TOKENS, *_BESIDE, "unrecorded"))}
FROM read.usage_lines u JOIN read.usage_groups g ON g.group_id = u.group_id
"""
"""All that a price depends on, the day (UTC) among it, and the sums; to be grouped by its first six columns."""
SELECT_BY_REQUEST = f"""
SELECT u.request_id AS id, {PRICED} WHERE u.request_id = ANY($1::uuid[]) GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
SELECT_BY_CONVERSATION = f"""
SELECT u.conversation_id AS id, {PRICED} WHERE u.conversation_id = ANY($1::uuid[]) GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
SELECT_BY_BRANCH = f"""
SELECT u.branch_id AS id, {PRICED} WHERE u.conversation_id = $1 GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
SELECT_LOST = "SELECT DISTINCT request_id FROM read.usage_lines WHERE conversation_id = $1 AND unrecorded > 0"
SELECT_BY_BRANCH_UNTIL = f"""
SELECT u.branch_id AS id, {PRICED} WHERE u.conversation_id = $1 AND u.received_at <= $2 AND u.request_id <> ALL($3)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

SELECT_ATTEMPTS = f"""
WITH turn AS MATERIALIZED (
    SELECT CASE edge WHEN 'retries' THEN parent_request_id ELSE request_id END AS first_attempt
    FROM read.links WHERE request_id = $1
), attempt AS MATERIALIZED (
    SELECT request_id, received_at FROM read.links WHERE request_id = ANY(ARRAY(SELECT first_attempt FROM turn))
    UNION ALL SELECT request_id, received_at FROM read.links
    WHERE edge = 'retries' AND parent_request_id = ANY(ARRAY(SELECT first_attempt FROM turn))
), own AS MATERIALIZED (
    SELECT request_id, outcome, status FROM read.requests
    WHERE request_id = ANY(ARRAY(SELECT request_id FROM attempt))
), used AS MATERIALIZED (
    SELECT u.request_id, u.line, u.kind, u.unrecorded, {_TARIFFS}, {_COUNTS}
    FROM read.usage_lines u JOIN read.usage_groups g ON g.group_id = u.group_id
    WHERE u.request_id = ANY(ARRAY(SELECT request_id FROM attempt))
)
SELECT attempt.request_id AS id, attempt.received_at, coalesce(own.outcome, 'open') AS outcome, own.status, used.*
FROM attempt
LEFT JOIN own ON own.request_id = attempt.request_id
LEFT JOIN used ON used.request_id = attempt.request_id
ORDER BY attempt.received_at, attempt.request_id, used.line
"""  # noqa: S608  names of columns


async def by_request(connection: Connection, ids: Sequence[UUID]) -> list[CostRow]:
    """In no order; of what is not known, nothing."""
    return [_row(row) for row in await rows(connection, SELECT_BY_REQUEST, list(ids))] if ids else []


async def by_conversation(connection: Connection, ids: Sequence[UUID]) -> list[CostRow]:
    """In no order; of what is not known, nothing."""
    return [_row(row) for row in await rows(connection, SELECT_BY_CONVERSATION, list(ids))] if ids else []


async def by_branch(connection: Connection, conversation: UUID) -> list[CostRow]:
    """All branches of one conversation."""
    return [_row(row) for row in await rows(connection, SELECT_BY_BRANCH, conversation)]


async def lost(connection: Connection, conversation: UUID) -> set[UUID]:
    """Whose answers could not be recorded whole."""
    return {row["request_id"] for row in await rows(connection, SELECT_LOST, conversation)}


async def until(
    connection: Connection, conversation: UUID, moment: datetime, waiting: Sequence[UUID], alone: Sequence[UUID]
) -> tuple[list[CostRow], list[CostRow]]:
    """By branch, of exchanges that had come by then, without the waiting ones; and by each that waits or is alone."""
    branches = await rows(connection, SELECT_BY_BRANCH_UNTIL, conversation, moment, list(waiting))
    return [_row(row) for row in branches], await by_request(connection, [*waiting, *alone])


async def attempts(connection: Connection, request_id: UUID) -> list[Attempt]:
    """Of the turn that a request belongs to, the first one first; none while it is not linked."""
    found = dict[UUID, list[asyncpg.Record]]()
    for row in await rows(connection, SELECT_ATTEMPTS, request_id):
        found.setdefault(row["id"], []).append(row)
    return [_attempt(lines) for lines in found.values()]


def _attempt(lines: Sequence[asyncpg.Record]) -> Attempt:
    first = lines[0]
    billed = tuple(replace(line_of(row), kind=row["kind"]) for row in lines if row["line"] is not None)
    unrecorded = any(row["unrecorded"] for row in lines)
    return Attempt(first["id"], first["received_at"], first["outcome"], first["status"], billed, unrecorded)


def _row(row: asyncpg.Record) -> CostRow:
    return CostRow(row["id"], line_of(row), row["day"], row["unrecorded"])


def line_of(row: asyncpg.Record) -> BilledLine:
    """Of a row with the columns of ``PRICED``."""
    return BilledLine(
        tariff=Tariff(**{name: row[name] for name in _TARIFF}),
        tokens=TokenCounts(**{name: row[name] for name in _TOKENS}),
        **{name: row[name] for name in _BESIDE},
    )
