"""Who steps back does so with its group, and what is refused for now is tried again."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops import priority
from tests.waiting import until_sync

NICENESS = 7
STEP_BACK = f"""
import os, sys
from ops.priority import step_back, step_back_with_us
os.setsid()
step_back({NICENESS})
step_back({NICENESS - 3})
child = os.fork()
if child == 0:
    os.setsid()
    os.write(1, b"here")
    os.read(0, 1)
    os._exit(0)
os.read(0, 1)
step_back_with_us(os.getpid())
print(" and there", os.nice(0), child, flush=True)
os.read(0, 1)
"""
GROUPS = Path("/proc/self/autogroup").exists()


def niceness_of_group(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text().split()[-1]


def test_a_process_steps_back_with_its_session_and_children_of_theirs() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STEP_BACK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.read(4) == b"here"
        process.stdin.write(b".")
        _, _, niceness, child = process.stdout.readline().split()
        assert int(niceness) == NICENESS
        if GROUPS:
            assert niceness_of_group(process.pid) == str(NICENESS)
            assert niceness_of_group(int(child)) == str(NICENESS)
        process.stdin.write(b"..")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with one process: ours."""
    monkeypatch.setattr(priority, "PROC", tmp_path)
    monkeypatch.setattr(priority, "_PAUSE_S", 0.0)
    monkeypatch.setattr("os.nice", lambda more: more + 2)
    own = tmp_path / str(os.getpid())
    (own / "task" / str(os.getpid())).mkdir(parents=True)
    (own / "autogroup").write_text("/autogroup-17 nice 0\n")
    return own


def test_a_group_that_was_just_changed_is_tried_again(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, refusals = Path.write_text, [errno.EAGAIN, errno.EAGAIN]

    def refuse(self: Path, text: str) -> int:
        if refusals:
            raise OSError(refusals.pop(), "no")
        return write(self, text)

    monkeypatch.setattr(Path, "write_text", refuse)
    priority.step_back(NICENESS)
    until_sync(lambda: (proc / "autogroup").read_text() == str(NICENESS), "the group to step back")
    assert refusals == []


def test_who_is_further_back_stays_there(proc: Path) -> None:
    (proc / "autogroup").write_text("/autogroup-17 nice 12\n")
    priority.step_back(NICENESS)
    priority.step_back_with_us(os.getpid())
    assert (proc / "autogroup").read_text() == "/autogroup-17 nice 12\n"


@pytest.mark.parametrize("missing", ["autogroup", "task"])
def test_a_system_that_has_no_such_thing_is_left_alone(proc: Path, missing: str) -> None:
    (proc / missing).rename(proc / "elsewhere")
    priority.step_back(NICENESS)
    priority.step_back_with_us(os.getpid())
    priority.step_back_with_us(1)
    assert not (proc / missing).exists()
