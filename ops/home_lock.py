"""Who runs on this home? One process at a time, and it says who it is."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from domain.errors import NexusError
from ops.clock import utc_now
from ops.home import Home

_PATIENCE_S = 0.4
_LOOK_S = 0.02


class Holder(msgspec.Struct, frozen=True):
    """What the lock file says about the process that holds it."""

    command: str
    pid: int
    since: str
    """RFC 3339."""
    gateway: str = ""
    """Address, empty unless the holder runs a gateway."""
    dashboard: str = ""


def me(command: str, gateway: str = "", dashboard: str = "") -> Holder:
    """This process as a holder."""
    return Holder(command, os.getpid(), utc_now().isoformat(timespec="seconds"), gateway, dashboard)


class HomeHeldError(NexusError):
    """Another Nexus runs on this home."""

    def __init__(self, home: Home, holder: Holder | None) -> None:
        super().__init__(_held_line(home.root, holder))
        self.holder = holder


@contextmanager
def held(home: Home, holder: Holder) -> Iterator[None]:
    """Hold the home. The kernel frees it when the process dies, however it dies. Raises HomeHeldError.

    The file stays when the lock goes: removing it would let two processes hold two files of one name.
    """
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(holder), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder_of(home: Home) -> Holder | None:
    """Who holds the home now; None: nobody (or it has not said yet who it is)."""
    try:
        descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(descriptor)
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int, home: Home) -> None:
    """A holder that says nothing is only somebody who looks (``holder_of``), or has just come: look once more."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        said = _said(descriptor)
        if said is not None or time.monotonic() > deadline:
            raise HomeHeldError(home, said)
        time.sleep(_LOOK_S)


def _said(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return None


def _held_line(root: Path, holder: Holder | None) -> str:
    if holder is None:
        return f"Another nexus has just started on {root}. Wait for it, or set NEXUS_HOME to another folder."
    serving = f", gateway {holder.gateway}, dashboard {holder.dashboard}" if holder.gateway else ""
    return (
        f"`nexus {holder.command}` already runs on {root} (pid {holder.pid}, since {holder.since}{serving}). "
        f"Stop it with `kill {holder.pid}`, or set NEXUS_HOME to another folder."
    )
