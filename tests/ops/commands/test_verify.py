"""``nexus verify``: a table and a good end, or a line for each violation and exit code 1."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.commands.verify import BrokenPromiseError, excuses_in, moment, run
from tests.checked import CheckedHome

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def home(kept_home: CheckedHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CheckedHome:
    """The home of the settings."""
    monkeypatch.setenv("DATABASE_URL", kept_home.dsn)
    monkeypatch.setenv("NEXUS_HOME", str(kept_home.root.parent))
    monkeypatch.chdir(tmp_path)
    return kept_home.restored()


def test_all_is_well(home: CheckedHome, capsys: pytest.CaptureFixture[str]) -> None:
    run(None, None, as_json=False)
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "Nothing is lost."
    assert home.root.name == "journals"


@pytest.mark.bar(29)
def test_one_changed_byte_is_found(home: CheckedHome, capsys: pytest.CaptureFixture[str]) -> None:
    home.damage("UPDATE chunks SET data = '{{]' WHERE request_id = {1}")
    with pytest.raises(BrokenPromiseError, match="promises are not kept"):
        run(None, None, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert not said["ok"]
    assert {one["request_id"] for one in said["violations"]} == {str(home.ids[1])}


def test_only_what_began_since(home: CheckedHome, capsys: pytest.CaptureFixture[str]) -> None:
    home.damage("DELETE FROM chunks")
    run(None, "2100-01-01", as_json=True)
    assert json.loads(capsys.readouterr().out)["counts"]["exchanges"] == 0


def test_recordings_that_are_none(home: CheckedHome, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="There is no folder of recordings"):
        run(tmp_path / "none", None, as_json=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", datetime(2026, 11, 22, 10, 0, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("now", NOW),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["never", "yesterday"])
def test_words_that_are_no_moment(text: str) -> None:
    with pytest.raises(SetupError):
        moment(text, NOW)


def test_excuses_are_known_words() -> None:
    assert excuses_in(["gateway_killed"]) == {"gateway_killed"}
    assert excuses_in(()) == frozenset()
    with pytest.raises(SetupError, match="'bad luck' is no excuse; there are gateway_killed and refused"):
        excuses_in(["bad luck"])
