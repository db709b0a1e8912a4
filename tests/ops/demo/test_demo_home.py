"""The demo's home: its own, and nobody else's."""

import errno
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.demo.demo_home import claim, empty, played_file, settle
from ops.home import Home, prepare
from ops.home_lock import held, me


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_an_empty_folder_becomes_the_demos(tmp_path: Path, exists: bool) -> None:
    root = tmp_path / "a" / "demo"
    if exists:
        root.mkdir(parents=True)
    assert settle(root) == Home(root)
    assert (root / "journals").is_dir()
    assert settle(root) == Home(root)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SetupError, match="holds something that is not the demo's"):
        settle(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_real_home_of_nexus_is_not_the_demos(tmp_path: Path) -> None:
    prepare(tmp_path / "nexus")
    with pytest.raises(SetupError, match="not the demo's"):
        settle(tmp_path / "nexus")


@pytest.mark.parametrize("wrong", ["file", "file/below"])
def test_what_is_no_folder_is_one_line(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupError) as caught:
        settle(tmp_path / wrong)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SetupError, match=r"cannot be used \(Permission denied\). Give --home"):
        settle(tmp_path)


def test_emptying_keeps_the_lock_and_nothing_else(tmp_path: Path) -> None:
    home = settle(tmp_path / "demo")
    claim(home, "a")
    (home.postgres / "base").mkdir()
    (home.postgres / "base" / "1").write_text("rows")
    played_file(home).write_text("{}")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (home.root / "link").symlink_to(outside)
    with held(home, me("demo")):
        before = home.lock_file.stat().st_ino
        empty(home)
        assert home.lock_file.stat().st_ino == before
        claim(home, "a")
    assert not played_file(home).exists()
    assert not (home.root / "link").exists()
    assert list(home.postgres.iterdir()) == []
    assert (outside / "kept").read_text() == "x"


def test_a_seed_is_played_once_on_the_same_data(tmp_path: Path) -> None:
    home = settle(tmp_path)
    claim(home, "one")
    claim(home, "two")
    with pytest.raises(SetupError, match=r"Seed one was played .* --fresh"):
        claim(home, "one")
    claim(home, "on")
