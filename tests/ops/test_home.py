"""The home: private folders, and one line for every reason why it cannot be one."""

import os
import stat
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.home import Home, prepare


def test_all_folders_exist_afterwards_and_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = prepare(tmp_path / "deep" / "home")
    finally:
        os.umask(before)
    for folder in (home.root, home.postgres, home.journals, home.run, home.logs, home.keys, home.credentials):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert home.root in {folder, folder.parent}
    assert home.lock_file == home.root / "nexus.lock"
    assert home.state_file.parent == home.run


def test_it_may_be_prepared_again_and_loses_nothing(tmp_path: Path) -> None:
    kept = prepare(tmp_path / "home").journals / "kept"
    kept.write_text("bytes")
    assert prepare(tmp_path / "home") == Home(tmp_path / "home")
    assert kept.read_text() == "bytes"
    assert sorted(path.name for path in (tmp_path / "home" / "run").iterdir()) == [], "no probe is left"


def test_a_home_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    home = prepare(tmp_path / "home")
    for folder in (home.root, home.journals, home.keys, home.credentials):
        folder.chmod(0o755)
    prepare(home.root)
    assert {
        stat.S_IMODE(folder.stat().st_mode) for folder in (home.root, home.journals, home.keys, home.credentials)
    } == {0o700}


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(SetupError, match=r"home is no folder; remove it, or set NEXUS_HOME"):
        prepare(tmp_path / "home")


def test_a_file_on_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"NEXUS_HOME .*/file/home lies under a file"):
        prepare(tmp_path / "file" / "home")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_a_home_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(SetupError) as caught:
        prepare(tmp_path / "home")
    assert str(error.strerror) in str(caught.value)
    assert "NEXUS_HOME" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_home_that_cannot_be_made_is_one_line() -> None:
    with pytest.raises(SetupError, match=r"NEXUS_HOME /proc/nexus cannot be written .*\. Set it to a folder"):
        prepare(Path("/proc/nexus"))
