"""What does a worker know of its host? It looks once a second, on a thread; whoever asks it touches nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from gateway.metrics import Metrics
from gateway.published import PERIOD_S, Published, publishing, read, snapshot, wall_clock
from gateway.readiness import HostNow
from gateway.unshipped import measure


class HostView:
    """Publishes this worker, and remembers what the others publish."""

    def __init__(
        self,
        metrics: Metrics,
        part: str,
        folder: Path | None,
        journal_root: Path | None,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        """``folder``: where the parts publish, None: nowhere. ``journal_root``: None: nothing is recorded.

        ``is_draining``: a worker that drains says nothing more, for its successor has the same name.
        """
        self._metrics, self.part, self._is_draining = metrics, part, is_draining
        self._folder, self._journal_root = folder, journal_root
        self.now = HostNow()

    @property
    def expects_shipper(self) -> bool:
        return self._journal_root is not None

    @asynccontextmanager
    async def kept_fresh(self, period_s: float = PERIOD_S) -> AsyncIterator[None]:
        """Publish and look while inside."""
        if self._folder is None:
            yield
            return
        async with publishing(self._folder, self.part, self._say, period_s=period_s), asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._keep_looking(self._folder, period_s))
            yield
            looking.cancel()

    def _say(self) -> Published | None:
        return None if self._is_draining() else self.published()

    def published(self) -> Published:
        """What this worker says of itself."""
        return snapshot(self._metrics.registry)

    def everything(self) -> list[tuple[str, Published]]:
        """This worker, every other part that is fresh, and who is there at all."""
        others = [(part, seen.published) for part, seen in self.now.parts.items() if seen.is_fresh]
        up = [(part, _of_families([_up(float(seen.is_fresh))])) for part, seen in self.now.parts.items()]
        own = [(self.part, self.published()), (self.part, _of_families([_up(1), *self._measured()]))]
        return [*own, *others, *up]

    def _measured(self) -> list[Metric]:
        now = self.now
        found = now.unshipped.families(wall_clock()) if now.unshipped is not None else []
        if now.disk_share is not None:
            found.append(GaugeMetricFamily("nexus_disk_used_ratio", "How full the journals' disk is", now.disk_share))
        return found

    async def _keep_looking(self, folder: Path, period_s: float) -> None:
        while True:
            self.now = await asyncio.to_thread(self.look, folder)
            await asyncio.sleep(period_s)

    def look(self, folder: Path) -> HostNow:
        """Read what the others say; where no shipper says how far it is, measure."""
        at = wall_clock()
        parts = {part: seen for part, seen in read(folder, at).items() if part != self.part}
        if self._journal_root is None:
            return HostNow(parts, at=at)
        shipper = parts.get("shipper")
        unshipped = None
        if shipper is None or not shipper.is_fresh:
            unshipped = measure(self._journal_root, shipper.published.shipped if shipper else {})
        return HostNow(parts, _disk_share(self._journal_root), unshipped, at)


def _of_families(metrics: list[Metric]) -> Published:
    return snapshot(_Fixed(metrics))


class _Fixed:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _up(value: float) -> Metric:
    return GaugeMetricFamily("nexus_part_up", "1: the part lives; 0: it has stopped saying anything", value)


def _disk_share(folder: Path) -> float | None:
    """As ``df`` counts: what only root may use is neither used nor free."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.used / (usage.used + usage.free) if usage.used + usage.free else None
