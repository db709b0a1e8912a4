"""One nexus at a time on a home, and it says who it is; a dead one holds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.home import Home, prepare
from ops.home_lock import Holder, HomeHeldError, held, holder_of, me

HOLD = """
import sys
from pathlib import Path
from ops.home import Home
from ops.home_lock import held, me
with held(Home(Path(sys.argv[1])), me("up", "http://127.0.0.1:3000", "http://127.0.0.1:3001")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def start_holder(home: Home) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_one_is_told_who_holds_it_and_how_to_go_on(home: Home) -> None:
    with start_holder(home) as process:
        with pytest.raises(HomeHeldError) as caught, held(home, me("up")):
            pass
        process.communicate()
    assert caught.value.holder is not None
    assert caught.value.holder.pid == process.pid
    line = str(caught.value)
    assert line.startswith(f"`nexus up` already runs on {home.root} (pid {process.pid}, since 20")
    assert "gateway http://127.0.0.1:3000, dashboard http://127.0.0.1:3001" in line
    assert line.endswith(f"Stop it with `kill {process.pid}`, or set NEXUS_HOME to another folder.")


def test_it_is_free_again_after_an_orderly_end_and_after_a_kill(home: Home) -> None:
    with held(home, me("migrate")):
        pass
    assert holder_of(home) is None
    assert home.lock_file.read_bytes() == b"", "nobody is blamed who has gone"
    with start_holder(home) as process:
        process.kill()
    with held(home, me("up")):
        said = holder_of(home)
    assert said is not None
    assert said.pid == os.getpid()


def test_it_says_who_holds_it_without_holding_it(home: Home) -> None:
    assert holder_of(home) is None
    mine = Holder("events", 4711, "2026-11-22T10:00:00+00:00")
    with held(home, mine):
        assert holder_of(home) == mine
        assert holder_of(home) == mine
    assert holder_of(home) is None


def test_no_home_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(Home(tmp_path / "none")) is None


def test_a_holder_that_has_not_said_who_it_is_is_somebody_all_the_same(home: Home) -> None:
    with held(home, me("up")):
        home.lock_file.write_bytes(b"")
        with (
            pytest.raises(HomeHeldError, match=r"Another nexus has just started on .*\. Wait for it"),
            held(home, me("up")),
        ):
            pass


def test_the_lock_file_is_private(home: Home) -> None:
    with held(home, me("up")):
        assert home.lock_file.stat().st_mode & 0o777 == 0o600
