"""Migrations: each applied once, in order, whole or not at all, by however many starters; nothing is rewritten."""

import asyncio
import os
import re
import sys
from pathlib import Path

import psycopg
import pytest

from domain.errors import SetupError, StoreUnavailableError
from ops.db import migrate as migrate_module
from ops.db.locks import MIGRATION_LOCK
from ops.db.migrate import MIGRATIONS, Status, migrate, migrations, status
from ops.db.pool import open_connection
from tests.migrated import until_somebody_waits
from tests.ops.db.catalog import catalog
from tests.proxies import proxied

DROP_READ = "".join(
    f"DROP SCHEMA {name} CASCADE;" for name in ("read", "read_accounts", "read_numbers", "read_accounts_numbers")
)
FIRST = "CREATE TABLE nexus_migrations (name text PRIMARY KEY, sha256 text, applied_at timestamptz DEFAULT now());"
STARTERS = 4
START = "import asyncio, sys; from ops.db.migrate import migrate; print(*asyncio.run(migrate(sys.argv[1])))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small migrations."""
    (tmp_path / "0001_a.sql").write_text(FIRST)
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (id integer);")
    (tmp_path / "0003_c.sql").write_text("ALTER TABLE b ADD COLUMN name text; INSERT INTO b VALUES (1, 'one');")
    return tmp_path


async def status_of(dsn: str, folder: Path = MIGRATIONS) -> Status:
    connection = await open_connection(dsn, application_name="nexus-test")
    try:
        return await status(connection, folder)
    finally:
        await connection.close()


