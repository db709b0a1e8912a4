"""One of several projectors works, and goes on standing by while it cannot ask."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from domain.errors import StoreUnavailableError
from domain.leadership import STANDBY, Leadership, LeaseTerms
from ops.leading import HUNG_S, Standing, asking, keep_asking, work_while_leading
from tests.waiting import until

QUICK = LeaseTerms(lasts_s=1.0, ask_s=0.02, answer_s=5.0)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeLease:
    """Grants what it is told to, and ends the asking after the last answer."""

    standing: Standing
    answers: list[int | Exception | None]
    asked: list[str] = field(default_factory=list)

    async def take(self) -> int | None:
        return self._answer("take")

    async def renew(self, epoch: int) -> int | None:
        return self._answer(f"renew {epoch}")

    async def give_back(self, epoch: int) -> None:
        self.asked.append(f"give back {epoch}")

    def _answer(self, move: str) -> int | None:
        self.asked.append(move)
        answer = self.answers.pop(0)
        if not self.answers:
            self.standing.over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "asked", "leads"),
    [
        ([None, None], ["take", "take"], None),
        ([None, 4, 4], ["take", "take", "renew 4", "give back 4"], 4),
        ([4, None, 6], ["take", "renew 4", "take", "give back 6"], 6),
        ([4, StoreUnavailableError(), 4], ["take", "renew 4", "renew 4", "give back 4"], 4),
        ([StoreUnavailableError(), 4], ["take", "take", "give back 4"], 4),
    ],
)
async def test_it_takes_renews_and_gives_back(
    answers: list[int | Exception | None], asked: list[str], leads: int | None
) -> None:
    standing = Standing(clock := Clock(), beat_at=clock())
    lease = FakeLease(standing, answers)
    await keep_asking(lease, standing, LeaseTerms(lasts_s=60.0, ask_s=0.01))
    assert lease.asked == asked
    assert standing.epoch == leads


@pytest.mark.parametrize(("answer", "stands_by"), [(None, True), (StoreUnavailableError(), False), (4, False)])
async def test_it_stands_by_once_it_knows_that_another_one_leads(
    answer: int | Exception | None, stands_by: bool
) -> None:
    standing = Standing(clock := Clock(), beat_at=clock())
    assert not standing.stands_by, "nobody has said so yet"
    await keep_asking(FakeLease(standing, [answer]), standing, LeaseTerms(lasts_s=60.0, ask_s=0.01))
    assert standing.stands_by == stands_by


async def test_who_hangs_does_not_ask() -> None:
    standing = Standing(clock := Clock(), beat_at=clock())
    clock.now += HUNG_S + 1
    assert standing.hangs
    lease = FakeLease(standing, [None])
    asking_on = asyncio.ensure_future(keep_asking(lease, standing, QUICK))
    for _ in range(10):
        await asyncio.sleep(0)
    assert lease.asked == []
    standing.beat_at = clock()
    await asking_on
    assert lease.asked == ["take"]


class Worker:
    """Work that ends when it is asked to or cut off, and says how."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[str] = []

    async def __call__(self, epoch: int, stop: asyncio.Event) -> None:
        self.begun.append(epoch)
        try:
            await stop.wait()
            self.ended.append("in order")
        except asyncio.CancelledError:
            self.ended.append("cut off")
            raise


async def test_work_is_cut_off_when_the_lease_is_lost_and_ends_in_order_when_asked_to() -> None:
    standing, stop, worker = Standing(Clock()), asyncio.Event(), Worker()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(work_while_leading(standing, worker, stop))
        standing.leadership = Leadership(3, 1000.0)
        await until(lambda: worker.begun == [3])
        standing.leadership = STANDBY
        await until(lambda: worker.ended == ["cut off"])
        standing.leadership = Leadership(5, 1000.0)
        await until(lambda: worker.begun == [3, 5])
        standing.leadership = Leadership(6, 1000.0)
        await until(lambda: worker.begun == [3, 5, 6])
        stop.set()
    assert worker.ended == ["cut off", "cut off", "in order"]


async def test_what_fails_in_the_work_is_no_secret() -> None:
    async def broken(_epoch: int, _stop: asyncio.Event) -> None:
        raise ValueError("broken")

    standing = Standing(Clock(), Leadership(1, 1000.0))
    with pytest.RaisesGroup(ValueError):
        await work_while_leading(standing, broken, asyncio.Event())


async def test_of_several_one_leads_and_the_next_follows_at_once_when_it_ends(migrated_database: str) -> None:
    async with asyncio.timeout(30), AsyncExitStack() as others:
        async with asking(migrated_database, UUID(int=1), QUICK) as first:
            await until(lambda: first.epoch == 1)
            rest = [await others.enter_async_context(asking(migrated_database, UUID(int=n), QUICK)) for n in (2, 3)]
            assert [one.epoch for one in rest] == [None, None]
        await until(lambda: [one.epoch for one in rest if one.epoch] == [2])


async def test_a_database_that_is_not_there_leaves_it_standing_by() -> None:
    async with asyncio.timeout(30), asking("postgresql://nobody@127.0.0.1:1/nothing", UUID(int=1), QUICK) as standing:
        await asyncio.sleep(0)
        assert standing.epoch is None
