"""Which of several projectors works? One asks for the lease on a thread of its own; while it is granted, it works.

The thread has an event loop and a connection of its own, so the lease is kept however busy the projections are, and a
frozen database holds up neither. It stops asking when the main loop has not run for a long time: a projector that
hangs does not lead.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

import structlog

from domain.errors import NexusError, StoreUnavailableError
from domain.leadership import STANDBY, TERMS, Leadership, LeaseTerms, Move
from ops.db.lease import ProjectorLease
from ops.stores import opened

HUNG_S = 60.0
"""No batch holds up the loop for so long."""
_LOOK_S = 0.1
_JOIN_S = 5.0
_LOG = structlog.get_logger("nexus.projector")

Work = Callable[[int, asyncio.Event], Awaitable[None]]
"""What the leader does, given its epoch, until the event is set; cancelled when another one leads."""


class Lease(Protocol):
    """What grants leadership; each raises StoreUnavailableError."""

    async def take(self) -> int | None: ...

    async def renew(self, epoch: int) -> int | None: ...

    async def give_back(self, epoch: int) -> None: ...


@dataclass(slots=True)
class Standing:
    """What the thread that asks and the loop that works know of each other."""

    clock: Callable[[], float] = time.monotonic
    leadership: Leadership = STANDBY
    beat_at: float = 0.0
    """When the working loop last ran."""
    over: threading.Event = field(default_factory=threading.Event)
    was_answered: bool = False

    @property
    def epoch(self) -> int | None:
        """None: it stands by."""
        return self.leadership.epoch if self.leadership.leads(self.clock()) else None

    @property
    def stands_by(self) -> bool:
        """Another one leads. Not said before the first answer, of who has just begun."""
        return self.was_answered and self.epoch is None

    @property
    def hangs(self) -> bool:
        return self.clock() - self.beat_at > HUNG_S


async def keep_asking(lease: Lease, standing: Standing, terms: LeaseTerms = TERMS) -> None:
    """Until it is over. An unanswered question changes nothing: a lease runs out by itself."""
    while not standing.over.is_set():
        asked_at = standing.clock()
        if not standing.hangs:
            with suppress(StoreUnavailableError):
                answer = await _ask(lease, standing.leadership, asked_at)
                standing.leadership = standing.leadership.answered(answer, asked_at, terms)
                standing.was_answered = True
        await _until(standing.over, terms.ask_s)
    if standing.epoch is not None:
        with suppress(StoreUnavailableError):
            await lease.give_back(standing.epoch)


async def _ask(lease: Lease, leadership: Leadership, now: float) -> int | None:
    if leadership.epoch is not None and leadership.move(now) is Move.RENEW:
        return await lease.renew(leadership.epoch)
    return await lease.take()


async def _until(over: threading.Event, seconds: float) -> None:
    await asyncio.to_thread(over.wait, seconds)


@asynccontextmanager
async def asking(database_url: str, holder: UUID, terms: LeaseTerms = TERMS) -> AsyncIterator[Standing]:
    """Ask for the lease while inside, on a thread; give it back at the end."""
    standing = Standing(beat_at=time.monotonic())
    thread = threading.Thread(
        target=lambda: asyncio.run(_ask_on(database_url, holder, standing, terms)), name="lease", daemon=True
    )
    thread.start()
    try:
        yield standing
    finally:
        standing.over.set()
        await asyncio.to_thread(thread.join, _JOIN_S)


async def _ask_on(database_url: str, holder: UUID, standing: Standing, terms: LeaseTerms) -> None:
    while not standing.over.is_set():
        try:
            async with opened(database_url, "nexus-projector-lease") as pool:
                lease = ProjectorLease(pool, holder, lasts_s=terms.lasts_s, deadline_s=terms.answer_s)
                await keep_asking(lease, standing, terms)
        except NexusError as error:
            _LOG.warning("no lease can be asked for", error=str(error), retry_s=terms.ask_s)
            await _until(standing.over, terms.ask_s)


async def work_while_leading(standing: Standing, work: Work, stop: asyncio.Event) -> None:
    """Stand by, work, stand by again, until ``stop``."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            standing.beat_at = standing.clock()
            epoch = standing.epoch
            if epoch is None:
                await asyncio.wait({stopping}, timeout=_LOOK_S)
            else:
                _LOG.info("this projector leads", epoch=epoch)
                await _work(standing, epoch, work, stopping)
    finally:
        stopping.cancel()


async def _work(standing: Standing, epoch: int, work: Work, stopping: "asyncio.Task[Literal[True]]") -> None:
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(_as_coroutine(work(epoch, ended)))
        while standing.epoch == epoch and not (stopping.done() or working.done()):
            await asyncio.wait({working, stopping}, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            standing.beat_at = standing.clock()
        ended.set()
        if not stopping.done() and not working.done():
            _LOG.warning("another projector may lead now; this one stands by", epoch=epoch)
            working.cancel()


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work
