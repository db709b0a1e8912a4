"""What do appending, linking and pages cost in a store of ten million events, against a small one?

python -m tests.bench.big_store [--events 10000000] [--keep FOLDER]

A session is shipped and projected by the product; the store is then grown by SQL, in its real tables, to two years of
traffic (``growth``). Measured are the product's own statements, as buffers, in the large store and in smaller ones on
the same server, the smallest of them all but empty. ``--keep``: use the stores in this folder, make what is not there.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
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
from tests.bench.growth import STEP_MS, grow
from tests.bench.long_sessions import BEGAN, Shape, Shipper, session
from tests.captures import Captured
from tests.projected import Store
from tests.shipping import TestJournal

TURNS = 24
SHAPE = Shape(turns=40, result_chars=1500, runs=7)
EVENTS_OF_SESSION = 400
HOUR_MS = 3_600_000
MONTH_MS = 30 * 24 * HOUR_MS
HOURS = 500
"""So many hours may a session begin after the grown ones, to have moments of its own."""
WORKERS = 3
SMALL = (0, 20_000, 200_000)
"""Events of the stores that the large one is compared with. In the first there is one session, so fewer rows than a
page shows; what a page costs is compared with the next."""
MOST = 1.2
"""What the large one may cost, in the small one's buffers."""

FLUSH = "SELECT pg_stat_force_next_flush()"
FORGET = "SELECT pg_stat_clear_snapshot()"
HITS = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
CREATE_DATABASE = sql.SQL("CREATE DATABASE {}")
DROP_DATABASE = sql.SQL("DROP DATABASE IF EXISTS {}")
RENAME_DATABASE = sql.SQL("ALTER DATABASE {} RENAME TO {}")
IS_THERE = "SELECT count(*) FROM pg_database WHERE datname = %s"

CARELESS = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal",
    "max_wal_senders": "0", "max_wal_size": "8GB", "autovacuum": "off", "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
}  # fmt: skip
"""Settings for a store that can be made again. None of them changes how many buffers a statement looks at."""

Ask = Callable[[DataStore], Awaitable[object]]
Costs = dict[str, list[float]]


@dataclass
class Measured:
    """One of the stores: what the product does in it, in buffers."""

    writing: Pool
    reading: Pool
    store: Store
    shipper: Shipper
    data: DataStore

    async def hits(self, work: Awaitable[object]) -> float:
        before = await self._hits()
        await work
        return await self._hits() - before

    async def _hits(self) -> float:
        """Each pool has one connection, so their statistics are complete."""
        for pool in (self.writing, self.reading):
            await pool.fetchval(FLUSH)
        await self.writing.fetchval(FORGET)
        return float(await self.writing.fetchval(HITS))

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
    """Migrate, ship and project a session, grow."""
    await migrated(dsn)
    async with opened(dsn, "nexus-bench", max_size=WORKERS) as pool:
        months = 1 + events * STEP_MS // EVENTS_OF_SESSION // MONTH_MS
        oldest = -months * MONTH_MS // HOUR_MS
        async with pool.acquire() as connection:
            await ensure_partitions(connection, BEGAN + timedelta(hours=oldest), months + 3)
        store = Store.over(pool)
        shipper = Shipper(store.ship, await TestJournal.opened(store.ship), SHAPE)
        for one in session("template", SHAPE, oldest + 24):
            await shipper.ship(one)
        await store.follow()
        async with store.sources.transactions() as tx:
            schemas = [(await builds.ensure_live(tx, each)).schema for each in PROJECTIONS]
        await grow(pool, schemas, events)


@asynccontextmanager
async def measured(dsn: str) -> AsyncIterator[Measured]:
    async with (
        opened(dsn, "nexus-bench", max_size=1) as writing,
        opened(dsn, "nexus-bench", max_size=1, reads_only=True) as reading,
    ):
        store = Store.over(writing)
        shipper = Shipper(store.ship, await TestJournal.opened(store.ship), SHAPE)
        yield Measured(writing, reading, store, shipper, data_store(reading))


async def compare(server: EmbeddedPostgres, sizes: Sequence[int]) -> dict[str, list[float]]:
    """By what is done: buffers in each of the stores."""
    found: list[Costs] = []
    for size in sizes:
        async with measured(await _made(server, f"store_{size}", size)) as on:
            newest = await on.store.sources.log.newest()
            found.append(await on.live_through(f"session {newest}", 1 + newest % HOURS))
    return {what: [statistics.median(costs[what]) for costs in found] for what in found[0]}


async def _made(server: EmbeddedPostgres, name: str, events: int) -> str:
    return await made(server, name, partial(prepare, events=events))


async def made(server: EmbeddedPostgres, name: str, make: Callable[[str], Awaitable[object]]) -> str:
    """The database of this name, made if it is not there; half a one is made anew."""
    half, whole = sql.Identifier(f"{name}_half"), sql.Identifier(name)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        if connection.execute(IS_THERE, (name,)).fetchone() == (0,):
            connection.execute(DROP_DATABASE.format(half))
            connection.execute(CREATE_DATABASE.format(half))
            began = time.monotonic()
            await make(server.dsn_of(f"{name}_half"))
            connection.execute(RENAME_DATABASE.format(half, whole))
            print(f"{name}: made in {time.monotonic() - began:.0f} s")
    return server.dsn_of(name)


@contextmanager
def server_in(keep: Path | None) -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres.start(EmbeddedConfig(keep or Path(folder) / "postgres", settings=CARELESS))
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
