"""What lies in the embedded database's directory, and who may enter it?"""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError
from ops.db.embedded_process import cluster_name

PORT = 5432
"""Only a part of the socket's name: nothing listens on the network."""

LOG_LIMIT_BYTES = 4 * 1024 * 1024

SOCKET_PATH_LIMIT = 103
"""Bytes: macOS has room for this many, Linux for 107."""


@dataclass(frozen=True, slots=True)
class ClusterPaths:
    """The names inside the directory."""

    directory: Path

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def initializing(self) -> Path:
        return self.directory / "data.init"

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def older_log(self) -> Path:
        return self.directory / "postgres.log.1"

    @property
    def lock(self) -> Path:
        """Held by whoever starts the server, and by every process of the server from then on."""
        return self.directory / "lock"


def open_directory(directory: Path) -> ClusterPaths:
    """Make the directory, or make it private: whoever enters it is trusted by the server."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = directory.resolve()
    if not str(directory).isprintable():
        raise SetupError(f"The path {str(directory)!r} has unprintable characters: set NEXUS_HOME to a plainer folder.")
    mode = directory.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):  # perhaps /tmp, by mistake: not ours to close
        raise SetupError(f"Others can write to {directory}: run chmod 700 on it, or set NEXUS_HOME to another folder.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        directory.chmod(stat.S_IRWXU)
    paths = ClusterPaths(directory)
    for path in (paths.lock, paths.log):
        path.touch(mode=0o600)
        _hand_over(path, directory)
    return paths


def major_of(data: Path) -> int | None:
    """The PostgreSQL version that made this data folder; None when there is no database yet."""
    if not data.exists() or not any(data.iterdir()):
        return None
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except (FileNotFoundError, ValueError):
        raise SetupError(
            f"{data} is no PostgreSQL database: move that folder away to begin with an empty one."
        ) from None


def socket_directory(paths: ClusterPaths) -> Path:
    """The directory itself, or a short private one when no client could name a socket in it; always the same one."""
    if is_fit_for_sockets(paths.directory):
        return paths.directory
    short = Path(tempfile.gettempdir(), cluster_name(paths.data))
    if not is_fit_for_sockets(short):
        raise SetupError(
            f"No room for a socket in {paths.directory}, nor in {short}: set NEXUS_HOME to a shorter path."
        )
    return private_folder(short, paths.directory)


def private_folder(folder: Path, owners: Path) -> Path:
    """``folder``, made for the owner of ``owners`` and nobody else. Raises SetupError if it is somebody's already."""
    try:
        folder.mkdir(mode=0o700)
        _hand_over(folder, owners)
    except FileExistsError:
        _demand_private(folder, owners.stat().st_uid)
    return folder


def is_fit_for_sockets(directory: Path) -> bool:
    """Clients put the path into a URL as a comma-separated list, the kernel into a short array."""
    path = str(directory / f".s.PGSQL.{PORT}")
    return "," not in path and path.isascii() and len(path) <= SOCKET_PATH_LIMIT


def remove_run_state(paths: ClusterPaths, sockets: Path) -> None:
    """What a killed server left behind, and PostgreSQL would not remove because of somebody who got its process id."""
    (paths.data / "postmaster.pid").unlink(missing_ok=True)
    for leftover in sockets.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)


def trim_log(paths: ClusterPaths) -> None:
    """Keep the log within two files; the server goes on writing to the same one."""
    try:
        size = paths.log.stat().st_size
    except FileNotFoundError:
        return
    if size > LOG_LIMIT_BYTES:
        shutil.copyfile(paths.log, paths.older_log)
        _hand_over(paths.older_log, paths.directory)
        os.truncate(paths.log, 0)


def _demand_private(sockets: Path, owner: int) -> None:
    """Others can write where it lies, so it may be theirs."""
    found = sockets.lstat()
    if found.st_mode != stat.S_IFDIR | stat.S_IRWXU or found.st_uid != owner:
        raise SetupError(f"{sockets} is not a private folder of ours: remove it, or set NEXUS_HOME to a shorter path.")


def _hand_over(path: Path, directory: Path) -> None:
    """What root makes in somebody's directory is that somebody's."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
