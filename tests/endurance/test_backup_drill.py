"""A backup made under load, restored elsewhere, and shipped to from the kept journals: nothing missing, nothing twice.

With both ways of PostgreSQL: pg_dump into another database, pg_basebackup into another server.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from domain.ids import JournalId
from gateway.frames import Frame
from gateway.kept_journals import bring_back, kept_in
from gateway.shipper import ShipperConfig, ShipperState, run
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.db.embedded_binaries import find_binaries
from ops.db.embedded_programs import run as run_program
from ops.db.event_store import PostgresShipStore
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from ops.db.seal_check import check_seals, through
from ops.serve_database import migrated
from projections.catching_up import BATCH_EVENTS
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import PROJECTIONS
from schemas.stored.events import RequestReceived
from tests.bar import Figure
from tests.dashboard_roles import ROLE, role_of
from tests.journals import JOURNAL, STARTED_NS, JournalOnDisk, Scripted
from tests.migrated import opened
from tests.postgres import FAST_AND_CARELESS, create_database, drop_database
from tests.projected import Store
from tests.requirements import scaled
from tests.waiting import until

HOUR = 3600.0
EVENTS = "SELECT originator_id, originator_version, topic, state FROM nexus_events"
CHUNKS = 'SELECT request_id, "offset", raw_length, data FROM chunks'
_numbers = itertools.count(1)


class Load:
    """Journals that grow by a segment of exchanges at a time."""

    def __init__(self, root: Path, journals: int) -> None:
        self._disks = [JournalOnDisk(root, JournalId(UUID(int=JOURNAL.int + n))) for n in range(journals)]
        self._segment = itertools.count(1)
        self.scripts: list[Scripted] = []

    def grow(self) -> None:
        segment = next(self._segment)
        for disk in self._disks:
            for outcome in ("completed", None, "client"):
                disk.write(self._exchange(outcome), segment)

    def _exchange(self, outcome: str | None) -> list[Frame]:
        number = next(_numbers)
        request_id = UUID(int=(STARTED_NS // 1_000_000 + number) << 80 | 7 << 76 | 2 << 62 | number)
        body = b'{"messages":[{"role":"user","content":"%s"}],"tools":[{"name":"t"}]}' % (b"%d words " % number * 30)
        script = Scripted(request_id, body, ((1, b"data: %d" % number), (600_000, b"more")), outcome)
        self.scripts.append(script)
        now, out = number * 1000, list[Frame]()
        for pause, kind, payload in script.frames():
            now += pause
            out.append(Frame(kind, request_id, now, payload))
        return out

    def kill_one(self) -> None:
        self._disks.pop().die()

    def end(self) -> None:
        while self._disks:
            self.kill_one()


@asynccontextmanager
async def shipping(root: Path, pool: Pool) -> AsyncIterator[ShipperState]:
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    config, state, stop = (
        ShipperConfig(root, scan_s=0.01, batch_events=20, keep_s=HOUR),
        ShipperState(),
        asyncio.Event(),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(config, store, stop, state=state))
        yield state
        stop.set()


def program(name: str, *words: str) -> None:
    binaries = find_binaries(None, Path("/nowhere"), None)
    ended = run_program([str(binaries.directory / name), *words], timeout_s=120)
    assert ended.code == 0, ended.output


@pytest.fixture(params=["pg_dump", "pg_basebackup"])
def backup(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, migrated_database: str, tmp_path: Path
) -> tuple[Callable[[], None], Callable[[], str]]:
    """How it is made, and how it is restored, which gives the new database's DSN."""
    copy = tmp_path / "copy"

    def dump() -> None:
        program("pg_dump", "--format=custom", f"--file={copy}", migrated_database)

    def restore_dump() -> str:
        dsn = create_database(postgres_server)
        request.addfinalizer(lambda: drop_database(postgres_server, dsn))
        program("pg_restore", "--exit-on-error", "--no-privileges", f"--dbname={dsn}", str(copy))
        return dsn

    def base() -> None:
        where = ("--host", str(postgres_server.socket_dir), "--port", str(postgres_server.port), "--username=nexus")
        program("pg_basebackup", *where, f"--pgdata={copy / 'data'}", "--checkpoint=fast", "--no-sync")

    def restore_base() -> str:
        copy.chmod(0o700)
        server = EmbeddedPostgres.start(EmbeddedConfig(copy, settings=FAST_AND_CARELESS))
        request.addfinalizer(lambda: server.stop("immediate"))
        return server.dsn_of(migrated_database.partition("@/")[2].partition("?")[0])

    return (dump, restore_dump) if request.param == "pg_dump" else (base, restore_base)


@pytest.mark.bar(32)
async def test_a_backup_under_load_restored_elsewhere_gets_the_rest_from_the_kept_journals(
    backup: tuple[Callable[[], None], Callable[[], str]], pool: Pool, tmp_path: Path, figure: Figure
) -> None:
    make, restore = backup
    root = tmp_path / "journals"
    load = Load(root, 3)
    async with shipping(root, pool) as state:
        await rounds(load, state, scaled(3, 30))
        load.kill_one()
        await until(lambda: len(kept_in(root)) == 1, "a journal that is done before the backup")
        await Store.over(pool).follow()
        async with asyncio.TaskGroup() as tasks:
            making = tasks.create_task(asyncio.to_thread(make))
            for _ in range(scaled(8, 100)):
                if not making.done():
                    await rounds(load, state, 1)
        await rounds(load, state, scaled(2, 20))
        load.end()
        await until(lambda: len(kept_in(root)) == 3, "everything to be shipped")
    restored_dsn = await asyncio.to_thread(restore)
    await migrated(restored_dsn)
    assert await role_of(restored_dsn) == ROLE, "`nexus up` gives the dashboard's role its rights again"
    async with opened(restored_dsn) as restored:
        before = len(await restored.fetch(EVENTS))
        assert len(bring_back(root)) == 3
        async with shipping(root, restored):
            await until(lambda: len(kept_in(root)) == 3, "everything to be shipped again")
        await is_whole(restored, pool, load)
        total = len(await pool.fetch(EVENTS))
        assert 0 < before < total
    figure(f"{total} events, {before} of them in the backup made under load: 0 missing, 0 twice after shipping again")


async def rounds(load: Load, state: ShipperState, count: int) -> None:
    for _ in range(count):
        shipped = state.events
        load.grow()
        await until(lambda: state.events > shipped, "some of it to be shipped")  # noqa: B023 - asked at once


async def is_whole(restored: Pool, pool: Pool, load: Load) -> None:
    for table in (EVENTS, CHUNKS):
        there, here = await restored.fetch(table), await pool.fetch(table)
        assert sorted(map(tuple, there)) == sorted(map(tuple, here))
    report = await check_seals(through(restored))
    assert (report.fault_count, report.unsealed) == (0, 0)
    store, payloads = Store.over(restored), PostgresPayloads(restored)
    for script in load.scripts:
        request = (await store.sources.log.stream(script.request_id))[0].event
        assert isinstance(request, RequestReceived)
        assert request.body is not None
        assert await payloads.body(request.scope, request.body) == script.body
    await store.follow()
    for projection in PROJECTIONS:
        live = await live_digest(projection, store.sources)
        assert live is not None
        assert live.tables == await rebuilt_digest(projection, store.sources, live.position, BATCH_EVENTS)
