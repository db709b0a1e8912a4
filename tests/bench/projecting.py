"""How fast do journals become rows, where does the time go, and how long after its commit is an event in the rows?

python -m tests.bench.projecting [--exchanges 4000] [--bulk-mb 100] [--rates 50,500] [--seconds 10]

Each of shipping and projecting is measured alone, in this process; then all of it live, with one process each for
shipper and projector, as ``nexus up`` has them. The exchanges are the captures', sent by ever new people; ``bulk`` are
large requests of which every text is new. CPU seconds are of Python and of PostgreSQL.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from asyncio import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from os import sysconf
from pathlib import Path
from uuid import UUID

from domain.ids import JournalId, RequestIds
from gateway.shipper import ShipperConfig, run
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.db.pool import Pool
from ops.serve_database import migrated
from ops.stores import opened
from projections.registry import PROJECTIONS
from tests.bench.capture_mix import bulk, framed, frames_of, mix
from tests.captures import Captured
from tests.journals import JournalOnDisk
from tests.projected import Store
from tests.stack import NEXUS, environment
from tests.waiting import until, until_true

SEGMENT_BYTES = 16 * 1024 * 1024
LOOK_S = 0.005
DEADLINE_S = 600.0
TICKS_PER_S = sysconf("SC_CLK_TCK")
_NEWEST = "SELECT coalesce(max(notification_id), 0) FROM nexus_events"
_REACHED = """
SELECT coalesce(min(t.notification_id), 0) FROM projections p
JOIN nexus_tracking t ON t.application_name = p.name || ':' || p.build WHERE p.state = 'live'
"""
_BOTH = f"SELECT ({_NEWEST}) AS newest, ({_REACHED}) AS reached"
_BUILT = "SELECT count(*) FROM projections WHERE state = 'live'"


@dataclass
class Writing:
    """A journal that grows, as a gateway's does."""

    disk: JournalOnDisk
    ids: RequestIds = field(default_factory=RequestIds)
    began: float = field(default_factory=time.monotonic)
    number: int = 0
    segment: int = 1
    written: int = 0

    def write(self, one: Captured) -> int:
        """Returns how many bytes of bodies and answers."""
        now, self.number = datetime.fromtimestamp(time.time(), UTC), self.number + 1
        request_id: UUID = self.ids.new(int(now.timestamp() * 1000), self.number)
        data = framed(request_id, frames_of(one, now), int((time.monotonic() - self.began) * 1e6))
        if self.written > SEGMENT_BYTES:
            self.segment, self.written = self.segment + 1, 0
        self.disk.append(data, self.segment)
        self.written += len(data)
        return len(one.body) + len(one.answer)


