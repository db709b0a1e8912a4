"""How is a small private file read and written? Whole or not at all, and never waiting for what is no file.

A FIFO, a device, a giant or somebody else's file in the place of ours is refused after one look that cannot block.
"""

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import NexusError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS = 0o077
SETTLED_NS = 100_000_000
"""Longer than a tick of any file system's clock that holds a home."""


class UnfitFileError(NexusError):
    """This is no file of ours."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the file system says of a path without opening it: equal as long as nothing was changed there."""

    inode: int
    size: int
    written_ns: int
    changed_ns: int


class Lookout:
    """Whether anything was changed at a path, by looking at it from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: Sighting | str | None = "never looked"

    def differs(self, now_ns: int) -> bool:
        """Since it was last asked; True the first time. ``now_ns``: wall clock.

        A tick of the file system's clock may hold two changes. What was changed so lately may change once more and
        look the same, so it is taken to differ until some time has passed.
        """
        try:
            seen: Sighting | str | None = sight(self.path)
        except UnfitFileError as error:
            seen = str(error)
        if seen == self._seen:
            return False
        settled = not isinstance(seen, Sighting) or abs(now_ns - seen.changed_ns) > SETTLED_NS
        self._seen = seen if settled else "too young to tell"
        return True


def sight(path: Path) -> Sighting | None:
    """None: there is nothing. Raises UnfitFileError."""
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnfitFileError(f"{path} cannot be looked at ({error.strerror}); mend its folder's rights.") from None
    return Sighting(seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def read_private(path: Path, max_bytes: int) -> bytes | None:
    """The whole file; None: there is none. Raises UnfitFileError."""
    try:
        handle = os.open(path, _READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnfitFileError(f"{path} cannot be read ({error.strerror}); remove it or mend its rights.") from None
    try:
        _refuse_strangers(path, os.fstat(handle), max_bytes)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnfitFileError(f"{path} cannot be read ({error.strerror}); look after its disk.") from None
    finally:
        os.close(handle)
    if len(data) > max_bytes:
        raise UnfitFileError(f"{path} is larger than {max_bytes} bytes; it is none of ours, remove it.")
    return data


def write_private(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Readers see the old content or the new one. ``durable``: it survives a power cut too. Raises UnfitFileError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise UnfitFileError(f"{path} cannot be written ({error.strerror}); make room or mend the rights.") from None


def _refuse_strangers(path: Path, seen: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise UnfitFileError(f"{path} is no file; remove it.")
    if seen.st_uid not in {os.geteuid(), 0} or seen.st_mode & _OTHERS:
        raise UnfitFileError(f"{path} may be read or written by others; `chmod 600` it and give it to this user.")
    if seen.st_size > max_bytes:
        raise UnfitFileError(f"{path} is larger than {max_bytes} bytes; it is none of ours, remove it.")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
