"""The command's options, and that ``nexus`` knows it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.torture import show
from ops.torture.command import ALL, app
from ops.torture.show import Options

DEFAULTS = Options(minutes=2.0, faults=ALL, seed=None, streams=50, home=None, as_json=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    runs: list[Options] = []

    def run(options: Options) -> int:
        runs.append(options)
        return 7

    monkeypatch.setattr(show, "run", run)
    return runs


def test_without_options_everything_is_planted_for_two_minutes(asked: list[Options]) -> None:
    assert CliRunner().invoke(app, []).exit_code == 7
    assert asked == [DEFAULTS]


def test_every_option_arrives(asked: list[Options]) -> None:
    words = ["--minutes", "60", "--faults", "kill", "--seed", "3", "--streams", "9", "--home", "/x", "--json"]
    assert CliRunner().invoke(app, words).exit_code == 7
    assert asked == [Options(minutes=60, faults="kill", seed=3, streams=9, home=Path("/x"), as_json=True)]


@pytest.mark.parametrize("words", [["--fast"], ["more"], ["--streams", "0"], ["--minutes", "0"]])
def test_what_it_does_not_know_is_wrong_usage(asked: list[Options], words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2
    assert asked == []


def test_nexus_torture_is_this_command(asked: list[Options]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["torture", "--seed", "5"])
    assert caught.value.code == 7
    assert asked[0].seed == 5
