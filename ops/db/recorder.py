"""How do the library's own writers keep the order of positions together with ours?

The library locks the whole table, which stalls appends while the table is analysed. This recorder takes the advisory
lock that our appender takes; between the two, positions become visible in the order in which they were drawn. It seals
what it appends, as our appender does.
"""

from collections.abc import Sequence

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Literal

from ops.db.locks import APPEND_LOCK
from ops.db.sealing import INSERT_SEAL, READ_COMMITTED
from ops.db.seals import contents_of


class NexusRecorder(PostgresApplicationRecorder):
    """The library's recorder under the append lock."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "nexus_events") -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        assert not datastore.enable_db_functions, "The library's database function appends without a lock."
        self.lock_table_statements = [
            SQL(READ_COMMITTED),
            SQL("SET LOCAL lock_timeout = '{0}s'").format(Literal(datastore.lock_timeout)),
            SQL("SELECT pg_advisory_xact_lock({0})").format(Literal(APPEND_LOCK)),
        ]

    def _fetch_ids_after_insert_events(
        self, curs: Cursor[DictRow], stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int] | None:
        """The last step of an insert, in its transaction: now the positions are known."""
        positions = super()._fetch_ids_after_insert_events(curs, stored_events, **kwargs)
        if positions:
            contents = contents_of(stored_events)
            streams = sorted({event.originator_id for event in stored_events})
            values = (contents.marks, contents.digest, streams[0], streams[-1], positions[0], positions[-1])
            curs.connection.execute(INSERT_SEAL, values)
        return positions

    def create_table(self) -> None:
        """Migrations make the table; the library would want a unique index that a partitioned table cannot have."""
