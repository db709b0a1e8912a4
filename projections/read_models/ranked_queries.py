"""Which requests, and which conversations, have most of something, or least? A page of them, in whatever order.

What stands in a request's row is read along an index. What a conversation adds up to is added up from its sums by day.
Money is weighed by the prices that are handed in, in floating point: it ranks, and whoever shows an amount reckons it
exactly. What has no measure has no rank, as in ``domain/costs.py``: where nothing that was used has a price.

Queries choose what to measure by a parameter: a fresh plan (``reading.py``) has only the one that was asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from domain.billing import Tariff
from domain.moments import micros_at, moment_at
from domain.ranking import LATEST, NEWEST, ConversationMeasure, Rank, Rate, RequestMeasure, Sort
from domain.rate_cards import COUNTED
from projections.read_models import conversation_queries, request_queries, weights
from projections.read_models.connection import Connection
from projections.read_models.conversation_queries import WANTED_CONVERSATIONS, ConversationFilter
from projections.read_models.reading import rows
from projections.read_models.request_queries import WANTED_BY_LINK, WANTED_REQUESTS, RequestFilter
from projections.read_models.usage_rollup import NOWHERE
from schemas.read_api import ConversationItem, RequestItem

_LAST = micros_at(datetime.max.replace(tzinfo=UTC))
_MOST = 9_000_000_000_000_000_000
_TIMES = frozenset({"received_at", "last_at", "started_at"})
_COSTS = "cost_usd"

# -- requests: $1 how many, $2 to $11 which, $12 and $13 behind which rank, $14 by what or at which prices -------------
_WANTED = f"""
WHERE {WANTED_REQUESTS} {WANTED_BY_LINK}
    AND ($8::timestamptz IS NULL OR r.received_at >= $8)
    AND ($9::timestamptz IS NULL OR r.received_at < $9)
"""
_MEASURED = f"""
WITH ranked AS (
    SELECT r.request_id AS id, CASE $14::text
        WHEN 'prompt_tokens'
            THEN r.input_tokens + r.cache_read_tokens + r.cache_write_5m_tokens + r.cache_write_1h_tokens
        WHEN 'output_tokens' THEN r.output_tokens
        WHEN 'time_to_first_byte_ms' THEN r.time_to_first_byte_us
        WHEN 'duration_ms' THEN r.duration_us
    END AS value
    FROM read.requests r LEFT JOIN read.links l ON l.request_id = r.request_id {_WANTED}
)
"""  # noqa: S608  names of ours
_RECEIVED = f"""
WITH ranked AS (
    SELECT r.request_id AS id, r.received_at AS value
    FROM read.requests r LEFT JOIN read.links l ON l.request_id = r.request_id {_WANTED}
)
"""  # noqa: S608  names of ours
_MOST_FIRST = """
SELECT id, value FROM ranked
WHERE value IS NOT NULL AND ($12::bigint IS NULL OR (value, id) < ($12, $13::uuid))
ORDER BY value DESC, id DESC LIMIT $1
"""
_LEAST_FIRST = """
SELECT id, value FROM ranked
WHERE value IS NOT NULL AND ($12::bigint IS NULL OR (value, id) > ($12, $13::uuid))
ORDER BY value, id LIMIT $1
"""
_OLDEST_FIRST = """
SELECT id, value FROM ranked
WHERE $12::timestamptz IS NULL OR (value, id) > ($12, $13::uuid)
ORDER BY value, id LIMIT $1
"""

# -- money: billionths of a US dollar; null where none of what was used has a price ------------------------------------
_USED = " + ".join(f"u.{kind}" for kind in COUNTED)
_LINE = f"u.unrecorded, {_USED} > 0 AS used, {weights.amount('u', 'rate')} AS amount"
_RATE = """
rate AS MATERIALIZED (
    SELECT g.group_id, each.* FROM read.usage_groups g JOIN price AS each
        ON ROW(each.model, each.service_tier, each.speed, each.inference_geo, each.long_context)::text
            = ROW(g.model, g.service_tier, g.speed, g.inference_geo, g.long_context)::text
)
"""
_PRICE = f"{weights.TARIFF_COLUMNS}, since timestamptz, until timestamptz, {weights.RATE_COLUMNS}"
_ADDED = f"""
    CASE WHEN sum(amount) FILTER (WHERE used) IS NOT NULL THEN least(sum(amount) FILTER (WHERE used), {_MOST})
        WHEN bool_and(amount IS NOT NULL) AND sum(unrecorded) = 0 THEN 0
    END
"""
_ALONE = f"""
    CASE WHEN NOT used THEN CASE unrecorded WHEN 0 THEN 0 END WHEN amount > {_MOST} THEN {_MOST} ELSE amount END
