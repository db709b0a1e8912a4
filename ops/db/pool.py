"""How are connections to PostgreSQL opened?

Views of read models are replaced while readers hold prepared statements on them. Outside a transaction asyncpg
prepares again and repeats by itself; inside one the work as a whole must be repeated: ``once_more_if_outdated``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from domain.errors import SetupError
from ops.db.dsn import parse_dsn
from ops.db.failures import AWAY, failures_of_connecting

if TYPE_CHECKING:  # the driver's classes take type arguments in its stubs only
    Pool = asyncpg.Pool[asyncpg.Record]
    OwnConnection = asyncpg.Connection[asyncpg.Record]
    Borrowed = PoolConnectionProxy[asyncpg.Record]

    class Init(Protocol):
        """Done to a connection once, when it opens."""

        async def __call__(self, connection: OwnConnection, /) -> None: ...
else:
    Pool = asyncpg.Pool
    OwnConnection = asyncpg.Connection
    Borrowed = PoolConnectionProxy

Connection = OwnConnection | Borrowed
Use = Literal["any", "reader", "writer"]
"""A ``reader``: the server refuses whatever its sessions would write. A ``writer``: its plans are kept for as long as a
connection, and made while the tables of a new store are empty, so they are to be those of large tables; and it changes
nothing of a session beyond a transaction, so each use is spared the query that resets it."""
T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0
"""Kept by the client."""
OLDEST_SERVER = 14
IDLE_IN_TRANSACTION_S = 10
"""A client that vanished or was stopped in a transaction holds the append lock no longer than this."""


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    max_size: int = 4,
    statement_timeout_s: float = 0.0,
    use: Use = "any",
    init: "Init | None" = None,
) -> Pool:
    """Connect and look at the server. Raises SetupError or StoreUnavailableError.

    ``statement_timeout_s`` is kept by the server; 0: no such timeout. ``init`` is done to each connection once.
    """
    target = parse_dsn(dsn)
    settings = {
        "application_name": application_name,
        "search_path": "public",
        "jit": "off",
        "enable_seqscan": "off" if use == "writer" else "on",
        "default_transaction_read_only": "on" if use == "reader" else "off",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S}s",
        "statement_timeout": f"{statement_timeout_s * 1000:.0f}",
    }
    with failures_of_connecting(str(target)):
        pool: Pool = await asyncpg.create_pool(
            target.for_asyncpg(),
            min_size=1,
            max_size=max_size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=settings,
            init=init,
            reset=_leave if use == "writer" else None,
        )
    try:
        async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            _refuse_unfit_server(connection)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def open_connection(dsn: str, *, application_name: str) -> OwnConnection:
    """One connection, for commands that need no pool. Raises SetupError or StoreUnavailableError."""
    target = parse_dsn(dsn)
    settings = {"application_name": application_name, "search_path": "public"}
    with failures_of_connecting(str(target)):
        connection: OwnConnection = await asyncpg.connect(
            target.for_asyncpg(), timeout=CONNECT_TIMEOUT_S, server_settings=settings
        )
    try:
        _refuse_unfit_server(connection)
    except SetupError:
        connection.terminate()
        raise
    return connection


async def close_pool(pool: Pool, deadline_s: float = 2.0) -> None:
    """Close gently, or at once when the server does not answer."""
    try:
        async with asyncio.timeout(deadline_s):
            await pool.close()
    except (TimeoutError, *AWAY):
        pool.terminate()


async def once_more_if_outdated(work: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction, and once more if a view it reads was replaced since its statements were prepared."""
    try:
        return await work()
    except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError):
        return await work()


async def _leave(_: Connection) -> None:
    """The driver itself has rolled back whatever was open."""


def _refuse_unfit_server(connection: Connection) -> None:
    """What a server says of itself when a connection opens."""
    major = connection.get_server_version().major
    encoding = connection.get_settings().server_encoding
    if major < OLDEST_SERVER:
        raise SetupError(f"PostgreSQL {major} is too old; use {OLDEST_SERVER} or newer.")
    if encoding != "UTF8":
        raise SetupError(f"The database's encoding is {encoding}; create it with ENCODING 'UTF8' TEMPLATE template0.")
