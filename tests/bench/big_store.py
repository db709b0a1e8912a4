"""What do appending, linking and pages cost in a store of ten million events, against a small one?

python -m tests.bench.big_store [--events 10000000] [--keep FOLDER]

A few exchanges are shipped and projected by the product; the store is then grown by SQL, in its real tables, over two
years: events, payload and the rows of both projections. Measured are the product's own statements, as buffers, in the
large store and in a small one on the same server. ``--keep``: use the store in this folder, make it if it is not there.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from dashboard.data import DataStore
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.db.partitions import ensure_partitions
from ops.db.pool import Pool
from ops.serve_database import migrated
from ops.stores import data_store, opened
from projections.follower import Follower
from projections.read_models import builds
from projections.read_models.conversation_queries import ConversationFilter
from projections.read_models.request_queries import RequestFilter
from projections.registry import PROJECTIONS
from tests.bench.growth import MONTHS, grow
from tests.bench.long_sessions import BEGAN, Shape, Shipper, session
from tests.captures import Captured
from tests.projected import Store
from tests.shipping import TestJournal

TURNS = 24
SHAPE = Shape(turns=TURNS, result_chars=1500, runs=1)
SMALL = (20_000, 200_000)
"""Events of the stores that the large one is compared with. In the smallest the planner rightly reads whole tables, and
there are fewer conversations than a page shows."""
MOST = 1.2
"""What the large one may cost, in the small one's buffers."""

FLUSH = "SELECT pg_stat_force_next_flush()"
FORGET = "SELECT pg_stat_clear_snapshot()"
HITS = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
DONE = "SELECT notification_id FROM nexus_tracking WHERE application_name = 'big store'"
SET_DONE = "INSERT INTO nexus_tracking VALUES ('big store', $1)"
CREATE_DATABASE = sql.SQL("CREATE DATABASE {}")
IS_THERE = "SELECT count(*) FROM pg_database WHERE datname = %s"

Ask = Callable[[DataStore], Awaitable[object]]
Costs = dict[str, list[float]]


@dataclass
class Measured:
    """One of the two stores: what the product does in it, in buffers."""

    pool: Pool
    store: Store
    shipper: Shipper
    data: DataStore

    async def hits(self, work: Awaitable[object]) -> float:
        before = await self._hits()
        await work
        return await self._hits() - before

    async def _hits(self) -> float:
        for statement in (FLUSH, FORGET):
            await self.pool.fetchval(statement)
        return float(await self.pool.fetchval(HITS))

    async def live_through(self, name: str, hour: int) -> Costs:
        """A session, each turn appended and linked; then the pages are looked at."""
        costs: Costs = defaultdict(list)
        followers = [await self.store.follow_one(each) for each in PROJECTIONS]
        member = UUID(int=0)
        for one in islice(session(name, SHAPE, hour), TURNS):
            member = await self._turn(one, followers, costs)
        for what, ask in pages(member):
            for _ in range(7):  # the first ones fill caches and choose a plan
                await ask(self.data)
            costs[what].append(await self.hits(ask(self.data)))
        return costs

    async def _turn(self, one: Captured, followers: Sequence[Follower], costs: Costs) -> UUID:
        shipped = list[UUID]()

        async def append() -> None:
            shipped.append(await self.shipper.ship(one))

        async def link() -> None:
            for follower in followers:
                await follower.step(500)

        costs["append a turn"].append(await self.hits(append()))
        costs["link a turn"].append(await self.hits(link()))
        return shipped[0]


def pages(member: UUID) -> Iterator[tuple[str, Ask]]:
    """What the pages ask."""
    yield "page of requests", lambda data: data.requests(RequestFilter())
    yield "page of requests of a model", lambda data: data.requests(RequestFilter(model="model 3"))
    yield "page of conversations", lambda data: data.conversations(ConversationFilter())
    yield "one request", lambda data: data.request(member)
    yield "one conversation", lambda data: data.conversation(member)
    yield "tree of a conversation", lambda data: data.tree(member)
    yield "counts", lambda data: data.summary()
    yield "recorded body", lambda data: data.request_body(member)
    yield "recorded answer", lambda data: data.response_bytes(member)
    yield "is there news", lambda data: data.position()


async def prepare(dsn: str, events: int) -> None:
    """Migrate, project a session as templates, grow; nothing if it is there."""
    await migrated(dsn)
    async with opened(dsn, "nexus-bench") as pool, pool.acquire() as connection:
        if await connection.fetchval(DONE) == events:
            return
        await ensure_partitions(connection, BEGAN - timedelta(days=30 * MONTHS), MONTHS + 3)
        store = Store.over(pool)
        shipper = Shipper(store.ship, await TestJournal.opened(store.ship), SHAPE)
        for one in islice(session("template", SHAPE, -1), 2):
            await shipper.ship(one)
        await store.follow()
        schemas = dict[str, str]()
        async with store.sources.transactions() as tx:
            for each in PROJECTIONS:
                schemas[each.name] = (await builds.ensure_live(tx, each)).schema
        await grow(connection, schemas, events)
        await connection.execute(SET_DONE, events)


@asynccontextmanager
async def measured(dsn: str) -> AsyncIterator[Measured]:
    async with opened(dsn, "nexus-bench", max_size=1) as pool:  # one connection: its statistics are complete
        store = Store.over(pool)
        shipper = Shipper(store.ship, await TestJournal.opened(store.ship), SHAPE)
        yield Measured(pool, store, shipper, data_store(pool))


async def compare(server: EmbeddedPostgres, sizes: Sequence[int]) -> dict[str, list[float]]:
    """By what is done: buffers in each of the stores."""
    found: list[Costs] = []
    for size in sizes:
        dsn = _database(server, f"store_{size}")
        await prepare(dsn, size)
        async with measured(dsn) as on:
            hour = 1 + int(await on.store.sources.log.newest()) % 10_000
            found.append(await on.live_through(f"session {hour}", hour))
    return {what: [statistics.median(costs[what]) for costs in found] for what in found[0]}


def _database(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        if connection.execute(IS_THERE, (name,)).fetchone() == (0,):
            connection.execute(CREATE_DATABASE.format(sql.Identifier(name)))
    return server.dsn_of(name)


@contextmanager
def server_in(keep: Path | None) -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory() as folder:
        careless = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "8GB"}
        server = EmbeddedPostgres.start(EmbeddedConfig(keep or Path(folder) / "postgres", settings=careless))
        try:
            yield server
        finally:
            server.stop("fast" if keep else "immediate")


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args(arguments)
    with server_in(words.keep) as server:
        await report(server, words.events)


async def report(server: EmbeddedPostgres, events: int) -> None:
    sizes = (*SMALL, events)
    rows = await compare(server, sizes)
    print(f"{'buffers in a store of … events':<32}" + "".join(f"{size:>10}" for size in sizes) + "   ratios")
    for what, buffers in rows.items():
        ratios = [buffers[-1] / max(small, 1) for small in buffers[:-1]]
        words = "" if min(ratios) <= MOST else "   above the goal"
        print(f"{what:<32}" + "".join(f"{one:>10.0f}" for one in buffers) + _columns(ratios) + words)


def _columns(ratios: Sequence[float]) -> str:
    return "".join(f"{ratio:>8.2f}" for ratio in ratios)


if __name__ == "__main__":
    asyncio.run(main())
