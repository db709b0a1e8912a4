"""Settled means: nothing waits, as the parts themselves have said lately."""

import asyncio
from pathlib import Path

import pytest

from gateway.published import Family, Published, Sample, Seen, write
from ops.home import Home
from ops.torture.settling import gateway_rss, is_projected, is_shipped, settled


def shipper(waiting: float) -> Published:
    return Published((Family("nexus_ship_lag_bytes", "gauge", "", (Sample("nexus_ship_lag_bytes", {}, waiting),)),))


def projector(*waiting: float) -> Published:
    name = "nexus_projection_lag_events"
    samples = tuple(Sample(name, {"projection": str(number)}, value) for number, value in enumerate(waiting))
    return Published((Family(name, "gauge", "", samples),))


def gateway(rss: float) -> Published:
    name = "process_resident_memory_bytes"
    return Published((Family(name, "gauge", "", (Sample(name, {}, rss),)),))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, False),
        ({"shipper": Seen(shipper(0), 0.5)}, True),
        ({"shipper": Seen(shipper(1), 0.5)}, False),
        ({"shipper": Seen(shipper(0), 2.0)}, False),
        ({"shipper": Seen(Published(), 0.5)}, False),
    ],
)
def test_shipped(parts: dict[str, Seen], expected: bool) -> None:
    assert is_shipped(parts, 1.0) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, False),
        ({"projector": Seen(projector(0, 0), 0.5)}, True),
        ({"projector": Seen(projector(0, 3), 0.5)}, False),
        ({"projector": Seen(projector(0), 2.0)}, False),
        ({"projector": Seen(projector(), 0.5)}, False),
    ],
)
def test_projected(parts: dict[str, Seen], expected: bool) -> None:
    assert is_projected(parts, 1.0) is expected


async def test_only_what_is_said_from_now_on_counts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.metrics.mkdir(parents=True)
    write(home.metrics, "shipper", shipper(0))
    write(home.metrics, "projector", projector(0))
    assert await settled(home, 0.2) is None
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(settled(home, 20.0))
        while not waiting.done():
            write(home.metrics, "shipper", shipper(0))
            write(home.metrics, "projector", projector(0))
            await asyncio.sleep(0.01)
    assert waiting.result() is not None


def test_memory_is_of_all_workers(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert gateway_rss(home) is None
    write(home.metrics, "gateway", gateway(100))
    write(home.metrics, "gateway-2", gateway(20))
    write(home.metrics, "shipper", gateway(3))
    assert gateway_rss(home) == 120
    assert gateway_rss(home, "gateway-2") == 20