"""
_LINES_IN_SPAN = f"""
    SELECT u.request_id AS id, {_LINE}
    FROM read.usage_lines u LEFT JOIN rate
        ON rate.group_id = u.group_id AND u.received_at >= rate.since AND u.received_at < rate.until
    WHERE ($8::timestamptz IS NULL OR u.received_at >= $8) AND ($9::timestamptz IS NULL OR u.received_at < $9)
"""  # noqa: S608  names of ours
# Nearly all requests have one line: only what has more is added up.
_COSTS_OF_REQUESTS = f"""
WITH price AS (SELECT * FROM jsonb_to_recordset($14::jsonb) AS each ({_PRICE})), {_RATE},
of_many AS MATERIALIZED (
    SELECT DISTINCT u.request_id FROM read.usage_lines u
    WHERE u.line > 0
        AND ($8::timestamptz IS NULL OR u.received_at >= $8) AND ($9::timestamptz IS NULL OR u.received_at < $9)
), sums AS (
    SELECT id, {_ALONE} AS billionths FROM ({_LINES_IN_SPAN}
        AND NOT EXISTS (SELECT FROM of_many WHERE of_many.request_id = u.request_id)) AS alone
    UNION ALL
    SELECT id, {_ADDED} FROM ({_LINES_IN_SPAN}
        AND u.request_id IN (SELECT request_id FROM of_many)) AS added GROUP BY id
), ranked AS (
    SELECT sums.id, round(sums.billionths)::bigint AS value
    FROM sums LEFT JOIN read.requests r ON r.request_id = sums.id
    LEFT JOIN read.links l ON l.request_id = sums.id
    WHERE {WANTED_REQUESTS} {WANTED_BY_LINK}
)
"""  # noqa: S608  names of ours
REQUESTS: Mapping[Sort[str], str] = MappingProxyType(
    {
        Sort("measured"): _MEASURED + _MOST_FIRST,
        Sort("measured", ascending=True): _MEASURED + _LEAST_FIRST,
        Sort("received_at", ascending=True): _RECEIVED + _OLDEST_FIRST,
        Sort(_COSTS): _COSTS_OF_REQUESTS + _MOST_FIRST,
        Sort(_COSTS, ascending=True): _COSTS_OF_REQUESTS + _LEAST_FIRST,
    }
)

# -- conversations: $1 how many, $2 to $7 which, $8 and $9 behind which rank, $10 by what or at which prices -----------
_ROOT = f"LEFT JOIN read.requests root ON root.request_id = c.conversation_id WHERE {WANTED_CONVERSATIONS}"
_TIMED = f"""
WITH ranked AS (
    SELECT c.conversation_id AS id, CASE $10::text WHEN 'last_at' THEN c.last_at ELSE c.started_at END AS value
    FROM read.conversations c {_ROOT}
)
"""  # noqa: S608  names of ours
_ADDED_UP = f"""
WITH sums AS (
    SELECT u.conversation_id AS id, least(sum(CASE $10::text
        WHEN 'requests' THEN u.requests
        WHEN 'failures' THEN u.failed + u.aborted
        ELSE u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_write_5m_tokens + u.cache_write_1h_tokens
    END), {_MOST})::bigint AS value
    FROM read.usage_conversations u WHERE u.conversation_id <> '{NOWHERE}' GROUP BY u.conversation_id
), ranked AS (
    SELECT c.conversation_id AS id, coalesce(sums.value, 0) AS value
    FROM read.conversations c LEFT JOIN sums ON sums.id = c.conversation_id {_ROOT}
)
"""  # noqa: S608  names of ours
_COSTS_OF_TALK = f"""
WITH price AS (SELECT * FROM jsonb_to_recordset($10::jsonb) AS each ({_PRICE})), {_RATE}, line AS (
    SELECT u.conversation_id AS id, {_LINE}
    FROM read.usage_conversations u LEFT JOIN rate
        ON rate.group_id = u.group_id AND u.starts_at >= rate.since AND u.starts_at < rate.until
    WHERE u.conversation_id <> '{NOWHERE}'
), sums AS (
    SELECT id, {_ADDED} AS billionths FROM line GROUP BY id
), ranked AS (
    SELECT c.conversation_id AS id, round(sums.billionths)::bigint AS value
    FROM read.conversations c JOIN sums ON sums.id = c.conversation_id {_ROOT} AND sums.billionths IS NOT NULL
)
"""  # noqa: S608  names of ours
_TALK_MOST_FIRST = """
SELECT id, value FROM ranked
WHERE $8::bigint IS NULL OR (value, id) < ($8, $9::uuid)
ORDER BY value DESC, id DESC LIMIT $1
"""
_TALK_LEAST_FIRST = """
SELECT id, value FROM ranked
WHERE $8::bigint IS NULL OR (value, id) > ($8, $9::uuid)
ORDER BY value, id LIMIT $1
"""
_TALK_NEWEST_FIRST = """
SELECT id, value FROM ranked
WHERE $8::timestamptz IS NULL OR (value, id) < ($8, $9::uuid)
ORDER BY value DESC, id DESC LIMIT $1
"""
_TALK_OLDEST_FIRST = """
SELECT id, value FROM ranked
WHERE $8::timestamptz IS NULL OR (value, id) > ($8, $9::uuid)
ORDER BY value, id LIMIT $1
"""
CONVERSATIONS: Mapping[Sort[str], str] = MappingProxyType(
    {
        Sort("time"): _TIMED + _TALK_NEWEST_FIRST,
        Sort("time", ascending=True): _TIMED + _TALK_OLDEST_FIRST,
        Sort("added up"): _ADDED_UP + _TALK_MOST_FIRST,
        Sort("added up", ascending=True): _ADDED_UP + _TALK_LEAST_FIRST,
        Sort(_COSTS): _COSTS_OF_TALK + _TALK_MOST_FIRST,
        Sort(_COSTS, ascending=True): _COSTS_OF_TALK + _TALK_LEAST_FIRST,
    }
)
RatesOf = Callable[[Sequence[Tariff]], Sequence[Rate]]
"""What tariffs cost, on every day."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class RankedPage(Generic[Item]):
    """Rows in their order, and where each stands in it; a row that went meanwhile has only its rank."""

    items: list[Item]
    ranks: list[Rank]


