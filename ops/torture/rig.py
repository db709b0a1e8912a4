"""What is set up for a run? A database with a proxy before it, an upstream, the product, and a folder of recordings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.checking.recordings import RecordingWriter
from ops.home import Home
from ops.torture.database import database
from ops.torture.disk import SmallDisk, can_mount, small_disk
from ops.torture.faults import Scene
from ops.torture.load import Load
from ops.torture.product import Product, environment, pieces, up
from ops.torture.shim import Shim, compiler
from ops.torture.stand_in import standing_in


@dataclass(frozen=True, slots=True)
class Rig:
    """How."""

    folder: Path
    """Everything lies in it; nobody else's home."""
    seed: int = 1
    workers: int = 1
    as_pieces: bool = False
    """The parts without ``nexus up``, which would rest a part that dies often."""
    disk_mb: int = 0
    """Size of the journals' own small disk; 0: they lie on the disk of the folder."""
    shim: bool = True
    """Be able to bend clock and disk, where there is a compiler."""

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"

    @property
    def home(self) -> Path:
        return self.folder / "home"


@asynccontextmanager
async def rigged(rig: Rig) -> AsyncIterator[Scene]:
    """All runs when this yields; at the end of the ``with`` nothing of it does. Raises NexusError."""
    async with AsyncExitStack() as stack:
        writer = RecordingWriter(rig.recordings)
        stack.callback(writer.close)
        stand_in = await stack.enter_async_context(standing_in(writer))
        base = await stack.enter_async_context(database(rig.folder / "postgres"))
        disk, shim = _disk(rig, stack), _shim(rig)
        told: Mapping[str, str] = shim.environment if shim else {}
        env = environment(rig.home, stand_in.url, base.url, {"NEXUS_GATEWAY_WORKERS": str(rig.workers), **told})
        running: AbstractAsyncContextManager[Product] = (
            pieces(rig.home, env, rig.workers) if rig.as_pieces else up(rig.home, env)
        )
        product = await stack.enter_async_context(running)
        load = Load(product.place, writer, rig.seed)
        yield Scene(product, base, stand_in, load, disk, shim, env)


def _disk(rig: Rig, stack: AsyncExitStack) -> SmallDisk | None:
    if not rig.disk_mb or not can_mount():
        return None
    return stack.enter_context(small_disk(Home(rig.home).journals, rig.disk_mb))


def _shim(rig: Rig) -> Shim | None:
    found = compiler() if rig.shim else None
    return Shim.make(rig.folder, found) if found else None
