"""``nexus accounts``: what is said of an account's plan stands, and is listed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.account_plans import UnfitPlanError
from ops.commands import accounts


@pytest.fixture(autouse=True)
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> str:
    done = CliRunner().invoke(accounts.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_plan_is_said_and_said_again() -> None:
    assert run("list").strip() == "Nothing was said: requests tell."
    assert run("plan", "acme", "api").strip() == "Account acme: api."
    assert json.loads(run("plan", "acme", "subscription", "--json")) == {"account": "acme", "plan": "subscription"}
    run("plan", "Other", "api")
    assert json.loads(run("list", "--json")) == [
        {"account": "Other", "plan": "api"},
        {"account": "acme", "plan": "subscription"},
    ]
    assert [line.split() for line in run("list").splitlines()] == [
        ["account", "plan"],
        ["Other", "api"],
        ["acme", "subscription"],
    ]


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(UnfitPlanError, match="api or subscription"):
        run("plan", "acme", "free")
    assert json.loads(run("list", "--json")) == []


def test_every_command_has_an_example() -> None:
    for name in ("plan", "list"):
        assert f"Example: nexus accounts {name}" in " ".join(run(name, "--help").split())
