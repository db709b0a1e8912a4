"""Failures of the driver: passing ones are worth another try, the others name what to mend."""

import socket

import asyncpg
import pytest

from domain.errors import NexusError, SetupError, StoreUnavailableError
from ops.db.failures import AWAY, failures_of_connecting, meaning_at_connect, words_of

PASSING = [
    ConnectionRefusedError(111, "Connect call failed"),
    ConnectionResetError(104, "reset"),
    FileNotFoundError(2, "no socket"),
    TimeoutError(),
    OSError(113, "No route to host"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.ConnectionDoesNotExistError("connection was closed"),
    asyncpg.DiskFullError("no space left"),
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
]
WRONG = [
    asyncpg.InvalidPasswordError('password authentication failed for user "ada"'),
    asyncpg.InvalidAuthorizationSpecificationError('role "ada" does not exist'),
    asyncpg.InvalidCatalogNameError('database "nexus" does not exist'),
    asyncpg.InsufficientPrivilegeError("permission denied"),
    asyncpg.ClientConfigurationError("invalid DSN"),
    asyncpg.UndefinedObjectError('unrecognized configuration parameter "colour"'),
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    ValueError("invalid literal"),
    OverflowError("port must be 0-65535"),
    ConnectionError("PostgreSQL server rejected SSL upgrade"),
    asyncpg.ProtocolError("unknown message"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_server_that_is_away_is_worth_another_try(error: Exception) -> None:
    assert isinstance(meaning_at_connect(error, "ada@db:5432/nexus"), StoreUnavailableError)


@pytest.mark.parametrize("error", WRONG, ids=repr)
def test_what_cannot_work_needs_a_person(error: Exception) -> None:
    assert isinstance(meaning_at_connect(error, "ada@db:5432/nexus"), SetupError)


@pytest.mark.parametrize("error", PASSING + WRONG, ids=repr)
def test_every_message_is_one_line_and_names_the_server(error: Exception) -> None:
    message = str(meaning_at_connect(error, "ada@db:5432/nexus"))
    assert "ada@db:5432/nexus" in message
    assert "\n" not in message


@pytest.mark.parametrize("error", PASSING + WRONG, ids=repr)
def test_connecting_raises_our_error_with_its_cause(error: Exception) -> None:
    with pytest.raises(NexusError) as caught, failures_of_connecting("db"):
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), failures_of_connecting("db"):
        raise ZeroDivisionError


def test_a_conflict_is_not_taken_for_an_outage() -> None:
    assert not issubclass(asyncpg.UniqueViolationError, AWAY)
    assert not issubclass(asyncpg.InterfaceError, AWAY)


def test_a_silent_error_is_named_by_its_class() -> None:
    assert words_of(TimeoutError()) == "TimeoutError"
    assert words_of(ValueError("first.\nsecond")) == "first"
