"""How is the library called when PostgreSQL may be frozen? In a thread of its own, for which nobody waits for ever.

The library's driver has no deadline that fires against a frozen server. The thread is left behind then; being a
daemon, it holds up nobody's end. What it was about to write may still be written once the server thaws.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from domain.errors import StoreUnavailableError

DEADLINE_S = 10.0
T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """What ``work`` returns or raises. Raises StoreUnavailableError if it takes too long."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None is a T here

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - whoever waits raises it
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="aggregates", daemon=True).start()
    try:
        async with asyncio.timeout(deadline_s):
            return await done
    except TimeoutError:
        raise StoreUnavailableError(f"PostgreSQL did not answer within {deadline_s:g} s.") from None
