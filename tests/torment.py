"""The fault harness as tests use it: load for a while under faults, then calm, then everything is checked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ops.checking.checker import Checked, check
from ops.checking.recordings import RecordingWriter
from ops.checking.violations import Counts
from ops.plan import GATEWAY
from ops.torture.faults import Scene, plant
from ops.torture.load import Load, loading
from ops.torture.product import until_well
from ops.torture.rig import Rig, rigged
from ops.torture.run import SETTLE_S, place_of, violations_of
from ops.torture.schedule import Fault, Plant
from ops.torture.settling import gateway_rss, settled
from ops.torture.verdict import Known, Verdict, judge
from tests.tail_reader import TailReader
from tests.waiting import until

_SEEDS = count(1)


@dataclass
class Torment:
    """A running product, and what was done to it in this part of its life."""

    rig: Rig
    scene: Scene
    settled_s: float = 0.0
    """How long after the last answer all was shipped."""
    rss_before: int | None = None
    rss_most: int | None = None
    """Of the gateway, under load."""
    checked: Checked | None = None
    tail: TailReader | None = None
    missed: tuple[int, int] = (0, 0)
    """Events that the tail reader missed, and saw twice."""

    @property
    def load(self) -> Load:
        return self.scene.load

    async def plant(self, fault: Fault, target: str, lasts_s: float = 0.0) -> None:
        """Plant it, wait, heal it."""
        heal = await plant(self.scene, Plant(0.0, fault, target, lasts_s))
        try:
            await asyncio.sleep(lasts_s)
        finally:
            await heal()

    async def more(self, answers: int, what: str = "answers") -> None:
        """Wait for so many more."""
        before = len(self.load.seen)
        await until(lambda: len(self.load.seen) >= before + answers, what)

    def measure(self) -> None:
        """The memory of the gateway's first worker now."""
        now = gateway_rss(self.scene.product.home, GATEWAY)
        self.rss_before = self.rss_before or now
        self.rss_most = max(self.rss_most or 0, now or 0)

    @property
    def counts(self) -> Counts:
        assert self.checked is not None
        return self.checked.counts

    @property
    def rss_growth(self) -> int:
        assert self.rss_before is not None
        assert self.rss_most is not None
        return self.rss_most - self.rss_before

    @property
    def verdict(self) -> Verdict:
        return judge(self.load.seen, Known(self.scene.kills_ns, frozenset(self.scene.stand_in.cut)))


@asynccontextmanager
async def running(folder: Path, **how: int | bool) -> AsyncIterator[Torment]:
    """The product, ready; stopped in good order at the end."""
    rig = Rig(folder, **how)  # type: ignore[arg-type]
    async with rigged(rig) as scene:
        yield Torment(rig, scene)
        assert await scene.product.stop() == 0


@asynccontextmanager
async def tormented(torment: Torment, clients: int, pause_s: float = 0.05) -> AsyncIterator[Torment]:
    """Load during the ``with``. At its end all must have arrived and the checker must find nothing."""
    scene = torment.scene
    folder = torment.rig.recordings / f"part-{next(_SEEDS)}"
    scene.stand_in.writer = scene.load.writer = writer = RecordingWriter(folder)
    scene.load = Load(scene.product.place, writer, seed=next(_SEEDS), pause_s=pause_s)
    scene.kills_ns.clear()
    torment.rss_before = torment.rss_most = None
    async with loading(scene.load, clients):
        await torment.more(clients)
        torment.measure()
        yield torment
        torment.measure()
    await until_well(scene.product)
    arrived = await settled(scene.product.home, SETTLE_S)
    assert arrived is not None, "what was recorded did not arrive"
    torment.settled_s = arrived
    writer.close()
    torment.checked = await check(place_of(scene, folder))
    assert violations_of(torment.checked) == [], torment.checked.violations[:5]
    assert torment.checked.counts.clients == len(scene.load.seen) > 0
    assert torment.verdict.failures == (), torment.verdict.failures[:5]


def spread(times: Sequence[float]) -> str:
    """Least, middle and most, in words."""
    ordered = sorted(times)
    return f"{ordered[0]:.2f} / {ordered[len(ordered) // 2]:.2f} / {ordered[-1]:.2f} s"
