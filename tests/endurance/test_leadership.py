"""A leader that is killed, stopped or cut off is followed by the next projector, and writes nothing any more."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from ops.db.lease import LostLeaseError
from ops.db.pool import Pool
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import PROJECTIONS
from tests.bar import Figure
from tests.counted import Counted
from tests.projected import Store
from tests.projectors import ForkServer, Projectors, dead, projectors, send, stopped
from tests.proxies import proxied
from tests.requirements import scaled
from tests.trapped_projector import Point
from tests.waiting import until, until_true

EPOCH = "SELECT epoch FROM projector_lease"
IS_SECOND = "SELECT epoch = 2 FROM projector_lease"
RUN_OUT = "UPDATE projector_lease SET expires_at = clock_timestamp()"
TRAPS: list[tuple[int, Point]] = [
    (signal.SIGSTOP, "written"), (signal.SIGKILL, "moved"), (signal.SIGSTOP, "moved"), (signal.SIGSTOP, "committed"),
    (signal.SIGKILL, "written"),
]  # fmt: skip
TERMS = {"lasts_s": scaled(10, 30) / 10, "ask_s": scaled(1, 5) / 10}
"""At night those of the product."""


async def two(running: Projectors, counted: Counted, **of_the_leader: object) -> tuple[int, int]:
    """One that leads and has counted, one that stands by."""
    leader = running.start(**of_the_leader)
    await until_true(lambda: counted.pool.fetchval(EPOCH), "a leader")
    follower = running.start()
    return leader, follower


@pytest.mark.parametrize(("number", "point"), TRAPS[: scaled(1, len(TRAPS))])
@pytest.mark.bar(22)
async def test_who_is_killed_or_stopped_in_mid_batch_is_followed_and_writes_nothing_more(
    fork_server: ForkServer,
    migrated_database: str,
    pool: Pool,
    tmp_path: Path,
    figure: Figure,
    number: int,
    point: Point,
) -> None:
    counted = await Counted.over(pool)
    async with projectors(fork_server, migrated_database, tmp_path, tally=True, **TERMS) as running:
        leader, _ = await two(running, counted, signal=int(number), point=point, batch=2)
        await counted.append()
        await counted.until_right()
        await counted.append()
        await (dead if number == signal.SIGKILL else stopped)(leader)
        began = time.monotonic()
        await counted.append()
        await counted.until_right()
        figure(
            f"{signal.Signals(number).name} where a batch is {point}: followed after {time.monotonic() - began:.1f} s"
        )
        send(leader, signal.SIGCONT)
        for _ in range(3):
            await counted.append()
            await counted.until_right()


@pytest.mark.bar(22)
async def test_who_wakes_up_and_still_believes_that_it_leads_is_refused(
    fork_server: ForkServer, migrated_database: str, pool: Pool, tmp_path: Path
) -> None:
    """Its checkpoint has not moved, its lease was long, its next batch is there: only the epoch stands in its way."""
    counted = await Counted.over(pool)
    async with projectors(fork_server, migrated_database, tmp_path, tally=True, lasts_s=60.0, ask_s=0.1) as running:
        trap = {"signal": int(signal.SIGSTOP), "point": "committed", "ask_s": 60.0}
        leader, follower = await two(running, counted, **trap)
        await counted.append()
        await stopped(leader)
        await counted.until_right()
        await pool.execute(RUN_OUT)
        await until_true(lambda: pool.fetchval(IS_SECOND), "the next leader")
        send(follower, signal.SIGSTOP)
        await stopped(follower)
        before = await counted.counted()
        await counted.append()
        send(leader, signal.SIGCONT)
        await until(lambda: str(LostLeaseError()) in running.log(leader), "the old leader to try and be refused")
        assert await counted.counted() == before
        send(follower, signal.SIGCONT)
        await counted.until_right()


@pytest.mark.bar(22)
async def test_a_leader_that_is_cut_off_from_the_database_is_followed_and_comes_back_as_the_second(
    fork_server: ForkServer, migrated_database: str, pool: Pool, tmp_path: Path, figure: Figure
) -> None:
    counted = await Counted.over(pool)
    async with (
        proxied(migrated_database) as proxy,
        projectors(fork_server, migrated_database, tmp_path, tally=True, **TERMS) as running,
    ):
        await two(running, counted, database_url=proxy.dsn)
        await counted.append()
        await counted.until_right()
        proxy.freeze()
        began = time.monotonic()
        await counted.append()
        await counted.until_right()
        figure(f"cut off: followed after {time.monotonic() - began:.1f} s")
        proxy.thaw()
        await counted.append()
        await counted.until_right()


@pytest.mark.bar(22, 23)
async def test_the_real_rows_after_a_change_of_leaders_equal_a_rebuild(
    fork_server: ForkServer, migrated_database: str, pool: Pool, tmp_path: Path
) -> None:
    store = Store.over(pool)
    async with projectors(fork_server, migrated_database, tmp_path, lasts_s=0.6, ask_s=0.1) as running:
        leader = running.start(signal=int(signal.SIGSTOP), point="written", batch=2)
        await until_true(lambda: pool.fetchval(EPOCH), "a leader")
        running.start()
        await store.append("c_tools")
        await stopped(leader)
        await store.append("d2_two_agents")
        newest = await store.sources.log.newest()
        await until_true(lambda: reached(pool, newest), "both projections to be up to date")
        send(leader, signal.SIGCONT)
        await store.append("b_multiturn")
        newest = await store.sources.log.newest()
        await until_true(lambda: reached(pool, newest), "both projections to be up to date")
    for projection in PROJECTIONS:
        live = await live_digest(projection, store.sources)
        assert live is not None
        assert live.tables == await rebuilt_digest(projection, store.sources, live.position, 500)


async def reached(pool: Pool, newest: int) -> bool:
    positions: Sequence[int] = [
        row[0] for row in await pool.fetch("SELECT notification_id FROM nexus_tracking WHERE application_name ~ ':'")
    ]
    return len(positions) > 1 and min(positions) >= newest


async def test_nobody_leads_while_the_database_is_frozen_and_one_does_afterwards(
    fork_server: ForkServer, migrated_database: str, pool: Pool, tmp_path: Path
) -> None:
    counted = await Counted.over(pool)
    async with (
        proxied(migrated_database) as proxy,
        projectors(fork_server, proxy.dsn, tmp_path, tally=True, lasts_s=0.5, ask_s=0.1) as running,
    ):
        await two(running, counted)
        await counted.append()
        await counted.until_right()
        proxy.freeze()
        await counted.append()
        await asyncio.to_thread(_lapse, migrated_database)
        proxy.thaw()
        await counted.until_right()


def _lapse(database_url: str) -> None:
    """Until the lease has run out, by the clock that counts."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT expires_at > clock_timestamp() FROM projector_lease").fetchone() == (True,):
            connection.execute("SELECT pg_sleep(0.02)")
