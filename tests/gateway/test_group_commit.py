"""One flush in flight; a waiter is released by the first flush that began after its write, or by its deadline."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.group_commit import Flush, GroupCommit
from tests.faulty_disk import fault
from tests.waiting import until

LONG_S, NEVER_S = 10.0, 1000.0


@dataclass
class Disk:
    """Flushes one at a time, when it may."""

    may: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    error: OSError | None = None
    refuses: bool = False
    running: int = 0
    most: int = 0
    prepared: int = 0
    threads: set[int] = field(default_factory=set)
    settled: list[tuple[int, OSError | None]] = field(default_factory=list)

    def prepare(self) -> Flush:
        self.prepared += 1
        return self.flush

    def flush(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.threads.add(threading.get_ident())
        assert self.may.acquire(timeout=20)
        self.running -= 1
        if self.error is not None:
            raise self.error

    def done(self, target: int, error: OSError | None) -> bool:
        self.settled.append((target, error))
        return error is None and not self.refuses


@asynccontextmanager
async def commit_on(disk: Disk, background_s: float = NEVER_S) -> AsyncIterator[GroupCommit]:
    commit = GroupCommit(disk.prepare, disk.done, background_s)
    try:
        yield commit
    finally:
        for _ in range(50):
            disk.may.release()
        await commit.close(LONG_S)


async def test_between_two_flushes_others_have_the_time_to_join() -> None:
    disk = Disk()
    async with commit_on(disk) as commit, asyncio.TaskGroup() as tasks:
        commit.wrote()
        first = tasks.create_task(commit.wait(LONG_S))
        await until(lambda: disk.running)
        commit.wrote()
        second = tasks.create_task(commit.wait(LONG_S))
        await asyncio.sleep(0)
        disk.may.release()
        assert await first
        assert disk.prepared == 1
        commit.wrote()
        third = tasks.create_task(commit.wait(LONG_S))
        disk.may.release()
        assert all(await asyncio.gather(second, third))
        assert disk.prepared == 2


async def test_who_waits_for_less_time_is_answered_first() -> None:
    disk = Disk()
    async with commit_on(disk) as commit, asyncio.TaskGroup() as tasks:
        commit.wrote()
        patient = tasks.create_task(commit.wait(LONG_S))
        await asyncio.sleep(0)
        hasty = tasks.create_task(commit.wait(0.001))
        middle = tasks.create_task(commit.wait(0.05))
        assert not any(await asyncio.wait_for(asyncio.gather(hasty, middle), LONG_S))
        assert not patient.done()
        disk.may.release()
        assert await patient


async def test_nothing_written_is_safe_at_once() -> None:
    disk = Disk()
    async with commit_on(disk) as commit:
        assert await commit.wait(LONG_S)
        assert disk.prepared == 0


async def test_who_waits_in_the_same_turn_shares_a_flush_and_who_comes_later_waits_for_the_next() -> None:
    disk = Disk()
    async with commit_on(disk) as commit, asyncio.TaskGroup() as tasks:
        commit.wrote()
        first = [tasks.create_task(commit.wait(LONG_S)) for _ in range(3)]
        await until(lambda: disk.running)
        commit.wrote()
        late = [tasks.create_task(commit.wait(LONG_S)) for _ in range(2)]
        await asyncio.sleep(0)
        disk.may.release()
        assert await asyncio.gather(*first) == [True] * 3
        assert not any(one.done() for one in late), "the flush began before they wrote"
        disk.may.release()
        assert await asyncio.gather(*late) == [True] * 2
        assert disk.prepared == 2
        assert disk.most == 1
        assert [target for target, _ in disk.settled] == [1, 2]
        assert commit.safe == commit.written == 2
        assert threading.get_ident() not in disk.threads


async def test_a_deadline_lets_the_waiter_go_and_the_flush_still_counts() -> None:
    disk = Disk()
    async with commit_on(disk) as commit:
        commit.wrote()
        assert not await commit.wait(0.001)
        disk.may.release()
        await until(lambda: commit.safe == 1)
        assert await commit.wait(0)


async def test_a_waiter_that_is_cancelled_does_not_disturb_the_others() -> None:
    disk = Disk()
    async with commit_on(disk) as commit, asyncio.TaskGroup() as tasks:
        commit.wrote()
        gone, stays = tasks.create_task(commit.wait(LONG_S)), tasks.create_task(commit.wait(LONG_S))
        await until(lambda: disk.running)
        gone.cancel()
        disk.may.release()
        assert await stays
        assert gone.cancelled()


async def test_a_write_that_nobody_waits_for_is_flushed_soon_and_only_once() -> None:
    disk = Disk()
    async with commit_on(disk, background_s=0.001) as commit:
        commit.wrote()
        commit.wrote()
        disk.may.release()
        await until(lambda: commit.safe == 2)
        commit.wrote()
        disk.may.release()
        await until(lambda: commit.safe == 3)
        assert disk.prepared == 2


async def test_what_is_written_during_a_flush_is_flushed_after_it() -> None:
    disk = Disk()
    async with commit_on(disk, background_s=0.001) as commit:
        commit.wrote()
        await until(lambda: disk.running)
        commit.wrote()
        disk.may.release(2)
        await until(lambda: commit.safe == 2)


async def test_a_failed_flush_makes_nothing_safe_and_is_tried_again_less_and_less_often() -> None:
    disk = Disk(error=fault(errno.EIO))
    async with commit_on(disk, background_s=0.001) as commit:
        commit.wrote()
        disk.may.release(3)
        assert not await commit.wait(LONG_S)
        await until(lambda: len(disk.settled) == 3)
        assert commit.safe == 0
        assert {getattr(error, "errno", None) for _, error in disk.settled} == {errno.EIO}
        assert commit._pause_s == 0.008
        disk.error = None
        disk.may.release()
        await until(lambda: commit.safe == 1)
        assert commit._pause_s == 0.001


async def test_a_flush_that_its_owner_does_not_trust_makes_nothing_safe() -> None:
    disk = Disk(refuses=True)
    async with commit_on(disk) as commit:
        commit.wrote()
        disk.may.release()
        assert not await commit.wait(LONG_S)
        assert commit.safe == 0


async def test_the_end_flushes_what_is_left_and_ends_the_thread() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.done, NEVER_S)
    commit.wrote()
    disk.may.release()
    assert await commit.close(LONG_S)
    assert commit.safe == 1
    await until(lambda: not commit._thread.is_alive())


async def test_the_end_does_not_wait_for_a_disk_that_hangs() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.done, NEVER_S)
    commit.wrote()
    assert not await commit.close(0.001)
    disk.may.release()
    await until(lambda: not commit._thread.is_alive())


def test_a_flush_that_outlives_its_loop_disturbs_nobody() -> None:
    disk = Disk()

    async def leave() -> threading.Thread:
        commit = GroupCommit(disk.prepare, disk.done, NEVER_S)
        commit.wrote()
        await commit.wait(0.001)
        return commit._thread

    thread = asyncio.run(leave())
    disk.may.release()
    thread.join(10)
    assert not thread.is_alive()
    assert disk.settled == []
