"""How are aggregates saved and loaded? The library's Application, over the same table as the exchanges.

It is synchronous and for low-rate facts: call it from a thread (``asyncio.to_thread``), never from a gateway.
Configured by the database URL alone; the process's environment is not read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import (
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment

from domain.errors import AppendConflictError, SetupError, StoreUnavailableError
from ops.db.codec import EventCodec
from ops.db.dsn import Dsn, parse_dsn
from ops.db.recorder import NexusRecorder

CONNECT_TIMEOUT_S = 5
_EXTRA = {"application_name": "nexus-aggregates", "client_encoding": "UTF8"}


class Nexus(Application[UUID]):
    """The aggregates of Nexus. Its name gives the table: ``nexus_events``."""

    name = "nexus"

    def __init__(self, dsn: str) -> None:
        self._dsn = parse_dsn(dsn)
        super().__init__()

    def construct_env(self, name: str, env: Mapping[str, str] | None = None) -> Environment:
        settings = {
            "POSTGRES_DBNAME": self._dsn.dbname,
            "POSTGRES_HOST": self._dsn.host,
            "POSTGRES_PORT": self._dsn.port or "5432",
            "POSTGRES_USER": self._dsn.user,
            "POSTGRES_PASSWORD": self._dsn.password,
            "POSTGRES_CONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
            "POSTGRES_POOL_SIZE": "1",
            "POSTGRES_MAX_OVERFLOW": "1",
            "POSTGRES_LOCK_TIMEOUT": "5",
            "POSTGRES_PRE_PING": "yes",
            "CREATE_TABLE": "no",
        }
        return Environment(name, settings | dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return _Factory(env, self._dsn)

    def construct_mapper(self) -> EventCodec:
        return EventCodec()


class _Factory(PostgresFactory):
    application_recorder_class = NexusRecorder

    def __init__(self, env: Environment, dsn: Dsn) -> None:
        super().__init__(env)
        options = self.datastore.pool.kwargs
        assert isinstance(options, dict)
        options.update(_EXTRA | dict(dsn.options))


@contextmanager
def library_failures() -> Iterator[None]:
    """Raise our errors for what the library raises while an aggregate is saved or loaded."""
    try:
        yield
    except IntegrityError as error:
        raise AppendConflictError("Somebody else changed this in the meantime; load it again and repeat.") from error
    except ProgrammingError as error:
        raise SetupError("The database lacks the tables of Nexus; run `nexus migrate`.") from error
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailableError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from error
