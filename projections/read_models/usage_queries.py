"""How much was used, by whatever one asks, in which hour, day or month? Exact sums of ``read.usage_*``.

Which tables are read, and what of them is taken off again, is decided in ``domain/usage_ranges.py``. What a price
depends on is always kept apart: the tariff, and the list of prices, which begins with a day of UTC. So money can be
reckoned from a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Literal
from uuid import UUID

import asyncpg

from domain.billing import Tariff
from domain.usage import TokenCounts
from domain.usage_ranges import SUMS, Bucket, Plan, Span, Table, plan
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from projections.read_models.usage_rollup import MEASURES, NOWHERE, PLACE

Dimension = Literal[
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "conversation_id", "branch_id", "service_tier", "speed", "inference_geo", "long_context", "estimated",
]  # fmt: skip
TARIFF: tuple[Dimension, ...] = ("model", "service_tier", "speed", "inference_geo", "long_context")
SELECT_USAGE = """
WITH chosen AS MATERIALIZED (
    SELECT group_id, dense_rank() OVER (ORDER BY {names}) AS number, {names} FROM read.usage_groups g WHERE {wanted}
), summed AS (
    SELECT bucket, period, number, {keys}{totals} FROM ({parts}) AS part
    GROUP BY bucket, period, number{grouped} HAVING sum(sign * lines) <> 0
)
SELECT * FROM summed JOIN (SELECT DISTINCT number, {names} FROM chosen) AS each USING (number)
"""
SELECT_PART = """
SELECT span.bucket, span.sign, each.*
FROM unnest({since}::timestamptz[], {until}::timestamptz[], {bucket}::int[], {sign}::int[])
    AS span(since, until, bucket, sign)
CROSS JOIN LATERAL (
    SELECT {period} AS period, chosen.number, {keys}{lines} AS lines, {sums}
    FROM read.{table} u JOIN chosen ON chosen.group_id = u.group_id
    WHERE u.{moment} >= span.since AND u.{moment} < span.until AND {wanted}
    GROUP BY 1, 2{grouped}
) AS each
"""
IN_PERIOD = "width_bucket(u.{moment}, {days}::timestamptz[])"
ON_DAY = "date_trunc('day', u.{moment}, 'UTC')"
WANTED = "{alias}.{name} = ANY({values}::{kind}[])"
PLACED = "nullif(u.{name}, '{nowhere}') AS {name}"
SELECT_BRANCHES = """
SELECT first.branch_id, above.branch_id AS parent_id, first.edge, first.depth
FROM read.links first LEFT JOIN read.links above ON above.request_id = first.parent_request_id
WHERE first.conversation_id = $1 AND first.branch_id = first.request_id
ORDER BY first.received_at, first.request_id
"""
SELECT_PROJECTS = """
SELECT g.project, sum(d.requests)::bigint AS requests, (max(d.starts_at) AT TIME ZONE 'UTC')::date AS last_day
FROM read.usage_days d JOIN read.usage_groups g ON g.group_id = d.group_id
WHERE g.project <> '' GROUP BY g.project ORDER BY last_day DESC, g.project
"""


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """What is wanted, by dimension; of a dimension that is not named, everything."""

    values: Mapping[Dimension, Sequence[str | bool | UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """A sum."""

    bucket: datetime | None
    """When its bucket begins, in UTC; None: there is one only."""
    priced_on: date | None
    """Any day of it: they have one list of prices. None: all lie before the first of the days that were given."""
    group: tuple[str | bool | UUID | None, ...]
    """Values of the dimensions that were asked for."""
    tariff: Tariff
    tokens: TokenCounts
    estimated_output_tokens: int
    thinking_tokens: int
    web_searches: int
    requests: int
    failed: int
    aborted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """What is asked."""

    since: datetime
    until: datetime
    """Before this."""
    bucket: Bucket = "none"
    zone: tzinfo = UTC
    """Whose hours, days and months."""
    group_by: tuple[Dimension, ...] = ()
    wanted: UsageFilter = field(default_factory=UsageFilter)
    price_days: Sequence[date] | None = None
    """Days of UTC on which some list of prices begins; None: every day is a row of its own."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of talk, with the one that it left or that called it."""

    branch_id: UUID
    parent_id: UUID | None
    edge: str
    depth: int
    """Of sub-tasks."""


async def usage(connection: Connection, question: UsageQuestion) -> list[UsageRow]:
    """In no order. Raises TooManyBucketsError."""
    how = plan(question.since, question.until, question.bucket, question.zone, _sums(question))
    if not how.spans:
        return []
    query, arguments = _query(question, how.spans)
    days = None if question.price_days is None else sorted(question.price_days)
    return [_row(row, question, how, days) for row in await rows(connection, query, *arguments)]


