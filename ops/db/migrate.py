"""Which schema changes does this database still need? Plain SQL files, applied forward, each exactly once.

Each file runs in its own transaction together with the row that says so, under a transaction-level advisory lock:
several starters at once apply each file once, and a crash leaves a whole number of files applied.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from domain.errors import SetupError, StoreUnavailableError
from ops.db.borrowing import cut_off
from ops.db.failures import words_of
from ops.db.locks import MIGRATION_LOCK, TAKE_LOCK
from ops.db.pool import Connection, open_connection

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_TIMEOUT_S = 60
DEADLINE_S = 600.0
"""For all files together; an index on a large table takes its time."""

_LIMIT_WAITING = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"
_IS_NEW = "SELECT to_regclass('public.nexus_migrations') IS NULL"
_SELECT_APPLIED = "SELECT name, sha256, applied_at FROM nexus_migrations ORDER BY name"
_INSERT_APPLIED = "INSERT INTO nexus_migrations (name, sha256) VALUES ($1, $2)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of the version table."""

    name: str
    sha256: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """What the database has and what it still needs."""

    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]


def migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The files of this version of Nexus, in order."""
    return tuple(Migration(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.sql")))


async def migrate(dsn: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is pending; the names of what was applied. Raises SetupError or StoreUnavailableError."""
    connection = await open_connection(dsn, application_name="nexus-migrate")
    try:
        return await migrate_on(connection, folder)
    finally:
        await connection.close(timeout=2)


async def migrate_on(connection: Connection, folder: Path = MIGRATIONS) -> list[str]:
    """``migrate`` on an open connection that is in no transaction."""
    files, done = migrations(folder), list[str]()
    with cut_off(connection, DEADLINE_S), _refusals():
        while (name := await _apply_next(connection, files)) is not None:
            done.append(name)
    return done


async def status(connection: Connection, folder: Path = MIGRATIONS) -> Status:
    """What is applied and what is pending. Raises SetupError if the two do not fit."""
    applied = await _applied(connection)
    return Status(applied, pending(migrations(folder), applied))


def pending(files: tuple[Migration, ...], applied: tuple[Applied, ...]) -> tuple[Migration, ...]:
    """The files to apply; they only ever follow what is applied. Raises SetupError."""
    by_name = {file.name: file for file in files}
    for row in applied:
        file = by_name.get(row.name)
        if file is None:
            raise SetupError(f"The database has migration {row.name}, which this Nexus lacks; upgrade Nexus.")
        if file.sha256 != row.sha256:
            raise SetupError(f"Migration {row.name} was edited after it was applied; restore the released file.")
    rest = tuple(file for file in files if file.name not in {row.name for row in applied})
    if applied and rest and rest[0].name < applied[-1].name:
        raise SetupError(f"Migration {rest[0].name} would run after {applied[-1].name}; give it a higher number.")
    return rest


async def _apply_next(connection: Connection, files: tuple[Migration, ...]) -> str | None:
    async with connection.transaction():
        await connection.execute(_LIMIT_WAITING)
        await connection.execute(TAKE_LOCK, MIGRATION_LOCK)
        rest = pending(files, await _applied(connection))
        if not rest:
            return None
        await connection.execute(rest[0].sql)
        await connection.execute(_INSERT_APPLIED, rest[0].name, rest[0].sha256)
        return rest[0].name


async def _applied(connection: Connection) -> tuple[Applied, ...]:
    if await connection.fetchval(_IS_NEW):
        return ()
    return tuple(Applied(**row) for row in await connection.fetch(_SELECT_APPLIED))


@contextmanager
def _refusals() -> Iterator[None]:
    """What the server may say to a migration, in words of ours."""
    try:
        yield
    except asyncpg.LockNotAvailableError as error:
        raise StoreUnavailableError(f"Another process holds the database for {LOCK_TIMEOUT_S} s; try again.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise SetupError(f"The database user may not create tables ({words_of(error)}); GRANT it.") from error
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise SetupError("DATABASE_URL points to a read-only server; give the primary's URL.") from error
