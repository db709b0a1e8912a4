"""The library's recorder under our lock: in line with our appends, and not in the way of maintenance."""

import threading
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore

from ops.db.dsn import parse_dsn
from ops.db.locks import APPEND_LOCK
from ops.db.recorder import NexusRecorder
from tests.waiting import until_sync

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
LOCKS = "SELECT mode FROM pg_locks WHERE relation = 'nexus_events'::regclass AND pid <> pg_backend_pid()"


def datastore_for(dsn: str, *, enable_db_functions: bool = False) -> PostgresDatastore:
    target = parse_dsn(dsn)
    return PostgresDatastore(
        target.dbname,
        target.host,
        target.port,
        target.user,
        "",
        pool_size=2,
        max_overflow=12,
        lock_timeout=5,
        enable_db_functions=enable_db_functions,
    )


@pytest.fixture
def recorder(migrated_database: str) -> Iterator[NexusRecorder]:
    with datastore_for(migrated_database) as datastore:
        yield NexusRecorder(datastore)


@pytest.fixture
def other(migrated_database: str) -> Iterator[psycopg.Connection]:
    """Somebody else's connection."""
    with psycopg.connect(migrated_database) as connection:
        yield connection


def stored(number: int, version: int = 1) -> StoredEvent:
    return StoredEvent(UUID(int=number), version, "topic", b"{}")


def test_its_table_is_ours(recorder: NexusRecorder) -> None:
    assert recorder.events_table_name == "nexus_events"
    assert recorder.insert_events([stored(1)]) == [1]


def test_an_insert_waits_for_the_append_lock(recorder: NexusRecorder, other: psycopg.Connection) -> None:
    other.execute("SELECT pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
    positions: list[object] = []
    writer = threading.Thread(target=lambda: positions.append(recorder.insert_events([stored(1)])))
    writer.start()
    until_sync(lambda: other.execute(WAITING).fetchone() == (1,), "the writer to wait")
    assert positions == []
    other.rollback()
    writer.join()
    assert positions == [[1]]


def test_an_insert_keeps_the_append_lock_until_it_commits(recorder: NexusRecorder, other: psycopg.Connection) -> None:
    with recorder.datastore.transaction(commit=True) as cursor:
        recorder._lock_table(cursor)
        assert other.execute("SELECT pg_try_advisory_xact_lock(%s)", (APPEND_LOCK,)).fetchone() == (False,)
        other.rollback()
    assert other.execute("SELECT pg_try_advisory_xact_lock(%s)", (APPEND_LOCK,)).fetchone() == (True,)


def test_the_table_itself_is_not_locked(recorder: NexusRecorder, other: psycopg.Connection) -> None:
    # ANALYZE and a table lock exclude each other: the library's own recorder stalls during maintenance.
    with recorder.datastore.transaction(commit=True) as cursor:
        recorder._lock_table(cursor)
        assert other.execute(LOCKS).fetchall() == []


def test_waiting_for_the_lock_has_an_end(recorder: NexusRecorder) -> None:
    with recorder.datastore.transaction() as cursor:
        recorder._lock_table(cursor)
        row = cursor.execute("SELECT current_setting('lock_timeout') AS longest").fetchone()
    assert row == {"longest": "5s"}


def test_a_taken_version_is_a_conflict(recorder: NexusRecorder) -> None:
    recorder.insert_events([stored(1)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(2), stored(1)])
    assert [event.originator_id for event in recorder.select_notifications(None, 10)] == [UUID(int=1)]


def test_the_librarys_database_function_is_refused(migrated_database: str) -> None:
    # It inserts without the lock: readers would lose events.
    with datastore_for(migrated_database, enable_db_functions=True) as datastore, pytest.raises(AssertionError):
        NexusRecorder(datastore)
