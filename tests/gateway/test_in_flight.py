"""A stop waits for what is being handled; an abort ends it."""

import asyncio

from gateway.in_flight import InFlight
from tests.waiting import until


async def test_nothing_in_flight_is_nothing_to_wait_for() -> None:
    in_flight = InFlight()
    async with asyncio.timeout(5):
        await in_flight.wait_for_none()
    assert len(in_flight) == 0


async def test_the_wait_ends_with_the_last_one() -> None:
    in_flight, may_end = InFlight(), [asyncio.Event(), asyncio.Event()]

    async def handle(number: int) -> None:
        task = in_flight.enter()
        await may_end[number].wait()
        in_flight.leave(task)

    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(handle(number))
        await until(lambda: len(in_flight) == 2)
        waiting = tasks.create_task(in_flight.wait_for_none())
        may_end[0].set()
        await until(lambda: len(in_flight) == 1)
        assert not waiting.done()
        may_end[1].set()
        await waiting


async def test_an_abort_cancels_all_and_says_that_it_was_us() -> None:
    in_flight, heard = InFlight(), list[bool]()

    async def handle() -> None:
        task = in_flight.enter()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append(in_flight.is_aborting())
            raise
        finally:
            in_flight.leave(task)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(handle())
        await until(lambda: len(in_flight) == 2)
        assert not in_flight.is_aborting()
        in_flight.abort()
        await in_flight.wait_for_none()
    assert heard == [True, True]


def test_a_drain_is_known_to_the_answers() -> None:
    in_flight = InFlight()
    before = in_flight.is_draining()
    in_flight.drain()
    assert (before, in_flight.is_draining(), in_flight.is_aborting()) == (False, True, False)
