"""A real PostgreSQL for tests: one server per run, an empty database per test.

Each run has a server of its own in its own temporary folder, so runs side by side do not meet.
"""

import itertools
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from psycopg import sql

from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres

FAST_AND_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""A test database need not survive a power cut."""

CREATE_DATABASE = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
DROP_DATABASE = sql.SQL("DROP DATABASE {} WITH (FORCE)")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The server of this test run."""
    directory = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres.start(EmbeddedConfig(directory, settings=FAST_AND_CARELESS))
    yield server
    server.stop("immediate")


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of a database with nothing in it."""
    dsn = create_database(postgres_server)
    yield dsn
    drop_database(postgres_server, dsn)


def create_database(server: EmbeddedPostgres, template: str | None = None) -> str:
    """The DSN of a new database: empty, or a copy of the one that ``template`` is the DSN of.

    Nobody may be connected to the template meanwhile.
    """
    name = f"test_{next(_numbers)}"
    origin = "template0" if template is None else _name_in(template)
    _execute(server, CREATE_DATABASE.format(sql.Identifier(name), sql.Identifier(origin)))
    return server.dsn_of(name)


def drop_database(server: EmbeddedPostgres, dsn: str) -> None:
    """Remove it, whoever is still connected."""
    _execute(server, DROP_DATABASE.format(sql.Identifier(_name_in(dsn))))


def _name_in(dsn: str) -> str:
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def _execute(server: EmbeddedPostgres, statement: sql.Composed) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(statement)
