"""How much was used, by whatever one asks, in which hour, day or month? Exact sums of ``read.usage_*``.

Which tables are read is decided in ``domain/usage_ranges.py``. What a price depends on is always kept apart: the
tariff, and the list of prices, which begins with a day of UTC. So money can be reckoned from a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal
from uuid import UUID

import asyncpg

from domain.billing import Tariff
from domain.usage import TokenCounts
from domain.usage_ranges import Bucket, Plan, Table, plan
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from projections.read_models.usage_rollup import MEASURES

Dimension = Literal[
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "conversation_id", "branch_id", "service_tier", "speed", "inference_geo", "long_context", "estimated",
]  # fmt: skip
TARIFF: tuple[Dimension, ...] = ("model", "service_tier", "speed", "inference_geo", "long_context")
_LINES_ONLY = ("conversation_id", "branch_id")
"""Asked for one of these, its few lines are found by an index of their own."""
_TABLES: dict[Table, tuple[str, str]] = {
    "lines": ("usage_lines", "received_at"),
    "quarters": ("usage_quarters", "starts_at"),
    "days": ("usage_days", "starts_at"),
}
SELECT_USAGE = """
SELECT {keys}, {sums}
FROM ({parts}) AS part
GROUP BY {keys}
"""
SELECT_PART = """
SELECT {bucket} AS bucket, {period} AS period, {columns}
FROM read.{table} u{spans}
WHERE {conditions}
"""
OVER_SPANS = " JOIN unnest({since}::timestamptz[], {until}::timestamptz[]) AS span(since, until) ON true"
IN_SPAN = "u.{moment} >= span.since AND u.{moment} < span.until"
IN_ONE_SPAN = "u.{moment} >= {since} AND u.{moment} < {until}"
IN_BUCKET = "width_bucket(u.{moment}, {starts}::timestamptz[])"
IN_PERIOD = "width_bucket(u.{moment}, {days}::timestamptz[])"
ON_DAY = "date_trunc('day', u.{moment}, 'UTC')"
WANTED = "u.{name} = ANY({values}::{kind}[])"
SELECT_BRANCHES = """
SELECT first.branch_id, above.branch_id AS parent_id, first.edge, first.subtask_id, first.depth, first.received_at
FROM read.links first LEFT JOIN read.links above ON above.request_id = first.parent_request_id
WHERE first.conversation_id = $1 AND first.branch_id = first.request_id
ORDER BY first.received_at, first.request_id
"""


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """What is wanted, by dimension; of a dimension that is not named, everything."""

    values: dict[Dimension, Sequence[str | bool | UUID]] = field(default_factory=dict)


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
    """A line of talk, and the one that it left or that called it."""

    branch_id: UUID
    parent_id: UUID | None
    edge: str
    depth: int
    """Of sub-tasks."""


async def usage(connection: Connection, question: UsageQuestion) -> list[UsageRow]:
    """In no order. Raises TooManyBucketsError."""
    only_lines = any(name in question.wanted.values for name in _LINES_ONLY)
    how = plan(question.since, question.until, question.bucket, question.zone, only_lines=only_lines)
    if not how.spans:
        return []
    query, arguments = _query(question, how)
    found = await rows(connection, query, *arguments)
    days = None if question.price_days is None else sorted(question.price_days)
    return [_row(row, question, how, days) for row in found]


async def branches(connection: Connection, conversation_id: UUID) -> list[Branch]:
    """Of one conversation, the oldest first."""
    found = await rows(connection, SELECT_BRANCHES, conversation_id)
    return [Branch(row["branch_id"], row["parent_id"], row["edge"], row["depth"]) for row in found]


class _Arguments(list[object]):
    """Values that go with a statement."""

    def put(self, value: object) -> str:
        """Its place-holder."""
        self.append(value)
        return f"${len(self)}"


def _query(question: UsageQuestion, how: Plan) -> tuple[str, Sequence[object]]:
    """Every name in it comes from the lists of this module."""
    arguments = _Arguments()
    starts = arguments.put(list(how.starts)) if how.starts else None
    days = None if question.price_days is None else arguments.put([_midnight(day) for day in sorted(question.price_days)])
    names = _columns(question.group_by)
    wanted = [
        WANTED.format(name=name, values=arguments.put(list(values)), kind=_kind(name))
        for name, values in question.wanted.values.items()
    ]
    parts = []
    for table, (name, moment) in _TABLES.items():
        spans = [span for span in how.spans if span.table == table]
        if not spans:
            continue
        since, until = [one.since for one in spans], [one.until for one in spans]
        one = len(spans) == 1
        places = {
            "moment": moment,
            "since": arguments.put(since[0] if one else since),
            "until": arguments.put(until[0] if one else until),
        }
        period = ON_DAY if question.price_days is None else IN_PERIOD
        part = SELECT_PART.format(
            bucket=IN_BUCKET.format(moment=moment, starts=starts) if starts else "0",
            period=period.format(moment=moment, days=days),
            columns=", ".join(f"u.{each}" for each in (*names, *MEASURES)),
            table=name,
            spans="" if one else OVER_SPANS.format(**places),
            conditions=" AND ".join([(IN_ONE_SPAN if one else IN_SPAN).format(**places), *wanted]),
        )
        parts.append(part)
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)
    keys = ", ".join(("bucket", "period", *names))
    return SELECT_USAGE.format(keys=keys, sums=sums, parts="UNION ALL".join(parts)), arguments


def _columns(group_by: tuple[Dimension, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*TARIFF, *group_by)))


def _kind(name: Dimension) -> str:
    if name in _LINES_ONLY:
        return "uuid"
    return "boolean" if name in {"long_context", "estimated"} else "text"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _row(row: asyncpg.Record, question: UsageQuestion, how: Plan, days: Sequence[date] | None) -> UsageRow:
    return UsageRow(
        bucket=how.starts[row["bucket"] - 1] if how.starts else None,
        priced_on=_priced_on(row["period"], days),
        group=tuple(row[name] for name in question.group_by),
        tariff=Tariff(**{name: row[name] for name in TARIFF}),
        tokens=TokenCounts(**{name: row[name] for name in _TOKENS}),
        **{name: row[name] for name in _OTHERS},
    )


def _priced_on(period: Any, days: Sequence[date] | None) -> date | None:
    if days is None:
        found: date = period.date()
        return found
    return days[period - 1] if period else None


def _tokens() -> Iterator[str]:
    return (name for name in MEASURES if name in TokenCounts.__dataclass_fields__)


_TOKENS = tuple(_tokens())
_OTHERS = tuple(name for name in MEASURES if name not in _TOKENS)
