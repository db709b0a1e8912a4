"""A command's database is migrated before it is used, and given back."""

from pathlib import Path

import pytest

from ops.reading import Database, with_database
from tests.source_tree import ROOT

MIGRATIONS = len(list((ROOT / "ops" / "db" / "migrations").glob("*.sql")))


async def answer(database: Database) -> tuple[object, str, bool]:
    return await database.pool.fetchval("SELECT count(*) FROM nexus_migrations"), database.url, database.embedded


def test_a_database_of_the_settings_is_migrated_and_used(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    count, url, embedded = with_database("test", answer)
    assert (count, url, embedded) == (MIGRATIONS, empty_database, False)


def test_a_given_url_wins(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///nowhere?host=/nowhere")
    monkeypatch.chdir(tmp_path)
    assert with_database("test", answer, empty_database) == (MIGRATIONS, empty_database, True)
