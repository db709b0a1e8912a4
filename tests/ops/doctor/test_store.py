"""The database: away, behind, ahead, with builds that nobody needs; never started, and its password never shown."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from domain.errors import SetupError
from ops.db.dsn import parse_dsn
from ops.db.pool import Pool
from ops.doctor import store
from ops.doctor.findings import Patient, Verdict
from ops.home_lock import Holder
from ops.run_state import RunState
from projections.read_models import builds
from projections.registry import projection
from tests.doctored import patient
from tests.migrated import opened
from tests.projected import Store

REQUESTS = projection("requests")


def over(tmp_path: Path, dsn: str) -> Patient:
    return patient(tmp_path, database_url=SecretStr(dsn))


async def test_a_database_of_this_version(tmp_path: Path, migrated_database: str) -> None:
    found = await store.database(over(tmp_path, migrated_database))
    assert found.verdict is Verdict.OK
    assert "migrations are applied" in found.finding
    running = patient(tmp_path, running=RunState(7, database_url=migrated_database))
    assert (await store.database(running)).finding.startswith("the embedded database answers")


async def test_a_database_that_is_behind_or_ahead(tmp_path: Path, empty_database: str) -> None:
    one = over(tmp_path, empty_database)
    found = await store.database(one)
    assert (found.verdict, "nexus migrate" in found.mend) == (Verdict.WARNING, True)
    assert (await store.builds(one)).finding == "nothing is built yet"
    connection = await asyncpg.connect(parse_dsn(empty_database).for_asyncpg())
    assert await connection.fetchval("SELECT to_regclass('public.nexus_migrations')") is None, "it changes nothing"
    await connection.execute("CREATE TABLE nexus_migrations (name text, sha256 text, applied_at timestamptz)")
    await connection.execute("INSERT INTO nexus_migrations VALUES ('9999_future', '', now())")
    await connection.close()
    with pytest.raises(SetupError, match="upgrade Nexus"):
        await store.database(one)


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    one = over(tmp_path, "postgresql://nexus:hidden-word@127.0.0.1:1/nexus")
    found = await store.database(one)
    assert found.verdict is Verdict.PROBLEM
    assert "nexus@127.0.0.1:1/nexus" in found.finding
    assert "hidden-word" not in found.finding + found.mend
    assert (await store.builds(one)).finding == "not looked at: the database is away"


async def test_builds(tmp_path: Path, migrated_database: str) -> None:
    one = over(tmp_path, migrated_database)
    async with opened(migrated_database) as pool:
        await Store.over(pool).follow_one(REQUESTS)
        assert (await store.builds(one)).finding == "1 builds, none left behind"
        async with pool.acquire() as tx, tx.transaction():
            made = await builds.create(tx, REQUESTS, "scratch")
        found = await store.builds(one)
        assert (found.verdict, found.mend.endswith(f"drop requests --build {made.number}`.")) == (Verdict.WARNING, True)
        await set_aside(pool)
        assert "1 exchanges could not be projected" in (await store.builds(one)).finding
        async with pool.acquire() as tx, tx.transaction():
            await builds.switch(tx, replace(REQUESTS, version=2), builds.Build("requests", 1, 1), pinned_against=2)
        assert "rows stand still" in (await store.builds(one)).finding


async def set_aside(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO projection_failures (name, build, request_id, position, error) "
        "VALUES ('requests', 1, gen_random_uuid(), 1, 'x')"
    )


async def test_an_embedded_database_at_rest_is_left_at_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = patient(tmp_path)
    assert "made by the first" in (await store.database(one)).finding
    assert not one.home.root.exists()
    (one.home.postgres / "data").mkdir(parents=True)
    assert "runs only while" in (await store.database(one)).finding
    assert (await store.builds(one)).finding == "no database runs that could be asked"
    monkeypatch.setattr("ops.db.embedded.status", lambda _: 4711)
    assert "(pid 4711)" in (await store.database(one)).finding
    held = replace(one, holder=Holder("migrate", 1, ""))
    assert (await store.database(held)).verdict is Verdict.OK
    assert "no database is needed" in (await store.database(patient(tmp_path, storage_enabled=False))).finding
