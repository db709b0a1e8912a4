"""How is a connection used so that nobody waits for ever?

asyncpg's own timeouts first ask the server to cancel, and wait for that: against a frozen server (SIGSTOP, a cut
cable) they never fire. So a timer outside of asyncpg closes the connection; whoever waits on it is then told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg

from domain.errors import StoreUnavailableError, TooSlowError
from ops.db.failures import AWAY, REFUSED_AT_CONNECT, words_of
from ops.db.pool import Borrowed, Connection, Pool

GIVE_BACK_DEADLINE_S = 0.5


@asynccontextmanager
async def borrowed(pool: Pool, deadline_s: float) -> AsyncIterator[Borrowed]:
    """A connection of the pool, cut off ``deadline_s`` after it was asked for. Raises StoreUnavailableError."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_s
    connection = await acquire(pool, deadline_s)
    try:
        with cut_off(connection, ends - loop.time()):
            yield connection
    finally:
        await give_back(pool, connection)


@contextmanager
def cut_off(connection: Connection, deadline_s: float) -> Iterator[None]:
    """Close the connection if the block takes longer than that. Raises StoreUnavailableError, also if it broke, and
    TooSlowError for a statement that the server ended by its own deadline."""
    watchdog = asyncio.get_running_loop().call_later(deadline_s, _cut, connection)
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise TooSlowError(f"PostgreSQL broke off: {words_of(error)}.") from error
    except AWAY as error:
        raise StoreUnavailableError(_reason(error, watchdog, deadline_s)) from error
    except asyncpg.InterfaceError as error:
        if not _is_closed(connection):
            raise
        raise StoreUnavailableError(_reason(error, watchdog, deadline_s)) from error
    finally:
        watchdog.cancel()


async def acquire(pool: Pool, deadline_s: float) -> Borrowed:
    """A connection to keep; ``give_back`` it. Raises StoreUnavailableError."""
    try:
        return await pool.acquire(timeout=deadline_s)
    except TimeoutError as error:
        raise StoreUnavailableError(f"PostgreSQL gave no connection within {deadline_s:g} s.") from error
    except (*AWAY, *REFUSED_AT_CONNECT) as error:
        raise StoreUnavailableError(f"No connection to PostgreSQL: {words_of(error)}.") from error


async def give_back(pool: Pool, connection: Borrowed) -> None:
    """What was done is done: a connection that cannot be reset is dropped and nobody is told.

    After a cancelled query the driver waits here for the server to cancel it too.
    """
    with suppress(StoreUnavailableError, asyncpg.InterfaceError), cut_off(connection, GIVE_BACK_DEADLINE_S):
        await pool.release(connection)


def _cut(connection: Connection) -> None:
    """One that the pool has taken back in this very moment is nobody's to cut."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


def _is_closed(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool took it back when it was terminated


def _reason(error: BaseException, watchdog: asyncio.TimerHandle, deadline_s: float) -> str:
    if watchdog.when() <= asyncio.get_running_loop().time():
        return f"PostgreSQL did not answer within {deadline_s:.3g} s; the connection was cut."
    return f"PostgreSQL broke off: {words_of(error)}."
