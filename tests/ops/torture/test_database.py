"""The harness's own database: reached through the proxy, frozen, stopped, killed, and there again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedConfig
from ops.torture import database as database_module
from ops.torture.database import Database, database

PATIENCE_S = 30.0


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(parse_dsn(dsn).for_asyncpg(), timeout=PATIENCE_S)
    try:
        yield connection
    finally:
        connection.terminate()


async def answers(dsn: str) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S), connected(dsn) as connection:
            return bool(await connection.fetchval("SELECT 1"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody relies on need not be safe."""
    monkeypatch.setattr(
        database_module, "EmbeddedConfig", lambda folder: EmbeddedConfig(folder, settings={"fsync": "off"})
    )


async def test_a_life_of_trouble(tmp_path: Path, quick: None) -> None:
    async with database(tmp_path) as base:
        assert await answers(base.url)
        assert await answers(base.direct)
        await frozen(base)
        await base.stop("immediate")
        assert not await answers(base.url)
        await base.start()
        assert await answers(base.url)
        base.freeze()
    assert not base.server.is_alive(), "even a frozen one ends"


async def frozen(base: Database) -> None:
    async with connected(base.url) as connection:
        base.freeze()
        asked = asyncio.ensure_future(connection.fetchval("SELECT 2"))
        done, _ = await asyncio.wait({asked}, timeout=0.2)
        assert not done
        base.thaw()
        async with asyncio.timeout(PATIENCE_S):
            assert await asked == 2
