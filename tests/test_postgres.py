"""The database fixtures give every test a database of its own, as a copy of another where that is asked for."""

import psycopg
import pytest

from ops.db.embedded import EmbeddedPostgres
from tests.postgres import create_database, drop_database


def tables(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [
            str(row[0]) for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]


@pytest.mark.parametrize("_turn", [1, 2])
def test_every_test_begins_with_an_empty_database(empty_database: str, _turn: int) -> None:
    assert tables(empty_database) == []
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE mine (number integer)")


def test_a_copy_has_what_its_template_has_and_goes_its_own_way(
    postgres_server: EmbeddedPostgres, empty_database: str
) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    copy = create_database(postgres_server, template=empty_database)
    assert tables(copy) == ["kept"]
    with psycopg.connect(copy) as connection:
        connection.execute("DROP TABLE kept")
    assert tables(empty_database) == ["kept"]
    drop_database(postgres_server, copy)


def test_a_database_is_dropped_even_while_somebody_is_connected(postgres_server: EmbeddedPostgres) -> None:
    dsn = create_database(postgres_server)
    connection = psycopg.connect(dsn)
    drop_database(postgres_server, dsn)
    connection.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)
