"""Homes for the checker: journals and a store that the product itself has filled, to be looked at and to be damaged."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from gateway.frames import Frame, Kind
from gateway.shipper import ShipperConfig, run
from ops.checking.checker import Checked, Place, Progress, check
from ops.db.embedded import EmbeddedPostgres
from ops.db.event_store import PostgresShipStore
from tests.journals import JOURNAL, JournalOnDisk, Scripted, tick
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.shipping import new_request_id
from tests.waiting import until

_AS_SUPERUSER = "SET session_replication_role = replica"
"""Triggers, those that keep events from being changed among them, are silent."""


_TABLES = ("nexus_events", "chunks", "parts", "scopes", "journals", "open_exchanges", "nexus_tracking")
_OUT, _IN = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)"), sql.SQL("COPY {} FROM STDIN (FORMAT binary)")
_EMPTY = sql.SQL("DELETE FROM {}")


def body_of(turn: int) -> bytes:
    """A conversation that grows with its turns, so that requests share parts and runs."""
    messages = [
        {"role": "user", "content": [{"type": "text", "text": f"turn {n} says {'something ' * 12}"}]}
        for n in range(turn * 9 + 1)
    ]
    return json.dumps({"model": "m", "system": "be kind " * 20, "messages": messages}).encode()


def scripts() -> list[Scripted]:
    """A completed one of several runs, one without a body, one that the client cut, one that is open."""
    ids = [new_request_id() for _ in range(4)]
    return [
        Scripted(
            ids[0], body_of(1), ((1, b"first "), (10, b"second "), (600_000, b"third"), (1, b"!" * 300)), "completed"
        ),
        Scripted(ids[1], b"", ((1, b"{}"),), "completed"),
        Scripted(ids[2], body_of(2), ((1, b"cut sh"),), "client"),
        Scripted(ids[3], body_of(3), ((1, b"and so on"),), None),
    ]


def frames_of(these: Sequence[Scripted]) -> list[Frame]:
    """One exchange behind the other, with the ticks that close the last run."""
    now, frames = 0, list[Frame]()
    for script in these:
        for pause, kind, payload in script.frames():
            now += pause
            frames.append(Frame(kind, script.request_id, now, payload))
    return [*frames, Frame(Kind.TICK, JOURNAL, now + 600_000, b""), tick(now // 1_000_000 + 2)]


@dataclass
class CheckedHome:
    """A journal on disk and a store that has it."""

    root: Path
    dsn: str
    scripts: list[Scripted]
    disk: JournalOnDisk
    place: Place = field(init=False)
    _segment: bytes = field(init=False, default=b"")
    _rows: dict[str, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.place = Place(journals=self.root, database=self.dsn, only_host=True, settle_s=0.0)

    @property
    def ids(self) -> list[UUID]:
        return [script.request_id for script in self.scripts]

    def damage(self, *statements: str) -> None:
        """As somebody who may do everything. ``{0}`` … stand for request ids."""
        quoted = [f"'{one}'" for one in self.ids]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(_AS_SUPERUSER)
            for statement in statements:
                done = connection.execute(statement.format(*quoted).encode())
                assert done.rowcount, f"changed nothing: {statement}"

    def keep(self) -> "CheckedHome":
        """Remember how it is now, for ``restored``."""
        self._segment = self.disk.segment(1).read_bytes()
        with psycopg.connect(self.dsn) as connection, connection.cursor() as cursor:
            for table in _TABLES:
                with cursor.copy(_OUT.format(sql.Identifier(table))) as rows:
                    self._rows[table] = b"".join(map(bytes, rows))
        return self

    def restored(self) -> "CheckedHome":
        """As it was when it was kept."""
        self.disk.die()
        shutil.rmtree(self.root)
        self.disk = JournalOnDisk(self.root)
        self.disk.segment(1).write_bytes(self._segment)
        with psycopg.connect(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_AS_SUPERUSER)
            for table, rows in self._rows.items():
                cursor.execute(_EMPTY.format(sql.Identifier(table)))
                with cursor.copy(_IN.format(sql.Identifier(table))) as copying:
                    copying.write(rows)
        return self

    async def check(self, report: Progress = lambda *_: None, **changes: Any) -> Checked:
        return await check(replace(self.place, **changes), report)


@asynccontextmanager
async def shipping(root: Path, dsn: str) -> AsyncIterator[None]:
    """The product's own shipper over its own store."""
    quick = ShipperConfig(root, poll_s=0.002, scan_s=0.005)
    stop = asyncio.Event()
    async with opened(dsn, max_size=4) as pool, asyncio.TaskGroup() as tasks:
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=token_bytes)
        tasks.create_task(run(quick, store, stop))
        yield
        stop.set()


async def checked_home(root: Path, dsn: str, these: Sequence[Scripted] | None = None) -> CheckedHome:
    """Shipped as far as it goes; the gateway lives, so its journal is still there."""
    chosen = list(these if these is not None else scripts())
    disk = JournalOnDisk(root)
    disk.write(frames_of(chosen))
    async with shipping(root, dsn):
        await until_shipped(dsn, disk)
    return CheckedHome(root, dsn, chosen, disk)


@pytest.fixture(scope="module")
def kept_home(
    postgres_server: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CheckedHome]:
    """One home for many tests: each takes it as ``kept_home.restored()``."""
    dsn = create_database(postgres_server, migrated_template)
    home = asyncio.run(checked_home(tmp_path_factory.mktemp("kept") / "journals", dsn)).keep()
    yield home
    home.disk.die()
    drop_database(postgres_server, dsn)


async def until_shipped(dsn: str, disk: JournalOnDisk) -> None:
    """Until the cursor stands at the journal's end."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def is_shipped() -> bool:
            row = connection.execute('SELECT "offset" FROM journals').fetchone()
            return row is not None and row[0] == disk.segment(1).stat().st_size

        await until(is_shipped, "the journal to be shipped")