def tables(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


async def test_everything_pending_is_applied_in_order_and_only_once(empty_database: str, folder: Path) -> None:
    assert await migrate(empty_database, folder) == ["0001_a", "0002_b", "0003_c"]
    assert await migrate(empty_database, folder) == []
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT id, name FROM b").fetchall() == [(1, "one")]


async def test_the_status_tells_what_is_applied_and_what_is_pending(empty_database: str, folder: Path) -> None:
    last = folder / "0003_c.sql"
    text = last.read_text()
    last.unlink()
    assert [file.name for file in (await status_of(empty_database, folder)).pending] == ["0001_a", "0002_b"]
    await migrate(empty_database, folder)
    last.write_text(text)
    found = await status_of(empty_database, folder)
    assert [row.name for row in found.applied] == ["0001_a", "0002_b"]
    assert [file.name for file in found.pending] == ["0003_c"]
    assert [row.sha256 for row in found.applied] == [file.sha256 for file in migrations(folder)[:2]]
    assert all(row.applied_at.tzinfo for row in found.applied)


async def test_an_edited_file_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0002_b.sql").write_text("CREATE TABLE b (id bigint);")
    with pytest.raises(SetupError, match="0002_b was edited after it was applied"):
        await migrate(empty_database, folder)


async def test_a_database_from_a_newer_nexus_is_refused(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0003_c.sql").unlink()
    with pytest.raises(SetupError, match="0003_c, which this Nexus lacks; upgrade Nexus"):
        await migrate(empty_database, folder)


async def test_a_file_never_runs_after_a_later_one(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0002_again.sql").write_text("SELECT 1;")
    with pytest.raises(SetupError, match="0002_again would run after 0003_c"):
        await migrate(empty_database, folder)


async def test_a_refusal_changes_nothing(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0002_b.sql").write_text("-- edited")
    (folder / "0004_d.sql").write_text("CREATE TABLE d (id integer);")
    with pytest.raises(SetupError):
        await migrate(empty_database, folder)
    assert "d" not in tables(empty_database)


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stand(empty_database: str, folder: Path) -> None:
    (folder / "0003_c.sql").write_text("CREATE TABLE c (id integer); SELECT 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(empty_database, folder)
    assert tables(empty_database) == {"nexus_migrations", "b"}
    assert [row.name for row in (await status_of(empty_database, folder)).applied] == ["0001_a", "0002_b"]


async def test_several_starters_at_once_apply_each_file_once(empty_database: str) -> None:
    environment = {"PYTHONPATH": str(MIGRATIONS.parents[2]), "PATH": os.defpath}
    starters = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", START, empty_database, stdout=asyncio.subprocess.PIPE, env=environment
        )
        for _ in range(STARTERS)
    ]
    said = [(await starter.communicate())[0].decode().split() for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * STARTERS
    assert sorted(name for names in said for name in names) == [file.name for file in migrations()]


async def test_a_starter_waits_for_the_one_before_it(empty_database: str, folder: Path) -> None:
    with psycopg.connect(empty_database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        async with asyncio.TaskGroup() as tasks:
            starter = tasks.create_task(migrate(empty_database, folder))
            await until_somebody_waits(empty_database)
            assert not starter.done()
            other.rollback()
    assert starter.result() == ["0001_a", "0002_b", "0003_c"]


async def test_a_lock_that_is_held_too_long_is_told(
    empty_database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "_LIMIT_WAITING", "SET LOCAL lock_timeout = '20ms'")
    with psycopg.connect(empty_database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        with pytest.raises(StoreUnavailableError, match="Another process"):
            await migrate(empty_database, folder)


async def test_a_silent_server_is_given_up(empty_database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_module, "DEADLINE_S", 0.1)
    (folder / "0002_b.sql").write_text("SELECT pg_sleep(60)")
    async with asyncio.timeout(10), proxied(empty_database) as proxy:
        with pytest.raises(StoreUnavailableError, match="did not answer"):
            await migrate(proxy.dsn, folder)


async def test_a_read_only_server_is_told(empty_database: str, folder: Path) -> None:
    with pytest.raises(SetupError, match="give the primary's URL"):
        await migrate(empty_database + "&options=-c%20default_transaction_read_only%3Don", folder)


async def test_a_user_without_rights_is_told(empty_database: str, folder: Path) -> None:
    with psycopg.connect(empty_database, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(SetupError, match="may not create tables"):
        await migrate(re.sub(r"//\w+@", "//reader@", empty_database), folder)


# --- the files of Nexus


async def test_step_by_step_gives_the_same_as_all_at_once(
    empty_database: str, migrated_template: str, tmp_path: Path
) -> None:
    for file in migrations():
        (tmp_path / f"{file.name}.sql").write_text(file.sql)
        assert await migrate(empty_database, tmp_path) == [file.name]
    stepwise = await catalog(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; " + DROP_READ)
        connection.execute("\n".join(file.sql for file in migrations()))
    assert await catalog(empty_database) == stepwise


def test_the_files_are_numbered_without_gaps() -> None:
    numbers = [int(file.name[:4]) for file in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_files_hold_no_transactions_of_their_own() -> None:
    for file in migrations():
        assert not re.search(r"^\s*(BEGIN|COMMIT|ROLLBACK)\s*;", file.sql, re.IGNORECASE | re.MULTILINE)


async def test_the_events_have_the_librarys_columns(migrated_database: str) -> None:
    columns = (await catalog(migrated_database))["columns"]
    events = [(row[3], row[4]) for row in columns if row[1] == "nexus_events"]
    assert events == [
        ("originator_id", "uuid"),
        ("originator_version", "bigint"),
        ("topic", "text"),
        ("state", "bytea"),
        ("notification_id", "bigint"),
    ]


async def test_the_read_schema_and_the_registry_of_builds_are_there(migrated_database: str) -> None:
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        insert = "INSERT INTO projections (name, version, build, schema, state) VALUES ('p', 1, %s, %s, %s)"
        connection.execute("CREATE VIEW read.nothing AS SELECT 1 AS one")
        connection.execute(insert, (1, "p_p_1", "live"))
        connection.execute(insert, (2, "p_p_2", "building"))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert, (3, "p_p_3", "live"))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert, (4, "p_p_4", "lively"))


@pytest.mark.parametrize("table", ["nexus_events", "nexus_events_default", "nexus_events_2026_11"])
@pytest.mark.parametrize("change", ["UPDATE {} SET topic = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_events_cannot_be_changed(migrated_database: str, table: str, change: str) -> None:
    with psycopg.connect(migrated_database) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(change.format(table))
