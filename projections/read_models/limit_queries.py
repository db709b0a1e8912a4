"""Which windows did an account go through? Sightings and tokens are read, and put together by ``account_windows``."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import isnan
from struct import Struct, unpack
from types import MappingProxyType
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pgproto import pgproto

from domain.account_windows import LONG_HISTORY, Known, account_windows
from domain.moments import moment_at
from domain.rate_limits import Gauge
from domain.reckoned_windows import TokenUse
from domain.windows import Sighting, Track
from projections.read_models.connection import Connection, Connections
from projections.read_models.reading import rows
from schemas.limits_api import AccountWindows, WindowsAnswer

MINUTES_KEPT = timedelta(hours=6)
"""So far back every minute is read; before, the longer spans."""
TOKENS_KEPT = timedelta(days=8)
_REMEMBERED = 1000
_HEAD = Struct(">q16xdq")
"""Of a packed sighting: seen, share, reset; between the first two lies whose it is."""
_ID = slice(8, 24)
_TAIL = Struct(">?d")
"""Surpassed and threshold; the status fills the rest."""
SELECT_SIGHTINGS = """
SELECT name AS account_key, each.*, newest.request_id, newest.status, newest.utilization, newest.resets_at,
    newest.surpassed, newest.threshold,
    newest.facts::text AS facts, newest.unknown::text AS unknown, newest.malformed::text AS malformed
FROM unnest($1::text[]) AS name CROSS JOIN LATERAL (
    SELECT kind, gauge, max(seen_at) AS seen_at, array_agg(
        timestamptz_send(seen_at) || uuid_send(request_id) || float8send(coalesce(utilization, 'NaN'))
        || timestamptz_send(resets_at) || boolsend(surpassed) || float8send(coalesce(threshold, 'NaN'))
        || textsend(coalesce(status, ''))
    ) FILTER (WHERE kind = 'window' AND resets_at IS NOT NULL) AS packed
    FROM read.limit_sightings
    WHERE account_key = name AND ((span IN (15, 60) AND bucket >= $2) OR (span = 1 AND bucket >= $3))
    GROUP BY kind, gauge
) AS each CROSS JOIN LATERAL (
    SELECT * FROM read.limit_sightings s
    WHERE s.account_key = name AND s.span IN (1, 15, 60) AND s.kind = each.kind AND s.gauge = each.gauge
        AND s.bucket BETWEEN each.seen_at - interval '1 hour' AND each.seen_at AND s.seen_at = each.seen_at
    ORDER BY s.request_id DESC LIMIT 1
) AS newest
"""
"""A row for each gauge of these accounts: the newest sighting whole, and of a window's all of them, in no order.

Those are packed in the binary form that the server has for columns, as there are thousands: a driver spends ten times
as much on making objects of them, and of most of them only numbers are ever asked for.
"""
SELECT_USES = """
SELECT name AS account_key, used.packed
FROM unnest($1::text[]) AS name CROSS JOIN LATERAL (
    SELECT string_agg(timestamptz_send(at) || int8send(tokens), '' ORDER BY at) AS packed
    FROM (
        SELECT min(received_at) AS at, sum(
            coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cache_read_tokens, 0)
            + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)
        )::bigint AS tokens
        FROM read.requests
        WHERE coalesce(account, scope) = name AND received_at >= $2 AND origin = 'upstream'
        GROUP BY date_bin('1 minute', received_at, 'epoch')
    ) AS minute
) AS used
"""
"""What each of these accounts used, minute by minute, packed: when, and how many tokens."""
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


async def windows(
    connections: Connections, account: str | None, now: datetime, limit: int, *, history: bool = True
) -> WindowsAnswer:
    """Of one account (none where it was never seen), or of those whose answers came last, at most ``limit``.

    ``history``: see ``account_windows``.
    """
    if account is None:
        found = await _read(connections, SELECT_ACCOUNTS, now - LONG_HISTORY, limit)
        names = [row["account_key"] for row in found]
    else:
        names = [account]
    return WindowsAnswer(as_of=now, accounts=await _all_of(connections, names, now, history=history))


async def windows_of(
    connections: Connections, account: str, now: datetime, *, history: bool = True
) -> AccountWindows | None:
    """None: no answer of this account's was ever seen. ``account``: the account, else the scope, of requests."""
    return next(iter(await _all_of(connections, [account], now, history=history)), None)