@dataclass
class Bench:
    """A database of its own, and a folder of journals."""

    home: Path
    server: EmbeddedPostgres
    pool: Pool
    store: Store

    @property
    def journals(self) -> Path:
        return self.home / "nexus" / "journals"

    def writing(self) -> Writing:
        journal = JournalId(RequestIds().new(time.time_ns() // 1_000_000, 0))
        return Writing(JournalOnDisk(self.journals, journal))

    async def standing(self) -> tuple[int, int]:
        """Newest position, and the one that all projections have reached."""
        row = await self.pool.fetchrow(_BOTH)
        assert row is not None
        return row["newest"], row["reached"]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres.start(EmbeddedConfig(Path(folder) / "postgres"))
        try:
            await migrated(server.dsn)
            async with opened(server.dsn, "nexus-bench") as pool:
                yield Bench(Path(folder), server, pool, Store.over(pool))
        finally:
            server.stop("immediate")


@dataclass
class Cost:
    """Seconds, and CPU seconds of Python and of PostgreSQL."""

    wall: float
    python: float
    postgres: float

    def of(self, exchanges: int, size: int) -> str:
        return (
            f"{exchanges / self.wall:7.0f} exchanges/s {size / self.wall / 1e6:6.1f} MB/s   CPU ms/exchange: "
            f"python {self.python / exchanges * 1000:.2f}, postgres {self.postgres / exchanges * 1000:.2f}"
        )


class Clock:
    """Measures from its making on."""

    def __init__(self, server: int, own: Callable[[], float] = time.process_time) -> None:
        self._server, self._own = server, own
        self._wall, self._python, self._postgres = time.perf_counter(), own(), cpu_of(server)

    def cost(self) -> Cost:
        return Cost(time.perf_counter() - self._wall, self._own() - self._python, cpu_of(self._server) - self._postgres)


def cpu_of(root: int) -> float:
    """CPU seconds of a process and of all its children, those that ended too."""
    parents, spent = dict[int, int](), dict[int, float]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = path.read_text().rpartition(")")[2].split()
            pid = int(path.parent.name)
            parents[pid], spent[pid] = int(words[1]), sum(map(int, words[11:15])) / TICKS_PER_S
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(pid, 0.0) for pid in family)


async def alone(on: Bench, what: str, exchanges: Iterator[Captured], count: int) -> None:
    """Each stage after the one before it, in this process."""
    journal = on.writing()
    size = sum(journal.write(one) for one in islice(exchanges, count))
    journal.disk.die()
    clock, stop = Clock(on.server.pid), asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(run(ShipperConfig(on.journals, scan_s=0.01), on.store.ship, stop))
        await until(lambda: not journal.disk.directory.exists(), "the journal is shipped", DEADLINE_S)
        stop.set()
    print(f"{what:6} shipping alone       {clock.cost().of(count, size)}")
    for projection in PROJECTIONS:
        clock = Clock(on.server.pid)
        await on.store.follow_one(projection)
        print(f"{what:6} {projection.name:13} alone  {clock.cost().of(count, size)}")


@asynccontextmanager
async def parts(on: Bench) -> AsyncIterator[list[int]]:
    """Shipper and projector; their process ids."""
    around = environment(on.home, DATABASE_URL=on.server.dsn)
    running = [
        await asyncio.create_subprocess_exec(*NEXUS, name, env=around, stderr=subprocess.DEVNULL)
        for name in ("shipper", "projector")
    ]
    try:
        await until_true(lambda: _are_built(on), "the projections are there")
        await _through(on, mix(seed=-1), 50)
        yield [one.pid for one in running]
    finally:
        for one in running:
            one.terminate()
        for one in running:
            await one.wait()


async def _through(on: Bench, exchanges: Iterator[Captured], count: int) -> int:
    """Write so many, and wait until they are rows; returns their bytes. The first time: until all parts have begun."""
    journal = on.writing()
    size = sum(journal.write(one) for one in islice(exchanges, count))
    journal.disk.die()
    await until(lambda: not journal.disk.directory.exists(), "the journal is shipped", DEADLINE_S)
    await until_true(lambda: _has_caught_up(on), "lag 0", DEADLINE_S)
    return size


async def _are_built(on: Bench) -> bool:
    return int(await on.pool.fetchval(_BUILT)) == len(PROJECTIONS)


async def together(on: Bench, what: str, exchanges: Iterator[Captured], count: int) -> None:
    """From a journal that is there at once to rows, with one process for each part."""
    async with parts(on) as pids:
        before, _ = await on.standing()
        clock = Clock(on.server.pid, lambda: sum(map(cpu_of, pids)))
        size = await _through(on, exchanges, count)
        cost = clock.cost()
        newest, _ = await on.standing()
    print(f"{what:6} all of it, live      {cost.of(count, size)}   {(newest - before) / cost.wall:.0f} events/s")


async def lag(on: Bench, exchanges: Iterator[Captured], rate: int, seconds: float) -> None:
    """How long after its commit each event is in the rows of every projection, at so many events a second."""
    per_exchange = 4.0
    exchanges = chain([next(exchanges)], exchanges)
    async with parts(on):
        seen: list[tuple[float, int, int]] = []
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(on, seen, stop))
            journal = on.writing()
            await _paced(journal, exchanges, rate / per_exchange, seconds)
            journal.disk.die()
            await until(lambda: not journal.disk.directory.exists(), "the journal is shipped", DEADLINE_S)
            await until_true(lambda: _has_caught_up(on), "lag 0", DEADLINE_S)
            stop.set()
    found = lags(seen)
    cuts = statistics.quantiles(found, n=100)
    events = seen[-1][1] - seen[0][1]
    print(f"lag at {events / seconds:.0f} events/s: commit to rows p50 {cuts[49] * 1000:.0f} ms, "
          f"p99 {cuts[98] * 1000:.0f} ms")  # fmt: skip


async def _has_caught_up(on: Bench) -> bool:
    newest, reached = await on.standing()
    return newest == reached


async def _paced(journal: Writing, exchanges: Iterator[Captured], per_s: float, seconds: float) -> None:
    began = time.perf_counter()
    for number, one in enumerate(islice(exchanges, int(per_s * seconds))):
        await asyncio.sleep(max(0.0, began + number / per_s - time.perf_counter()))
        journal.write(one)


async def _watch(on: Bench, seen: list[tuple[float, int, int]], stop: asyncio.Event) -> None:
    """Looks once more after ``stop``."""
    last = False
    while not last:
        last = stop.is_set()
        newest, reached = await on.standing()
        seen.append((time.perf_counter(), newest, reached))
        await asyncio.sleep(LOOK_S)


def lags(seen: list[tuple[float, int, int]]) -> list[float]:
    """For each look at which something new was committed: seconds until the rows had it, once for each event."""
    found, at = list[float](), 0
    for index, (when, newest, _) in enumerate(seen[1:], start=1):
        new = newest - seen[index - 1][1]
        at = max(at, index)
        while at < len(seen) and seen[at][2] < newest:
            at += 1
        if new and at < len(seen):
            found += [seen[at][0] - when] * new
    return found


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exchanges", type=int, default=4000)
    parser.add_argument("--bulk-mb", type=float, default=100)
    parser.add_argument("--bulk-kb", type=int, default=400, help="of one request")
    parser.add_argument("--rates", default="50,500")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default="alone,live,lag")
    words = parser.parse_args(arguments)
    loads = [
        ("mix", mix(), words.exchanges),
        ("bulk", bulk(words.bulk_kb * 1000), int(words.bulk_mb * 1000 / words.bulk_kb)),
    ]
    async with bench() as on:
        for what, exchanges, count in loads:
            if count and "alone" in words.only:
                await alone(on, what, exchanges, count)
    async with bench() as on:
        for what, exchanges, count in loads:
            if count and "live" in words.only:
                await together(on, what, exchanges, count)
        for rate in words.rates.split(","):
            if "lag" in words.only:
                await lag(on, mix(seed=int(rate)), int(rate), words.seconds)


if __name__ == "__main__":
    asyncio.run(main())
