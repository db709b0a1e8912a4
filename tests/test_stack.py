"""The whole product that the tests start does not outlive the test that started it."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests import stack
from tests.waiting import until

NEVER_READY = """
import os, pathlib, signal
try:
    pathlib.Path("began").write_text(str(os.getpid()))
    signal.pause()
except KeyboardInterrupt:
    pathlib.Path("ended").touch()
"""


async def test_who_stops_waiting_for_the_start_stops_what_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stack, "NEXUS", (sys.executable, "-c", NEVER_READY))
    began = tmp_path / "began"
    async with asyncio.TaskGroup() as tasks:
        starting = tasks.create_task(stack.start(stack.environment(tmp_path)))
        await until(lambda: began.exists() and began.read_text())
        starting.cancel()
    assert (tmp_path / "ended").exists()
    assert not stack.is_alive(int(began.read_text()))