async def _all_of(
    connections: Connections, names: Sequence[str], now: datetime, *, history: bool
) -> list[AccountWindows]:
    """In this order, without those of which nothing is known. Both questions are asked at the same time."""
    found, uses = await asyncio.gather(
        _read(connections, SELECT_SIGHTINGS, names, now - LONG_HISTORY, now - MINUTES_KEPT),
        _read(connections, SELECT_USES, names, now - TOKENS_KEPT),
    )
    known = _known_of(names, found, uses)
    return await asyncio.to_thread(  # weeks of busy ones take a while
        lambda: [account_windows(one, now, history=history) for one in known]
    )


async def _read(connections: Connections, query: str, *arguments: object) -> list[asyncpg.Record]:
    async with connections() as connection:
        return await rows(connection, query, *arguments)


def _known_of(names: Sequence[str], found: Sequence[asyncpg.Record], uses: Sequence[asyncpg.Record]) -> Iterator[Known]:
    """Of those that anything is known of, in this order; read as they are asked for."""
    gauges, used = defaultdict[str, list[asyncpg.Record]](list), {row["account_key"]: row["packed"] for row in uses}
    for row in found:
        gauges[row["account_key"]].append(row)
    return (_known(name, gauges[name], used.get(name) or b"") for name in names if name in gauges)


def _known(account: str, gauges: Sequence[asyncpg.Record], used: bytes) -> Known:
    numbers = unpack(f">{len(used) // 8}q", used)
    return Known(
        account=account,
        sightings=[_newest(row) for row in gauges if row["kind"] != "bare"],
        tracks=[_track(row["gauge"], row["packed"]) for row in gauges if row["packed"]],
        bare_at=max((row["seen_at"] for row in gauges if row["kind"] == "bare"), default=None),
        use=TokenUse(columns=(numbers[::2], numbers[1::2])),
    )


def _newest(row: asyncpg.Record) -> Sighting:
    """Of one gauge, whole."""
    whole = Gauge(
        row["kind"], row["gauge"], row["status"], row["utilization"], row["resets_at"], row["surpassed"],
        row["threshold"], _members(row["facts"]), _members(row["unknown"]), _names(row["malformed"]),
    )  # fmt: skip
    return Sighting(row["seen_at"], row["request_id"], whole)


def _track(name: str, found: Sequence[bytes]) -> Track:
    """The bytes are in the order of time and id, and those of one sighting are the same."""
    packed = sorted(set(found))
    seen, shares, resets = zip(*map(_HEAD.unpack_from, packed), strict=True)
    return Track(
        name=name,
        seen=seen,
        shares=shares,
        resets=resets,
        evidence=_Packed(name, packed),
    )


@dataclass(frozen=True, slots=True)
class _Packed:
    """The evidence of a track, read when it is asked for."""

    name: str
    packed: Sequence[bytes]

    def whose(self, places: Sequence[int]) -> list[UUID]:
        return [pgproto.UUID(self.packed[place][_ID]) for place in places]

    def status(self, place: int) -> str | None:
        return self.packed[place][_HEAD.size + _TAIL.size :].decode() or None

    def sighting(self, place: int) -> Sighting:
        packed = self.packed[place]
        seen, share, reset = _HEAD.unpack_from(packed)
        surpassed, threshold = _TAIL.unpack_from(packed, _HEAD.size)
        gauge = Gauge(
            "window",
            self.name,
            self.status(place),
            _said(share),
            moment_at(reset),
            surpassed,
            _said(threshold),
        )
        (whose,) = self.whose([place])
        return Sighting(moment_at(seen), whose, gauge)


def _said(number: float) -> float | None:
    """Not a number: nothing was said."""
    return None if isnan(number) else number


@lru_cache(_REMEMBERED)
def _members(text: str) -> Mapping[str, str]:
    """The same few come again and again."""
    return MappingProxyType(msgspec.json.decode(text, type=dict[str, str]))


@lru_cache(_REMEMBERED)
def _names(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
