"""The dashboard reads a streaming replica: it lags where the replica lags, writes nothing, and outlives the primary."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from ops import plan
from ops.configs import Context
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.home import prepare
from ops.keys import dashboard_key
from ops.serve_database import migrated
from tests.dashboard_roles import ROLE, role_of
from tests.living import living, settings
from tests.migrated import opened
from tests.postgres import FAST_AND_CARELESS
from tests.projected import Store
from tests.replica import replica_of
from tests.shipping import TestJournal, exchange
from tests.waiting import until_true

PAUSE, RESUME = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"
INSERT = "INSERT INTO nexus_tracking VALUES ('here', 1)"
IS_PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"


async def items(url: str, key: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{url}/api/requests?limit=500", headers={"X-Nexus-Key": key}) as answer,
    ):
        assert answer.status == 200, await answer.text()
        found: list[dict[str, Any]] = json.loads(await answer.read())["items"]
        return found


async def test_the_dashboard_reads_a_replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    primary = EmbeddedPostgres.start(EmbeddedConfig(tmp_path / "primary", settings=FAST_AND_CARELESS))
    try:
        await migrated(primary.dsn)
        with replica_of(primary, tmp_path / "replica") as replica:
            home = prepare(tmp_path / "home")
            for name, value in {"DATABASE_URL": primary.dsn, "DATABASE_READ_URL": replica.dsn}.items():
                monkeypatch.setenv(name, value)  # for the Panel worker, which is a process of its own
            monkeypatch.setenv("NEXUS_HOME", str(home.root))
            given = settings(dashboard_host=("127.0.0.1",), database_read_url=SecretStr(replica.dsn))
            async with living(plan.DASHBOARD, Context(given, home, primary.dsn)) as ready:
                await _reads(primary, replica, ready.address, dashboard_key(home))
    finally:
        primary.stop("immediate")


async def _reads(primary: EmbeddedPostgres, replica: EmbeddedPostgres, url: str, key: str) -> None:
    assert await role_of(replica.dsn) == ROLE
    async with opened(replica.dsn) as standby:
        async with opened(primary.dsn) as pool:
            store = Store.over(pool)
            ids = await store.append("d2_two_agents")
            await store.follow()

            async def has(count: int) -> bool:
                shown = await items(url, key)
                return len(shown) == count and all(one["edge"] for one in shown)

            await until_true(lambda: has(len(ids)), "the rows of the primary")
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await standby.execute(INSERT)
            await standby.execute(PAUSE)
            await until_true(lambda: standby.fetchval(IS_PAUSED))
            journal = await TestJournal.opened(store.ship)
            await journal.ship(store.ship, exchange(3))
            await store.follow()
            assert await has(len(ids)), "what is not replayed is not shown"
            await standby.execute(RESUME)
            await until_true(lambda: has(len(ids) + 1), "the rest")
            follower = Store.over(standby)
            assert await follower.sources.log.newest() == await store.sources.log.newest()
            wakeups: Any = follower.sources.log.wakeups()
            for _ in range(3):
                await anext(wakeups)  # LISTEN is refused there: looked for by itself
            await wakeups.aclose()
        primary.stop("immediate")
        assert len(await items(url, key)) == len(ids) + 1, "the primary is not needed to read"
