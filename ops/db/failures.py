"""What does a failure of the driver mean: the store is away for now, or the installation is wrong?

Away is worth trying again with a back-off; wrong needs a person, so its message is one line that says what to mend.
Neither message ever holds the password.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from domain.errors import NexusError, SetupError, StoreUnavailableError

AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
"""Shut down, starting, full, frozen, failed over, dead-locked: the same call may succeed later."""

REFUSED_AT_CONNECT = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
    asyncpg.TargetServerAttributeNotMatched,
    socket.gaierror,
    ValueError,
    OverflowError,
)
"""What the server or the client says to a URL that cannot work."""


@contextmanager
def failures_of_connecting(server: str) -> Iterator[None]:
    """Raise SetupError or StoreUnavailableError for what connecting to ``server`` raises."""
    try:
        yield
    except (*AWAY, *REFUSED_AT_CONNECT) as error:
        raise meaning_at_connect(error, server) from error


def meaning_at_connect(error: BaseException, server: str) -> NexusError:
    """What it means that a first connection fails so."""
    if _speaks_no_postgres(error):
        return SetupError(f"DATABASE_URL: {server} is no PostgreSQL server or refuses TLS; check host, port, sslmode.")
    if isinstance(error, REFUSED_AT_CONNECT) and not _is_passing(error):
        return SetupError(f"DATABASE_URL: {server} cannot be used ({words_of(error)}); correct the URL or the server.")
    return StoreUnavailableError(f"PostgreSQL at {server} does not answer ({words_of(error)}).")


def _speaks_no_postgres(error: BaseException) -> bool:
    """asyncpg raises a bare ConnectionError when the answer to its TLS request makes no sense."""
    return type(error) is ConnectionError or isinstance(error, asyncpg.ProtocolError)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN


def words_of(error: BaseException) -> str:
    """One line, never empty."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
