"""How is what people say written and read? One word more about an aggregate; every word on some topics."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.domain import BaseAggregate

from domain.ids import Position
from domain.ports import Recorded
from ops.db.application import Nexus, library_failures

A = TypeVar("A", bound=BaseAggregate[UUID])
_BATCH = 1000


class Reads(Protocol):
    """What is needed of the event store."""

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        """In order of position. Raises StoreUnavailableError."""
        ...


def say(url: str, aggregate_id: UUID, word: Callable[[A | None], A | None]) -> None:
    """``word``: the aggregate as it stands (None: nothing was ever said) → with what is said now (None: nothing).

    Synchronous, like everything of the library: call it by ``in_daemon_thread``. Raises AppendConflictError,
    StoreUnavailableError, and what ``word`` raises.
    """
    with library_failures(), Nexus(url) as nexus:
        try:
            standing: A | None = nexus.repository.get(aggregate_id)
        except AggregateNotFoundError:
            standing = None
        nexus.save(word(standing))


async def all_said(log: Reads, topics: Sequence[str]) -> list[Recorded]:
    """Every event with these topics, in order; for topics of which there are few. Raises StoreUnavailableError."""
    said, position = list[Recorded](), Position(0)
    while events := await log.read(position, _BATCH, topics):
        position = events[-1].position
        said += events
    return said
