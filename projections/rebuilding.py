"""How is a projection built anew, and how do we know that it comes out the same? Build beside, switch, digest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.ids import Position
from projections.catching_up import Pace, Progress, catch_up, draw_level, silent
from projections.follower import Sources
from projections.projector import Projection
from projections.read_models import builds, digests
from projections.read_models.builds import Build, BuildState
from projections.read_models.digests import Digest


async def build_beside(projection: Projection, sources: Sources, *, progress: Progress = silent) -> Build:
    """A build of this code's version, caught up, beside the live one; readers see nothing of it."""
    async with sources.transactions() as tx:
        build = await builds.create(tx, projection)
    await catch_up(projection, build, sources, pace=Pace(progress=progress))
    return build


async def rebuild(
    projection: Projection, sources: Sources, *, stop: asyncio.Event | None = None, progress: Progress = silent
) -> Build | None:
    """Build beside the live one, catch up, switch. None: stopped before; nothing is left of it."""
    async with sources.transactions() as tx:
        build = await builds.create(tx, projection)
    if await catch_up(projection, build, sources, pace=Pace(progress=progress, stop=stop)):
        await _switch(projection, build, sources)
        return build
    await _drop(build, sources)
    return None


async def renew(projection: Projection, sources: Sources, stop: asyncio.Event) -> None:
    """What code does by itself where an older version is live: as ``rebuild``, but what is left alone stays live.

    A build of this version that is there already is taken up where it stands.
    """
    async with sources.transactions() as tx:
        states = await builds.states(tx, projection.name)
        there = [one.build for one in states if one.state == "building" and one.build.version == projection.version]
        build = there[-1] if there else await builds.create(tx, projection)
    if await catch_up(projection, build, sources, pace=Pace(stop=stop)):
        await _switch(projection, build, sources, by_itself=True)
    elif not there:
        await _drop(build, sources)


def is_left_alone(live: BuildState, version: int) -> bool:
    """By code of this version: pinned against it, or made by newer code. The pin does not bind a third version."""
    return live.pinned_against == version or live.build.version > version


async def _switch(projection: Projection, build: Build, sources: Sources, *, by_itself: bool = False) -> None:
    """Of the retired builds only the one before is kept."""
    async with sources.transactions() as tx:
        await builds.lock(tx)
        live = await builds.live_state(tx, projection.name)
        if by_itself and live is not None and is_left_alone(live, projection.version):
            return
        await draw_level(tx, projection, build, sources)
        before = await builds.switch(tx, projection, build)
    if before is not None:
        await _drop_retired(before, sources)


@dataclass(frozen=True, slots=True)
class LiveDigest:
    """The live tables at one moment."""

    build: Build
    position: Position
    tables: dict[str, Digest]
    views: dict[str, Digest]
    """What readers see of them."""


async def live_digest(projection: Projection, sources: Sources) -> LiveDigest | None:
    """Digests of the live tables, and the position they stand at, in one snapshot. None: there is no live build."""
    async with sources.transactions() as tx:
        await digests.freeze(tx)
        build = await builds.live(tx, projection.name)
        if build is None:
            return None
        position = await builds.checkpoint(tx, build)
        tables = await digests.of_tables(tx, build, projection.tables)
        return LiveDigest(build, position, tables, await digests.of_views(tx, projection.views))


async def rebuilt_digest(
    projection: Projection, sources: Sources, upto: Position, batch_events: int, progress: Progress = silent
) -> dict[str, Digest]:
    """Digests of the same tables, built from nothing up to ``upto``; nothing is left of them."""
    async with scratch(projection, sources, upto, Pace(batch_events, progress)) as build, sources.transactions() as tx:
        return await digests.of_tables(tx, build, projection.tables)


@asynccontextmanager
async def scratch(projection: Projection, sources: Sources, upto: Position, pace: Pace) -> AsyncIterator[Build]:
    """A build of this code's version that stands at ``upto``, for the time of the ``with``."""
    async with sources.transactions() as tx:
        build = await builds.create(tx, projection, "scratch")
    try:
        await catch_up(projection, build, sources, upto, pace)
        yield build
    finally:
        await _drop(build, sources)


async def _drop_retired(kept: Build, sources: Sources) -> None:
    """In a transaction of its own: a drop may have to wait for somebody who reads, and readers must not wait for it."""
    async with sources.transactions() as tx:
        states = await builds.states(tx, kept.name)
    for one in states:
        if one.state == "retired" and one.build != kept:
            await _drop(one.build, sources)


async def _drop(build: Build, sources: Sources) -> None:
    async with sources.transactions() as tx:
        await builds.drop(tx, build)
