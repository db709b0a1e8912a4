"""What does linking a request cost, in a long session and in a large store, and how fast is a rebuild?

python -m tests.bench.linking [--turns 200] [--stores 1000,10000,100000] [--sessions 40]

Ratios are to the baseline of the same run: the beginning of a session, the smallest store. Turns of a young and of an
old session are measured in turn. Of a store's size the ratio of buffer hits says more than that of times.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.serve_database import migrated
from ops.stores import opened
from projections.follower import Follower
from projections.read_models import builds
from projections.read_models.builds import Build
from projections.rebuilding import rebuild
from projections.registry import projection
from tests.bench.long_sessions import Shape, Shipper, session
from tests.captures import Captured
from tests.projected import Store
from tests.shipping import TestJournal

CONVERSATIONS = projection("conversations")
MEASURED = 40
"""Turns of each kind."""
GROW = """
INSERT INTO {schema}.exchanges
SELECT grown.*
FROM (SELECT e FROM {schema}.exchanges e LIMIT 1) one, generate_series(1, $1::int) n,
LATERAL jsonb_populate_record(one.e, jsonb_build_object(
    'request_id', gen_random_uuid(), 'received_at', (one.e).received_at - n * interval '1 second',
    'scope', (one.e).scope || n % 50, 'session', (one.e).session || n / 40,
    'first_node', gen_random_uuid(), 'request_node', gen_random_uuid(), 'answer_node', gen_random_uuid(),
    'held_before', gen_random_uuid(), 'held_content', gen_random_uuid(), 'answer_content', gen_random_uuid(),
    'prompt', gen_random_uuid())) grown
"""
GROW_NODES = "INSERT INTO {schema}.nodes SELECT gen_random_uuid(), gen_random_uuid() FROM generate_series(1, $1::int)"
GROW_LINKS = """
INSERT INTO {schema}.links
SELECT e.request_id, e.received_at, 'main', 'continues', 'continues', gen_random_uuid(), 1, '[]', NULL,
    gen_random_uuid(), e.request_id, 0
FROM {schema}.exchanges e LEFT JOIN {schema}.links l ON l.request_id = e.request_id WHERE l.request_id IS NULL
"""
COUNT = "SELECT count(*) FROM {schema}.exchanges"
HITS = """
SELECT sum(blks_hit + blks_read) FROM pg_stat_database, pg_stat_force_next_flush() AS f
WHERE datname = current_database()
"""


@dataclass
class Bench:
    """A database of its own, and a projector that follows it."""

    store: Store
    shipper: Shipper
    follower: Follower
    build: Build
    hours: Iterator[int] = field(default_factory=lambda: iter(range(10_000)))

    async def link(self, one: Captured) -> tuple[float, float]:
        """Ship it, then link it: milliseconds, and buffers."""
        await self.shipper.ship(one)
        hits = await self._hits()
        began = time.perf_counter()
        await self.follow()
        took = (time.perf_counter() - began) * 1000
        return took, await self._hits() - hits

    async def follow(self) -> None:
        while not (await self.follower.step(500)).done:
            pass

    async def _hits(self) -> float:
        await self.store.pool.fetchval("SELECT pg_stat_clear_snapshot()")
        return float(await self.store.pool.fetchval(HITS))

    async def run(self, statement: str, *arguments: object) -> None:
        await self.store.pool.execute(statement.format(schema=self.build.schema), *arguments, timeout=600)


@asynccontextmanager
async def bench(shape: Shape) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres.start(EmbeddedConfig(Path(folder) / "postgres"))
        try:
            await migrated(server.dsn)
            async with opened(server.dsn, "nexus-bench") as pool:
                store = Store.over(pool)
                follower = await store.follow_one(CONVERSATIONS)
                async with store.sources.transactions() as tx:
                    build = await builds.ensure_live(tx, CONVERSATIONS)
                journal = await TestJournal.opened(store.ship)
                yield Bench(store, Shipper(store.ship, journal, shape), follower, build)
        finally:
            server.stop("immediate")


async def session_length(on: Bench, shape: Shape) -> None:
    """Turns of a young session and of an old one, one after the other."""
    measured = min(MEASURED, shape.turns // 4)
    old, young = session("old", shape, next(on.hours)), session("young", shape, next(on.hours))
    size = 0
    for one in islice(old, shape.turns - measured):
        await on.shipper.ship(one)
    await on.follow()
    costs: dict[str, list[float]] = {"young": [], "old": []}
    for early, late in zip(islice(young, measured), old, strict=True):
        costs["young"].append((await on.link(early))[0])
        costs["old"].append((await on.link(late))[0])
        size = len(late.body)
    first, last = (statistics.median(costs[name]) for name in ("young", "old"))
    print(f"session length   turn {measured // 2}: {first:.1f} ms   turn {shape.turns - measured // 2} "
          f"({size / 1e6:.1f} MB): {last:.1f} ms   ratio {last / first:.2f}")  # fmt: skip


async def store_size(on: Bench, shape: Shape, sizes: list[int]) -> None:
    base: tuple[float, float] | None = None
    for size in sizes:
        have = int(await on.store.pool.fetchval(COUNT.format(schema=on.build.schema)))
        for statement in (GROW, GROW_NODES):
            await on.run(statement, max(0, size - have))
        await on.run(GROW_LINKS)
        await on.run("ANALYZE {schema}.exchanges, {schema}.nodes, {schema}.links")
        turns = islice(session(f"in-{size}", shape, next(on.hours)), MEASURED)
        costs = [await on.link(one) for one in turns]
        now = statistics.median(ms for ms, _ in costs), statistics.median(hits for _, hits in costs)
        base = base or now
        print(f"store size       {size:>9} requests: {now[0]:.1f} ms, {now[1]:.0f} buffers   "
              f"ratio {now[0] / base[0]:.2f}, buffers {now[1] / base[1]:.2f}")  # fmt: skip


async def rebuild_rate(on: Bench, shape: Shape, sessions: int) -> None:
    small = replace(shape, turns=50, result_chars=1500)
    for number in range(sessions):
        for one in session(f"many-{number}", small, next(on.hours)):
            await on.shipper.ship(one)
    events = await on.store.sources.log.newest()
    exchanges = sessions * small.turns
    began = time.perf_counter()
    await rebuild(CONVERSATIONS, on.store.sources)
    took = time.perf_counter() - began
    print(f"rebuild          {events} events of {exchanges} exchanges in {took:.1f} s: {events / took:.0f} events/s, "
          f"{exchanges / took:.0f} exchanges/s")  # fmt: skip


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--stores", default="1000,10000,100000")
    parser.add_argument("--sessions", type=int, default=40)
    words = parser.parse_args(arguments)
    shape = Shape(turns=words.turns)
    async with bench(shape) as on:
        await session_length(on, shape)
        await store_size(on, shape, [int(size) for size in words.stores.split(",")])
    async with bench(shape) as on:
        await rebuild_rate(on, shape, words.sessions)


if __name__ == "__main__":
    asyncio.run(main())
