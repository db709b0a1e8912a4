"""How does a command use the database? Attach to it, or start the embedded one for the while; migrate; one pool."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ops.database import reached
from ops.home import prepare
from ops.home_lock import me
from ops.serve_database import migrated
from ops.settings import load

if TYPE_CHECKING:
    from ops.db.pool import Pool

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Database:
    """An open database."""

    pool: "Pool"
    url: str
    """Holds a password if ``DATABASE_URL`` does."""
    embedded: bool


def with_database(
    command: str, work: Callable[[Database], Awaitable[T]], url: str | None = None, *, migrate: bool = True
) -> T:
    """Run ``work`` over the database of this home, or over that of ``url``. Raises NexusError.

    ``migrate``: False for work that only reads and may be done by a role that may do no more.
    """
    if url is not None:
        return asyncio.run(_work(url, command, work, embedded=True, migrate=migrate))
    settings = load(Path.cwd())
    with reached(settings, prepare(settings.home), me(command)) as found:
        return asyncio.run(_work(found, command, work, embedded=settings.database_url is None, migrate=migrate))


async def _work(
    url: str, command: str, work: Callable[[Database], Awaitable[T]], *, embedded: bool, migrate: bool
) -> T:
    from ops.stores import opened

    if migrate:
        await migrated(url)
    async with opened(url, f"nexus-{command}") as pool:
        return await work(Database(pool, url, embedded))
