"""How do two builds come to stand at the same position, so that their rows can be compared?

Theory of operation. The code follows builds of its own version only; a build of another version stands still, unless
its own code runs elsewhere. So one build is the anchor, whose position counts, and the other is followed to it. The
anchor is the live build, or the candidate where that cannot be followed. A build that is beyond the anchor cannot go
back: in its place a scratch build of the same version is made up to there. In the end the anchor's checkpoint is held
for a moment, which makes its follower wait, the other one goes the last step, and a snapshot is taken of both; then
the anchor is let go, and the comparison may take its time.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from domain.errors import NexusError
from domain.ids import Position
from projections.catching_up import Pace, Progress, catch_up, silent
from projections.follower import Sources
from projections.projector import Projection
from projections.read_models import builds, digests
from projections.read_models.builds import Build
from projections.read_models.connection import Connection
from projections.rebuilding import scratch


class UnequalPositionsError(NexusError):
    """The two builds stand at different positions and cannot be brought together."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Two sets of tables at one position, in the snapshot of one transaction."""

    tx: Connection
    before: Build
    """With the tables of the live build, or of its like at the earlier position."""
    after: Build
    position: Position


@dataclass(frozen=True, slots=True)
class _Pair:
    """The builds to be compared: one of them may be a scratch build by now."""

    before: Build
    after: Build
    anchor: Build
    other: Build


@asynccontextmanager
async def aligned(
    projection: Projection, sources: Sources, live: Build, candidate: Build, progress: Progress = silent
) -> AsyncIterator[Aligned]:
    """Raises UnequalPositionsError."""
    async with AsyncExitStack() as stack:
        pair = await _paired(projection, sources, (live, candidate), stack, progress)
        if _follows(projection, pair.other):
            upto = await _position(pair.anchor, sources)
            await catch_up(projection, pair.other, sources, upto, Pace(progress=progress))
        tx = await stack.enter_async_context(sources.transactions())
        async with sources.transactions() as holding:
            position = await builds.hold(holding, pair.anchor)
            if _follows(projection, pair.other):
                await catch_up(projection, pair.other, sources, position, Pace(progress=progress))
            await digests.freeze(tx)
            reached = await builds.checkpoint(tx, pair.other)
        if reached != position:
            raise UnequalPositionsError(
                f"Build {live.number} and build {candidate.number} of {projection.name} stand at {position} and "
                f"{reached} and cannot be brought together: compare one that `nexus projections build` makes."
            )
        yield Aligned(tx, pair.before, pair.after, position)


async def _paired(
    projection: Projection,
    sources: Sources,
    both: tuple[Build, Build],
    stack: AsyncExitStack,
    progress: Progress,
) -> _Pair:
    """Who stands still and who comes; with a scratch build where the one who should come is beyond."""
    live, candidate = both
    at_live, at_candidate = await _position(live, sources), await _position(candidate, sources)
    if _follows(projection, candidate):
        if at_candidate > at_live and _follows(projection, live):
            await catch_up(projection, live, sources, at_candidate, Pace(progress=progress))
        elif at_candidate > at_live:
            candidate = await stack.enter_async_context(scratch(projection, sources, at_live, Pace(progress=progress)))
        return _Pair(live, candidate, anchor=live, other=candidate)
    if _follows(projection, live) and at_live != at_candidate:
        live = await stack.enter_async_context(scratch(projection, sources, at_candidate, Pace(progress=progress)))
        return _Pair(live, candidate, anchor=candidate, other=live)
    return _Pair(live, candidate, anchor=live, other=candidate)


def _follows(projection: Projection, build: Build) -> bool:
    return build.version == projection.version


async def _position(build: Build, sources: Sources) -> Position:
    async with sources.transactions() as tx:
        return await builds.checkpoint(tx, build)
