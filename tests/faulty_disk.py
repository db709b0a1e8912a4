"""A disk that is full, slow, broken or gone, at will: the journal's syscalls with faults in front."""

import errno
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.journal_files import Syscalls


def fault(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@dataclass
class FaultyDisk:
    """Faults are attributes; set and clear them while the journal writes."""

    room: int | None = None
    """Bytes until it is full; None: never. The last write before is a short one."""
    reserves: bool = False
    """Can room be set aside?"""
    set_aside: dict[int, int] = field(default_factory=dict)
    """Bytes of it that are left, by inode."""
    write_error: int | None = None
    truncate_error: int | None = None
    open_error: int | None = None
    sync_error: int | None = None
    folder_error: int | None = None
    may_sync: threading.Event = field(default_factory=threading.Event)
    """Cleared: flushes hang until it is set."""
    writes: int = 0
    syncs: int = 0
    folder_syncs: int = 0
    opened: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_sync.set()

    @property
    def system(self) -> Syscalls:
        return Syscalls(
            open=self._open,
            writev=self._writev,
            ftruncate=self._ftruncate,
            sync_data=self._sync_data,
            sync_folder=self._sync_folder,
            allocate=self._allocate,
            free_bytes=self._free_bytes,
        )

    def _open(self, path: Path, flags: int, mode: int) -> int:
        if self.open_error is not None:
            raise fault(self.open_error)
        self.opened.append(path)
        return os.open(path, flags, mode)

    def _writev(self, descriptor: int, pieces: Sequence[bytes]) -> int:
        self.writes += 1
        if self.write_error is not None:
            raise fault(self.write_error)
        if self.room is None:
            return os.writev(descriptor, pieces)
        return self._write_within(self.room, descriptor, b"".join(pieces))

    def _write_within(self, room: int, descriptor: int, data: bytes) -> int:
        inode = os.fstat(descriptor).st_ino
        own = self.set_aside.get(inode, 0)
        if not room + own:
            raise fault(errno.ENOSPC)
        written = os.write(descriptor, data[: room + own])
        self.set_aside[inode] = max(0, own - written)
        self.room = room - max(0, written - own)
        return written

    def _ftruncate(self, descriptor: int, size: int) -> None:
        if self.truncate_error is not None:
            raise fault(self.truncate_error)
        if self.room is not None:
            given_back = self.set_aside.pop(os.fstat(descriptor).st_ino, 0)
            self.room += given_back + os.fstat(descriptor).st_size - size
        os.ftruncate(descriptor, size)

    def _allocate(self, descriptor: int, size: int) -> None:
        if not self.reserves:
            raise fault(errno.EOPNOTSUPP)
        if self.room is not None:
            if self.room < size:
                raise fault(errno.ENOSPC)
            self.room -= size
        self.set_aside[os.fstat(descriptor).st_ino] = size

    def _free_bytes(self, _: int) -> int:
        return 1 << 30 if self.room is None else self.room

    def _sync_data(self, descriptor: int) -> None:
        assert self.may_sync.wait(20), "a test left the disk hanging"
        self.syncs += 1
        if self.sync_error is not None:
            raise fault(self.sync_error)
        os.fdatasync(descriptor)

    def _sync_folder(self, descriptor: int) -> None:
        self.folder_syncs += 1
        if self.folder_error is not None:
            raise fault(self.folder_error)
        os.fsync(descriptor)
