"""``nexus projects``: what was used is listed by project, under the label that somebody gave it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.project_labels import UnfitLabelError
from ops.commands import projects
from tests import captures
from tests.migrated import opened
from tests.projected import Store


@pytest.fixture(autouse=True)
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> str:
    done = CliRunner().invoke(projects.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


async def played(dsn: str) -> None:
    async with opened(dsn) as pool:
        store = Store.over(pool)
        await store.append("b_multiturn")
        await store.follow()


def test_a_folder_is_listed_and_called_by_its_label(migrated_database: str) -> None:
    assert run("list").strip() == "No project is known yet."
    asyncio.run(played(migrated_database))
    [found] = json.loads(run("list", "--json"))
    name, count = found["project"], len(captures.exchanges("b_multiturn"))
    assert name.startswith("dir:")
    assert (found["label"], found["requests"], found["last_day"]) == (None, count, f"{last_day()}")
    assert run("label", name, "shop").strip() == f"Project {name}: shop."
    assert json.loads(run("list", "--json"))[0]["label"] == "shop"
    assert run("list").splitlines()[1].split() == [name, "shop", f"{count}", f"{last_day()}"]
    assert json.loads(run("label", name, "", "--json")) == {"project": name, "label": ""}
    assert json.loads(run("list", "--json"))[0]["label"] is None


def last_day() -> object:
    return max(one.at for one in captures.exchanges("b_multiturn")).date()


def test_what_is_no_label_is_refused() -> None:
    with pytest.raises(UnfitLabelError, match="printable"):
        run("label", "dir:1", "a\nb")


def test_every_command_has_an_example() -> None:
    for name in ("list", "label"):
        assert f"Example: nexus projects {name}" in " ".join(run(name, "--help").split())
