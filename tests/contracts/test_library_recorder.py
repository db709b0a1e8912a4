"""The library's own contract for recorders, on our recorder and our partitioned tables."""

import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock
from uuid import UUID

import pytest
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder

from ops.db.recorder import NexusRecorder
from tests.ops.db.test_recorder import datastore_for

if TYPE_CHECKING:
    from eventsourcing.tests import persistence as library
else:  # it imports the library's cipher, which needs a package that we do not install
    with mock.patch.dict(sys.modules, {"eventsourcing.cipher": SimpleNamespace(AESCipher=None)}):
        library = importlib.import_module("eventsourcing.tests.persistence")


class OnOurTables:
    """Gives a test case of the library a database with our migrations."""

    datastore: PostgresDatastore

    @pytest.fixture(autouse=True)
    def _database(self, migrated_database: str) -> Iterator[None]:
        with datastore_for(migrated_database) as self.datastore:
            yield

    def create_recorder(self) -> NexusRecorder:
        return NexusRecorder(self.datastore)


class TestApplicationRecorder(OnOurTables, library.ApplicationRecorderTestCase[NexusRecorder]):
    """Inserting, selecting, conflicts, concurrent writers and readers."""

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestPositionsDoNotInterleave(OnOurTables, library.NonInterleavingNotificationIDsBaseCase):
    """The positions of one insert follow each other, whoever else inserts."""

    insert_num = 500


class TestTrackingRecorder(OnOurTables, library.TrackingRecorderTestCase):
    """Our checkpoint table is the library's."""

    def create_recorder(self) -> PostgresTrackingRecorder:  # type: ignore[override]  # another kind of recorder
        return PostgresTrackingRecorder(self.datastore, tracking_table_name="nexus_tracking")

    def test_the_library_takes_our_table_for_its_newest_layout(self) -> None:
        recorder = self.create_recorder()
        recorder.insert_tracking(Tracking("nexus", 7))
        recorder.create_table()
        assert recorder.max_tracking_id("nexus") == 7
        assert recorder.max_tracking_id("__migration__") == 1


def test_migrations_make_the_table_and_the_recorder_does_not(migrated_database: str) -> None:
    with datastore_for(migrated_database) as datastore:
        recorder = NexusRecorder(datastore)
        recorder.create_table()
        assert recorder.select_events(UUID(int=1)) == []


def test_without_migrations_the_recorder_makes_nothing(empty_database: str) -> None:
    with datastore_for(empty_database) as datastore:
        NexusRecorder(datastore).create_table()
        with datastore.get_connection() as connection:
            tables = connection.execute("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == {"n": 0}
