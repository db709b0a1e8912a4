"""How does an exchange that was set aside get into the rows, once the code can take it in? It is tried again.

The checkpoint is held meanwhile: whoever follows the build waits for the moment that a portion takes. So the rows are
those that a rebuild by this code would give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from domain.errors import StoreUnavailableError
from domain.ids import Position
from projections.follower import Sources, kind_of
from projections.projector import Projection, Projector
from projections.read_models import builds, failures
from projections.read_models.builds import Build, UnfitBuildError
from projections.read_models.connection import Connection

PORTION = 50
_FIRST = UUID(int=0)
_LOG = structlog.get_logger("nexus.projector")


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of those that were set aside."""

    taken_in: int
    left: Sequence[UUID]
    """They fail still."""


async def retry(projection: Projection, sources: Sources) -> Retried:
    """Every exchange that the live build has set aside, in portions. Raises UnfitBuildError."""
    projector, taken_in, left, after = projection.make(sources.reader), 0, list[UUID](), _FIRST
    while True:
        async with sources.transactions() as tx:
            build = await _live(tx, projection)
            position = await builds.hold(tx, build)
            await builds.enter(tx, build)
            portion = await failures.set_aside(tx, build, after, PORTION)
            still = [one for one in portion if not await _is_taken_in(tx, projector, build, one, position)]
        if not portion:
            return Retried(taken_in, left)
        taken_in, left, after = taken_in + len(portion) - len(still), left + still, portion[-1]


async def _live(tx: Connection, projection: Projection) -> Build:
    build = await builds.live(tx, projection.name)
    if build is None or build.version != projection.version:
        raise UnfitBuildError(
            f"The live build of {projection.name} is not of version {projection.version}; "
            f"`nexus projections rebuild {projection.name}` makes one, and tries every exchange again."
        )
    return build


async def _is_taken_in(tx: Connection, projector: Projector, build: Build, request_id: UUID, upto: Position) -> bool:
    try:
        write = await projector.project([request_id], upto)
        async with tx.transaction():
            await write(tx)
            await failures.clear(tx, build, [request_id])
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - it stays set aside, and the others go on
        _LOG.warning("an exchange fails still", request_id=str(request_id), error=kind_of(error))
        await failures.record(tx, build, request_id, upto, repr(error))
        return False
    return True
