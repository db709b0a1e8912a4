"""Partitions: a month of exchanges lies together, random ids apart, and a month that comes late hurts nobody."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import RequestIds
from ops.db.partitions import PARTITIONED, ensure_partitions, months_from
from ops.db.pool import Pool
from tests.migrated import TODAY

INSERT = "INSERT INTO nexus_events (originator_id, originator_version, topic, state) VALUES ($1, 1, 't', '')"
WHERE = "SELECT tableoid::regclass::text FROM nexus_events WHERE originator_id = $1"


def id_of(moment: datetime, *, bits: int = 0) -> UUID:
    return RequestIds().new((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1), bits)


async def partition_of(pool: Pool, originator_id: UUID) -> str:
    await pool.execute(INSERT, originator_id)
    found = await pool.fetchval(WHERE, originator_id)
    assert isinstance(found, str)
    return found


async def ensured(pool: Pool, now: datetime, months_ahead: int = 2) -> list[str]:
    async with pool.acquire() as connection:
        return await ensure_partitions(connection, now, months_ahead)


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)), st.integers(1, 40))
def test_months_follow_each_other(day: date, count: int) -> None:
    months = months_from(day, count)
    assert len(months) == count
    assert (months[0].year, months[0].month) == (day.year, day.month)
    assert {month.day for month in months} == {1}
    numbers = [month.year * 12 + month.month for month in months]
    assert numbers == list(range(numbers[0], numbers[0] + count))


async def test_this_month_and_those_ahead_are_made_once(pool: Pool) -> None:
    later = datetime(2027, 3, 31, 23, 59, tzinfo=UTC)
    names = [f"{table}_2027_{month:02}" for month in (3, 4, 5) for table in PARTITIONED]
    assert await ensured(pool, later) == names
    assert await ensured(pool, later) == []


async def test_an_exchange_lies_in_its_month(pool: Pool) -> None:
    first, last = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    tick, all_bits = timedelta(milliseconds=1), (1 << 74) - 1
    assert await partition_of(pool, id_of(first - tick, bits=all_bits)) == "nexus_events_2026_11"
    assert await partition_of(pool, id_of(first)) == "nexus_events_2026_12"
    assert await partition_of(pool, id_of(last - tick, bits=all_bits)) == "nexus_events_2026_12"
    assert await partition_of(pool, id_of(last)) == "nexus_events_2027_01"


async def test_other_ids_and_other_months_lie_in_the_default_partition(pool: Pool) -> None:
    ids = [UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479"), UUID(int=1), id_of(datetime(2030, 1, 1, tzinfo=UTC))]
    assert {await partition_of(pool, one) for one in ids} == {"nexus_events_default"}


async def test_rows_that_came_before_their_partition_stay_where_they_are(pool: Pool) -> None:
    summer = datetime(2027, 7, 15, tzinfo=UTC)
    assert await partition_of(pool, id_of(summer)) == "nexus_events_default"
    assert await ensured(pool, summer, months_ahead=1) == ["chunks_2027_07", "chunks_2027_08", "nexus_events_2027_08"]
    assert await pool.fetchval(WHERE, id_of(summer)) == "nexus_events_default"
    assert await partition_of(pool, id_of(summer, bits=1)) == "nexus_events_default"


async def test_a_busy_table_is_left_for_the_next_call(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.partitions._LIMIT_WAITING", "SET LOCAL lock_timeout = '20ms'")
    later = datetime(2027, 3, 1, tzinfo=UTC)
    async with pool.acquire() as other, other.transaction():
        await other.execute(INSERT, id_of(TODAY))
        assert await ensured(pool, later, months_ahead=0) == ["chunks_2027_03"]
    assert await ensured(pool, later, months_ahead=0) == ["nexus_events_2027_03"]


async def test_a_month_is_made_once_by_several_at_once(pool: Pool) -> None:
    later = datetime(2028, 1, 1, tzinfo=UTC)
    made = await asyncio.gather(*(ensured(pool, later) for _ in range(4)))
    names = [name for names in made for name in names]
    assert len(names) == len(set(names)) == 6


async def test_a_partition_is_frozen_early_and_keeps_its_bytes_as_they_are(pool: Pool) -> None:
    options = await pool.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'nexus_events_2026_11'")
    assert "autovacuum_freeze_min_age=0" in options
    storage = """
        SELECT DISTINCT attstorage::text FROM pg_attribute
        WHERE attname IN ('state', 'data') AND attrelid::regclass::text ~ '^(nexus_events|chunks|parts)'
          AND atttypid = 'bytea'::regtype
    """
    assert [row[0] for row in await pool.fetch(storage)] == ["e"]


def test_the_time_in_an_id_is_read_as_utc(migrated_database: str) -> None:
    with psycopg.connect(migrated_database) as connection:
        connection.execute("SET timezone = 'Pacific/Kiritimati'")
        name = connection.execute("SELECT nexus_add_month('nexus_events', '2029-05-01')").fetchone()
        bounds = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'nexus_events_2029_05'"
        row = connection.execute(bounds).fetchone()
    assert name == ("nexus_events_2029_05",)
    assert row is not None
    assert str(UUID(int=id_of(datetime(2029, 5, 1, tzinfo=UTC)).int >> 80 << 80)) in row[0]
