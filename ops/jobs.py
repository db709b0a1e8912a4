"""What is done from time to time? The timetable of maintenance, run by one process only: the projector that leads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from domain.ports import Clock

_LATE_S = 3600
"""A run that was missed for less than this (the machine slept) is made up for, once."""


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the timetable: run now, then again and again."""

    name: str
    every_s: float
    deadline_s: float
    """A run that takes longer is cancelled."""
    run: Callable[[], Awaitable[object]]


@asynccontextmanager
async def timetable(jobs: Sequence[Job], clock: Clock) -> AsyncIterator[None]:
    """Keep the timetable while inside. A job that fails is logged and comes again at its next time."""
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": _LATE_S}
    )
    for job in jobs:
        trigger = IntervalTrigger(seconds=job.every_s, timezone=UTC)
        scheduler.add_job(_run, trigger, args=(job,), id=job.name, name=job.name, next_run_time=clock())
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


async def _run(job: Job) -> None:
    async with asyncio.timeout(job.deadline_s):
        await job.run()
