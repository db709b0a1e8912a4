"""How much was used, by whatever one asks, in which hour, day or month? Exact sums of ``read.usage_*``.

Which tables are read, and what of them is taken off again, is decided in ``domain/usage_ranges.py``. What a price
depends on is always kept apart: the tariff, and the list of prices, which begins with a day of UTC. So money can be
reckoned from a row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import get_args
from uuid import UUID

import asyncpg
import msgspec

from domain.billing import Tariff
from domain.ranking import Rate
from domain.usage_ranges import SUMS, Plan, Span, Table, plan
from domain.usage_sums import COUNTS, TOKEN_KINDS, Dimension, UsagePoint, UsageQuestion, UsageSeries
from domain.usage_tree import SubTask, SubTaskTrees, below_each, trees_of
from projections.read_models import weights
from projections.read_models.connection import Connection
from projections.read_models.reading import rows
from projections.read_models.usage_rollup import GROUP, MEASURES, NOWHERE, PLACE

TARIFF: tuple[Dimension, ...] = ("model", "service_tier", "speed", "inference_geo", "long_context")
_EPOCH = date(1970, 1, 1).toordinal()
_GROUPABLE = get_args(Dimension)
_KINDS = {**dict.fromkeys(PLACE, "uuid"), "long_context": "boolean", "estimated": "boolean"}
_NUMBERS = {name: number for number, name in enumerate(_GROUPABLE, start=3)}
"""Of the parameter that says which values of a dimension are wanted; null: any. Before them come the dimensions that
are told apart ($1) and the days with which lists of prices begin ($2), behind them the spans."""
_SPANS = "$19::text[], $20::timestamptz[], $21::timestamptz[], $22::int[], $23::int[]"
_PAID_OTHERWISE = "g.account = ANY($24::text[]) AS subscription"
_TEXTS = [name for name in GROUP if name not in _KINDS]
_ONE, _OTHER = (
    f"CASE ($25::text[])[{place}] " + " ".join(f"WHEN '{name}' THEN g.{name}" for name in _TEXTS) + " END"
    for place in (1, 2)
)
_REST = f"""
SELECT $25::text[] IS NOT NULL AND NOT EXISTS (
    SELECT FROM unnest($26::text[], $27::text[]) AS kept(one, other)
    WHERE kept.one = {_ONE} AND (array_length($25::text[], 1) = 1 OR kept.other = {_OTHER})
) AS rest OFFSET 0
"""  # noqa: S608  names of the lists above


def _shown(name: str, value: str) -> str:
    """Null where nobody asked to tell it apart."""
    return f"CASE WHEN '{name}' = ANY($1::text[]) THEN {value} END AS {name}"


def _named(name: str) -> str:
    """The same of a group; null also where it is one of the rest."""
    is_rest = f"rest AND '{name}' = ANY($25::text[])"
    return f"CASE WHEN '{name}' = ANY($1::text[]) AND NOT ({is_rest}) THEN g.{name} END AS {name}"


def _wanted(name: str, alias: str) -> str:
    values = f"${_NUMBERS[name]}::{_KINDS.get(name, 'text')}[]"
    return f"({values} IS NULL OR {alias}.{name} = ANY({values}))"


def _period(moment: str) -> str:
    """The number of the day on which a moment's list of prices begins, from 1; 0: none has begun. Without days to
    choose from: the number of its own day, from 1970 on."""
    own = f"extract(epoch FROM date_trunc('day', {moment}, 'UTC'))::bigint / 86400"
    listed = f"width_bucket({moment}, $2::timestamptz[])"
    return f"(CASE WHEN $2::timestamptz[] IS NULL THEN {own} ELSE {listed} END)::int AS period"


_NAMED = ", ".join(map(_named, GROUP))
_NAMES = ", ".join((*GROUP, "subscription", "rest"))
_WANTED_GROUPS = " AND ".join(_wanted(name, "g") for name in GROUP)
_WANTED_PLACES = " AND ".join(_wanted(name, "u") for name in PLACE)
_PLACES, _NO_PLACES = ", ".join(PLACE), ", ".join(f"NULL::uuid AS {name}" for name in PLACE)
_PLACES_OF_LINES = ", ".join(_shown(name, f"u.{name}") for name in PLACE)
_PLACES_OF_SUMS = ", ".join(_shown(name, f"nullif(u.{name}, '{NOWHERE}')") for name in PLACE)
_PERIOD_OF_LINES, _PERIOD_OF_SUMS = _period("u.received_at"), _period("u.starts_at")
_SUMS = ", ".join(f"sum(u.{name})::bigint AS {name}" for name in MEASURES)
_TOTALS = ", ".join(f"sum(sign * {name})::bigint AS {name}" for name in MEASURES)
_POINT = ", ".join(("bucket", "period", *COUNTS))
"""A row for each group, and its points in one array: what is told of a group is read once, not in every bucket."""
_SUMMED = f"""
WITH named AS (
    SELECT g.group_id, {_NAMED}, {_PAID_OTHERWISE}, rest
    FROM read.usage_groups g CROSS JOIN LATERAL ({_REST}) fold WHERE {_WANTED_GROUPS}
), kind AS MATERIALIZED (
    SELECT row_number() OVER () AS number, {_NAMES}, members
    FROM (SELECT {_NAMES}, array_agg(group_id) AS members FROM named GROUP BY {_NAMES}) AS apart
), chosen AS MATERIALIZED (
    SELECT number, unnest(members) AS group_id FROM kind
), span AS MATERIALIZED (
    SELECT * FROM unnest({_SPANS}) AS span(name, since, until, bucket, sign)
), part AS (
    SELECT span.bucket, span.sign, each.* FROM span CROSS JOIN LATERAL (
        SELECT {_PERIOD_OF_LINES}, chosen.number, {_PLACES_OF_LINES}, count(*) AS lines, {_SUMS}
        FROM read.usage_lines u JOIN chosen ON chosen.group_id = u.group_id
        WHERE u.received_at >= span.since AND u.received_at < span.until AND {_WANTED_PLACES}
        GROUP BY 1, 2, 3, 4
    ) each WHERE span.name = 'lines'
    UNION ALL SELECT span.bucket, span.sign, each.* FROM span CROSS JOIN LATERAL (
        SELECT {_PERIOD_OF_SUMS}, chosen.number, {_NO_PLACES}, sum(u.lines)::bigint AS lines, {_SUMS}
        FROM read.usage_quarters u JOIN chosen ON chosen.group_id = u.group_id
        WHERE u.starts_at >= span.since AND u.starts_at < span.until
        GROUP BY 1, 2
    ) each WHERE span.name = 'quarters'
    UNION ALL SELECT span.bucket, span.sign, each.* FROM span CROSS JOIN LATERAL (
        SELECT {_PERIOD_OF_SUMS}, chosen.number, {_NO_PLACES}, sum(u.lines)::bigint AS lines, {_SUMS}
        FROM read.usage_days u JOIN chosen ON chosen.group_id = u.group_id
        WHERE u.starts_at >= span.since AND u.starts_at < span.until
        GROUP BY 1, 2
    ) each WHERE span.name = 'days'
    UNION ALL SELECT span.bucket, span.sign, each.* FROM span CROSS JOIN LATERAL (
        SELECT {_PERIOD_OF_SUMS}, chosen.number, {_NO_PLACES}, sum(u.lines)::bigint AS lines, {_SUMS}
        FROM read.usage_months u JOIN chosen ON chosen.group_id = u.group_id
        WHERE u.starts_at >= span.since AND u.starts_at < span.until
        GROUP BY 1, 2
    ) each WHERE span.name = 'months'
    UNION ALL SELECT span.bucket, span.sign, each.* FROM span CROSS JOIN LATERAL (
        SELECT {_PERIOD_OF_SUMS}, chosen.number, {_PLACES_OF_SUMS}, sum(u.lines)::bigint AS lines, {_SUMS}
        FROM read.usage_conversations u JOIN chosen ON chosen.group_id = u.group_id
        WHERE u.starts_at >= span.since AND u.starts_at < span.until
        GROUP BY 1, 2, 3, 4
    ) each WHERE span.name = 'conversations'
), summed AS (
    SELECT bucket, period, number, {_PLACES}, {_TOTALS} FROM part
    GROUP BY bucket, period, number, {_PLACES} HAVING sum(sign * lines) <> 0
)
"""  # noqa: S608  names of the lists above
SELECT_USAGE = f"""
{_SUMMED}
SELECT * FROM (
    SELECT number, {_PLACES}, array_agg(ARRAY[{_POINT}]::bigint[]) AS points
    FROM summed GROUP BY number, {_PLACES}
) AS packed JOIN (SELECT number, {_NAMES} FROM kind) AS each USING (number)
"""  # noqa: S608  names of the lists above
_WORTH = weights.amount("summed", "rate")
_USED = " + ".join(f"summed.{name}" for name in COUNTS[:TOKEN_KINDS])
_ADDED = ", ".join(f"sum(summed.{name})::bigint AS {name}" for name in COUNTS)
_APART = ", ".join(f"CASE WHEN kept.id IS NOT NULL THEN summed.{name} END AS {name}" for name in PLACE)
SELECT_DEAREST = f"""
{_SUMMED}
, price AS (
    SELECT * FROM jsonb_to_recordset($28::jsonb) AS price({weights.TARIFF_COLUMNS}, period int, {weights.RATE_COLUMNS})
), rate AS MATERIALIZED (
    SELECT number, price.* FROM kind JOIN price USING ({", ".join(TARIFF)})
), worth AS (
    SELECT coalesce(conversation_id, '{NOWHERE}') AS id, round(sum(coalesce({_WORTH}, 0))) AS cost, sum({_USED}) AS used
    FROM summed LEFT JOIN rate USING (number, period) GROUP BY 1
), kept AS MATERIALIZED (
    SELECT id FROM worth ORDER BY cost DESC, used DESC, id LIMIT $29
), folded AS (
    SELECT bucket, period, number, {_APART}, kept.id IS NULL AS others, {_ADDED}
    FROM summed LEFT JOIN kept ON kept.id = coalesce(summed.conversation_id, '{NOWHERE}')
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT * FROM (
    SELECT number, {_PLACES}, others, array_agg(ARRAY[{_POINT}]::bigint[]) AS points
    FROM folded GROUP BY number, {_PLACES}, others
) AS packed JOIN (SELECT number, {_NAMES} FROM kind) AS each USING (number)
"""  # noqa: S608  names of the lists above
"""The same, where only the dearest conversations stay apart. Sums are ranked as they come out: by what a price depends
on, in floating point."""
SELECT_BRANCHES = """
SELECT first.branch_id, above.branch_id AS parent_id, first.edge, first.depth
FROM read.links first LEFT JOIN read.links above ON above.request_id = first.parent_request_id
WHERE first.conversation_id = $1 AND first.branch_id = first.request_id
ORDER BY first.received_at, first.request_id
"""
SELECT_TREES = """
WITH RECURSIVE branch AS MATERIALIZED (
    SELECT request_id, coalesce(subtask_id, conversation_id) AS task_id
    FROM read.links WHERE request_id = ANY($1::uuid[]) AND conversation_id IS NOT NULL
), task AS (
    SELECT task_id FROM branch
    UNION
    SELECT coalesce(above.subtask_id, above.conversation_id)
    FROM task JOIN read.links first ON first.request_id = task.task_id AND first.subtask_id = task.task_id
    JOIN read.links above ON above.request_id = first.parent_request_id
), each AS (
    SELECT task_id, array_agg(request_id) AS branches FROM branch GROUP BY task_id
)
SELECT task.task_id, first.conversation_id, each.branches,
    CASE WHEN first.subtask_id = task.task_id THEN coalesce(above.subtask_id, above.conversation_id) END AS parent_id,
    nullif(words.description, '') AS name, nullif(words.agent_type, '') AS agent_type
FROM task JOIN read.links first ON first.request_id = task.task_id
LEFT JOIN read.links above ON above.request_id = first.parent_request_id
LEFT JOIN each ON each.task_id = task.task_id
LEFT JOIN LATERAL (
    SELECT t.agent_type, t.description FROM read.tasks t
    WHERE first.subtask_id = task.task_id AND t.request_id = first.parent_request_id
        AND t.tool_use_id = first.tool_use_id
    ORDER BY t.ordinal LIMIT 1
) AS words ON true
"""
SELECT_CONVERSATION_OF = "SELECT conversation_id FROM read.links WHERE request_id = $1"
SELECT_PROJECTS = """
SELECT g.project, sum(d.requests)::bigint AS requests, (max(d.starts_at) AT TIME ZONE 'UTC')::date AS last_day
FROM read.usage_days d JOIN read.usage_groups g ON g.group_id = d.group_id
WHERE g.project <> '' GROUP BY g.project ORDER BY last_day DESC, g.project
"""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of talk, with the one that it left or that called it."""

    branch_id: UUID
    parent_id: UUID | None
    edge: str
    depth: int
    """Of sub-tasks."""


async def usage(connection: Connection, question: UsageQuestion) -> list[UsageSeries]:
    """In no order. Raises TooManyBucketsError."""
    sums, price_days = _sums(question), question.price_days or ()
    how = plan(question.since, question.until, question.bucket, question.zone, sums, price_days)
    if not how.spans:
        return []
    statement, arguments = _asked(question, how.spans)
    found = await rows(connection, statement, *arguments)
    days = _days(question.price_days, {period for row in found for _, period, *_ in row["points"]})
    return [_series(row, question, how, days) for row in found]


def _asked(question: UsageQuestion, spans: Sequence[Span]) -> tuple[str, list[object]]:
    """The query and its arguments."""
    dearest = question.dearest
    if dearest is None:
        return SELECT_USAGE, [*_arguments(question, spans)]
    placed = replace(question, group_by=(*question.group_by, "conversation_id"))
    weighed = _weights(dearest.rates, question.price_days or ())
    return SELECT_DEAREST, [*_arguments(placed, spans), weighed, dearest.conversations]


def _weights(rates: Iterable[Rate], price_days: Sequence[date]) -> str:
    """By the number of the period, as ``_period`` counts."""
    numbers = {day: number for number, day in enumerate([date.min, *sorted(price_days)])}
    return msgspec.json.encode([{**weights.weight(rate), "period": numbers[rate.since]} for rate in rates]).decode()


def _arguments(question: UsageQuestion, spans: Sequence[Span]) -> Iterator[object]:
    """In the order of the parameters."""
    yield list({*TARIFF, *question.group_by})
    yield _beginnings(question.price_days)
    for name in _GROUPABLE:
        values = question.wanted.values.get(name)
        yield None if values is None else list(values)
    by_place = any(name in question.group_by for name in PLACE)
    yield ["conversations" if by_place and span.table == "days" else span.table for span in spans]
    for column in ("since", "until", "bucket", "sign"):
        yield [getattr(span, column) for span in spans]
    yield list(question.subscriptions)
    kept = question.kept
    yield list(kept.dimensions) if kept else None
    yield [values[0] for values in kept.values] if kept else []
    yield [values[-1] for values in kept.values] if kept else []


def _beginnings(price_days: Sequence[date] | None) -> list[datetime] | None:
    """Behind them the last moment there is, since a list of none would not do."""
    if price_days is None:
        return None
    days = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(price_days)]
    return [*days, datetime.max.replace(tzinfo=UTC)]


