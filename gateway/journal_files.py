"""Where does a journal lie on disk? Its directory, its lock and its segment files; every call to the system is here.

The directory is made under a temporary name, locked, and then renamed to the journal's id, so that no shipper ever
sees a living journal without its lock.
"""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError
from domain.ids import JournalId
from gateway.frames import SegmentHeader, encode_segment_header
from gateway.journal_reader import WRITER_LOCK, try_lock

RESERVE = "reserve"
"""Its name in the journal's directory: no segment's, so that no reader looks at it."""
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_KEEP_SIZE = 1
_PAGE_BYTES = 4096
_LEAST_RESERVE_BYTES = 16 * _PAGE_BYTES
_RESERVE_SHARE = 8
"""Of the free room, at most one part in so many is set aside."""
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


def _allocate(descriptor: int, size: int) -> None:
    """Set blocks aside for a file beyond its end, and leave the end where it is."""
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    if fallocate(descriptor, _KEEP_SIZE, 0, size):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _free_bytes(descriptor: int) -> int:
    """What a process without privileges may still use of the disk."""
    disk = os.fstatvfs(descriptor)
    return disk.f_bavail * disk.f_frsize


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
    allocate: Callable[[int, int], None] = _allocate
    free_bytes: Callable[[int], int] = _free_bytes


class Segment:
    """One segment file, open for appending."""

    def __init__(self, system: Syscalls, path: Path, header: SegmentHeader, descriptor: int | None = None) -> None:
        """Creates the file, unless ``descriptor`` is that of an empty one. Raises OSError."""
        self._system, self._path = system, path
        self.descriptor = system.open(path, _APPEND, _FILE_MODE) if descriptor is None else descriptor
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

    def move(self, path: Path) -> None:
        """Raises OSError; then it is gone."""
        try:
            self._path = self._path.rename(path)
        except OSError:
            self.discard()
            raise

    def give_back(self) -> None:
        """Let go of room beyond its end: nothing more will be written."""
        with suppress(OSError):
            self._system.ftruncate(self.descriptor, self.size)

    def discard(self) -> None:
        """It was begun in vain."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self.descriptor)


class Reserve:
    """Room on the disk for a segment to come, so that it can be written when there is no other."""

    def __init__(self, system: Syscalls, path: Path, size: int) -> None:
        """Raises OSError."""
        self._system, self._path = system, path
        self._descriptor = system.open(path, _APPEND, _FILE_MODE)
        try:
            system.allocate(self._descriptor, size)
        except OSError:
            self.discard()
            raise

    def segment(self, path: Path, header: SegmentHeader) -> Segment:
        """The segment ``path``, in this room. Raises OSError; then the room is lost."""
        segment = Segment(self._system, self._path, header, self._descriptor)
        segment.move(path)  # only now: a reader takes a segment's successor for its end
        return segment

    def discard(self) -> None:
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class JournalFolder:
    """A journal's directory, locked for as long as its writer lives."""

    path: Path
    descriptor: int
    root: int
    """Descriptor of the folder that its name stands in."""
    lock: int

    @classmethod
    def create(cls, root: Path, journal: JournalId, system: Syscalls) -> "JournalFolder":
        """Raises OSError; a later try goes on from there."""
        _make(root, system)
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
        return Segment(system, self._path_of(header), header)

    def reserved_segment(self, reserve: Reserve, header: SegmentHeader) -> Segment:
        """Raises OSError; then the reserve is gone."""
        return reserve.segment(self._path_of(header), header)

    def _path_of(self, header: SegmentHeader) -> Path:
        return self.path / f"{header.number:08d}.seg"

    def set_aside(self, system: Syscalls, wanted: int) -> Reserve | None:
        """Up to ``wanted`` bytes; None: the disk is too full. Raises OSError."""
        size = min(wanted, system.free_bytes(self.descriptor) // _RESERVE_SHARE) // _PAGE_BYTES * _PAGE_BYTES
        return Reserve(system, self.path / RESERVE, size) if size >= _LEAST_RESERVE_BYTES else None

    @property
    def exists(self) -> bool:
        """Is it still where the shipper looks?"""
        return self.path.is_dir() and os.fstat(self.descriptor).st_ino == self.path.stat().st_ino

    def discard(self) -> None:
        """It was begun in vain."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """The lock is free: the shipper may finish the journal and delete it."""
        for descriptor in (self.descriptor, self.root, self.lock):
            os.close(descriptor)


def _make(root: Path, system: Syscalls) -> None:
    """With all folders above it, and their names on the disk: a flush of the journal brings only its own there."""
    new = [folder for folder in (root, *root.parents) if not folder.exists()]
    root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    for folder in new:
        above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            system.sync_folder(above)
        finally:
            os.close(above)


def unwritable(root: Path, error: OSError) -> SetupError:
    """Why Nexus cannot record there, and what to do."""
    mend = "Make it writable or set NEXUS_HOME to another place."
    return SetupError(f"The journal folder {root} cannot be written ({error.strerror}). {mend}")
