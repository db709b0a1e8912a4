"""Which server is at work on this data folder, and how is it signalled and waited for?

A process id in a file proves nothing: its process may be dead, a zombie that nobody has reaped, or another program that
got the same number. So every id is checked against the process it names now. Where the kernel has process descriptors,
a signal cannot reach a later owner of the id either.
"""

import contextlib
import hashlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ops.db.embedded_proctable import PostgresProcess, all_processes, find_process

POLL_S = 0.01
"""The pause between two looks where nothing wakes us."""


class Phase(Enum):
    """How far a server is, by its own file."""

    STARTING = "starting"
    READY = "ready"
    STANDBY = "standby"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The parent of all processes of a server, as its ``postmaster.pid`` describes it."""

    pid: int
    port: int
    socket_directory: Path
    phase: Phase


def cluster_name(data: Path) -> str:
    """The mark in the titles of the processes that serve ``data``."""
    return f"nexus-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"


def running_postmaster(data: Path) -> Postmaster | None:
    """The server that is at work on ``data`` now; a stale file describes none."""
    try:
        described = parse_postmaster_file(os.fsdecode((data / "postmaster.pid").read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return described if described is not None and is_serving(described.pid, data) else None


def parse_postmaster_file(text: str) -> Postmaster | None:
    """None while it is still being written."""
    lines = text.split("\n")
    try:
        return Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]), Phase(lines[7].strip()))
    except (IndexError, ValueError):
        return None


def is_serving(pid: int, data: Path) -> bool:
    """Is this process alive, and the postmaster of ``data``?"""
    process = find_process(pid)
    return process is not None and not process.is_backend and _works_on(process, data)


def orphans(data: Path) -> list[int]:
    """Backends that outlived their postmaster; each ends by itself, but not before its query does."""
    ours = [process for process in all_processes() if _works_on(process, data)]
    postmasters = {process.pid for process in ours if not process.is_backend}
    return [process.pid for process in ours if process.is_backend and process.parent not in postmasters]


def kill_orphans(data: Path) -> None:
    """End them: without a postmaster they serve nobody, and they keep a new server from starting."""
    for pid in orphans(data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def signal_postmaster(pid: int, data: Path, number: signal.Signals) -> None:
    """Signal the server of ``data`` and nobody else, whoever has its id by now."""
    with _descriptor(pid) as descriptor, contextlib.suppress(ProcessLookupError):
        if not is_serving(pid, data):
            return
        if descriptor is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)


def wait_for_end(pid: int, is_running: Callable[[], bool], timeout_s: float) -> bool:
    """Has the process ended, at the latest after this time? Its id says when to look, ``is_running`` what is true."""
    deadline = time.monotonic() + timeout_s
    with _descriptor(pid) as descriptor:
        while is_running():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            _pause(descriptor, left)
    return True


def _works_on(process: PostgresProcess, data: Path) -> bool:
    if process.folder is not None:
        return process.folder == data
    return f" -D {data} " in f"{process.command} " or cluster_name(data) in process.command


@contextlib.contextmanager
def _descriptor(pid: int) -> Iterator[int | None]:
    """A descriptor that stands for this very process; None where the kernel has none or the process is gone."""
    descriptor = None
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _pause(descriptor: int | None, left_s: float) -> None:
    """Until the process ends, or a moment where it cannot tell us."""
    if descriptor is None:
        time.sleep(min(left_s, POLL_S))
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(left_s * 1000)