def _sums(question: UsageQuestion) -> tuple[Table, ...]:
    """The few lines of a conversation that is asked for are found by an index of their own."""
    if any(name in question.wanted.values for name in PLACE):
        return ()
    if any(name in question.group_by for name in PLACE):
        return ("days",)
    return SUMS if question.price_days is not None else ("quarters", "days")


async def branches(connection: Connection, conversation_id: UUID) -> list[Branch]:
    """Of one conversation, the oldest first."""
    found = await rows(connection, SELECT_BRANCHES, conversation_id)
    return [Branch(row["branch_id"], row["parent_id"], row["edge"], row["depth"]) for row in found]


async def below(connection: Connection, task: UUID) -> list[UUID]:
    """The branches of a sub-task, or a main thread, and of all that it called, however deep; none: it is not there."""
    found = await rows(connection, SELECT_CONVERSATION_OF, task)
    if not found or found[0]["conversation_id"] is None:
        return []
    each = await branches(connection, found[0]["conversation_id"])
    return sorted(below_each({one.branch_id: one.parent_id for one in each}).get(task, ()))


async def trees(connection: Connection, of: Sequence[UUID]) -> SubTaskTrees:
    """The sub-tasks of these branches, with all above them."""
    found = await rows(connection, SELECT_TREES, list(of)) if of else []
    return trees_of(
        SubTask(
            task_id=row["task_id"],
            conversation_id=row["conversation_id"],
            parent_id=row["parent_id"],
            name=row["name"],
            agent_type=row["agent_type"],
            branches=tuple(row["branches"] or ()),
        )
        for row in found
    )


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


def _series(row: asyncpg.Record, question: UsageQuestion, how: Plan, days: Mapping[int, date | None]) -> UsageSeries:
    starts = how.starts or (None,)
    return UsageSeries(
        group=tuple(row[name] for name in question.group_by),
        subscription=row["subscription"],
        rest=row["rest"] or row.get("others", False),
        tariff=Tariff(**{name: row[name] for name in TARIFF}),
        points=[UsagePoint(starts[bucket], days[period], tuple(counts)) for bucket, period, *counts in row["points"]],
    )


def _days(price_days: Sequence[date] | None, periods: Iterable[int]) -> Mapping[int, date | None]:
    """Of each period: the day on which its list of prices begins; where none were given, the day itself."""
    if price_days is None:
        return {period: date.fromordinal(_EPOCH + period) for period in periods}
    return dict(enumerate([None, *sorted(price_days)]))
