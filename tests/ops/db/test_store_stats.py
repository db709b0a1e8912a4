"""The figures are those of the rows: an oracle counts what was appended; sampling scales; a reader's role will do."""

import json
import os
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from domain.errors import SetupError
from domain.parts import cut
from ops.db import store_stats as module
from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from ops.db.store_stats import days_until, store_stats
from tests.migrated import opened
from tests.projected import Store
from tests.shipping import AT, TestJournal, completed, new_request_id, received, streamed

NOW = AT + timedelta(hours=3)
WORDS = json.dumps({"messages": [{"role": "user", "content": "words " * 50}]}).encode()
ANSWER = b"data: word\n\n" * 50


async def filled(pool: Pool, exchanges: int) -> None:
    """Every one sends the same body and gets the same answer."""
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    journal = await TestJournal.opened(store)
    for _ in range(exchanges):
        request_id = new_request_id()
        body = cut(WORDS, await store.scope_key("tenant"))
        request = received(request_id, body=body.reference).model_copy(update={"byte_count": len(WORDS)})
        event, run = streamed(request_id, 2, 0, ANSWER)
        await journal.ship(store, [request, event, completed(request_id, 3)], [("tenant", body)], [run])


async def test_an_empty_store_has_figures_too(pool: Pool) -> None:
    found = await store_stats(pool, NOW)
    assert (found.sent.rows, found.newest_position, found.topics, found.scopes) == (0, 0, {}, {})
    assert found.database_bytes > 0
    assert not found.sampled
    assert [day.exchanges for day in found.days] == [0] * 8


async def test_the_sums_are_those_of_what_was_appended(pool: Pool) -> None:
    await filled(pool, 10)
    found = await store_stats(pool, NOW)
    assert {topic: one.rows for topic, one in found.topics.items()} == dict.fromkeys(
        ("chunk-streamed", "request-received", "response-completed"), 10
    )
    assert all(one.bytes > 0 for one in found.topics.values())
    assert (found.sent.rows, found.sent.raw) == (10, 10 * len(WORDS))
    [parts] = found.scopes.values()
    assert parts.raw < 2 * len(WORDS)
    assert (found.answers.rows, found.answers.raw) == (10, 10 * len(ANSWER))
    assert 0 < found.answers.bytes < found.answers.raw / 4
    assert (found.days[-1].exchanges, found.days[-1].events) == (10, 30)
    assert sum(day.exchanges for day in found.days[:-1]) == 0
    month = next(one for one in found.relations if one.name == "nexus_events_2026_11")
    assert month.parent == "nexus_events"
    assert month.bytes > 0
    assert month.index_bytes > 0


async def test_yesterday_s_exchanges_count_for_yesterday(pool: Pool) -> None:
    await filled(pool, 3)
    found = await store_stats(pool, NOW + timedelta(days=1))
    assert [day.exchanges for day in found.days[-2:]] == [3, 0]


async def test_builds_of_projections_are_told_by_their_schema(pool: Pool) -> None:
    await filled(pool, 2)
    await Store.over(pool).follow()
    found = await store_stats(pool, NOW)
    schemas = {one.schema for one in found.relations}
    assert {build.name for build in found.builds} == {"requests", "conversations", "cache"}
    assert {build.schema for build in found.builds} <= schemas


async def test_a_large_store_is_sampled_and_says_so(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(pool, 60)
    monkeypatch.setattr(module, "SCANNED_BYTES", 8192)
    found = await store_stats(pool, NOW)
    assert found.sampled
    # By pages: none may be drawn, or all; scaled, all of them are at most so many.
    most = sum(one.bytes for one in found.relations if one.parent == "nexus_events") // 8192 + 1
    assert found.sent.rows <= 60 * most


async def test_a_role_that_may_only_read_is_enough(pool: Pool, migrated_database: str) -> None:
    await filled(pool, 2)
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN")
        try:
            other = migrated_database.replace("//nexus@", "//looker@")
            async with opened(other) as theirs:
                with pytest.raises(SetupError, match="GRANT it SELECT"):
                    await store_stats(theirs, NOW)
                connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
                assert (await store_stats(theirs, NOW)).sent.rows == 2
        finally:
            connection.execute("DROP OWNED BY looker")
            connection.execute("DROP ROLE looker")


async def test_a_database_without_our_tables_is_told_apart(empty_database: str) -> None:
    async with opened(empty_database) as pool:
        with pytest.raises(SetupError, match="nexus migrate"):
            await store_stats(pool, NOW)


def test_days_are_whole_and_follow_each_other() -> None:
    days = days_until(datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC))
    assert len(days) == 8
    assert days[-1][0] == datetime(2026, 3, 1, tzinfo=UTC)
    assert all(begin.hour == 0 and end - begin == timedelta(days=1) for begin, end in days)
    assert [begin for begin, _ in days[1:]] == [end for _, end in days[:-1]]
