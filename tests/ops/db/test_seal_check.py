"""A superuser's hand in the log is found and named; an honest store, an old one and a busy one are left in peace."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from ops.db import seal_check
from ops.db.pool import Pool
from ops.db.seal_check import check_seals, digest_at, through
from tests.ops.db.test_sealing import ship

UNPROTECTED = "SET session_replication_role = replica"
"""What only a superuser may do: triggers do not fire."""
PROTECTED = "SELECT relname FROM pg_class WHERE relname ~ '^(nexus_events|event_seals)' AND relkind IN ('r', 'p')"
REFUSED = asyncpg.RestrictViolationError


async def by_hand(pool: Pool, *statements: str) -> None:
    async with pool.acquire() as connection:
        await connection.execute(UNPROTECTED)
        for statement in statements:
            await connection.execute(statement)


async def test_an_empty_store_has_nothing_to_say(pool: Pool) -> None:
    report = await check_seals(through(pool))
    assert (report.events, report.unsealed, report.head, report.faults) == (0, 0, None, ())


async def test_an_honest_store_fits_over_many_pages(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_check, "SEALS_A_PAGE", 3)
    await ship(pool, 10)
    told: list[tuple[int, int]] = []
    report = await check_seals(through(pool), lambda done, total: told.append((done, total)))
    assert (report.events, report.fault_count) == (30, 0)
    assert told == [(9, 30), (18, 30), (27, 30), (30, 30)]
    assert report.head is not None
    assert await digest_at(through(pool), 30) == report.head.digest
    assert await digest_at(through(pool), 29) is None


@pytest.mark.bar(29)
@pytest.mark.parametrize(
    ("statements", "positions"),
    [
        (["UPDATE nexus_events SET state = set_byte(state, 3, get_byte(state, 3) # 1) WHERE notification_id = 8"], [8]),
        (["UPDATE nexus_events SET topic = topic || ' ' WHERE notification_id = 8"], [8]),
        (["UPDATE nexus_events SET originator_version = 9 WHERE notification_id = 8"], [8]),
        (["DELETE FROM nexus_events WHERE notification_id = 8"], [8]),
        (["DELETE FROM nexus_events WHERE notification_id > 25"], [26, 27, 28, 29, 30]),
        (["UPDATE nexus_events SET notification_id = 13 - notification_id WHERE notification_id IN (5, 8)"], [5, 8]),
        (["INSERT INTO nexus_events VALUES (gen_random_uuid(), 1, 't', '')"], [31]),
        (["INSERT INTO nexus_events VALUES (gen_random_uuid(), 1, 't', '', 0)"], []),
        (["DELETE FROM event_seals WHERE last_position = 9"], [7, 8, 9, 10]),
        (["UPDATE event_seals SET digest = sha256('') WHERE last_position = 9"], [7, 10]),
        (["UPDATE event_seals SET marks = '' WHERE last_position = 9"], [7]),
        (
            [
                "DELETE FROM event_seals WHERE last_position = 9",
                "DELETE FROM nexus_events WHERE notification_id BETWEEN 7 AND 9",
            ],
            [10],
        ),
        (
            [
                "DELETE FROM event_seals WHERE last_position = 3",
                "DELETE FROM nexus_events WHERE notification_id BETWEEN 1 AND 3",
            ],
            [4],
        ),
    ],
)
async def test_what_a_superuser_did_by_hand_is_named(
    pool: Pool, statements: Sequence[str], positions: list[int]
) -> None:
    await ship(pool, 10)
    await by_hand(pool, *statements)
    report = await check_seals(through(pool))
    assert [fault.first for fault in report.faults] == positions
    assert report.unsealed == (not positions)  # in front of all seals stands what is older than they are


async def test_events_from_before_the_seals_are_counted_and_no_fault(pool: Pool) -> None:
    await ship(pool, 4)
    await by_hand(pool, "TRUNCATE event_seals")
    assert (await check_seals(through(pool))).unsealed == 12
    await ship(pool, 2)
    report = await check_seals(through(pool))
    assert (report.events, report.unsealed, report.fault_count) == (6, 12, 0)


async def test_a_cut_end_shows_against_a_noted_head(pool: Pool) -> None:
    await ship(pool, 4)
    head = (await check_seals(through(pool))).head
    assert head is not None
    await by_hand(
        pool,
        "DELETE FROM event_seals WHERE last_position = 12",
        "DELETE FROM nexus_events WHERE notification_id BETWEEN 10 AND 12",
    )
    assert (await check_seals(through(pool))).fault_count == 0
    assert await digest_at(through(pool), head.last) is None


async def test_appends_meanwhile_are_left_for_the_next_check(pool: Pool) -> None:
    await ship(pool, 3)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ship(pool, 30))
        reports = [await check_seals(through(pool)) for _ in range(20)]
    assert [report.fault_count for report in reports] == [0] * 20
    assert (await check_seals(through(pool))).events == 99


@pytest.mark.bar(29)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {}"])
async def test_events_and_seals_are_append_only_on_every_partition(pool: Pool, change: str) -> None:
    """Also for the owner of the tables, as which Nexus runs."""
    await ship(pool, 2)
    tables = [row[0] for row in await pool.fetch(PROTECTED)]
    assert {"nexus_events", "nexus_events_default", "nexus_events_2026_11", "event_seals"} <= set(tables)
    for table in tables:
        column = "digest" if table == "event_seals" else "state"
        with pytest.raises(REFUSED, match="append-only"):
            await pool.execute(change.format(table, column))
    assert (await check_seals(through(pool))).events == 6
