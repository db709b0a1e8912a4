"""The timetable: at once, again and again, never twice at a time, and a failure is no end."""

import asyncio
import logging

import pytest

from ops.clock import utc_now
from ops.jobs import Job, timetable
from tests.waiting import until


async def test_a_job_runs_at_once_and_comes_again() -> None:
    runs: list[int] = []

    async def run() -> None:
        runs.append(len(runs))

    async with timetable([Job("count", every_s=0.02, deadline_s=5, run=run)], utc_now):
        await until(lambda: len(runs) >= 3)


async def test_a_job_waits_for_its_next_time() -> None:
    runs: list[str] = []

    async def run(name: str) -> None:
        runs.append(name)

    jobs = [
        Job("daily", every_s=86_400, deadline_s=5, run=lambda: run("daily")),
        Job("often", every_s=0.01, deadline_s=5, run=lambda: run("often")),
    ]
    async with timetable(jobs, utc_now):
        await until(lambda: runs.count("often") >= 5)
    assert runs.count("daily") == 1


async def test_a_job_that_fails_is_logged_and_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    async def run() -> None:
        runs.append(1)
        raise ValueError("no partition")

    async with timetable([Job("fails", every_s=0.02, deadline_s=5, run=run)], utc_now):
        await until(lambda: len(runs) >= 2)
    assert "no partition" in caplog.text
    assert {record.levelno for record in caplog.records if record.name.startswith("apscheduler")} >= {logging.ERROR}


async def test_a_job_that_takes_too_long_is_cancelled_and_comes_again() -> None:
    cut: list[bool] = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.append(True)
            raise

    async with timetable([Job("hangs", every_s=0.05, deadline_s=0.01, run=run)], utc_now):
        await until(lambda: len(cut) >= 2)


async def test_a_slow_job_never_runs_beside_itself() -> None:
    at_work, most = 0, 0
    runs: list[int] = []

    async def run() -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        ends = asyncio.get_running_loop().time() + 0.03
        await until(lambda: asyncio.get_running_loop().time() >= ends)
        at_work -= 1
        runs.append(1)

    async with timetable([Job("slow", every_s=0.01, deadline_s=5, run=run)], utc_now):
        await until(lambda: len(runs) >= 3)
    assert most == 1


async def test_what_still_runs_at_the_end_is_cancelled() -> None:
    began, cut = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async with timetable([Job("hangs", every_s=60, deadline_s=60, run=run)], utc_now):
        await asyncio.wait_for(began.wait(), 5)
    await asyncio.wait_for(cut.wait(), 5)
