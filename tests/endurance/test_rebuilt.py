"""Rows are a function of the events: live or rebuilt, in whatever batches, here or in another process, bit for bit."""

import asyncio
import json
from asyncio import subprocess
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.projector import Projection
from projections.read_models.digests import Digest
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import PROJECTIONS
from tests import captures
from tests.bar import Figure
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.requirements import scaled
from tests.stack import NEXUS, environment

CAPTURES = captures.names()[2 :: scaled(21, 3)]
BATCHES = (1, 7, 500)
ELSEWHERE_TOO = PROJECTIONS[-scaled(1, len(PROJECTIONS)) :]
"""Starting a process takes a while: in short, only the last one, which has most tables."""
ELSEWHERE = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}


async def live(store: Store, random: Random) -> None:
    """Events come mixed up, a few at a time, and the projections follow in steps of any size."""
    for name in CAPTURES:
        ids = request_ids(listed := captures.exchanges(name))
        order = [one for one in ids.values() for _ in range(4)]
        random.shuffle(order)
        await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed], order)
        for projection in PROJECTIONS:
            await store.follow_one(projection, random.choice([3, 11, 500]))


async def in_another_process(one: Projection, upto: Position, home: Path, dsn: str) -> dict[str, Digest]:
    around = environment(home, DATABASE_URL=dsn, **ELSEWHERE)
    words = ("projections", "digest", one.name, str(upto), "13")
    process = await asyncio.create_subprocess_exec(*NEXUS, *words, env=around, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    return {table: Digest(**digest) for table, digest in json.loads(said).items()}


@pytest.mark.bar(23)
async def test_live_rows_are_rebuilt_rows(pool: Pool, migrated_database: str, tmp_path: Path, figure: Figure) -> None:
    store = Store.over(pool)
    await live(store, Random(23))
    rows = 0
    for one in PROJECTIONS:
        shown = await live_digest(one, store.sources)
        assert shown is not None
        for batch_events in BATCHES:
            fresh = Store.over(pool).sources
            assert await rebuilt_digest(one, fresh, shown.position, batch_events) == shown.tables, batch_events
        assert all(asdict(digest)["rows"] for table, digest in shown.tables.items() if table in {"links", "requests"})
        if one in ELSEWHERE_TOO:
            assert await in_another_process(one, shown.position, tmp_path, migrated_database) == shown.tables
        rows += sum(digest.rows for digest in shown.tables.values())
    figure(f"{rows} rows live == rebuilt in batches of {BATCHES} == in another process with another hash seed and zone")
