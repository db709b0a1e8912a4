"""Wrong keys wait longer and longer, only so many at once, and every address for itself."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import throttle as module
from dashboard.throttle import (
    FIRST_DELAY_S,
    FREE_TRIES,
    LONGEST_DELAY_S,
    MOST_WAITING,
    MOST_WAITING_EACH,
    WINDOW_S,
    Throttle,
)


class Time:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.bar(67)
def test_a_slip_of_the_hand_costs_nothing_and_then_it_doubles() -> None:
    throttle = Throttle(Time())
    waits = [throttle.penalty("10.0.0.1") for _ in range(FREE_TRIES + 8)]
    assert waits[:FREE_TRIES] == [0.0] * FREE_TRIES
    assert waits[FREE_TRIES : FREE_TRIES + 4] == [
        FIRST_DELAY_S,
        2 * FIRST_DELAY_S,
        4 * FIRST_DELAY_S,
        8 * FIRST_DELAY_S,
    ]
    assert waits[FREE_TRIES + 4 :] == [LONGEST_DELAY_S] * 4


@given(st.integers(0, 5000))
def test_no_wait_is_longer_than_the_longest(tries: int) -> None:
    throttle = Throttle(Time())
    waits = [throttle.penalty("10.0.0.1") or 0.0 for _ in range(tries)]
    assert waits == sorted(waits)
    assert max(waits, default=0.0) <= LONGEST_DELAY_S


def test_after_a_minute_it_begins_anew() -> None:
    time = Time()
    throttle = Throttle(time)
    for _ in range(FREE_TRIES + 1):
        throttle.penalty("10.0.0.1")
    time.now = WINDOW_S - 0.1
    assert throttle.penalty("10.0.0.1") == 2 * FIRST_DELAY_S
    time.now = WINDOW_S
    assert throttle.penalty("10.0.0.1") == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("not an address", "not an address", True),
        ("", "10.0.0.1", False),
    ],
)
def test_who_is_the_same(one: str, other: str, same: bool) -> None:
    throttle = Throttle(Time())
    for _ in range(FREE_TRIES):
        assert throttle.penalty(one) == 0.0
    assert throttle.penalty(other) == (FIRST_DELAY_S if same else 0.0)


async def test_only_so_many_answers_of_one_address_wait() -> None:
    throttle = Throttle(Time())
    for _ in range(FREE_TRIES):
        throttle.penalty("10.0.0.1")
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(throttle.punish("10.0.0.1")) for _ in range(MOST_WAITING_EACH)]
        await asyncio.sleep(0)
        assert await throttle.punish("10.0.0.1") is False
        assert await throttle.punish("10.0.0.2") is True
        for task in waiting:
            task.cancel()
    assert throttle.penalty("10.0.0.1") is not None


@pytest.mark.bar(67)
async def test_only_so_many_answers_wait_in_all() -> None:
    throttle = Throttle(Time())
    addresses = [f"10.0.{n}.1" for n in range(MOST_WAITING // MOST_WAITING_EACH)]
    async with asyncio.TaskGroup() as tasks:
        for address in addresses:
            for _ in range(FREE_TRIES):
                throttle.penalty(address)
        waiting = [tasks.create_task(throttle.punish(one)) for one in addresses for _ in range(MOST_WAITING_EACH)]
        await asyncio.sleep(0)
        newcomer = "10.9.9.9"
        assert [await throttle.punish(newcomer) for _ in range(FREE_TRIES + 1)] == [True] * FREE_TRIES + [False]
        for task in waiting:
            task.cancel()


async def test_the_wait_is_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.05)
    throttle = Throttle(Time())
    loop = asyncio.get_running_loop()
    for _ in range(FREE_TRIES):
        throttle.penalty("10.0.0.1")
    began = loop.time()
    assert await throttle.punish("10.0.0.1") is True
    assert loop.time() - began >= 0.045


@pytest.mark.bar(67)
def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ADDRESSES", 3)
    throttle = Throttle(Time())
    for n in range(100):
        for _ in range(FREE_TRIES + 1):
            throttle.penalty(f"10.0.0.{n}")
    assert len(throttle._records) == 3
    assert throttle.penalty("10.0.0.99") == 2 * FIRST_DELAY_S
    assert throttle.penalty("10.0.0.1") == 0.0
