"""Homes for the checker: journals and a store that the product itself has filled, to be looked at and to be damaged."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

import psycopg

from gateway.frames import Frame, Kind
from gateway.shipper import ShipperConfig, run
from ops.checking.checker import Checked, Place, check
from ops.db.event_store import PostgresShipStore
from tests.journals import JOURNAL, JournalOnDisk, Scripted, tick
from tests.migrated import opened
from tests.shipping import new_request_id
from tests.waiting import until

_AS_SUPERUSER = "SET session_replication_role = replica"
"""Triggers, those that keep events from being changed among them, are silent."""


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

    async def check(self, **changes: object) -> Checked:
        given = {name: getattr(self.place, name) for name in Place.__slots__}
        return await check(Place(**{**given, **changes}))


@asynccontextmanager
async def shipping(root: Path, dsn: str) -> AsyncIterator[None]:
    """The product's own shipper over its own store."""
    quick = ShipperConfig(root, poll_s=0.002, idle_poll_s=0.002, scan_s=0.005)
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


async def until_shipped(dsn: str, disk: JournalOnDisk) -> None:
    """Until the cursor stands at the journal's end."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def is_shipped() -> bool:
            row = connection.execute('SELECT "offset" FROM journals').fetchone()
            return row is not None and row[0] == disk.segment(1).stat().st_size

        await until(is_shipped, "the journal to be shipped")
