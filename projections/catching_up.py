"""How is a build brought up to a position, when others may be at it too? Step by step, until there is nothing more."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from domain.ids import Position
from projections.follower import Follower, Sources
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.builds import Build, BuildState, GoneBuildError, LostCheckpointError
from projections.read_models.connection import Connection

BATCH_EVENTS = 500
Progress = Callable[[Position, Position], None]
"""Called with the position reached and the position aimed at."""


def silent(_reached: Position, _aim: Position) -> None:
    return


@dataclass(frozen=True, slots=True)
class Pace:
    """How to catch up."""

    batch_events: int = BATCH_EVENTS
    progress: Progress = silent
    stop: asyncio.Event | None = None


AT_ONCE = Pace()


async def catch_up(
    projection: Projection, build: Build, sources: Sources, upto: Position | None = None, pace: Pace = AT_ONCE
) -> bool:
    """Follow to ``upto``, else to the end. False: stopped before. Raises GoneBuildError if the build is dropped."""
    follower = Follower(projection, build, sources)
    await follower.load()
    while pace.stop is None or not pace.stop.is_set():
        try:
            step = await follower.step(pace.batch_events, upto)
        except LostCheckpointError:
            await state_of(build, sources)
            await follower.load()
            continue
        aim = follower.state.newest if upto is None else upto
        pace.progress(step.position, aim)
        if step.done:
            return True
    return False


async def draw_level(tx: Connection, projection: Projection, build: Build, sources: Sources) -> None:
    """From here to the end of ``tx`` the live build stands still and ``build`` has all that it has.

    The live one goes on while another catches up; a switch between the two would take its newest rows from readers.
    """
    live = await builds.live(tx, projection.name)
    if live is None or live == build:
        return
    position = await builds.hold(tx, live)
    if await builds.checkpoint(tx, build) < position:
        await catch_up(projection, build, sources, position)


async def state_of(build: Build, sources: Sources) -> BuildState:
    """Raises GoneBuildError."""
    async with sources.transactions() as tx:
        for one in await builds.states(tx, build.name):
            if one.build == build:
                return one
    raise GoneBuildError
