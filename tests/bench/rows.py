"""How is each promise measured? One function a row: what is asked of which target, and the figures of one round."""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType

from tests.bench import load
from tests.bench.load import Load, Work
from tests.bench.numbers import median, percentile
from tests.bench.sizes import Size
from tests.bench.targets import BARE, DIRECT, NEXUS, NGINX, Target, Targets
from tests.bench.traffic import Traffic
from tests.viewers import audience, logged_in

Figures = dict[str, float]
"""What a round measured: "target.figure" → number."""
_SAMPLE_S = 0.1
_SYNCS = 20
_VIEWERS = 20
_PAGES = ("/overview", "/conversations", "/requests", "/usage", "/conversations/{talk}")
"""All that follow what happens."""


@dataclass
class Bench:
    """Everything that a row needs."""

    loader: Path
    targets: Targets
    traffic: Traffic
    size: Size
    home: Path
    """A folder on the disk that is measured."""
    next_marker: int = 1

    async def ask(self, target: Target, work: Work) -> Load:
        """Put the load on it, and wait for the last answer."""
        marker, self.next_marker = self.next_marker, self.next_marker + work.requests + work.connections
        done = await load.run(self.loader, target.port, work, marker)
        target.sent += done.requests
        return done


Row = Callable[[Bench, int], Awaitable[Figures]]
"""Measures one round; the number of the round says who begins."""


def in_turn(bench: Bench, round_: int, *names: str) -> list[Target]:
    """Another one begins in every round."""
    found = bench.targets.of(*names)
    return found[round_ % len(found) :] + found[: round_ % len(found)]


@dataclass(frozen=True)
class Costs:
    """A load with what it cost."""

    load: Load
    cpu_s: float
    """Of what forwards."""
    whole_cpu_s: float
    """Of everything that works for it, until nothing is left to do."""
    settled_s: float
    """From the first request until nothing is left to do."""


async def costs(bench: Bench, target: Target, work: Work) -> Costs:
    await target.settled()
    cpu, whole = target.cpu_s(), target.whole_cpu_s()
    done = await bench.ask(target, work)
    cpu = target.cpu_s() - cpu
    await target.settled()
    settled = time.monotonic() - done.begun_s if target.watch is not None else done.seconds
    return Costs(done, cpu, target.whole_cpu_s() - whole, settled)


async def json_row(bench: Bench, round_: int) -> Figures:
    """Small JSON answers, 16 connections."""
    found = Figures()
    work = Work(bench.traffic.small, bench.size.json, 16)
    for target in in_turn(bench, round_, DIRECT, BARE, NGINX, NEXUS):
        cost = await costs(bench, target, work)
        found[f"{target.name}.per_s"] = cost.load.per_second
        found[f"{target.name}.p50_ms"] = percentile(cost.load.last_ms, 0.5)
        found[f"{target.name}.p99_ms"] = percentile(cost.load.last_ms, 0.99)
        found[f"{target.name}.cpu_ms"] = 1000 * cost.cpu_s / cost.load.requests
        found[f"{target.name}.whole_cpu_ms"] = 1000 * cost.whole_cpu_s / cost.load.requests
        found[f"{target.name}.sustained_per_s"] = cost.load.requests / cost.settled_s
    return found


async def streams_row(bench: Bench, round_: int) -> Figures:
    """Streams of 200 chunks as fast as they go, 16 connections."""
    found = Figures()
    work = Work(bench.traffic.streams, bench.size.streams, 16)
    for target in in_turn(bench, round_, DIRECT, BARE, NGINX, NEXUS):
        cost = await costs(bench, target, work)
        found[f"{target.name}.per_s"] = cost.load.per_second
        found[f"{target.name}.p50_ms"] = cost.load.first(0.5)
        found[f"{target.name}.cpu_ms"] = 1000 * cost.cpu_s / cost.load.requests
        found[f"{target.name}.sustained_per_s"] = cost.load.requests / cost.settled_s
    return found


async def paced_row(bench: Bench, round_: int) -> Figures:
    """64 streams open, a chunk every 20 ms on each: what a stream in real life is like."""
    found = Figures()
    work = Work(bench.traffic.paced, bench.size.paced, 64, ramp_us=16_000)
    for target in in_turn(bench, round_, DIRECT, BARE, NGINX, NEXUS):
        cost = await costs(bench, target, work)
        chunks = cost.load.chunks / 1000
        found[f"{target.name}.first_p50_ms"] = cost.load.first(0.5)
        found[f"{target.name}.first_p99_ms"] = cost.load.first(0.99)
        found[f"{target.name}.delay_p50_ms"] = cost.load.delay(0.5)
        found[f"{target.name}.delay_p99_ms"] = cost.load.delay(0.99)
        found[f"{target.name}.cpu_s"] = cost.cpu_s / chunks
        found[f"{target.name}.whole_cpu_s"] = cost.whole_cpu_s / chunks
    return found


