"""The shim, in a Python of its own: the wall clock steps, monotonic time and everything else stays."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import SetupError
from ops.settings import inherited
from ops.torture import shim as shim_module
from ops.torture.shim import Shim, compiler

CLOCKS = """
import sys, time, datetime
for _ in sys.stdin:
    print(time.time(), time.monotonic(), datetime.datetime.now().timestamp(), time.clock_gettime(time.CLOCK_REALTIME))
    sys.stdout.flush()
"""
FLUSHES = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    for flush in (os.fsync, os.fdatasync):
        begun = time.monotonic()
        flush(file.fileno())
        print(time.monotonic() - begun)
"""
pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler here, or it is not Linux")
DAYS_400 = 400 * 86400.0


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    found = compiler()
    assert found is not None
    return Shim.make(tmp_path, found)


def test_the_wall_clock_steps_there_and_back_while_it_runs(shim: Shim) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLOCKS], env=inherited(dict(shim.environment)), text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def told() -> list[float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return [float(word) for word in process.stdout.readline().split()]

        before = told()
        shim.step_clock(-DAYS_400)
        stepped = told()
        shim.step_clock(0)
        after = told()
        process.stdin.close()
    for wall in (0, 2, 3):
        assert abs(before[wall] - time.time()) < 100
        assert abs(stepped[wall] - (before[wall] - DAYS_400)) < 100
        assert abs(after[wall] - time.time()) < 100
    assert before[1] <= stepped[1] <= after[1] < before[1] + 100


def test_flushes_take_long_when_they_are_to(shim: Shim, tmp_path: Path) -> None:
    def flushed() -> list[float]:
        command = [sys.executable, "-c", FLUSHES, str(tmp_path / "file")]
        said = subprocess.run(
            command, env=inherited(dict(shim.environment)), capture_output=True, text=True, check=True
        )
        return [float(line) for line in said.stdout.split()]

    assert len(flushed()) == 2
    shim.slow_disk(0.3)
    assert min(flushed()) >= 0.3


def test_what_does_not_compile_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "shim.c"
    source.write_text("nonsense\n")
    monkeypatch.setattr(shim_module, "SOURCE", source)
    with pytest.raises(SetupError, match=r"does not compile shim\.c"):
        Shim.make(tmp_path, str(compiler()))


def test_elsewhere_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert compiler() is None
