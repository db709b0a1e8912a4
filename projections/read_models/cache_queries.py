"""What was paid anew, and why? Sums of ``read.cache_verdicts`` by cause and by whatever is asked for, and single rows.

Only the misses are summed by group; of the others it matters only how many tokens they had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from domain.billing import Tariff
from domain.cache_misses import Rewritten
from domain.cache_waste import PriceOf, Waste, cost_of, rewritten_tokens
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from schemas.cache_api import CacheVerdictItem, GroupBy

_WITH = """
WITH misses AS (
    SELECT CASE $3::text WHEN 'cause' THEN v.cause WHEN 'client_domain' THEN v.client_domain
"""
_KEYS = """
        WHEN 'account' THEN v.account WHEN 'project' THEN v.project WHEN 'model' THEN v.model
"""
_LINKED_KEYS = """
        WHEN 'conversation' THEN l.conversation_id::text
"""
_MISS = """
        END AS key, v.request_id, v.cause, v.model, v.service_tier, v.speed, v.inference_geo, v.long_context,
        v.certainty, v.rewritten_estimated, v.rewritten_5m_tokens, v.rewritten_1h_tokens, v.rewritten_input_tokens,
        v.rewritten_5m_tokens + v.rewritten_1h_tokens + v.rewritten_input_tokens AS again,
        coalesce(
            ($4::date[])[width_bucket((v.received_at AT TIME ZONE 'UTC')::date, $4::date[])], '0001-01-01'
        ) AS day
    FROM read.cache_verdicts v
"""
_LINKED = """
    LEFT JOIN read.links l ON l.request_id = v.request_id
"""
_IN_SPAN = """
    WHERE ($1::timestamptz IS NULL OR v.received_at >= $1) AND ($2::timestamptz IS NULL OR v.received_at < $2)
"""
_IS_MISS = """
    AND v.cause NOT IN ('none', 'first', 'compaction')
"""
_IN_CONVERSATION = """
    AND ($5::uuid IS NULL OR l.conversation_id = (
        SELECT member.conversation_id FROM read.links member WHERE member.request_id = $5))
"""
_SUMS = """
)
SELECT key, cause, model, service_tier, speed, inference_geo, long_context, day,
    count(*) AS requests,
    count(*) FILTER (WHERE rewritten_estimated) AS estimated,
    count(*) FILTER (WHERE certainty = 'unsure') AS unsure,
    sum(rewritten_5m_tokens)::bigint AS write_5m,
    sum(rewritten_1h_tokens)::bigint AS write_1h,
    sum(rewritten_input_tokens)::bigint AS fresh,
    (array_agg(request_id ORDER BY again DESC, request_id DESC))[1:3] AS examples,
    (array_agg(again ORDER BY again DESC, request_id DESC))[1:3] AS example_tokens
FROM misses
GROUP BY key, cause, model, service_tier, speed, inference_geo, long_context, day
"""
SELECT_WASTE = _WITH + _KEYS + _MISS + _IN_SPAN + _IS_MISS + _SUMS
SELECT_LINKED_WASTE = _WITH + _KEYS + _LINKED_KEYS + _MISS + _LINKED + _IN_SPAN + _IS_MISS + _IN_CONVERSATION + _SUMS
_COMPARED = """
SELECT count(*) AS requests, coalesce(sum(v.prompt_tokens), 0)::bigint AS prompt_tokens
FROM read.cache_verdicts v
"""
_OF_CONVERSATION = """
    AND v.request_id IN (
        SELECT l.request_id FROM read.links l WHERE l.conversation_id = (
            SELECT member.conversation_id FROM read.links member WHERE member.request_id = $3))
"""
SELECT_COMPARED = _COMPARED + _IN_SPAN
SELECT_LINKED_COMPARED = _COMPARED + _IN_SPAN + _OF_CONVERSATION
SELECT_VERDICT = "SELECT v.* FROM read.cache_verdicts v WHERE v.request_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFilter:
    """Which requests are asked about, and by what they are grouped."""

    since: datetime | None = None
    """Received then or later; None: from the beginning."""
    until: datetime | None = None
    """Received before; None: up to now."""
    group_by: GroupBy = "cause"
    conversation: UUID | None = None
    """Any member's id; None: all."""


@dataclass(frozen=True, slots=True)
class Compared:
    """All requests in the span, misses and others."""

    requests: int
    prompt_tokens: int


async def waste(connection: Connection, wanted: CacheFilter, price_days: Sequence[date]) -> list[Waste]:
    """Apart by price: what lies between two of ``price_days`` (UTC, ascending) is one sum, under the first of them."""
    span = (wanted.since, wanted.until, wanted.group_by, [*price_days, date.max])
    if wanted.group_by == "conversation" or wanted.conversation is not None:
        return _wastes(await rows(connection, SELECT_LINKED_WASTE, *span, wanted.conversation))
    return _wastes(await rows(connection, SELECT_WASTE, *span))


async def compared(connection: Connection, wanted: CacheFilter) -> Compared:
    span = (wanted.since, wanted.until)
    if wanted.conversation is not None:
        found = await rows(connection, SELECT_LINKED_COMPARED, *span, wanted.conversation)
    else:
        found = await rows(connection, SELECT_COMPARED, *span)
    return Compared(found[0]["requests"], found[0]["prompt_tokens"]) if found else Compared(0, 0)


async def verdict(connection: Connection, request_id: UUID, price_of: PriceOf) -> CacheVerdictItem | None:
    """None: unknown, not projected yet, or in no line of talk."""
    found = await rows(connection, SELECT_VERDICT, request_id)
    return _verdict(found[0], price_of) if found else None


def _wastes(found: Sequence[asyncpg.Record]) -> list[Waste]:
    return [
        Waste(
            key=row["key"],
            cause=row["cause"],
            tariff=_tariff(row),
            day=row["day"],
            requests=row["requests"],
            estimated=row["estimated"],
            unsure=row["unsure"],
            rewritten=Rewritten(row["write_5m"], row["write_1h"], row["fresh"]),
            examples=tuple(zip(row["example_tokens"], row["examples"], strict=True)),
        )
        for row in found
    ]


def _tariff(row: asyncpg.Record) -> Tariff:
    return Tariff(
        model=row["model"],
        service_tier=row["service_tier"],
        speed=row["speed"],
        inference_geo=row["inference_geo"],
        long_context=row["long_context"],
    )


def _verdict(row: asyncpg.Record, price_of: PriceOf) -> CacheVerdictItem:
    again = Rewritten(row["rewritten_5m_tokens"], row["rewritten_1h_tokens"], row["rewritten_input_tokens"])
    return CacheVerdictItem.model_validate(
        {
            **row,
            "divergence": msgspec.json.decode(row["divergence"]) if row["divergence"] else None,
            "rewritten": rewritten_tokens(again),
            "cost_usd": cost_of(_tariff(row), row["received_at"].date(), again, price_of),
        }
    )
