"""What do the parts of this host say of themselves? One small file each in ``run/metrics``, written anew every second.

A part is *fresh* while its file is; a file that nobody writes any more is of a part that died or hangs. A part that
stops in good order takes its file along. Writing happens on a thread: neither a slow disk nor a full one is anybody's
failure.
"""

import asyncio
import os
import platform
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from math import isfinite
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, Gauge, Metric, ProcessCollector
from prometheus_client.registry import Collector

PERIOD_S = 1.0
FRESH_S = 10.0
FORGOTTEN_S = 600.0
"""A part that has said nothing for so long is not missed any more."""
_FILE = re.compile(r"((?:gateway(?:-[1-9]\d?)?|shipper|projector|dashboard))\.json")
"""The label ``part`` is bounded by the names that a file may have."""
_MAX_FILE_BYTES = 1024 * 1024


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """What belongs under one HELP and TYPE."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


class Published(msgspec.Struct, frozen=True):
    """All that a part says."""

    families: tuple[Family, ...] = ()
    shipped: dict[str, int] = {}
    """By the shipper: how far each journal is in the event store."""
    pid: int = 0
    """Of the process that says it."""

    def value(self, name: str, **labels: str) -> float | None:
        """The sample with exactly these labels; None: it is not there."""
        return next((one.value for one in self.samples(name) if one.labels == labels), None)

    def total(self, name: str) -> float:
        return sum(one.value for one in self.samples(name))

    def samples(self, name: str) -> Iterator[Sample]:
        return (one for family in self.families for one in family.samples if one.name == name)


Say = Callable[[], Published | None]
"""Called on a thread. None: nothing more, a successor speaks for the part."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A part's file as it was found."""

    published: Published
    age_s: float

    @property
    def is_fresh(self) -> bool:
        return self.age_s <= FRESH_S


def registry_of_part() -> CollectorRegistry:
    """What every part tells: its version, its memory, its open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Gauge("nexus_build_info", "Version of Nexus", ["version", "python"], registry=registry)
    info.labels(version("nexus-gateway"), platform.python_version()).set(1)
    return registry


def snapshot(registry: Collector, shipped: Mapping[str, int] | None = None) -> Published:
    """What the registry says now."""
    return Published(tuple(_family(metric) for metric in registry.collect()), dict(shipped or {}), os.getpid())


def _family(metric: Metric) -> Family:
    samples = tuple(
        Sample(one.name, dict(one.labels), one.value)
        for one in metric.samples
        if isfinite(one.value) and not one.name.endswith("_created")  # the process's start says the same
    )
    return Family(metric.name, metric.type, metric.documentation, samples)


def write(folder: Path, part: str, published: Published) -> None:
    """Replace the part's file whole, or leave the old one where the disk refuses."""
    fresh = folder / f".{part}.new"
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(published))
        fresh.replace(folder / f"{part}.json")


def read(folder: Path, now: float) -> dict[str, Seen]:
    """What every part has said lately; ``now``: wall clock in seconds. Unreadable files are passed over."""
    return {part: seen for part, path in _files(folder) if (seen := _seen(path, now)) is not None}


def _files(folder: Path) -> list[tuple[str, Path]]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    return [(found[1], folder / name) for name in names if (found := _FILE.fullmatch(name)) is not None]


def _seen(path: Path, now: float) -> Seen | None:
    try:
        with path.open("rb") as file:
            published = msgspec.json.decode(file.read(_MAX_FILE_BYTES), type=Published)
            age_s = abs(now - path.stat().st_mtime)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Seen(published, age_s) if age_s < FORGOTTEN_S else None


class MergedCollector(Collector):
    """The families of several parts as one page, each sample with the label ``part``."""

    def __init__(self, parts: Iterable[tuple[str, Published]]) -> None:
        self._parts = tuple(parts)

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for part, published in self._parts:
            for family in published.families:
                metric = merged.setdefault(family.name, Metric(family.name, family.help, family.kind))
                if metric.type == family.kind:  # parts of two versions may disagree
                    for one in family.samples:
                        metric.add_sample(one.name, {**one.labels, "part": part}, one.value)
        yield from merged.values()


@asynccontextmanager
async def publishing(folder: Path | None, part: str, say: Say, *, period_s: float = PERIOD_S) -> AsyncIterator[None]:
    """Keep the part's file fresh while inside; ``folder`` None: tell nobody.

    At the end the file goes, unless a successor of the same name has written it already.
    """
    if folder is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(_keep_publishing(folder, part, say, period_s))
        yield
        publishing.cancel()
    last = read(folder, wall_clock()).get(part)
    if last is not None and last.published.pid in {0, os.getpid()}:
        with suppress(OSError):
            (folder / f"{part}.json").unlink()


async def _keep_publishing(folder: Path, part: str, say: Say, period_s: float) -> None:
    def publish() -> None:
        said = say()
        if said is not None:
            write(folder, part, said)

    while True:
        await asyncio.to_thread(publish)
        await asyncio.sleep(period_s)


def wall_clock() -> float:
    """Seconds since 1970, as files' times count them."""
    return time.time()
