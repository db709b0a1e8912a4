"""Which windows did an account go through? Sightings and tokens are read, and put together by ``account_windows``."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import repeat
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
_COLUMNS = ("statuses", "shares", "resets", "warned", "thresholds")
"""In the order of a gauge's members, behind its kind and its name."""
SELECT_SIGHTINGS = """
SELECT each.*, newest.request_id, newest.status, newest.utilization, newest.resets_at, newest.surpassed,
    newest.threshold,
    newest.facts::text AS facts, newest.unknown::text AS unknown, newest.malformed::text AS malformed
FROM (
    SELECT account_key, kind, gauge, max(seen_at) AS seen_at,
        array_agg(seen_at) FILTER (WHERE told) AS seen, array_agg(request_id) FILTER (WHERE told) AS ids,
        array_agg(status) FILTER (WHERE told) AS statuses, array_agg(utilization) FILTER (WHERE told) AS shares,
        array_agg(resets_at) FILTER (WHERE told) AS resets, array_agg(surpassed) FILTER (WHERE told) AS warned,
        array_agg(threshold) FILTER (WHERE told) AS thresholds
    FROM read.limit_sightings CROSS JOIN LATERAL (SELECT kind = 'window' AS told) AS which
    WHERE account_key = $1 AND ((span IN (15, 60) AND bucket >= $2) OR (span = 1 AND bucket >= $3))
    GROUP BY account_key, kind, gauge
) AS each CROSS JOIN LATERAL (
    SELECT * FROM read.limit_sightings s
    WHERE s.account_key = each.account_key AND s.span IN (1, 15, 60) AND s.kind = each.kind AND s.gauge = each.gauge
        AND s.bucket BETWEEN each.seen_at - interval '1 hour' AND each.seen_at AND s.seen_at = each.seen_at
    ORDER BY s.request_id DESC LIMIT 1
) AS newest
"""
"""A row for each gauge: the newest sighting whole, and of a window's all others in columns, in no order."""
SELECT_USES = """
SELECT array_agg(at) AS at, array_agg(tokens) AS tokens
FROM (
    SELECT min(received_at) AS at, sum(
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)
        + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)
    )::bigint AS tokens
    FROM read.requests
    WHERE coalesce(account, scope) = $1 AND received_at >= $2 AND origin = 'upstream'
    GROUP BY date_trunc('minute', received_at)
) AS minute
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
    bare_at = max((row["seen_at"] for row in found if row["kind"] == "bare"), default=None)
    return await asyncio.to_thread(
        _put_together, account, found, bare_at, uses, now
    )  # weeks of a busy one take a while


def _put_together(
    account: str,
    found: Sequence[asyncpg.Record],
    bare_at: datetime | None,
    uses: Sequence[asyncpg.Record],
    now: datetime,
) -> AccountWindows:
    use = TokenUse(one for row in uses for one in map(Use, row["at"] or (), row["tokens"] or ()))
    sightings = [one for row in found if row["kind"] != "bare" for one in _sightings(row)]
    return account_windows(Known(account=account, sightings=sightings, bare_at=bare_at, use=use), now)


def _sightings(row: asyncpg.Record) -> Iterator[Sighting]:
    """Of one gauge; the newest comes last, whole, and of others all that a window is told by."""
    whole = Gauge(
        row["kind"], row["gauge"], row["status"], row["utilization"], row["resets_at"], row["surpassed"],
        row["threshold"], _members(row["facts"]), _members(row["unknown"]), _names(row["malformed"]),
    )  # fmt: skip
    newest, place = row["seen_at"], row["request_id"]
    if row["kind"] == "window":
        kind, name = repeat(row["kind"]), repeat(row["gauge"])
        gauges = map(Gauge, kind, name, *(row[column] for column in _COLUMNS))
        for one in map(Sighting, row["seen"], row["ids"], gauges):
            if (one.seen_at, one.request_id) != (newest, place):
                yield one
    yield Sighting(newest, place, whole)


@lru_cache(_REMEMBERED)
def _members(text: str) -> Mapping[str, str]:
    """The same few come again and again."""
    return MappingProxyType(msgspec.json.decode(text, type=dict[str, str]))


@lru_cache(_REMEMBERED)
def _names(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
