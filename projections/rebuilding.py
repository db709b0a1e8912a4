"""How is a projection built anew, and how do we know that it comes out the same? Rebuild, switch, digest."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from domain.ids import Position
from projections.follower import Follower, Sources
from projections.projector import Projection
from projections.read_models import builds, digests
from projections.read_models.builds import Build
from projections.read_models.digests import Digest

BATCH_EVENTS = 500
Progress = Callable[[Position, Position], None]
"""Called with the position reached and the position aimed at."""


def _silent(_reached: Position, _aim: Position) -> None:
    return


async def rebuild(
    projection: Projection, sources: Sources, *, stop: asyncio.Event | None = None, progress: Progress = _silent
) -> Build | None:
    """Build beside the live one, catch up, switch. None: stopped before; nothing is left of it."""
    build = await _create(projection, sources)
    follower = Follower(projection, build, sources)
    while not (stop is not None and stop.is_set()):
        step = await follower.step(BATCH_EVENTS)
        progress(step.position, follower.state.newest)
        if step.done:
            async with sources.transactions() as tx:
                await builds.switch(tx, projection, build)
            return build
    await _drop(build, sources)
    return None


@dataclass(frozen=True, slots=True)
class LiveDigest:
    """The live tables at one moment."""

    build: Build
    position: Position
    tables: dict[str, Digest]


async def live_digest(projection: Projection, sources: Sources) -> LiveDigest | None:
    """Digests of the live tables, and the position they stand at, in one snapshot. None: there is no live build."""
    async with sources.transactions() as tx:
        await digests.freeze(tx)
        build = await builds.live(tx, projection.name)
        if build is None:
            return None
        position = await builds.checkpoint(tx, build)
        return LiveDigest(build, position, await digests.of_tables(tx, build, projection.tables))


async def rebuilt_digest(
    projection: Projection, sources: Sources, upto: Position, batch_events: int, progress: Progress = _silent
) -> dict[str, Digest]:
    """Digests of the same tables, built from nothing up to ``upto``; nothing is left of them."""
    build = await _create(projection, sources)
    try:
        follower = Follower(projection, build, sources)
        done = False
        while not done:
            step = await follower.step(batch_events, upto)
            progress(step.position, upto)
            done = step.done or step.position >= upto
        async with sources.transactions() as tx:
            return await digests.of_tables(tx, build, projection.tables)
    finally:
        await _drop(build, sources)


async def _create(projection: Projection, sources: Sources) -> Build:
    async with sources.transactions() as tx:
        return await builds.create(tx, projection)


async def _drop(build: Build, sources: Sources) -> None:
    async with sources.transactions() as tx:
        await builds.drop(tx, build)
