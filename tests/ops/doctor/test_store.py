"""The database: away, behind, ahead, with builds that nobody needs; never started, and its password never shown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from domain.errors import SetupError
from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import Pool
from ops.doctor import store
from ops.doctor.findings import Finding, Patient, Verdict, ok, warning
from ops.home_lock import Holder
from ops.run_state import RunState
from ops.serve_database import migrated
from projections.read_models import builds
from projections.registry import projection
from tests.dashboard_roles import owned_by
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


async def test_a_dashboard_in_a_role_of_its_own(tmp_path: Path, migrated_database: str) -> None:
    found = await store.dashboard_role(over(tmp_path, migrated_database))
    assert found == ok("the dashboard reads as nexus_dashboard, which may write nothing")
    running = patient(tmp_path, running=RunState(7, database_url=migrated_database))
    assert await store.dashboard_role(running) == found


async def test_there_may_be_nothing_to_ask_for_the_role(tmp_path: Path, empty_database: str) -> None:
    assert (await store.dashboard_role(patient(tmp_path))).finding == "no database runs that could be asked"
    assert (await store.dashboard_role(over(tmp_path, empty_database))).finding == "nothing is migrated yet"
    away = over(tmp_path, "postgresql://nexus@127.0.0.1:1/nexus")
    assert (await store.dashboard_role(away)).finding == "not looked at: the database is away"


async def test_what_the_doctor_says_of_the_role_mends_it(tmp_path: Path, postgres_server: EmbeddedPostgres) -> None:
    """Step by step, by the very statements that he names."""
    with owned_by(postgres_server, "patient") as (owned,):
        one = over(tmp_path, owned.dsn)
        await migrated(owned.dsn)
        found = await store.dashboard_role(one)
        assert (found.verdict, found.mend.endswith("; then `nexus migrate`.")) == (Verdict.WARNING, True)
        assert found.finding.endswith("who may also write: there is no role patient_dashboard")
        owned.by_admin("CREATE ROLE patient_dashboard LOGIN")
        found = await store.dashboard_role(one)
        assert "is somebody else's" in found.finding
        owned.by_admin(statements(found))
        found = await store.dashboard_role(one)
        assert found.finding.endswith("patient may not take the role patient_dashboard")
        owned.by_admin(statements(found))
        found = await store.dashboard_role(one)
        assert found == warning(
            "the dashboard reads as patient, who may also write: patient_dashboard may not read everything",
            "Run `nexus migrate` as patient.",
        )
        await migrated(owned.dsn)
        assert (await store.dashboard_role(one)).verdict is Verdict.OK


async def test_a_pooler_that_lends_sessions_is_told(
    tmp_path: Path, migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not hand on what a connection begins with; the driver is made not to send it."""
    begin = asyncpg.create_pool

    def without_settings(dsn: str, *, server_settings: object, **given: Any) -> Any:
        assert server_settings
        return begin(dsn, **given)

    monkeypatch.setattr(asyncpg, "create_pool", without_settings)
    found = await store.dashboard_role(over(tmp_path, migrated_database))
    assert found.verdict is Verdict.WARNING
    assert found.finding.endswith("a pooler lends the session to others")


async def test_a_name_with_quotes_is_quoted(tmp_path: Path, postgres_server: EmbeddedPostgres) -> None:
    with owned_by(postgres_server, "doc") as (owned,):
        await migrated(owned.dsn)
        owned.by_admin('CREATE ROLE "o""neil" LOGIN; GRANT INSERT ON nexus_events TO "o""neil"')
        found = await store.dashboard_role(over(tmp_path, owned.as_user("o%22neil")))
        assert found.verdict is Verdict.WARNING
        owned.by_admin(statements(found))
        await migrated(owned.admin_dsn)
        assert (await store.dashboard_role(over(tmp_path, owned.as_user("o%22neil")))).verdict is Verdict.OK
        owned.by_admin('REVOKE INSERT ON nexus_events FROM "o""neil"; DROP ROLE "o""neil"')


async def test_readers_with_a_url_of_their_own_are_who_is_looked_at(
    tmp_path: Path, postgres_server: EmbeddedPostgres
) -> None:
    with owned_by(postgres_server, "boss") as (owned,):
        await migrated(owned.dsn)
        owned.by_admin("CREATE ROLE looker LOGIN IN ROLE pg_read_all_data")
        read = SecretStr(owned.as_user("looker"))
        one = patient(tmp_path, database_url=SecretStr(owned.dsn), database_read_url=read)
        assert await store.dashboard_role(one) == ok("the dashboard reads as looker, who may not write")
        owned.by_admin("DROP ROLE looker")


def statements(found: Finding) -> str:
    """What is to be run, without `nexus migrate`."""
    return found.mend.split("`")[1]


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
