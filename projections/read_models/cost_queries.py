"""What did these exchanges or these conversations use, so that somebody can say what they cost? Billed lines by id.

One question for a whole page of a list. Lines that have one price, by tariff and day of UTC, are one row.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from domain.billing import BilledLine, Tariff
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from projections.read_models.connection import Connection
from projections.read_models.reading import rows

_TARIFF = ("model", "service_tier", "speed", "inference_geo", "long_context")
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_BESIDE = ("estimated_output_tokens", "web_searches")
PRICED = f"""
    {", ".join(f"g.{name}" for name in _TARIFF)}, (u.received_at AT TIME ZONE 'UTC')::date AS day,
    {", ".join(f"sum(u.{name})::bigint AS {name}" for name in (*_TOKENS, *_BESIDE))}
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


async def by_request(connection: Connection, ids: Sequence[UUID]) -> list[CostRow]:
    """In no order; of what is not known, nothing."""
    return [_row(row) for row in await rows(connection, SELECT_BY_REQUEST, list(ids))] if ids else []


async def by_conversation(connection: Connection, ids: Sequence[UUID]) -> list[CostRow]:
    """In no order; of what is not known, nothing."""
    return [_row(row) for row in await rows(connection, SELECT_BY_CONVERSATION, list(ids))] if ids else []


async def by_branch(connection: Connection, conversation: UUID) -> list[CostRow]:
    """All branches of one conversation."""
    return [_row(row) for row in await rows(connection, SELECT_BY_BRANCH, conversation)]


def _row(row: asyncpg.Record) -> CostRow:
    return CostRow(row["id"], line_of(row), row["day"])


def line_of(row: asyncpg.Record) -> BilledLine:
    """Of a row with the columns of ``PRICED``."""
    return BilledLine(
        tariff=Tariff(**{name: row[name] for name in _TARIFF}),
        tokens=TokenCounts(**{name: row[name] for name in _TOKENS}),
        **{name: row[name] for name in _BESIDE},
    )
