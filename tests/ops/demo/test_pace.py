"""The pace stretches pauses, and always lets others run."""

import asyncio
import time

from ops.demo.pace import FAST, HUMAN, Pace


async def test_fast_does_not_wait_but_lets_others_have_their_turn() -> None:
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        await FAST.rest(3600)
        turns.append("this")
    assert turns == ["other", "this"]


async def test_a_pause_takes_its_share() -> None:
    begun = time.monotonic()
    await Pace(0.0001).rest(500)
    assert 0.04 < time.monotonic() - begun < 5
    assert HUMAN.factor == 1
