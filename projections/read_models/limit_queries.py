"""Which windows did an account go through? Sightings and tokens are read, and put together by ``account_windows``."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

import asyncpg
import msgspec

from domain.account_windows import LONG_HISTORY, Known, account_windows
from domain.rate_limits import Gauge
from domain.reckoned_windows import TokenUse, Use
from domain.windows import Sighting
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from schemas.limits_api import AccountWindows, WindowsAnswer

MINUTES_KEPT = timedelta(hours=6)
"""So far back every minute is read; before, the longer spans."""
TOKENS_KEPT = timedelta(days=8)
_REMEMBERED = 1000
SELECT_SIGHTINGS = """
SELECT kind, gauge, seen_at, request_id, status, utilization, resets_at, surpassed, threshold,
    facts::text AS facts, unknown::text AS unknown, malformed::text AS malformed
FROM read.limit_sightings
WHERE account_key = $1 AND ((span IN (15, 60) AND bucket >= $2) OR (span = 1 AND bucket >= $3))
"""
SELECT_USES = """
SELECT min(received_at) AS at, sum(
    coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)
    + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)
)::bigint AS tokens
FROM read.requests
WHERE coalesce(account, scope) = $1 AND received_at >= $2 AND origin = 'upstream'
GROUP BY date_trunc('minute', received_at)
"""
SELECT_ACCOUNTS = """
SELECT account_key FROM read.limit_sightings WHERE span IN (15, 60) AND bucket >= $1
GROUP BY account_key ORDER BY max(seen_at) DESC, account_key LIMIT $2
"""
SELECT_SUBSCRIBED = """
WITH RECURSIVE each AS (
    (SELECT account_key FROM read.limit_sightings ORDER BY account_key LIMIT 1)
    UNION ALL
    SELECT (SELECT s.account_key FROM read.limit_sightings s WHERE s.account_key > each.account_key
            ORDER BY s.account_key LIMIT 1)
    FROM each WHERE each.account_key IS NOT NULL
)
SELECT account_key FROM each WHERE EXISTS (
    SELECT FROM read.limit_sightings s
    WHERE s.account_key = each.account_key AND s.span IN (15, 60) AND s.kind = 'window'
)
"""


async def subscribed(connection: Connection) -> list[str]:
    """Accounts (else scopes) whose answers told of windows: those are of subscriptions alone."""
    return [row["account_key"] for row in await rows(connection, SELECT_SUBSCRIBED)]


async def windows(connection: Connection, account: str | None, now: datetime, limit: int) -> WindowsAnswer:
    """Of one account (none where it was never seen), or of those whose answers came last, at most ``limit``."""
    if account is None:
        found = await rows(connection, SELECT_ACCOUNTS, now - LONG_HISTORY, limit)
        names = [row["account_key"] for row in found]
    else:
        names = [account]
    all_of = [await windows_of(connection, name, now) for name in names]
    return WindowsAnswer(as_of=now, accounts=[one for one in all_of if one is not None])


async def windows_of(connection: Connection, account: str, now: datetime) -> AccountWindows | None:
    """None: no answer of this account's was ever seen. ``account``: the account, else the scope, of requests."""
    found = await rows(connection, SELECT_SIGHTINGS, account, now - LONG_HISTORY, now - MINUTES_KEPT)
    if not found:
        return None
    uses = await rows(connection, SELECT_USES, account, now - TOKENS_KEPT)
    known = Known(
        account=account,
        sightings=_sightings(found),
        bare_at=max((row["seen_at"] for row in found if row["kind"] == "bare"), default=None),
        use=TokenUse(Use(row["at"], row["tokens"]) for row in uses),
    )
    return await asyncio.to_thread(account_windows, known, now)  # weeks of a busy account take a while


def _sightings(found: Sequence[asyncpg.Record]) -> list[Sighting]:
    """Each once: the newest of a minute may be the newest of its hour too."""
    gauges = {(row["request_id"], row["kind"], row["gauge"]): row for row in found if row["kind"] != "bare"}
    return [Sighting(row["seen_at"], row["request_id"], _gauge(row)) for row in gauges.values()]


def _gauge(row: asyncpg.Record) -> Gauge:
    return Gauge(
        kind=row["kind"],
        name=row["gauge"],
        status=row["status"],
        utilization=row["utilization"],
        resets_at=row["resets_at"],
        surpassed=row["surpassed"],
        threshold=row["threshold"],
        facts=_members(row["facts"]),
        unknown=_members(row["unknown"]),
        malformed=_names(row["malformed"]),
    )


@lru_cache(_REMEMBERED)
def _members(text: str) -> Mapping[str, str]:
    """The same few come again and again."""
    return MappingProxyType(msgspec.json.decode(text, type=dict[str, str]))


@lru_cache(_REMEMBERED)
def _names(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
