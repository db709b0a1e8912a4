"""``nexus projections``: lists, rebuilds, verifies; a difference is found and mended."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import SetupError, StoreUnavailableError
from ops.commands import projections
from ops.db.pool import Pool
from ops.reading import Database
from tests import captures
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids


def run(*words: str) -> str:
    done = CliRunner().invoke(projections.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def database(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return migrated_database


async def fill(pool: Pool) -> None:
    store, listed = Store.over(pool), captures.exchanges("d1_one_agent")
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    await store.follow()


def test_an_empty_store_says_what_to_do(database: str) -> None:
    assert "nexus up" in run("list")
    assert json.loads(run("list", "--json")) == []
    assert "nothing to verify" in run("verify")


def test_every_build_is_listed(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    run("rebuild", "requests")
    rows = json.loads(run("list", "--json"))
    assert [(row["name"], row["build"], row["state"]) for row in rows] == [
        ("conversations", 1, "live"),
        ("requests", 1, "retired"),
        ("requests", 2, "live"),
    ]
    assert [row["lag"] for row in rows] == [0, None, 0]
    table = run("list").splitlines()
    assert table[0].split() == ["name", "version", "build", "state", "position", "lag", "failed"]
    assert len(table) == 4


def test_live_tables_are_verified_here_and_in_another_process(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    lines = run("verify").splitlines()
    assert len(lines) == 7, "every table of every projection"
    assert all(line.endswith("equal") for line in lines)


def test_a_difference_is_found_and_a_rebuild_mends_it(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)

    async def spoil(pool: Pool) -> None:
        await pool.execute("DELETE FROM p_requests_1.requests WHERE status = 200")

    runner_pool.run(spoil)
    with pytest.raises(projections.NotTheSameError, match="requests"):
        run("verify", "requests")
    assert "build 2 is live" in run("rebuild", "requests")
    assert "equal" in run("verify", "requests")


def test_an_unknown_name_is_refused(database: str) -> None:
    for command in ("rebuild", "verify"):
        with pytest.raises(SetupError, match="choose one of"):
            run(command, "missing")


def test_the_other_process_failing_is_said(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Database(pool=None, url="postgresql:///nowhere?host=/nowhere", embedded=True)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError, match="other process failed"):
        projections._in_another_process("requests", 1, broken)  # type: ignore[arg-type]  # a position
