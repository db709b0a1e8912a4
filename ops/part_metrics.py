"""What do the parts beside the gateway say in numbers? Their states as Prometheus families, to be published."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from domain.ports import Clock
from gateway.published import Published, registry_of_part, snapshot
from gateway.unshipped import measure

if TYPE_CHECKING:
    from gateway.shipper import ShipperState
    from projections.follower import FollowerState
    from projections.runner import RunnerState


class PartNumbers(Collector):
    """Of a part that counts nothing of its own: version, memory, open files."""

    def __init__(self) -> None:
        self._registry = registry_of_part()
        self._registry.register(self)

    def say(self) -> Published:
        return snapshot(self._registry, self.shipped())

    def shipped(self) -> Mapping[str, int]:
        return {}

    def collect(self) -> Iterable[Metric]:
        return ()


class DashboardNumbers(PartNumbers):
    """What browsers stopped on its pages."""

    def __init__(self, stopped: Callable[[], Mapping[str, int]]) -> None:
        """``stopped``: how often, by directive of the content security policy."""
        self._stopped = stopped
        super().__init__()

    def collect(self) -> Iterator[Metric]:
        words = "What browsers say that the pages' content security policy stopped"
        family = CounterMetricFamily("nexus_csp_violations", words, labels=["directive"])
        for directive, count in self._stopped().items():
            family.add_metric([directive], count)
        yield family


class ShipperNumbers(PartNumbers):
    """How far shipping is."""

    def __init__(self, state: "ShipperState", journal_root: Path, clock: Clock) -> None:
        self._state, self._root, self._clock = state, journal_root, clock
        self.store_up = True
        """Whether the database answered when it was last asked."""
        super().__init__()

    def note_store(self, is_up: bool) -> None:  # noqa: FBT001 - a listener's one argument
        self.store_up = is_up

    def shipped(self) -> Mapping[str, int]:
        return self._state.shipped.copy()

    def collect(self) -> Iterator[Metric]:
        state = self._state
        yield from measure(self._root, self.shipped()).families(self._clock().timestamp())
        yield GaugeMetricFamily("nexus_store_up", "1: the database answers; 0: it is away", float(self.store_up))
        yield CounterMetricFamily("nexus_shipped_events", "Events appended to the store", state.events)
        yield CounterMetricFamily("nexus_ship_failures", "Times that the store was away", state.failures)
        yield CounterMetricFamily("nexus_journal_damaged_bytes", "Bytes lost to damage", state.damaged_bytes)


class ProjectorNumbers(PartNumbers):
    """How far the projections are, and what they took in."""

    def __init__(self, state: "RunnerState", clock: Clock, leads: Callable[[], bool] = lambda: True) -> None:
        """``leads``: whether it works, or stands by because another projector does."""
        self._state, self._clock, self._leads = state, clock, leads
        self._behind_since: dict[str, datetime] = {}
        super().__init__()

    def collect(self) -> Iterator[Metric]:
        followers = tuple(self._state.followers.copy().items())
        events = GaugeMetricFamily("nexus_projection_lag_events", "Events not in the rows yet", labels=["projection"])
        age = GaugeMetricFamily("nexus_projection_lag_seconds", "Age of the oldest of them", labels=["projection"])
        failed = CounterMetricFamily("nexus_projection_failed", "Exchanges set aside", labels=["projection"])
        for name, follower in followers:
            events.add_metric([name], follower.lag)
            age.add_metric([name], self._age_s(name, follower))
            failed.add_metric([name], follower.failed)
        tokens = CounterMetricFamily("nexus_tokens", "Tokens of the exchanges that were taken in", labels=["kind"])
        for kind, count in self._state.tokens.counts.items():
            tokens.add_metric([kind], count)
        yield from (events, age, failed, tokens)
        yield GaugeMetricFamily("nexus_projector_leads", "1: it works; 0: another one does", float(self._leads()))

    def _age_s(self, name: str, follower: "FollowerState") -> float:
        """Where no event says it, since it was first seen to be behind."""
        if not follower.lag:
            self._behind_since.pop(name, None)
            return 0.0
        now = self._clock()
        first_seen = self._behind_since.setdefault(name, now)
        return max(0.0, (now - (follower.behind_since or first_seen)).total_seconds())
