"""How does Nexus run a PostgreSQL of its own?

Theory of operation. One file, ``lock``, decides who may touch the data folder. Who starts a server takes its flock and
passes the open file on to the server, which hands it down to each of its processes: the lock is free exactly when none
of them lives any more, on this kernel, in whatever container. So the three questions of a start have safe answers.

* A server runs and is ready: attach to it. A supervisor that was killed leaves its server running, on purpose.
* The lock is taken, but nobody serves: somebody else is starting it, or stopping it, or backends outlived a killed
  postmaster. The last are ended; the others are waited for.
* The lock is ours: whatever ``postmaster.pid`` says is stale, even if its number lives (as a zombie, or as another
  program), and is removed. PostgreSQL itself would refuse to start.

The server listens on a Unix socket only. Who can enter the directory (0700) is trusted.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from domain.errors import SetupError, StoreUnavailableError
from ops.db.embedded_binaries import find_binaries
from ops.db.embedded_cluster import DATABASE, USER, NewCluster, make_cluster
from ops.db.embedded_directory import (
    ClusterPaths,
    major_of,
    open_directory,
    remove_run_state,
    socket_directory,
    trim_log,
)
from ops.db.embedded_process import (
    POLL_S,
    Phase,
    Postmaster,
    is_serving,
    kill_orphans,
    running_postmaster,
    signal_postmaster,
    wait_for_end,
)
from ops.db.embedded_programs import reason, spawn
from ops.db.embedded_settings import server_command

StopMode = Literal["fast", "immediate"]

STOP_STEPS: Mapping[StopMode, tuple[tuple[signal.Signals, float], ...]] = {
    "fast": ((signal.SIGINT, 20.0), (signal.SIGQUIT, 8.0), (signal.SIGKILL, 5.0)),
    "immediate": ((signal.SIGQUIT, 8.0), (signal.SIGKILL, 5.0)),
}
"""How hard, and for how many seconds before it gets harder. SIGQUIT loses nothing, but the next start recovers."""

ORPHAN_GRACE_S = 0.5
"""So long may backends without a postmaster take to notice it."""

_still_starting: dict[int, subprocess.Popen[bytes]] = {}
"""Servers of this process that were not ready in time; the next start gets them back as its own."""


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """Where the database lives, and how it is run."""

    directory: Path
    """Holds the data, the log, the lock and the socket; made with mode 0700."""
    bin_dir: Path | None = None
    """The folder of the PostgreSQL programs; None: find them."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """PostgreSQL settings over ours, by name."""
    start_timeout_s: float = 60.0


class EmbeddedPostgres:
    """A running server: started by us, or found running."""

    def __init__(self, paths: ClusterPaths, found: Postmaster, process: subprocess.Popen[bytes] | None) -> None:
        self._paths = paths
        self._found = found
        self._process = process

    @classmethod
    def start(cls, config: EmbeddedConfig) -> Self:
        """Start the server, or attach to the one that runs; it accepts connections when this returns.

        Raises SetupError when that needs somebody's hand, StoreUnavailableError when more patience may do: a server
        that is still recovering is left to it.
        """
        with _named_errors(config.directory):
            paths = open_directory(config.directory)
            trim_log(paths)
            return cls(paths, *_find_or_launch(config, paths))

    @property
    def attached(self) -> bool:
        """Somebody else started it."""
        return self._process is None

    @property
    def pid(self) -> int:
        return self._found.pid

    @property
    def port(self) -> int:
        return self._found.port

    @property
    def socket_dir(self) -> Path:
        return self._found.socket_directory

    @property
    def log(self) -> Path:
        return self._paths.log

    @property
    def dsn(self) -> str:
        """The URL of Nexus's own database, for asyncpg and psycopg alike."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """The URL of another database of this server."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{USER}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def is_alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return is_serving(self.pid, self._paths.data)

    def wait(self, timeout_s: float) -> bool:
        """Has the server ended, at the latest after this time? A watcher calls it again and again."""
        return wait_for_end(self.pid, self.is_alive, timeout_s)

    def stop(self, mode: StopMode = "fast", *, even_if_attached: bool = False) -> None:
        """End the server, harder and harder; a server that somebody else started is left to them unless told."""
        if self.attached and not even_if_attached:
            return
        for number, patience_s in STOP_STEPS[mode]:
            self._signal(number)
            if self.wait(patience_s):
                break
        else:
            raise StoreUnavailableError(
                f"PostgreSQL (process {self.pid}) does not end, not even by SIGKILL; its disk may hang."
            )
        kill_orphans(self._paths.data)
        if self.socket_dir != self._paths.directory:
            with contextlib.suppress(OSError):
                self.socket_dir.rmdir()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
        else:
            signal_postmaster(self.pid, self._paths.data, number)

    def trim_log(self) -> None:
        """Keep the log small; for a timetable."""
        trim_log(self._paths)


