"""How does one projection keep up with the events? Read a batch, project it, commit rows and checkpoint together.

Theory of operation. A step reads events above the checkpoint, as many as ``projections/strides.py`` says, lets the
projector read what it needs, and then writes in one transaction: first the checkpoint moves from the position the step
began at, which takes the row's lock and fails if somebody else moved it; then the rows. So rows and checkpoint never
part, and of two followers of one build only one commits. A batch that fails is halved until the exchange is found that
fails alone: it is set aside, counted and shown, and the projection goes on (``projections/retrying.py`` takes it up
again).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from domain.errors import NexusError, StoreUnavailableError
from domain.ids import Position
from domain.ports import EventLog, Recorded
from projections.exchanges import ExchangeReader
from projections.projector import Projection, Projector, Transactions, Write
from projections.read_models import builds, failures
from projections.read_models.builds import Build, LostCheckpointError
from projections.read_models.connection import Connection
from projections.strides import Strides, first_of
from schemas.stored.events import TERMINAL, ExchangeEvent

START = Position(0)
OnRows = Callable[[Write, frozenset[UUID]], None]
_LOG = structlog.get_logger("nexus.projector")


@dataclass(frozen=True, slots=True)
class Sources:
    """What every follower of a process shares."""

    log: EventLog
    reader: ExchangeReader
    transactions: Transactions
    strides: Strides = field(default_factory=Strides)


@dataclass(slots=True)
class FollowerState:
    """What a follower says of itself."""

    position: Position = START
    newest: Position = START
    failed: int = 0
    behind_since: datetime | None = None
    """While events wait: when the last one in the rows was recorded, so what waits is younger. None: nothing waits."""

    @property
    def lag(self) -> int:
        """Events in the store that the rows do not know of yet."""
        return max(0, self.newest - self.position)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    events: int
    position: Position
    done: bool
    """There was nothing more to read."""


class Follower:
    """Takes one build of one projection along the log."""

    def __init__(
        self, projection: Projection, build: Build, sources: Sources, on_rows: OnRows = lambda _write, _ended: None
    ) -> None:
        """``on_rows``: told of every write that is committed, and which of its exchanges have just ended."""
        self._projection, self._build, self._on_rows = projection, build, on_rows
        self._log, self._transactions, self._strides = sources.log, sources.transactions, sources.strides
        self._projector: Projector = projection.make(sources.reader)
        self.state = FollowerState()

    async def load(self) -> None:
        """Read the checkpoint."""
        async with self._transactions() as tx:
            self.state.position = await builds.checkpoint(tx, self._build)

    async def step(self, limit: int, upto: Position | None = None) -> Step:
        """Handle at most ``limit`` events, none above ``upto``. Raises LostCheckpointError, StoreUnavailableError."""
        before, most = self.state.position, self._strides.most(self._projection.name, limit)
        newest = await self._log.newest()
        end = newest if upto is None else min(newest, upto)
        found = [one for one in await self._log.read(before, most, self._projection.topics) if one.position <= end]
        events = first_of(found)
        done = len(events) == len(found) < most
        after = end if done else events[-1].position
        if after > before:
            with self._strides.taken(self._projection.name, limit):
                await self._commit(events, before, Position(after))
        self.state.position, self.state.newest = Position(max(before, after)), newest
        self.state.behind_since = None if done else _recorded_at(events)
        return Step(len(events), self.state.position, done)

    async def _commit(self, events: Sequence[Recorded], before: Position, after: Position) -> None:
        ids = sorted({one.event.originator_id for one in events})
        ended = frozenset(one.event.originator_id for one in events if isinstance(one.event, TERMINAL))
        try:
            write = await self._projector.project(ids, after) if ids else None
            await self._write(write, ids, before, after)
        except (StoreUnavailableError, LostCheckpointError):
            raise
        except Exception as error:  # noqa: BLE001 - one bad exchange must not stop the others: it is looked for
            _LOG.warning("a batch failed, looking for the exchange", projection=self._build.name, error=kind_of(error))
            await self._commit_in_parts(ids, before, after, ended)
        else:
            if write is not None:
                self._on_rows(write, ended)

    async def _write(self, write: Write | None, ids: Sequence[UUID], before: Position, after: Position) -> None:
        async with self._transactions() as tx:
            await builds.move_checkpoint(tx, self._build, before, after)
            if write is not None:
                await builds.enter(tx, self._build)
                await write(tx)
                await failures.clear(tx, self._build, ids)

    async def _commit_in_parts(
        self, ids: Sequence[UUID], before: Position, after: Position, ended: frozenset[UUID]
    ) -> None:
        async with self._transactions() as tx:
            await builds.move_checkpoint(tx, self._build, before, after)
            await builds.enter(tx, self._build)
            written = [write for half in _halves(ids) for write in await self._write_part(tx, half, after)]
        for write in written:
            self._on_rows(write, ended)

    async def _write_part(self, tx: Connection, ids: Sequence[UUID], after: Position) -> list[Write]:
        """Returns what was written; one that fails alone is set aside."""
        try:
            write = await self._projector.project(ids, after)
            async with tx.transaction():
                await write(tx)
                await failures.clear(tx, self._build, ids)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - set aside, counted and shown; the projection goes on
            if len(ids) > 1:
                return [write for half in _halves(ids) for write in await self._write_part(tx, half, after)]
            self.state.failed += 1
            _LOG.error("an exchange is set aside", request_id=str(ids[0]), error=kind_of(error))
            await failures.record(tx, self._build, ids[0], after, repr(error))
            return []
        return [write]


def _halves(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    """Not one by one: a batch with one bad exchange in it costs twice a good one, not a hundred times."""
    middle = len(ids) // 2
    return [half for half in (ids[:middle], ids[middle:]) if half]


def kind_of(error: Exception) -> str:
    """For the log: what an error says may quote what was recorded, which only the table of failures may keep."""
    return str(error) if isinstance(error, NexusError) else type(error).__name__


def _recorded_at(events: Sequence[Recorded]) -> datetime | None:
    """When the newest of them was; None: none of them says."""
    return max((one.event.timestamp for one in events if isinstance(one.event, ExchangeEvent)), default=None)
