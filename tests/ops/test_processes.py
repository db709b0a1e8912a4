"""One process of a part: its session, its pipes, its log, its end."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ops.processes import Launch, PartProcess, start
from ops.reports import Notice, Ready, Report
from ops.settings import inherited
from ops.supervision_types import Urgency
from tests.waiting import until

SLEEP = "import time; time.sleep(600)"


def launch(script: str, log: Path, *, sweeps: bool = True) -> PartProcess:
    return start(Launch([sys.executable, "-P", "-c", script], inherited({}), log, sweeps))


def gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("urgency", "code"),
    [
        (Urgency.RETIRE, -signal.SIGUSR1),
        (Urgency.DRAIN, -signal.SIGTERM),
        (Urgency.ABORT, -signal.SIGTERM),
        (Urgency.KILL, -signal.SIGKILL),
    ],
)
async def test_it_ends_when_it_is_told_to(tmp_path: Path, urgency: Urgency, code: int) -> None:
    process = launch(SLEEP, tmp_path / "log")
    process.tell(urgency)
    assert await process.watch(lambda _: None) == code
    process.tell(urgency)  # too late, and harmless


async def test_an_abort_is_two_signals_of_two_kinds(tmp_path: Path) -> None:
    script = """
import signal, time
seen = set()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda n, f: seen.add(n))
print('{"type":"ready"}', flush=True)
while len(seen) < 2:
    time.sleep(0.005)
"""
    process = launch(script, tmp_path / "log")
    reports: list[Report] = []
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(process.watch(reports.append))
        await until(lambda: reports)
        process.tell(Urgency.ABORT)
    assert watching.result() == 0


async def test_its_reports_are_handed_on_and_its_other_output_is_not(tmp_path: Path) -> None:
    script = """
print("no report")
print('{"type":"ready","address":"http://x"}')
print("x" * 300_000)
print('{"type":"notice","text":"hello"}')
"""
    reports: list[Report] = []
    assert await launch(script, tmp_path / "log").watch(reports.append) == 0
    assert reports == [Ready("http://x"), Notice("hello")]


async def test_its_errors_go_to_its_log(tmp_path: Path) -> None:
    assert await launch("import sys; sys.exit('nexus: oh')", tmp_path / "log").watch(lambda _: None) == 1
    assert (tmp_path / "log").read_text() == "nexus: oh\n"


async def test_it_lives_in_a_session_of_its_own(tmp_path: Path) -> None:
    process = launch(SLEEP, tmp_path / "log")
    assert os.getsid(process.pid) == process.pid
    process.tell(Urgency.KILL)
    await process.watch(lambda _: None)


STARTS_ANOTHER = "import subprocess; subprocess.Popen(['sleep', '600'])"


async def test_what_it_started_ends_with_it_even_if_that_holds_the_pipes_open(tmp_path: Path) -> None:
    process = launch(STARTS_ANOTHER, tmp_path / "log")
    async with asyncio.timeout(10):
        assert await process.watch(lambda _: None) == 0
    await until(lambda: gone(process.pid))


async def test_what_it_started_is_left_alone_where_it_is_meant_to_live_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = launch(STARTS_ANOTHER, tmp_path / "log", sweeps=False)
    with monkeypatch.context() as patched:
        patched.setattr("os.killpg", lambda *_: pytest.fail("it was ended"))
        assert await process.watch(lambda _: None) == 0
    os.killpg(process.pid, signal.SIGKILL)


async def test_it_gets_the_open_files_that_it_is_meant_to_have_and_no_others(tmp_path: Path) -> None:
    script = "import os, sys; [os.fstat(int(sys.argv[1])), os.fstat(int(sys.argv[2]))]"
    reading, writing = os.pipe()
    argv = [sys.executable, "-P", "-c", script, str(reading), str(writing)]
    try:
        both = Launch(argv, inherited({}), tmp_path / "log", descriptors=(reading, writing))
        assert await start(both).watch(lambda _: None) == 0
        assert await start(replace(both, descriptors=(reading,))).watch(lambda _: None) == 1
        assert "Bad file descriptor" in (tmp_path / "log").read_text()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_program_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        start(Launch(["/no-such-program"], {}, tmp_path / "log"))
