"""``nexus store``: figures, a check that names what was changed, and kept journals put back."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from domain.errors import SetupError
from ops.commands import store
from ops.commands.store import ChangedLogError
from tests.journals import JOURNAL
from tests.ops.db.test_sealing import ship
from tests.pool_runner import PoolRunner


@pytest.fixture
def home(runner_pool: PoolRunner, migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an installation with two exchanges."""
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    runner_pool.run(lambda pool: ship(pool, 2))
    return tmp_path


def said(*words: str) -> str:
    done = CliRunner().invoke(store.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("home")
def test_stats() -> None:
    assert "2 exchanges, newest position 6" in said("stats")
    found = json.loads(said("stats", "--json"))
    assert found["topics"]["chunk-streamed"]["rows"] == 2
    assert found["disks"]["free_bytes"] is None


@pytest.mark.usefixtures("home")
def test_a_store_that_nobody_changed() -> None:
    text = said("check")
    assert "6 events fit their seals." in text
    found = json.loads(said("check", "--json"))
    assert (found["fit"], found["fault_count"], found["through_noted_head"]) == (6, 0, True)
    assert f"Head: {found['head']}" in text
    assert "6 events" in said("check", "--head", found["head"])


@pytest.mark.bar(29)
@pytest.mark.usefixtures("home")
def test_a_byte_that_a_superuser_changed_is_named_and_fails(migrated_database: str) -> None:
    with psycopg.connect(migrated_database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE nexus_events SET state = set_byte(state, 2, 7) WHERE notification_id = 5")
    runner = CliRunner()
    done = runner.invoke(store.app, ["check"])
    assert isinstance(done.exception, ChangedLogError)
    assert "position 5: the event is not the one that was sealed" in done.stdout
    with psycopg.connect(migrated_database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM event_seals")
    assert "6 events are older than the seals." in said("check")


@pytest.mark.usefixtures("home")
def test_many_faults_are_shown_in_part(migrated_database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(lambda pool: ship(pool, 1, 120))
    with psycopg.connect(migrated_database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE nexus_events SET state = 'x'")
    assert "… and 26 more" in CliRunner().invoke(store.app, ["check"]).stdout


@pytest.mark.usefixtures("home")
def test_a_cut_end_is_found_against_a_noted_head() -> None:
    done = CliRunner().invoke(store.app, ["check", "--head", f"9:{'ab' * 32}"])
    assert isinstance(done.exception, ChangedLogError)
    assert "noted head" in str(done.exception)
    done = CliRunner().invoke(store.app, ["check", "--head", "what"])
    assert isinstance(done.exception, SetupError)


def test_kept_journals_are_put_back(home: Path) -> None:
    kept = home / "journals" / f"kept-{JOURNAL}"
    kept.mkdir(parents=True)
    (kept / "00000001.seg").write_bytes(b"x" * 2048)
    assert "kept for restores: 2.0 KiB" in said("stats")
    assert "1 kept journals are put back" in said("reship")
    assert (home / "journals" / str(JOURNAL)).is_dir()
    assert json.loads(said("reship", "--json")) == {"journals": []}


def test_stats_change_nothing_not_even_a_database_without_tables(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(store.app, ["stats"])
    assert isinstance(done.exception, SetupError)
    assert "nexus migrate" in str(done.exception)
