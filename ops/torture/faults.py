"""How is each fault planted, and how is it healed? One small function for each kind."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import time_ns
from typing import Literal, cast, get_args

from ops.db.embedded import StopMode
from ops.plan import is_gateway
from ops.torture.database import Database
from ops.torture.disk import SmallDisk
from ops.torture.load import Load
from ops.torture.product import Product, signalled
from ops.torture.proxy import Mode
from ops.torture.schedule import BACKEND, POSTMASTER, Fault, Plant
from ops.torture.shim import Shim
from ops.torture.stand_in import StandIn, Trouble

Heal = Callable[[], Awaitable[None]]


@dataclass
class Scene:
    """All that can be hurt."""

    product: Product
    database: Database
    stand_in: StandIn
    load: Load
    disk: SmallDisk | None = None
    shim: Shim | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the product, for commands on the same home."""
    kills_ns: list[int] = field(default_factory=list)
    """When a worker of the gateway was killed."""

    def impossible(self) -> tuple[Fault, ...]:
        """What this machine cannot do."""
        without_shim = () if self.shim else (Fault.DISK_SLOW, Fault.CLOCK)
        return (*without_shim, *(() if self.disk else (Fault.DISK_FULL,)))


async def plant(scene: Scene, what: Plant) -> Heal:
    """Plant it; what is returned heals it."""
    return await _PLANTS[what.fault](scene, what.target)


async def _nothing() -> None:
    """Nobody has to heal what is started again by itself."""


async def _kill(scene: Scene, target: str) -> Heal:
    if target == BACKEND:
        scene.database.kill_backend()
    elif target == POSTMASTER:
        await scene.database.kill_postmaster()
        await scene.database.start()
    else:
        if is_gateway(target):
            scene.kills_ns.append(time_ns())
        signalled(scene.product, target, signal.SIGKILL)
    return _nothing


async def _end(scene: Scene, target: str) -> Heal:
    signalled(scene.product, target, signal.SIGTERM)
    return _nothing


async def _stop(scene: Scene, target: str) -> Heal:
    pid = signalled(scene.product, target, signal.SIGSTOP)

    async def heal() -> None:
        if pid is not None and scene.product.pid(target) == pid:
            signalled(scene.product, target, signal.SIGCONT)

    return heal


async def _stop_postgres(scene: Scene, target: str) -> Heal:
    assert target in get_args(StopMode)
    await scene.database.stop(cast("StopMode", target))
    return scene.database.start


async def _freeze_postgres(scene: Scene, _target: str) -> Heal:
    scene.database.freeze()

    async def heal() -> None:
        scene.database.thaw()

    return heal


async def _proxy(scene: Scene, target: str) -> Heal:
    scene.database.proxy.turn(cast("Mode", target))

    async def heal() -> None:
        scene.database.proxy.turn("pass")

    return heal


async def _full_disk(scene: Scene, _target: str) -> Heal:
    assert scene.disk is not None
    disk = scene.disk
    await asyncio.to_thread(disk.fill)

    async def heal() -> None:
        disk.free()

    return heal


async def _slow_disk(scene: Scene, target: str) -> Heal:
    return _shimmed(scene, float(target), "slow_disk")


async def _clock(scene: Scene, target: str) -> Heal:
    return _shimmed(scene, float(target), "step_clock")


def _shimmed(scene: Scene, seconds: float, what: Literal["slow_disk", "step_clock"]) -> Heal:
    assert scene.shim is not None
    turn = getattr(scene.shim, what)
    turn(seconds)

    async def heal() -> None:
        turn(0.0)

    return heal


async def _upstream(scene: Scene, target: str) -> Heal:
    scene.stand_in.trouble = cast("Trouble", target)

    async def heal() -> None:
        scene.stand_in.trouble = ""

    return heal


async def _clients(scene: Scene, _target: str) -> Heal:
    scene.load.leaves = True

    async def heal() -> None:
        scene.load.leaves = False

    return heal


_PLANTS: dict[Fault, Callable[[Scene, str], Awaitable[Heal]]] = {
    Fault.KILL: _kill,
    Fault.END: _end,
    Fault.STOP: _stop,
    Fault.POSTGRES_STOP: _stop_postgres,
    Fault.POSTGRES_FREEZE: _freeze_postgres,
    Fault.PROXY: _proxy,
    Fault.DISK_FULL: _full_disk,
    Fault.DISK_SLOW: _slow_disk,
    Fault.UPSTREAM: _upstream,
    Fault.CLIENT: _clients,
    Fault.CLOCK: _clock,
}
