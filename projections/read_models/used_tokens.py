"""How many tokens did client keys and accounts use since a moment? Asked every second, for their limits.

Only requests that came with a client key count: what a client says of its account is no account of ours.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from projections.read_models.connection import Connection

SELECT_BY_KEY = """
SELECT key_id AS name, sum(
    coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)
    + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)
)::bigint AS tokens
FROM read.requests WHERE key_id = ANY($1::text[]) AND received_at > $2 GROUP BY key_id
"""
SELECT_BY_ACCOUNT = """
SELECT account AS name, sum(
    coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)
    + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)
)::bigint AS tokens
FROM read.requests
WHERE account = ANY($1::text[]) AND received_at > $2 AND key_id IS NOT NULL GROUP BY account
"""


async def used_by_keys(connection: Connection, key_ids: Sequence[str], since: datetime) -> dict[str, int]:
    """By key id; 0 for a key that used nothing, or of which nothing is projected yet."""
    return await _used(connection, SELECT_BY_KEY, key_ids, since)


async def used_by_accounts(connection: Connection, accounts: Sequence[str], since: datetime) -> dict[str, int]:
    """By account, as ``used_by_keys``."""
    return await _used(connection, SELECT_BY_ACCOUNT, accounts, since)


async def _used(connection: Connection, query: str, names: Sequence[str], since: datetime) -> dict[str, int]:
    found = dict.fromkeys(names, 0)
    if not found:
        return found
    try:
        rows = await connection.fetch(query, list(found), since)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return found  # no projector has run yet
    return found | {row["name"]: row["tokens"] for row in rows}
