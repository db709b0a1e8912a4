"""What stands out among streams is what a plain loop over the rows finds, and the cost is bounded."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.assembly import AnswerError, AssembledMessage
from domain.stream_forensics import CRAWL_TOKENS_PER_S, SLOW_START_US, STALL_US, Course, ending_of
from ops.db.pool import Pool
from projections.read_models import builds, stream_queries
from projections.read_models.requests import RequestRow
from projections.read_models.rows import as_json
from projections.read_models.stream_queries import EXAMPLES, StreamRange, insights
from projections.registry import projection
from schemas.stream_api import Spread, StreamGroup
from tests.stored_rows import START, Stored, make_live, request_row, stored

on_one_database = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
WORDS = ("abandoned", "cut", "failed", "unanswered", "stalled", "slow_start")
SECOND = 1_000_000
ALL = StreamRange(START, START + timedelta(seconds=60))
OUTCOMES = ("open", "completed", "completed", "client", "upstream", "timeout", "shutdown", "gateway_crash")


@pytest.fixture
async def read_models(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


@st.composite
def row_lists(draw: st.DrawFn) -> list[RequestRow]:
    return [draw(_rows(number)) for number in range(1, draw(st.integers(0, 25)) + 1)]


@st.composite
def _rows(draw: st.DrawFn, number: int) -> RequestRow:
    first = draw(st.sampled_from([None, 0, SECOND, SLOW_START_US, SLOW_START_US + 1]))
    length = draw(st.sampled_from([None, 0, STALL_US, STALL_US + 1, 100 * SECOND]))
    return request_row(
        number,
        received_at=START + timedelta(seconds=draw(st.integers(0, 9))),
        model=draw(st.sampled_from(["opus", "haiku", None])),
        account=draw(st.sampled_from(["acme", None])),
        streamed=draw(st.sampled_from([True, True, True, False, None])),
        outcome=draw(st.sampled_from(OUTCOMES)),
        status=draw(st.sampled_from([200, 200, 200, 529, None])),
        stop_reason=draw(st.sampled_from([None, "end_turn"])),
        error_type=draw(st.sampled_from([None, None, None, "overloaded_error"])),
        answer_bytes=draw(st.sampled_from([None, 0, 10])),
        missing_bytes=draw(st.sampled_from([0, 0, 3])),
        input_tokens=draw(st.sampled_from([None, 0, 5])),
        output_tokens=draw(st.sampled_from([None, 0, 150, 151, 499, 500, 10_000])),
        time_to_first_byte_us=first,
        duration_us=None if length is None else (first or 0) + length,
    )


@dataclass(frozen=True)
class Look:
    """A row as the plain rules see it."""

    row: RequestRow

    @property
    def ending(self) -> str:
        """As the domain decides it from an exchange that has such a row."""
        row = self.row
        seen = row.answer_bytes in {None, 0} or row.input_tokens is not None
        message = AssembledMessage(
            "message" if row.input_tokens is not None else "opaque",
            stop_reason=row.stop_reason,
            error=AnswerError(row.error_type, "", None, None) if row.error_type else None,
        )
        course = Course(outcome=row.outcome, status=row.status, readable=seen and row.missing_bytes == 0)
        return ending_of(course, message)

    @property
    def words(self) -> set[str]:
        row = self.row
        found = {self.ending} & set(WORDS)
        if row.time_to_first_byte_us is not None and row.time_to_first_byte_us > SLOW_START_US:
            found.add("slow_start")
        if row.outcome == "timeout" and self.ending in {"cut", "unknown"}:
            found.add("stalled")
        known = (row.stop_reason, row.duration_us, row.time_to_first_byte_us, row.output_tokens)
        if None not in known:
            assert row.duration_us is not None
            assert row.time_to_first_byte_us is not None
            assert row.output_tokens is not None
            seconds = (row.duration_us - row.time_to_first_byte_us) / SECOND
            if seconds > STALL_US / SECOND and row.output_tokens / seconds < CRAWL_TOKENS_PER_S:
                found.add("stalled")
        return found


def group_of(name: str | None, looks: Sequence[Look]) -> StreamGroup:
    return StreamGroup(
        name=name,
        requests=len(looks),
        open=sum(look.ending == "open" for look in looks),
        **{word: sum(word in look.words for look in looks) for word in WORDS},
        time_to_first_byte=spread([look.row.time_to_first_byte_us for look in looks]),
        duration=spread([look.row.duration_us for look in looks]),
    )


def spread(values: Sequence[int | None]) -> Spread:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Spread(p50_ms=None, p95_ms=None)
    at = [next(v for n, v in enumerate(known, 1) if 100 * n >= percent * len(known)) for percent in (50, 95)]
    return Spread(p50_ms=at[0] / 1000, p95_ms=at[1] / 1000)


def grouped(looks: Sequence[Look], name_of: Callable[[Look], str | None]) -> list[StreamGroup]:
    names = {name_of(look) for look in looks}
    return [group_of(name, [look for look in looks if name_of(look) == name]) for name in names]


def by_name(groups: Sequence[StreamGroup]) -> list[StreamGroup]:
    return sorted(groups, key=lambda group: group.name or "")


def examined(rows: Sequence[RequestRow], since: int, until: int) -> list[Look]:
    """The newest first."""
    inside = [
        Look(row)
        for row in rows
        if row.streamed and START + timedelta(seconds=since) <= row.received_at < START + timedelta(seconds=until)
    ]
    return sorted(inside, key=lambda look: (look.row.received_at, look.row.request_id), reverse=True)


@on_one_database
@given(row_lists(), st.integers(0, 5), st.integers(4, 11), st.integers(1, 30))
async def test_insights_are_those_of_a_plain_loop(
    read_models: Pool, rows: list[RequestRow], since: int, until: int, limit: int
) -> None:
    looks = examined(rows, since, until)[:limit]
    wanted = StreamRange(START + timedelta(seconds=since), START + timedelta(seconds=until))
    async with stored(read_models, [Stored(row, None) for row in rows]) as connection:
        said = await insights(connection, wanted, limit)
    assert said.total == group_of(None, looks)
    assert by_name(said.models) == by_name(grouped(looks, lambda look: look.row.model))
    assert by_name(said.accounts) == by_name(grouped(looks, lambda look: look.row.account or look.row.scope))
    assert [group.requests for group in said.models] == sorted((group.requests for group in said.models), reverse=True)
    assert (said.examined, said.complete) == (len(looks), len(looks) < limit)
    expected = {
        word: [look.row.request_id for look in looks if word in look.words][:EXAMPLES]
        for word in WORDS
        if any(word in look.words for look in looks)
    }
    found: dict[str, list[object]] = {}
    for each in said.examples:
        found.setdefault(each.finding, []).append(each.request_id)
    assert found == expected


async def test_an_example_has_what_its_row_says(read_models: Pool) -> None:
    row = request_row(
        7,
        outcome="client",
        model="opus",
        answer_bytes=0,
        time_to_first_byte_us=1500,
        duration_us=2500,
    )
    async with stored(read_models, [Stored(row, None)]) as connection:
        (example,) = (await insights(connection, ALL)).examples
    assert json.loads(example.model_dump_json()) == {
        "finding": "abandoned",
        "request_id": str(row.request_id),
        "received_at": "2026-11-22T09:30:00Z",
        "model": "opus",
        "account": "tenant",
        "outcome": "client",
        "time_to_first_byte_ms": 1.5,
        "duration_ms": 2.5,
    }


async def test_without_a_time_it_is_the_day_up_to_now(read_models: Pool) -> None:
    async with stored(read_models, []) as connection:
        said = await insights(connection, StreamRange())
        now = await connection.fetchval("SELECT now()")
        upto = await insights(connection, StreamRange(until=START))
        since = await insights(connection, StreamRange(since=START))
    assert (said.until, said.since) == (now, now - timedelta(days=1))
    assert (upto.since, upto.until) == (START - timedelta(days=1), START)
    assert (since.since, since.until) == (START, now)
    assert (said.stalled_after_ms, said.slow_start_after_ms) == (30_000, 10_000)


async def test_it_is_empty_before_the_first_build(pool: Pool) -> None:
    async with pool.acquire() as connection:
        said = await insights(connection, ALL)
    assert (said.total.requests, said.models, said.accounts, said.examples, said.complete) == (0, [], [], [], True)


MANY = 5_000
MANY_REQUESTS = """
INSERT INTO requests
SELECT (jsonb_populate_record(NULL::requests, $1::jsonb || jsonb_build_object(
    'request_id', lpad(to_hex(n), 32, '0'), 'position', n, 'received_at', $3::timestamptz + n * interval '1 minute'))).*
FROM generate_series(1, $2::int) AS n
"""


def node_types(plan: dict[str, Any]) -> set[str]:
    return {plan["Node Type"]}.union(*(node_types(below) for below in plan.get("Plans", [])))


async def test_a_short_time_is_read_along_the_index(read_models: Pool) -> None:
    async with stored(read_models, []) as connection:
        await builds.enter(connection, await builds.ensure_live(connection, projection("requests")))
        await connection.execute(MANY_REQUESTS, as_json([request_row(1)])[1:-1], MANY, START)
        await connection.execute("ANALYZE")
        for query, more in ((stream_queries.SELECT_GROUPS, ()), (stream_queries.SELECT_EXAMPLES, (5,))):
            given_values = (START, START + timedelta(hours=1), 100, SLOW_START_US, STALL_US, CRAWL_TOKENS_PER_S, *more)
            (plan,) = json.loads(await connection.fetchval("EXPLAIN (FORMAT JSON) " + query, *given_values))
            assert "Seq Scan" not in node_types(plan["Plan"])