def _sums(question: UsageQuestion) -> tuple[Table, ...]:
    """The few lines of a conversation that is asked for are found by an index of their own."""
    if any(name in question.wanted.values for name in PLACE):
        return ()
    return ("days",) if any(name in question.group_by for name in PLACE) else SUMS


async def branches(connection: Connection, conversation_id: UUID) -> list[Branch]:
    """Of one conversation, the oldest first."""
    found = await rows(connection, SELECT_BRANCHES, conversation_id)
    return [Branch(row["branch_id"], row["parent_id"], row["edge"], row["depth"]) for row in found]


@dataclass(frozen=True, slots=True)
class ProjectSum:
    """What a project amounts to."""

    project: str
    requests: int
    last_day: date
    """Of UTC, on which it was used last."""


async def projects(connection: Connection) -> list[ProjectSum]:
    """All that have a name, the one used last first."""
    found = await rows(connection, SELECT_PROJECTS)
    return [ProjectSum(row["project"], row["requests"], row["last_day"]) for row in found]


class _Arguments(list[object]):
    """Values that go with a statement."""

    def put(self, value: object) -> str:
        """Its place-holder."""
        self.append(value)
        return f"${len(self)}"


def _query(question: UsageQuestion, spans: Sequence[Span]) -> tuple[str, Sequence[object]]:
    """Every name in it comes from the lists of this module."""
    arguments = _Arguments()
    places = [name for name in PLACE if name in question.group_by]
    period = _period(question.price_days, arguments)
    wanted = {"g": ["true"], "u": ["true"]}
    for name, values in question.wanted.values.items():
        alias, values_of = ("u" if name in PLACE else "g"), arguments.put(list(values))
        wanted[alias].append(WANTED.format(alias=alias, name=name, values=values_of, kind=_kind(name)))
    words = {"keys": "".join(f"{name}, " for name in places), "grouped": "".join(f", {name}" for name in places)}
    parts = [
        _part(table, [span for span in spans if span.table == table], arguments, places, period, wanted["u"])
        for table in dict.fromkeys(span.table for span in spans)
    ]
    query = SELECT_USAGE.format(
        names=", ".join(dict.fromkeys((*TARIFF, *(name for name in question.group_by if name not in PLACE)))),
        wanted=" AND ".join(wanted["g"]),
        totals=", ".join(f"sum(sign * {name})::bigint AS {name}" for name in MEASURES),
        parts="UNION ALL".join(parts),
        **words,
    )
    return query, arguments


def _part(
    table: Table,
    spans: Sequence[Span],
    arguments: _Arguments,
    places: Sequence[str],
    period: str,
    wanted: Sequence[str],
) -> str:
    """What is read from one table."""
    moment = "received_at" if table == "lines" else "starts_at"
    return SELECT_PART.format(
        table="usage_conversations" if places and table == "days" else f"usage_{table}",
        moment=moment,
        period=period.format(moment=moment),
        keys="".join(f"{PLACED.format(name=name, nowhere=NOWHERE)}, " for name in places),
        grouped="".join(f", u.{name}" for name in places),
        lines="count(*)" if table == "lines" else "sum(u.lines)::bigint",
        sums=", ".join(f"sum(u.{name})::bigint AS {name}" for name in MEASURES),
        since=arguments.put([span.since for span in spans]),
        until=arguments.put([span.until for span in spans]),
        bucket=arguments.put([span.bucket for span in spans]),
        sign=arguments.put([span.sign for span in spans]),
        wanted=" AND ".join(wanted),
    )


def _period(price_days: Sequence[date] | None, arguments: _Arguments) -> str:
    """Which list of prices holds for a row, with a place for the name of the row's moment."""
    if price_days is None:
        return ON_DAY
    days = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(price_days)]
    return IN_PERIOD.replace("{days}", arguments.put(days)) if days else "0"


def _kind(name: Dimension) -> str:
    if name in PLACE:
        return "uuid"
    return "boolean" if name in {"long_context", "estimated"} else "text"


def _row(row: asyncpg.Record, question: UsageQuestion, how: Plan, days: Sequence[date] | None) -> UsageRow:
    return UsageRow(
        bucket=how.starts[row["bucket"]] if how.starts else None,
        priced_on=_priced_on(row["period"], days),
        group=tuple(row[name] for name in question.group_by),
        tariff=Tariff(**{name: row[name] for name in TARIFF}),
        tokens=TokenCounts(**{name: row[name] for name in _TOKENS}),
        **{name: row[name] for name in _OTHERS},
    )


def _priced_on(period: datetime | int, days: Sequence[date] | None) -> date | None:
    if isinstance(period, datetime):
        return period.date()
    return days[period - 1] if days and period else None


def _tokens() -> Iterator[str]:
    return (name for name in MEASURES if name in TokenCounts.__dataclass_fields__)


_TOKENS = tuple(_tokens())
_OTHERS = tuple(name for name in MEASURES if name not in _TOKENS)