async def body_row(bench: Bench, round_: int) -> Figures:
    """A request body of 800 kB, alone and eight at a time."""
    sync = fdatasync_ms(bench.home, bench.traffic.large_bytes)
    found: Figures = {"disk.fdatasync_ms": sync}
    for target in in_turn(bench, round_, DIRECT, BARE, NGINX, NEXUS):
        alone = await costs(bench, target, Work(bench.traffic.large, max(4, bench.size.large // 4), 1))
        found[f"{target.name}.first_ms"] = alone.load.first(0.5)
    for target in in_turn(bench, round_, DIRECT, BARE, NGINX, NEXUS):
        many = await costs(bench, target, Work(bench.traffic.large, bench.size.large, 8))
        found[f"{target.name}.per_s"] = many.load.per_second
        found[f"{target.name}.cpu_ms"] = 1000 * many.cpu_s / many.load.requests
        found[f"{target.name}.sustained_per_s"] = many.load.requests / many.settled_s
    return found


def fdatasync_ms(folder: Path, size: int) -> float:
    """Median of writing a file of that size and waiting for the disk."""
    data, times = os.urandom(size), list[float]()
    sync = getattr(os, "fdatasync", os.fsync)
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(data)
            file.flush()
            sync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


async def idle_row(bench: Bench, round_: int) -> Figures:
    """1000 mostly idle streams, opened all at once; the gateway as it is soon after its start."""
    found = Figures()
    count = bench.size.idle
    work = Work(bench.traffic.idle, count, count)
    for target in in_turn(bench, round_, DIRECT, BARE, NEXUS):
        await target.settled()
        if target.product is not None:
            await target.product.command("restart")
        cost, peak = await _with_peak(bench, target, work)
        found[f"{target.name}.seconds"] = cost.load.seconds
        found[f"{target.name}.first_p50_ms"] = cost.load.first(0.5)
        found[f"{target.name}.resident_mb"] = peak
    return found


async def _with_peak(bench: Bench, target: Target, work: Work) -> tuple[Costs, float]:
    """And the most memory that was seen meanwhile."""
    async with asyncio.TaskGroup() as tasks:
        measured = tasks.create_task(costs(bench, target, work))
        peak = 0.0
        while not measured.done():
            peak = max(peak, target.resident_mb())
            await asyncio.wait([measured], timeout=_SAMPLE_S)
    return measured.result(), peak


async def session_row(bench: Bench, round_: int) -> Figures:
    """One session of 200 turns and 100 MB, turn by turn."""
    found = Figures()
    for target in in_turn(bench, round_, DIRECT, BARE, NEXUS):
        before = await target.watch.request_bytes() if target.watch else 0
        cost = await costs(bench, target, Work(bench.traffic.growing, 1, 1))
        quarter = max(1, len(cost.load.first_ms) // 4)
        found[f"{target.name}.first_quarter_ms"] = median(cost.load.first_ms[:quarter])
        found[f"{target.name}.last_quarter_ms"] = median(cost.load.first_ms[-quarter:])
        found[f"{target.name}.sent_mb"] = cost.load.sent_bytes / 1e6
        if target.watch:
            found[f"{target.name}.stored_mb"] = (await target.watch.request_bytes() - before) / 1e6
    return found


async def mix_row(bench: Bench, round_: int) -> Figures:
    """All captures, played by 8 clients at a time: exchanges until the last one stands in the read models."""
    (target,) = bench.targets.of(NEXUS)
    played = bench.size.mix_copies * bench.traffic.mix_requests
    cost = await costs(bench, target, Work(bench.traffic.mix, played, 8))
    return {
        "nexus.per_s": cost.load.requests / cost.settled_s,
        "nexus.asked_per_s": cost.load.per_second,
        "nexus.whole_cpu_ms": 1000 * cost.whole_cpu_s / cost.load.requests,
    }


async def fresh_row(bench: Bench, round_: int) -> Figures:
    """Sessions whose every turn brings 40 kB that nobody has sent before: bytes until they stand in the read models."""
    (target,) = bench.targets.of(NEXUS)
    cost = await costs(bench, target, Work(bench.traffic.fresh, bench.size.fresh, 4))
    fresh = cost.load.requests * bench.traffic.fresh_bytes + cost.load.body_bytes
    return {
        "nexus.fresh_mb_per_s": fresh / 1e6 / cost.settled_s,
        "nexus.sent_mb_per_s": cost.load.sent_bytes / 1e6 / cost.settled_s,
    }


async def live_row(bench: Bench, round_: int) -> Figures:
    """Twenty exchanges a second: from the commit of an event to its rows in every read model."""
    (target,) = bench.targets.of(NEXUS)
    assert target.watch is not None
    await target.settled()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(target.watch.live(stop))
        await bench.ask(target, Work(bench.traffic.live, bench.size.live, 12, ramp_us=50_000))
        await asyncio.sleep(1)
        stop.set()
    await target.settled()
    lags = watching.result()
    return {
        "nexus.lag_p50_ms": percentile(lags, 0.5),
        "nexus.lag_p99_ms": percentile(lags, 0.99),
        "nexus.commits": len(lags),
    }


async def viewers_row(bench: Bench, round_: int) -> Figures:
    """Paced streams, in turn with nobody at the dashboard and with twenty viewers whose pages follow them."""
    (target,) = bench.targets.of(NEXUS)
    assert target.product is not None
    work = Work(bench.traffic.paced, bench.size.paced, 64, ramp_us=16_000)
    await bench.ask(target, work)
    await target.settled()
    (newest,) = (await target.product.api("/api/conversations", limit="1"))["items"]
    pages = [path.format(talk=newest["conversation_id"]) for path in _PAGES]
    found = Figures()
    async with logged_in(target.product) as browser:
        for viewers in (0, _VIEWERS) if round_ % 2 else (_VIEWERS, 0):
            await target.settled()
            async with audience(browser, list(islice(cycle(pages), viewers))):
                load = await bench.ask(target, work)
            name = "watched" if viewers else "alone"
            found[f"nexus.{name}_first_p99_ms"] = load.first(0.99)
            found[f"nexus.{name}_delay_p50_ms"] = load.delay(0.5)
            found[f"nexus.{name}_delay_p99_ms"] = load.delay(0.99)
    await target.settled()
    return found


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "idle": idle_row,
        "json": json_row,
        "streams": streams_row,
        "paced": paced_row,
        "body": body_row,
        "session": session_row,
        "mix": mix_row,
        "fresh": fresh_row,
        "live": live_row,
        "viewers": viewers_row,
    }
)
