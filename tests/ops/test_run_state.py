"""The state file of ``nexus up``."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ops.home import Home, prepare
from ops.run_state import PartNow, Roll, RunState, read, remove, write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def state(pid: int) -> RunState:
    parts = {"gateway": PartNow("ready", 5, "http://127.0.0.1:3000"), "shipper": PartNow("resting", deaths=2)}
    return RunState(pid, "http://127.0.0.1:3000", "http://127.0.0.1:3001", "postgresql://x", parts)


def test_what_is_written_is_read(home: Home) -> None:
    assert read(home) is None
    write(home, state(os.getpid()))
    assert read(home) == state(os.getpid())
    assert [path.name for path in home.run.iterdir()] == ["state.json"]
    remove(home)
    remove(home)
    assert read(home) is None


def test_the_state_of_a_dead_process_is_none(home: Home) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    write(home, state(process.pid))
    assert read(home) is None


def test_a_roll_is_kept_and_a_supervisor_that_knows_of_none_says_none(home: Home) -> None:
    rolling = msgspec.structs.replace(state(os.getpid()), roll=Roll(3, 2, ("gateway",), "no"))
    write(home, rolling)
    assert read(home) == rolling
    home.state_file.write_text(f'{{"pid": {os.getpid()}}}')
    older = read(home)
    assert older is not None
    assert older.roll is None


def test_half_a_file_is_none(home: Home) -> None:
    home.state_file.write_text('{"pid": 1')
    assert read(home) is None


def test_the_state_of_another_users_process_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    write(home, state(1))
    monkeypatch.setattr("os.kill", refuse)
    assert read(home) is None


def test_a_home_that_is_full_or_gone_fails_nobody(tmp_path: Path) -> None:
    write(Home(tmp_path / "gone"), state(1))
    remove(Home(tmp_path / "gone"))
