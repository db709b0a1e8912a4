"""Databases that belong to users who may do more or less, and readers of them as the dashboard opens them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import Pool
from ops.stores import opened
from tests.postgres import create_database, drop_database

ROLE = "nexus_dashboard"
"""Of the databases that belong to the user of the tests."""


@dataclass(frozen=True)
class Owned:
    """A database, as its owner reaches it and as an administrator does."""

    dsn: str
    admin_dsn: str
    owner: str

    @property
    def role(self) -> str:
        return f"{self.owner}_dashboard"

    def by_admin(self, statement: str) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            admin.execute(statement.encode())

    def as_user(self, name: str) -> str:
        return as_user(self.admin_dsn, name)


def as_user(dsn: str, name: str) -> str:
    target = parse_dsn(dsn)
    return f"postgresql://{name}@/{target.dbname}?host={target.host}&port={target.port}"


@contextmanager
def owned_by(server: EmbeddedPostgres, owner: str, rights: str = "", databases: int = 1) -> Iterator[list[Owned]]:
    """Empty databases of a new user with these rights; user and role are gone afterwards."""
    made = [create_database(server) for _ in range(databases)]
    found = [Owned(as_user(dsn, owner), dsn, owner) for dsn in made]
    found[0].by_admin(f"CREATE ROLE {owner} LOGIN {rights}")
    for one in found:
        one.by_admin(f"ALTER DATABASE {parse_dsn(one.dsn).dbname} OWNER TO {owner}")
    try:
        yield found
    finally:
        for dsn in made:
            drop_database(server, dsn)
        _forget(server, owner)


def _forget(server: EmbeddedPostgres, owner: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        for name in (f"{owner}_dashboard", owner):
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@asynccontextmanager
async def reading(dsn: str, max_size: int = 2) -> AsyncIterator[Pool]:
    """Connections as the dashboard has them."""
    async with opened(dsn, "nexus-dashboard", reads_only=True, max_size=max_size) as pool:
        yield pool


async def role_of(dsn: str) -> str:
    """In which role the dashboard would read there."""
    async with reading(dsn) as pool:
        role: str = await pool.fetchval("SELECT current_user::text")
        return role
