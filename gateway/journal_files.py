"""Where does a journal lie on disk? Its directory, its lock and its segment files; every call to the system is here.

The directory is made under a temporary name, locked, and then renamed to the journal's id, so that no shipper ever
sees a living journal without its lock.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError
from domain.ids import JournalId
from gateway.frames import SegmentHeader, encode_segment_header
from gateway.journal_reader import WRITER_LOCK, try_lock

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def _sync_data(descriptor: int) -> None:
    """Bring a file's bytes to the disk itself."""
    if sys.platform == "darwin":  # fsync there stops at the drive's cache
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def _links(descriptor: int) -> int:
    return os.fstat(descriptor).st_nlink


@dataclass(frozen=True, slots=True)
class Syscalls:
    """The operating system as the journal uses it. Tests put faults here."""

    open: Callable[[Path, int, int], int] = os.open
    writev: Callable[[int, Sequence[bytes]], int] = os.writev
    ftruncate: Callable[[int, int], None] = os.ftruncate
    sync_data: Callable[[int], None] = _sync_data
    sync_folder: Callable[[int], None] = os.fsync
    links: Callable[[int], int] = _links
    """Names that the file still has; 0: somebody deleted it."""


class Segment:
    """One segment file, open for appending."""

    def __init__(self, system: Syscalls, path: Path, header: SegmentHeader) -> None:
        """Creates the file. Raises OSError."""
        self._system, self._path = system, path
        self.descriptor = system.open(path, _APPEND, _FILE_MODE)
        self.size = 0
        self.torn = False
        """A piece of a frame stands at the end and could not be taken away: nothing may follow it."""
        try:
            self.append([encode_segment_header(header)])
        except OSError:
            self.discard()
            raise

    def append(self, pieces: Sequence[bytes]) -> None:
        """All of the pieces or none of them. Raises OSError."""
        size = sum(map(len, pieces))
        try:
            written = self._system.writev(self.descriptor, pieces)
            if written < size:  # at the end of the disk's room
                self._append_rest(b"".join(pieces), written)
        except OSError:
            self._take_back()
            raise
        self.size += size

    def _append_rest(self, data: bytes, written: int) -> None:
        while written < len(data):
            written += self._system.writev(self.descriptor, [data[written:]])

    def _take_back(self) -> None:
        try:
            self._system.ftruncate(self.descriptor, self.size)
        except OSError:
            self.torn = True

    @property
    def deleted(self) -> bool:
        """Has somebody removed the file? What is written to it now is lost."""
        return self._system.links(self.descriptor) == 0

    def discard(self) -> None:
        """It was begun in vain."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class JournalFolder:
    """A journal's directory, locked for as long as its writer lives."""

    path: Path
    descriptor: int
    root: int
    """Descriptor of the folder that its name stands in."""
    lock: int

    @classmethod
    def create(cls, root: Path, journal: JournalId) -> "JournalFolder":
        """Raises OSError; a later try goes on from there."""
        root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        hidden = root / f".new-{journal}"
        hidden.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        opened: list[int] = []
        try:
            lock = try_lock(hidden / WRITER_LOCK)
            assert lock is not None, "nobody else knows this name"
            opened.append(lock)
            opened += [os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in (hidden, root)]
            path = hidden.rename(root / str(journal))
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        return cls(path, descriptor=opened[1], root=opened[2], lock=lock)

    def segment(self, system: Syscalls, header: SegmentHeader) -> Segment:
        """Raises OSError."""
        return Segment(system, self.path / f"{header.number:08d}.seg", header)

    @property
    def exists(self) -> bool:
        """Is it still where the shipper looks?"""
        return self.path.is_dir() and os.fstat(self.descriptor).st_ino == self.path.stat().st_ino

    def close(self) -> None:
        """The lock is free: the shipper may finish the journal and delete it."""
        for descriptor in (self.descriptor, self.root, self.lock):
            os.close(descriptor)


def unwritable(root: Path, error: OSError) -> SetupError:
    """Why Nexus cannot record there, and what to do."""
    mend = "Make it writable or set NEXUS_HOME to another place."
    return SetupError(f"The journal folder {root} cannot be written ({error.strerror}). {mend}")
