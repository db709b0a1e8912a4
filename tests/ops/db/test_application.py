"""Aggregates: saved and loaded by the library, configured by the URL alone, with our errors."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError

from domain.corrections import LinkCorrection
from domain.errors import AppendConflictError, NexusError, SetupError, StoreUnavailableError
from ops.db import application as application_module
from ops.db.application import Nexus, library_failures
from ops.db.codec import EventCodec
from ops.db.dsn import parse_dsn
from ops.db.recorder import NexusRecorder
from tests.shipping import AT

REQUEST = UUID(int=1)


@pytest.fixture
def nexus(migrated_database: str) -> Iterator[Nexus]:
    with Nexus(migrated_database) as application:
        yield application


def correction() -> LinkCorrection:
    return LinkCorrection.begin(REQUEST, None, who="ada", why="a root after all", at=AT)


def test_an_aggregate_comes_back_as_it_was_saved(nexus: Nexus) -> None:
    saved = correction()
    saved.correct(UUID(int=2), who="bob", why="no, it goes on from there", at=AT)
    nexus.save(saved)
    loaded: LinkCorrection = nexus.repository.get(saved.id)
    assert loaded == saved
    loaded.undo(who="eve", why="", at=AT)
    nexus.save(loaded)
    again: LinkCorrection = nexus.repository.get(saved.id)
    assert (again.stands, again.version) == (False, 3)


def test_a_request_that_was_never_corrected_has_no_aggregate(nexus: Nexus) -> None:
    with pytest.raises(AggregateNotFoundError):
        nexus.repository.get(LinkCorrection.create_id(REQUEST))


def test_two_first_corrections_of_one_request_conflict(nexus: Nexus) -> None:
    nexus.save(correction())
    with pytest.raises(AppendConflictError), library_failures():
        nexus.save(correction())


def test_two_changes_at_once_conflict(nexus: Nexus) -> None:
    nexus.save(correction())
    one: LinkCorrection = nexus.repository.get(correction().id)
    two: LinkCorrection = nexus.repository.get(correction().id)
    one.undo(who="ada", why="", at=AT)
    two.correct(UUID(int=2), who="bob", why="", at=AT)
    nexus.save(one)
    with pytest.raises(AppendConflictError, match="load it again"), library_failures():
        nexus.save(two)


def test_it_has_our_recorder_our_codec_and_our_table(nexus: Nexus) -> None:
    assert type(nexus.recorder) is NexusRecorder
    assert type(nexus.mapper) is EventCodec
    assert nexus.recorder.events_table_name == "nexus_events"


def test_the_environment_changes_nothing(migrated_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "POSTGRES_DBNAME": "elsewhere",
        "NEXUS_POSTGRES_DBNAME": "elsewhere",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        "NEXUS_POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        "PERSISTENCE_MODULE": "eventsourcing.popo",
        "COMPRESSOR_TOPIC": "eventsourcing.compressor:ZlibCompressor",
        "CIPHER_KEY": "x",
        "CREATE_TABLE": "y",
        "IS_SNAPSHOTTING_ENABLED": "y",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with Nexus(migrated_database) as nexus:
        nexus.save(correction())
        assert nexus.snapshots is None
        assert not nexus.factory.datastore.enable_db_functions  # type: ignore[attr-defined]  # the Postgres factory's
        assert not set(settings.values()) & {value for value in nexus.env.values() if len(value) > 2}


def test_options_of_the_url_reach_the_driver(migrated_database: str) -> None:
    with Nexus(migrated_database + "&options=-c%20statement_timeout%3D4321") as nexus:
        cursor = nexus.factory.datastore.cursor()  # type: ignore[attr-defined]  # the Postgres factory's
        with cursor as open_cursor:
            row = open_cursor.execute(
                "SELECT current_setting('statement_timeout') AS t, current_setting('client_encoding') AS e,"
                " current_setting('application_name') AS a"
            ).fetchone()
    assert row == {"t": "4321ms", "e": "UTF8", "a": "nexus-aggregates"}


def test_few_connections_are_enough(nexus: Nexus) -> None:
    pool = nexus.factory.datastore.pool  # type: ignore[attr-defined]  # the Postgres factory's
    assert (pool.min_size, pool.max_size) == (1, 2)


def test_a_server_that_is_away_is_told_in_time(migrated_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "CONNECT_TIMEOUT_S", 1)
    dsn = migrated_database.replace(parse_dsn(migrated_database).port, "1")
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError), library_failures():
        Nexus(dsn)
    assert time.monotonic() - began < 5


def test_a_database_without_our_tables_is_told(empty_database: str) -> None:
    with pytest.raises(SetupError, match="nexus migrate"), library_failures(), Nexus(empty_database) as nexus:
        nexus.save(correction())


def test_our_own_errors_pass(nexus: Nexus) -> None:
    with pytest.raises(NexusError, match="mine"), library_failures():
        raise NexusError("mine")
