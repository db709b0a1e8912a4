"""How do all projections keep up with the events? One follower each, woken together, restarted when a build changes.

A projection whose code is newer than its live build gets a new build beside it, which is switched to when it has
caught up; readers see the old rows until then. A live build that somebody pinned against this version of the code, or
that newer code made, is left alone: its rows stand still until somebody switches.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from domain.errors import StoreUnavailableError
from projections.follower import Follower, FollowerState, Sources
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.builds import Build, BuildState, LostCheckpointError
from projections.rebuilding import is_left_alone, renew
from projections.token_tally import TokenTally

_LOG = structlog.get_logger("nexus.projector")


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """How eagerly the runner works."""

    batch_events: int = 500
    backoff_s: float = 0.2
    max_backoff_s: float = 5.0
    idle_s: float = 1.0
    """At least this often a follower looks for events and for a new build."""


DEFAULTS = RunnerConfig()


@dataclass(slots=True)
class RunnerState:
    """What the runner says of itself, by projection."""

    followers: dict[str, FollowerState] = field(default_factory=dict)
    tokens: TokenTally = field(default_factory=TokenTally)
    """What the exchanges used that were taken in live; a rebuild counts nothing again."""


class Runner:
    """Follows every projection of the registry until it is stopped."""

    def __init__(
        self,
        projections: Sequence[Projection],
        sources: Sources,
        config: RunnerConfig = DEFAULTS,
        state: RunnerState | None = None,
    ) -> None:
        """``state``: what a runner before this one has counted; followed is anew."""
        self._projections, self._sources, self._config = projections, sources, config
        self._bells = {projection.name: asyncio.Event() for projection in projections}
        self.state = state or RunnerState()

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            ringing = tasks.create_task(self._ring())
            following = [tasks.create_task(self._keep_following(one, stop)) for one in self._projections]
            await stop.wait()
            self._wake()
            await asyncio.wait(following)
            ringing.cancel()

    async def _ring(self) -> None:
        async for _ in self._sources.log.wakeups():
            self._wake()

    def _wake(self) -> None:
        for bell in self._bells.values():
            bell.set()

    async def _keep_following(self, projection: Projection, stop: asyncio.Event) -> None:
        backoff = self._config.backoff_s
        while not stop.is_set():
            try:
                await self._follow_live(projection, stop)
                backoff = self._config.backoff_s
            except (StoreUnavailableError, LostCheckpointError) as error:
                _LOG.warning("projection waits", projection=projection.name, error=str(error), retry_s=backoff)
                await _wait(stop, backoff)
                backoff = min(backoff * 2, self._config.max_backoff_s)

    async def _follow_live(self, projection: Projection, stop: asyncio.Event) -> None:
        """Follow the live build, or make a newer one live, or leave it as it is for a while."""
        live = await self._live(projection)
        if live.build.version == projection.version:
            await self._follow(projection, live.build, stop)
        elif is_left_alone(live, projection.version):
            await self._stand_by(projection, live, stop)
        else:
            _LOG.info("a newer version is built", projection=projection.name, version=projection.version)
            waiting = FollowerState(live.position, await self._sources.log.newest())
            self.state.followers[projection.name] = waiting
            await renew(projection, self._sources, stop)

    async def _live(self, projection: Projection) -> BuildState:
        async with self._sources.transactions() as tx:
            await builds.ensure_live(tx, projection)
            live = await builds.live_state(tx, projection.name)
            assert live is not None
            return live

    async def _stand_by(self, projection: Projection, live: BuildState, stop: asyncio.Event) -> None:
        """Until another build is live, or the pin is gone."""
        words = f"`nexus projections switch {projection.name}` or `rebuild` goes on with version {projection.version}"
        _LOG.warning("rows stand still", projection=projection.name, build=live.build.number, mend=words)
        state = self.state.followers[projection.name] = FollowerState()
        now = live
        while not stop.is_set() and (now.build, now.pinned_against) == (live.build, live.pinned_against):
            state.position, state.newest = now.position, await self._sources.log.newest()
            await _wait(stop, self._config.idle_s)
            now = await self._live(projection)

    async def _follow(self, projection: Projection, build: Build, stop: asyncio.Event) -> None:
        follower = Follower(projection, build, self._sources, self.state.tokens.take)
        self.state.followers[projection.name] = follower.state
        await follower.load()
        bell, clock = self._bells[projection.name], asyncio.get_running_loop().time
        looked_at = clock()
        while not stop.is_set():
            bell.clear()
            step = await follower.step(self._config.batch_events)
            if not step.done:
                continue
            if clock() - looked_at >= self._config.idle_s:
                looked_at = clock()
                if await self._is_replaced(build):
                    return
            await _wait(bell, self._config.idle_s)

    async def _is_replaced(self, build: Build) -> bool:
        async with self._sources.transactions() as tx:
            return await builds.live(tx, build.name) != build


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
