"""Which build shall readers see? Chosen by its number or as the newest candidate, caught up, and only then shown.

The running code can only follow builds of its own version. A build of another version stops where it stands, so
readers get it only on demand, and it is pinned: the runner of this version leaves it live.
"""

from dataclasses import dataclass

from domain.ids import Position
from projections.catching_up import Pace, Progress, catch_up, draw_level, silent, state_of
from projections.follower import Sources
from projections.projector import Projection
from projections.read_models import builds, catalog
from projections.read_models.builds import Build, BuildState, UnfitBuildError
from projections.read_models.connection import Connection
from projections.read_models.digests import READ


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch did."""

    build: Build
    before: Build | None
    """The build that was live until then; None: there was none, or this one was live already."""
    position: Position
    newest: Position
    pinned: bool
    lacking: tuple[str, ...]
    """Columns that the views had and this build has not, as ``view.column``."""


async def choose(projection: Projection, sources: Sources, number: int | None) -> BuildState:
    """The build of this number, else the newest candidate. Raises UnfitBuildError."""
    async with sources.transactions() as tx:
        states = await builds.states(tx, projection.name)
    if number is None:
        candidates = [one for one in states if one.state == "building"]
        if candidates:
            return candidates[-1]
        raise UnfitBuildError(
            f"There is no build of {projection.name} beside the live one: run `nexus projections build "
            f"{projection.name}` first, or name a retired one with --build."
        )
    for one in states:
        if one.build.number == number:
            return one
    there = ", ".join(str(one.build.number) for one in states) or "none"
    raise UnfitBuildError(f"There is no build {number} of {projection.name}; there is: {there}.")


async def switch_to(
    projection: Projection, build: Build, sources: Sources, *, pin: bool = False, progress: Progress = silent
) -> Switched:
    """Catch up and switch; the one that was live stays, retired. ``pin``: also to a build of another version.

    Raises UnfitBuildError.
    """
    if (await state_of(build, sources)).state == "scratch":
        raise UnfitBuildError(f"Build {build.number} is made for a comparison and will be gone; choose another one.")
    pinned_against = None if build.version == projection.version else projection.version
    if pinned_against is None:
        await catch_up(projection, build, sources, pace=Pace(progress=progress))
    state = await state_of(build, sources)
    newest = await sources.log.newest()
    if pinned_against is not None and not pin:
        raise UnfitBuildError(
            f"Build {build.number} is of version {build.version} and this Nexus follows version {projection.version}: "
            f"its rows would stop at position {state.position} of {newest}. With --pin you get it all the same."
        )
    async with sources.transactions() as tx:
        await builds.lock(tx)
        if pinned_against is None:
            await draw_level(tx, projection, build, sources)
        lacking = await _lacking(tx, projection, build)
        before = await builds.switch(tx, projection, build, pinned_against)
    return Switched(build, before, state.position, newest, pinned_against is not None, lacking)


async def drop(state: BuildState, sources: Sources) -> None:
    """Raises UnfitBuildError for the live build."""
    async with sources.transactions() as tx:
        await builds.drop(tx, state.build)


async def _lacking(tx: Connection, projection: Projection, build: Build) -> tuple[str, ...]:
    out = list[str]()
    for view in projection.views:
        shown = await catalog.columns(tx, READ, view)
        has = await catalog.columns(tx, build.schema, view)
        out += [f"{view}.{name}" for name in shown.names if name not in has.names]
    return tuple(out)
