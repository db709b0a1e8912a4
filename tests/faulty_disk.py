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
        data = b"".join(pieces)
        if not self.room:
            raise fault(errno.ENOSPC)
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written

    def _ftruncate(self, descriptor: int, size: int) -> None:
        if self.truncate_error is not None:
            raise fault(self.truncate_error)
        if self.room is not None:
            self.room += os.fstat(descriptor).st_size - size
        os.ftruncate(descriptor, size)

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
