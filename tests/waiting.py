"""Wait for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

DEADLINE_S = 40.0
_LOOK_S = 0.004


async def until(condition: Callable[[], object], what: str = "the condition", deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as ``condition`` holds; fail when it does not within the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited {deadline_s} s for {what}"
        await asyncio.sleep(_LOOK_S)


async def until_true(
    condition: Callable[[], Awaitable[object]], what: str = "the condition", deadline_s: float = DEADLINE_S
) -> None:
    """The same for a condition that must itself be awaited."""
    end = time.monotonic() + deadline_s
    while not await condition():
        assert time.monotonic() < end, f"waited {deadline_s} s for {what}"
        await asyncio.sleep(_LOOK_S)


def until_sync(condition: Callable[[], object], what: str = "the condition", deadline_s: float = DEADLINE_S) -> None:
    """The same for tests without an event loop."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited {deadline_s} s for {what}"
        time.sleep(_LOOK_S)