async def requests(
    connection: Connection,
    wanted: RequestFilter,
    sort: Sort[RequestMeasure],
    page: tuple[Rank | None, int],
    rates_of: RatesOf,
) -> RankedPage[RequestItem]:
    """``page``: behind which rank, and how many; ``rates_of``: asked where money is ranked by."""
    behind, limit = page
    if sort == NEWEST:
        before = (_moment(behind[0]), behind[1]) if behind else None
        items = await request_queries.newest(connection, wanted, before, limit)
        return RankedPage(items, [(_number(item.received_at), item.request_id) for item in items])
    asked = (*wanted.own, wanted.since, wanted.until, wanted.conversation, wanted.request_class)
    what = [] if sort.by in _TIMES else [await _weights(connection, rates_of) if sort.by == _COSTS else sort.by]
    query = REQUESTS[Sort(sort.by if sort.by in {*_TIMES, _COSTS} else "measured", sort.ascending)]
    ranks = _ranks(await rows(connection, query, limit, *asked, *_place(sort.by, behind), *what))
    found = await request_queries.these(connection, [row_id for _, row_id in ranks])
    return RankedPage(_in_order(ranks, ((item.request_id, item) for item in found)), ranks)


async def conversations(
    connection: Connection,
    wanted: ConversationFilter,
    sort: Sort[ConversationMeasure],
    page: tuple[Rank | None, int],
    rates_of: RatesOf,
) -> RankedPage[ConversationItem]:
    """``page``: behind which rank, and how many; ``rates_of``: asked where money is ranked by."""
    behind, limit = page
    if sort == LATEST:
        before = (_moment(behind[0]), behind[1]) if behind else None
        items = await conversation_queries.newest(connection, wanted, before, limit)
        return RankedPage(items, [(_number(item.last_at), item.conversation_id) for item in items])
    kind = "time" if sort.by in _TIMES else sort.by if sort.by == _COSTS else "added up"
    what = await _weights(connection, rates_of) if sort.by == _COSTS else sort.by
    query = CONVERSATIONS[Sort(kind, sort.ascending)]
    ranks = _ranks(await rows(connection, query, limit, *wanted.asked, *_place(sort.by, behind), what))
    found = await conversation_queries.these(connection, [row_id for _, row_id in ranks])
    return RankedPage(_in_order(ranks, ((item.conversation_id, item) for item in found)), ranks)


def _place(by: str, behind: Rank | None) -> tuple[object, object]:
    if behind is None:
        return None, None
    value, row_id = behind
    return (_moment(value) if by in _TIMES else value), row_id


def _ranks(found: Sequence[asyncpg.Record]) -> list[Rank]:
    return [(_number(row["value"]), row["id"]) for row in found]


def _in_order(ranks: Iterable[Rank], found: Iterable[tuple[UUID, Item]]) -> list[Item]:
    by_id = dict(found)
    return [by_id[row_id] for _, row_id in ranks if row_id in by_id]


def _number(value: datetime | int) -> int:
    return micros_at(value) if isinstance(value, datetime) else value


def _moment(number: int) -> datetime:
    """The last one of all calendars, for a number that somebody made up."""
    return moment_at(min(number, _LAST))


async def _weights(connection: Connection, rates_of: RatesOf) -> str:
    """Of every tariff that anything was used under."""
    return msgspec.json.encode([_rate(rate) for rate in rates_of(await weights.tariffs(connection))]).decode()


def _rate(rate: Rate) -> dict[str, object]:
    return {
        **weights.weight(rate),
        "since": "-infinity" if rate.since == date.min else f"{rate.since}T00:00:00Z",
        "until": "infinity" if rate.until == date.max else f"{rate.until}T00:00:00Z",
    }
