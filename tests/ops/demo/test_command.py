"""The command's options, and that ``nexus`` knows it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.demo import show
from ops.demo.command import app
from ops.demo.show import Options


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    runs: list[Options] = []

    def run(options: Options) -> int:
        runs.append(options)
        return 7

    monkeypatch.setattr(show, "run", run)
    return runs


def test_without_options_it_plays_at_a_human_pace_and_stays(asked: list[Options]) -> None:
    assert CliRunner().invoke(app, []).exit_code == 7
    assert asked == [Options()]


def test_every_option_arrives(asked: list[Options]) -> None:
    words = ["--fast", "--exit", "--fresh", "--home", "/x", "--seed", "s", "--json-ready"]
    assert CliRunner().invoke(app, words).exit_code == 7
    assert asked == [Options(fast=True, ends=True, fresh=True, home=Path("/x"), seed="s", json_ready=True)]


@pytest.mark.parametrize("words", [["--slow"], ["more"]])
def test_what_it_does_not_know_is_wrong_usage(asked: list[Options], words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2
    assert asked == []


def test_nexus_demo_is_this_command(asked: list[Options]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["demo", "--fast"])
    assert caught.value.code == 7
    assert asked == [Options(fast=True)]
