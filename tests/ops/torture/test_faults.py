"""Each fault: what it does when it is planted, and that healing undoes it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.home import Home
from ops.torture.client import Place
from ops.torture.faults import Scene, plant
from ops.torture.schedule import BACKEND, KINDS, POSTMASTER, Fault, Plant
from tests.waiting import until


class Toy:
    """A product of one process, which plays every part."""

    place, home = Place("127.0.0.1", 1), Home(Path("/nowhere"))

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def pid(self, _part: str) -> int | None:
        return self.process.pid if self.process.returncode is None else None

    def is_well(self) -> bool:
        return True

    async def stop(self) -> int:
        return 0


class Told:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.words.append(" ".join([name, *map(str, arguments)]))


class Base(Told):
    """A database that does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.proxy = Told()

    async def stop(self, mode: str) -> None:
        self.words.append(f"stop {mode}")

    async def start(self) -> None:
        self.words.append("start")

    async def kill_postmaster(self) -> None:
        self.words.append("kill_postmaster")


@pytest.fixture
async def scene() -> AsyncIterator[Any]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import signal; signal.pause()")
    scene: Any = Scene(Toy(process), Base(), SimpleNamespace(trouble=""), SimpleNamespace(leaves=False), Told(), Told())  # type: ignore[arg-type]
    yield scene
    if process.returncode is None:
        process.kill()
    await process.wait()


def one(fault: Fault, target: str) -> Plant:
    return Plant(0.0, fault, target, 1.0)


def phase(pid: int) -> str:
    """As the kernel calls it: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(("fault", "number"), [(Fault.KILL, signal.SIGKILL), (Fault.END, signal.SIGTERM)])
async def test_a_signal_ends_it(scene: Any, fault: Fault, number: signal.Signals) -> None:
    await (await plant(scene, one(fault, "shipper")))()
    assert await scene.product.process.wait() == -number
    assert scene.kills_ns == []
    await plant(scene, one(fault, "shipper"))  # gone already


@pytest.mark.parametrize("worker", ["gateway", "gateway-2"])
async def test_a_killed_gateway_excuses_its_clients(scene: Any, worker: str) -> None:
    await plant(scene, one(Fault.KILL, worker))
    assert len(scene.kills_ns) == 1


async def test_an_ended_gateway_excuses_nobody(scene: Any) -> None:
    await plant(scene, one(Fault.END, "gateway"))
    assert scene.kills_ns == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_stopped_part_goes_on_when_healed(scene: Any) -> None:
    heal = await plant(scene, one(Fault.STOP, "gateway"))
    await until(lambda: phase(scene.product.process.pid) == "T", "it to be stopped")
    await heal()
    await until(lambda: phase(scene.product.process.pid) != "T", "it to go on")


async def test_a_stopped_part_that_died_meanwhile_is_left_alone(scene: Any) -> None:
    heal = await plant(scene, one(Fault.STOP, "gateway"))
    os.kill(scene.product.process.pid, signal.SIGKILL)
    await scene.product.process.wait()
    await heal()


@pytest.mark.parametrize(
    ("fault", "target", "planted", "healed"),
    [
        (Fault.KILL, BACKEND, ["kill_backend"], []),
        (Fault.KILL, POSTMASTER, ["kill_postmaster", "start"], []),
        (Fault.POSTGRES_STOP, "immediate", ["stop immediate"], ["start"]),
        (Fault.POSTGRES_FREEZE, "all", ["freeze"], ["thaw"]),
    ],
)
async def test_the_database(scene: Any, fault: Fault, target: str, planted: list[str], healed: list[str]) -> None:
    heal = await plant(scene, one(fault, target))
    assert scene.database.words == planted
    await heal()
    assert scene.database.words == planted + healed


@pytest.mark.parametrize(
    ("who", "fault", "target", "words"),
    [
        ("proxy", Fault.PROXY, "swallow", ["turn swallow", "turn pass"]),
        ("disk", Fault.DISK_FULL, "journals", ["fill", "free"]),
        ("shim", Fault.DISK_SLOW, "2.0", ["slow_disk 2.0", "slow_disk 0.0"]),
        ("shim", Fault.CLOCK, "-3600", ["step_clock -3600.0", "step_clock 0.0"]),
    ],
)
async def test_what_surrounds_it(scene: Any, who: str, fault: Fault, target: str, words: list[str]) -> None:
    told = scene.database.proxy if who == "proxy" else getattr(scene, who)
    heal = await plant(scene, one(fault, target))
    assert told.words == words[:1]
    await heal()
    assert told.words == words


async def test_upstream_and_clients(scene: Any) -> None:
    heals = [await plant(scene, one(Fault.UPSTREAM, "cut")), await plant(scene, one(Fault.CLIENT, "leaves"))]
    assert (scene.stand_in.trouble, scene.load.leaves) == ("cut", True)
    for heal in heals:
        await heal()
    assert (scene.stand_in.trouble, scene.load.leaves) == ("", False)


async def test_every_fault_of_the_schedule_can_be_planted(scene: Any) -> None:
    for kind in (kind for kinds in KINDS.values() for kind in kinds):
        for target in kind.targets:
            await (await plant(scene, one(kind.fault, target)))()