def status(directory: Path) -> int | None:
    """The process id of the server that runs on this directory."""
    with _named_errors(directory):
        running = running_postmaster(ClusterPaths(directory.resolve()).data)
    return None if running is None else running.pid


@contextlib.contextmanager
def _named_errors(directory: Path) -> Iterator[None]:
    """What the operating system refuses, as an error that says how to mend it."""
    try:
        yield
    except TimeoutError as late:
        raise StoreUnavailableError(f"{late}: the disk of {directory} is very slow; try again.") from late
    except OSError as refused:
        raise SetupError(
            f"The database directory {directory} cannot be used ({refused}): make it usable for this user, or set "
            "NEXUS_HOME to another folder."
        ) from refused


def _find_or_launch(config: EmbeddedConfig, paths: ClusterPaths) -> tuple[Postmaster, subprocess.Popen[bytes] | None]:
    now = time.monotonic()
    deadline, patience_ends = now + config.start_timeout_s, now + ORPHAN_GRACE_S
    while now < deadline:
        running = running_postmaster(paths.data)
        if running is not None and running.phase is Phase.READY:
            return running, _still_starting.pop(running.pid, None)
        with _lock(paths.lock) as lock:
            if lock is not None and running_postmaster(paths.data) is None:
                return _launch(config, paths, lock)
        if now > patience_ends:
            kill_orphans(paths.data)
            patience_ends = now + ORPHAN_GRACE_S
        time.sleep(POLL_S)
        now = time.monotonic()
    raise StoreUnavailableError(
        f"The database in {paths.directory} is held by another process, here or in another container, that does not "
        f"become ready within {config.start_timeout_s:g} s: wait for it, or end it."
    )


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[int | None]:
    """The open lock file while we have the lock; None when somebody else has it.

    Closing the file does not free the lock as long as a server that inherited it lives.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _launch(config: EmbeddedConfig, paths: ClusterPaths, lock: int) -> tuple[Postmaster, subprocess.Popen[bytes]]:
    deadline = time.monotonic() + config.start_timeout_s
    major = major_of(paths.data)
    binaries = find_binaries(config.bin_dir, paths.data, major)
    if major is None:
        sync = config.settings.get("fsync", "on") != "off"
        make_cluster(NewCluster(paths, binaries, lock, config.start_timeout_s, sync))
    sockets = socket_directory(paths)
    remove_run_state(paths, sockets)
    said_before = paths.log.stat().st_size
    process = spawn(server_command(paths, binaries, sockets, config.settings), log=paths.log, keep_open=(lock,))
    while process.poll() is None:
        running = running_postmaster(paths.data)
        if running is not None and running.phase is Phase.READY:
            return running, process
        if time.monotonic() > deadline:
            _still_starting[process.pid] = process
            raise StoreUnavailableError(
                f"The database in {paths.directory} is not ready after {config.start_timeout_s:g} s, perhaps it "
                f"recovers from a crash. It goes on: start again to wait for it; its log is {paths.log}."
            )
        time.sleep(POLL_S)
    raise _failure(process.returncode, reason(_log_after(paths.log, said_before)), paths)


def _failure(code: int, why: str, paths: ClusterPaths) -> SetupError | StoreUnavailableError:
    if code < 0:
        return StoreUnavailableError(f"PostgreSQL was killed while it started in {paths.directory}: start again.")
    return SetupError(
        f"PostgreSQL does not start in {paths.directory}: {why}. Mend that and start again; its log is {paths.log}."
    )


def _log_after(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")
