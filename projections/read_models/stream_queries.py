"""How did the answers of a time come, and which stood out? From the rows of ``read.requests`` alone: one row per
exchange, no chunk is read.

Looked at are the newest streams of the time, up to a limit, so that the cost is bounded. An answer's ending is decided
as in ``domain/stream_forensics.py``; an answer that the row shows to be not readable is held against nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from domain.stream_forensics import CRAWL_TOKENS_PER_S, SLOW_START_US, STALL_US
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from schemas.stream_api import Spread, StreamExample, StreamGroup, StreamInsights

EXAMINED = 10_000
"""Streams that are looked at."""
GROUPS = 50
"""Models, and accounts, that are told apart."""
EXAMPLES = 5
"""Requests that are named for each word."""

SELECT_RANGE = """
SELECT until, coalesce($1::timestamptz, until - interval '1 day') AS since
FROM (SELECT coalesce($2::timestamptz, now()) AS until) AS given
"""
_EXAMINED = """
WITH newest AS (
    SELECT r.request_id, r.received_at, r.model, coalesce(r.account, r.scope) AS account, r.outcome, r.status,
        r.error_type, r.stop_reason, r.input_tokens, r.output_tokens, r.time_to_first_byte_us, r.duration_us,
        r.missing_bytes = 0 AND (coalesce(r.answer_bytes, 0) = 0 OR r.input_tokens IS NOT NULL) AS readable
    FROM read.requests r
    WHERE r.received_at >= $1 AND r.received_at < $2 AND r.streamed
    ORDER BY r.received_at DESC, r.request_id DESC
    LIMIT $3
), ended AS (
    SELECT *, CASE
        WHEN outcome = 'open' THEN 'open'
        WHEN status IS NULL THEN 'unanswered'
        WHEN status NOT BETWEEN 200 AND 299 THEN 'refused'
        WHEN error_type IS NOT NULL THEN 'failed'
        WHEN stop_reason IS NOT NULL OR (outcome = 'completed' AND input_tokens IS NULL) THEN 'complete'
        WHEN NOT readable THEN 'unknown'
        WHEN outcome = 'client' THEN 'abandoned'
        ELSE 'cut' END AS ending
    FROM newest
), found AS (
    SELECT *,
        coalesce(time_to_first_byte_us > $4, false) AS slow_start,
        ending IN ('cut', 'unknown') AND outcome = 'timeout'  -- no byte for longer than the gateway waits
            OR coalesce(stop_reason IS NOT NULL AND duration_us - time_to_first_byte_us > $5
                AND output_tokens * 1000000 < $6 * (duration_us - time_to_first_byte_us), false) AS stalled
    FROM ended
)
"""
_GROUPS = """
SELECT grouping(model) = 0 AS of_model, grouping(account) = 0 AS of_account, model, account,
    count(*) AS requests,
    count(*) FILTER (WHERE ending = 'open') AS open,
    count(*) FILTER (WHERE ending = 'abandoned') AS abandoned,
    count(*) FILTER (WHERE ending = 'cut') AS cut,
    count(*) FILTER (WHERE ending = 'failed') AS failed,
    count(*) FILTER (WHERE ending = 'unanswered') AS unanswered,
    count(*) FILTER (WHERE stalled) AS stalled,
    count(*) FILTER (WHERE slow_start) AS slow_start,
    percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY time_to_first_byte_us) AS first_byte_us,
    percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration_us) AS lasted_us
FROM found
GROUP BY GROUPING SETS ((), (model), (account))
ORDER BY requests DESC, model, account
"""
_EXAMPLES = """
SELECT finding, request_id, received_at, model, account, outcome,
    time_to_first_byte_us / 1000.0::float8 AS time_to_first_byte_ms, duration_us / 1000.0::float8 AS duration_ms
FROM (
    SELECT each.finding, found.*,
        row_number() OVER (PARTITION BY each.finding ORDER BY received_at DESC, request_id DESC) AS place
    FROM found CROSS JOIN LATERAL (
        SELECT ending AS finding WHERE ending IN ('abandoned', 'cut', 'failed', 'unanswered')
        UNION ALL SELECT 'stalled' WHERE stalled
        UNION ALL SELECT 'slow_start' WHERE slow_start
    ) AS each
) AS ranked
WHERE place <= $7
ORDER BY finding, place
"""
SELECT_GROUPS = _EXAMINED + _GROUPS
SELECT_EXAMPLES = _EXAMINED + _EXAMPLES


@dataclass(frozen=True, slots=True)
class StreamRange:
    """Which time is asked for; None: up to now, and from a day before the end."""

    since: datetime | None = None
    """Received then or later."""
    until: datetime | None = None
    """Received before."""


async def insights(connection: Connection, wanted: StreamRange, limit: int = EXAMINED) -> StreamInsights:
    """``limit``: streams that are looked at."""
    asked = await connection.fetchrow(SELECT_RANGE, wanted.since, wanted.until)
    assert asked is not None  # it is one row, whatever is stored
    given = (asked["since"], asked["until"], limit, SLOW_START_US, STALL_US, CRAWL_TOKENS_PER_S)
    groups = await rows(connection, SELECT_GROUPS, *given)
    examples = await rows(connection, SELECT_EXAMPLES, *given, EXAMPLES)
    total = next((_group(row, None) for row in groups if not row["of_model"] and not row["of_account"]), _NOTHING)
    return StreamInsights(
        since=asked["since"],
        until=asked["until"],
        examined=total.requests,
        complete=total.requests < limit,
        stalled_after_ms=STALL_US / 1000,
        slow_start_after_ms=SLOW_START_US / 1000,
        total=total,
        models=[_group(row, row["model"]) for row in groups if row["of_model"]][:GROUPS],
        accounts=[_group(row, row["account"]) for row in groups if row["of_account"]][:GROUPS],
        examples=[StreamExample.model_validate(dict(row)) for row in examples],
    )


def _group(row: asyncpg.Record, name: str | None) -> StreamGroup:
    counted = {word: row[word] for word in StreamGroup.model_fields if word in row.keys()}  # noqa: SIM118 a Record iterates over values
    return StreamGroup(
        name=name, time_to_first_byte=_spread(row["first_byte_us"]), duration=_spread(row["lasted_us"]), **counted
    )


def _spread(quantiles_us: Sequence[int | None] | None) -> Spread:
    p50, p95 = [None if us is None else us / 1000 for us in quantiles_us or (None, None)]
    return Spread(p50_ms=p50, p95_ms=p95)


_NOTHING = StreamGroup(
    name=None,
    requests=0,
    open=0,
    abandoned=0,
    cut=0,
    failed=0,
    unanswered=0,
    stalled=0,
    slow_start=0,
    time_to_first_byte=Spread(p50_ms=None, p95_ms=None),
    duration=Spread(p50_ms=None, p95_ms=None),
)
