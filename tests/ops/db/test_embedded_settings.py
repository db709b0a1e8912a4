"""The server's command line carries our settings, and the log can quote nothing."""

from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from ops.db.embedded import EmbeddedPostgres
from ops.db.embedded_binaries import Binaries
from ops.db.embedded_directory import ClusterPaths
from ops.db.embedded_settings import SETTINGS, server_command

PATHS = ClusterPaths(Path("/home/postgres"))
BINARIES = Binaries(Path("/opt/bin"), 18)

SECRET = "made-up-secret-4711"
"""Stands for payload."""


def settings_in(command: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for before, word in pairwise(command) if before == "-c")


def test_the_command_begins_with_the_program_and_the_data_folder() -> None:
    command = server_command(PATHS, BINARIES, PATHS.directory, {})
    begin = command.index("/opt/bin/postgres")
    assert command[begin : begin + 3] == ["/opt/bin/postgres", "-D", "/home/postgres/data"]


def test_nothing_listens_on_the_network() -> None:
    assert settings_in(server_command(PATHS, BINARIES, PATHS.directory, {}))["listen_addresses"] == ""


def test_settings_of_the_caller_go_over_ours() -> None:
    found = settings_in(server_command(PATHS, BINARIES, PATHS.directory, {"max_connections": "7", "fsync": "off"}))
    assert found["max_connections"] == "7"
    assert found["fsync"] == "off"
    assert found["jit"] == SETTINGS["jit"] == "off"


def test_a_quote_in_the_socket_folder_is_doubled() -> None:
    found = settings_in(server_command(PATHS, BINARIES, Path('/a "b"'), {}))
    assert found["unix_socket_directories"] == '"/a ""b"""'


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "shared_buffers"])
def test_a_running_server_has_taken_the_setting(postgres_server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(postgres_server.dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row == (SETTINGS[name],)


def test_a_running_server_has_its_memory(postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres_server.dsn) as connection:
        assert connection.execute("SHOW shared_buffers").fetchone() == ("128MB",)


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT '{SECRET}'::uuid",
        f"INSERT INTO kept VALUES ('{SECRET}'), ('{SECRET}')",
        f"INSERT INTO kept VALUES (NULL, '{SECRET}')",
        f"DO $$ BEGIN RAISE EXCEPTION '{SECRET}'; END $$",
        f"SELECT '{SECRET}' FROM nowhere",
        f"SELECT '{{\"a\": {SECRET}'::json",
    ],
)
def test_an_error_that_quotes_payload_is_told_to_the_client_and_not_to_the_log(
    postgres_server: EmbeddedPostgres, empty_database: str, statement: str
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (value text NOT NULL PRIMARY KEY, other text)")
        with pytest.raises(errors.Error) as refused:
            connection.execute(statement.encode())
    assert SECRET in f"{refused.value} {refused.value.diag.message_detail}" or "nowhere" in statement
    assert SECRET not in postgres_server.log.read_text()


def test_a_warning_that_quotes_payload_is_not_logged(postgres_server: EmbeddedPostgres, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute(f"DO $$ BEGIN RAISE WARNING '{SECRET}'; END $$".encode())
    assert SECRET not in postgres_server.log.read_text()


def test_a_parameter_does_not_reach_the_log(postgres_server: EmbeddedPostgres, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection, pytest.raises(errors.InvalidTextRepresentation, match=SECRET):
        connection.execute("SELECT %s::text::uuid", [SECRET])
    assert SECRET not in postgres_server.log.read_text()


def test_the_death_of_a_session_is_logged_without_its_query(
    postgres_server: EmbeddedPostgres, empty_database: str
) -> None:
    with psycopg.connect(empty_database) as victim, psycopg.connect(postgres_server.dsn) as killer:
        pid = victim.info.backend_pid
        killer.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        with pytest.raises(psycopg.OperationalError):
            victim.execute(f"SELECT '{SECRET}'")
    log = postgres_server.log.read_text()
    assert f"[{pid}] FATAL:  terminating connection" in log
    assert SECRET not in log
