"""A disk that knows what a power cut would leave: what a flush has made safe, and of the rest what chance likes."""

import os
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.journal_files import Syscalls


@dataclass(frozen=True)
class Left:
    """What is on the disk itself at one moment."""

    sizes: Mapping[int, int]
    """Bytes by inode."""
    names: Mapping[int, Mapping[str, int]]
    """Inodes by name, by inode of the folder."""
    written: Mapping[int, int]
    """Bytes by inode that were written, flushed or not."""

    def restore(self, folder: Path, into: Path, rng: random.Random) -> None:
        """Make ``into`` what ``folder``, whose own name is safe, is after the cut. ``folder`` has only grown since."""
        into.mkdir()
        safe = self.names.get(folder.stat().st_ino, {})
        for path in folder.iterdir():
            if safe.get(path.name) != path.stat().st_ino:
                continue
            if path.is_dir():
                self.restore(path, into / path.name, rng)
            else:
                (into / path.name).write_bytes(self._content(path, rng))

    def _content(self, path: Path, rng: random.Random) -> bytes:
        inode, data = path.stat().st_ino, path.read_bytes()
        size = self.sizes.get(inode, 0)
        tail = data[size : self.written.get(inode, 0)]
        torn = tail[: rng.randint(0, len(tail))]
        return data[:size] + rng.choice([b"", torn, tail, bytes(len(tail)), torn + bytes(len(tail) - len(torn))])


@dataclass
class SyncedDisk:
    """Counts nothing as written that was not flushed; a name counts once its folder was."""

    folder_is_synced: bool = True
    """False: a bug, for the test of the test."""
    _sizes: dict[int, int] = field(default_factory=dict)
    _names: dict[int, dict[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def system(self) -> Syscalls:
        return Syscalls(sync_data=self._sync_data, sync_folder=self._sync_folder)

    def _sync_data(self, descriptor: int) -> None:
        before = os.fstat(descriptor)
        os.fdatasync(descriptor)
        with self._lock:
            self._sizes[before.st_ino] = max(before.st_size, self._sizes.get(before.st_ino, 0))

    def _sync_folder(self, descriptor: int) -> None:
        names = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        os.fsync(descriptor)
        if self.folder_is_synced:
            with self._lock:
                self._names[os.fstat(descriptor).st_ino] = names

    def now(self, root: Path) -> Left:
        """What a cut at this moment would leave of all under ``root``."""
        with self._lock:
            sizes, names = dict(self._sizes), dict(self._names)
        written = {path.stat().st_ino: path.stat().st_size for path in root.rglob("*.seg")}
        return Left(sizes, names, written)
