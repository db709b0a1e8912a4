"""A call of the library: its result, its error, or after the deadline nothing, and nobody's end is held up."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from domain.errors import StoreUnavailableError
from ops.db.daemon_thread import in_daemon_thread

ROOT = Path(__file__).parents[3]
LEFT_BEHIND = """
import asyncio, threading
from domain.errors import StoreUnavailableError
from ops.db.daemon_thread import in_daemon_thread
try:
    asyncio.run(in_daemon_thread(threading.Event().wait, 0.01))
except StoreUnavailableError:
    print("left")
"""


async def test_what_the_work_returns_is_returned() -> None:
    assert await in_daemon_thread(lambda: 7) == 7


async def test_it_runs_beside_the_loop() -> None:
    assert await in_daemon_thread(threading.get_ident) != threading.get_ident()


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


async def test_after_the_deadline_the_store_is_away_and_the_late_end_hurts_nobody() -> None:
    let_go = threading.Event()
    with pytest.raises(StoreUnavailableError, match=r"within 0\.01 s"):
        await in_daemon_thread(let_go.wait, 0.01)
    let_go.set()
    assert await in_daemon_thread(lambda: "next") == "next"


async def test_a_process_ends_though_a_thread_hangs() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEFT_BEHIND, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    assert (said, process.returncode) == (b"left\n", 0)
