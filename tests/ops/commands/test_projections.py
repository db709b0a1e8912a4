"""``nexus projections``: lists, builds, compares, switches, drops, verifies; every refusal says the mend."""

import json
from uuid import UUID

import pytest
from typer.testing import CliRunner

from domain.errors import SetupError
from ops.commands import projections
from ops.db.pool import Pool
from projections import retrying
from projections.registry import PROJECTIONS, projection
from projections.retrying import Retried
from tests import captures
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids


def run(*words: str) -> str:
    done = CliRunner().invoke(projections.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


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
    others = [one.name for one in PROJECTIONS if one.name != "requests"]
    assert [(row["name"], row["build"], row["state"], row["lag"]) for row in rows] == sorted(
        [
            *((name, 1, "live", 0) for name in others),
            ("requests", 1, "retired", None),
            ("requests", 2, "live", 0),
        ]
    )
    table = run("list").splitlines()
    assert table[0].split() == ["name", "version", "build", "state", "position", "lag", "failed"]
    assert len(table) == 2 + len(PROJECTIONS)


def test_live_tables_are_verified_here_and_in_another_process(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    lines = run("verify").splitlines()
    assert len(lines) == sum(len(one.tables) for one in PROJECTIONS)
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
    for command in ("build", "rebuild", "diff", "switch", "verify"):
        with pytest.raises(SetupError, match="choose one of"):
            run(command, "missing")


def test_a_build_is_made_compared_shown_rolled_back_and_dropped(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    assert "build 2 is ready; `nexus projections diff conversations`" in run("build", "conversations")
    assert states("conversations") == {1: "live", 2: "building"}
    assert run("diff", "conversations").splitlines()[-1] == "no difference"
    assert run("switch", "conversations").splitlines() == [
        "conversations: build 2 is live.",
        "Back: `nexus projections switch conversations --build 1`.",
    ]
    assert states("conversations") == {1: "retired", 2: "live"}
    assert "build 1 is live." in run("switch", "conversations", "--build", "1")
    assert "already" in run("switch", "conversations", "--build", "1")
    assert "build 2 is dropped" in run("drop", "conversations", "--build", "2")
    assert states("conversations") == {1: "live"}


def test_a_difference_is_told_to_people_and_to_scripts(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    run("build", "requests")

    async def spoil(pool: Pool) -> None:
        await pool.execute("UPDATE p_requests_2.requests SET status = 201 WHERE status = 200")

    runner_pool.run(spoil)
    told = run("diff", "requests", "--limit", "1").splitlines()
    version = projection("requests").version
    assert f"build 2 (version {version}) instead of build 1 (version {version})" in told[0]
    assert "    status: 200 → 201" in told
    assert sum("changed {" in line for line in told) == 1
    found = json.loads(run("diff", "requests", "--build", "2", "--json"))
    assert found["different"] is True
    assert found["tables"][0]["columns"] == {"status": found["tables"][0]["rows"]["changed"]}
    assert found["candidate"]["number"] == 2


def test_without_a_candidate_it_is_said_how_to_get_one(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    for command in ("diff", "switch"):
        with pytest.raises(SetupError, match="run `nexus projections build conversations` first") as refused:
            run(command, "conversations")
        assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(SetupError, match="live itself"):
        run("diff", "conversations", "--build", "1")
    with pytest.raises(SetupError, match="switch to another"):
        run("drop", "conversations", "--build", "1")
    with pytest.raises(SetupError, match="there is: 1"):
        run("drop", "conversations", "--build", "4")


def test_a_build_of_another_version_is_pinned_and_shown_as_such(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)

    async def age(pool: Pool) -> None:
        await pool.execute("UPDATE projections SET version = version - 1 WHERE name = 'requests' AND build = 1")
        await pool.execute("ALTER TABLE p_requests_1.requests DROP COLUMN project CASCADE")

    run("rebuild", "requests")
    runner_pool.run(age)
    with pytest.raises(SetupError, match="--pin"):
        run("switch", "requests", "--build", "1")
    told = run("switch", "requests", "--build", "1", "--pin")
    assert "pinned: rows stop at position" in told
    assert "It lacks requests.project" in told
    assert "live, pinned" in run("list")
    pinned = [(row["name"], row["build"]) for row in json.loads(run("list", "--json")) if row["pinned"]]
    assert pinned == [("requests", 1)]
    with pytest.raises(projections.NotTheSameError, match="requests"):
        run("verify", "requests")


def states(name: str) -> dict[int, str]:
    return {row["build"]: row["state"] for row in json.loads(run("list", "--json")) if row["name"] == name}


def test_what_was_set_aside_is_tried_again(database: str, runner_pool: PoolRunner) -> None:
    runner_pool.run(fill)
    assert "0 of 0 exchanges" in run("retry", "requests")

    async def set_aside(pool: Pool) -> None:
        await pool.execute(
            "INSERT INTO projection_failures (name, build, request_id, position, error) "
            "SELECT 'requests', 1, request_id, 1, 'bad' FROM p_requests_1.requests LIMIT 2"
        )

    runner_pool.run(set_aside)
    assert failed() == {"requests": 2}
    assert "2 of 2 exchanges are taken in now" in run("retry", "requests")
    assert failed() == {}


def failed() -> dict[str, int]:
    return {row["name"]: row["failed"] for row in json.loads(run("list", "--json")) if row["failed"]}


def test_what_fails_still_is_named(database: str, runner_pool: PoolRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner_pool.run(fill)
    bad = UUID(int=7)

    async def retried(*_: object) -> Retried:
        return Retried(3, [bad])

    monkeypatch.setattr(retrying, "retry", retried)
    with pytest.raises(projections.SetAsideError, match=f"1 fail still, first {bad}"):
        run("retry", "requests")
