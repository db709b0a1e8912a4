"""What has a journal recorded since position p? Reads the segments of one journal directory, also a growing one.

A directory ``<journals>/<journal id>/`` holds ``writer.lock`` (flocked by the gateway worker that writes it, for as
long as it lives), ``shipper.lock`` (flocked by the shipper that reads it) and segments ``00000001.seg`` ….
A position names a byte of the journal: ``segment << 40 | offset``; positions grow from segment to segment.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from domain.errors import BrokenFrameError
from domain.ids import JournalId
from gateway.frames import (
    SEGMENT_HEADER_BYTES,
    Damage,
    Frame,
    SegmentHeader,
    decode_segment_header,
    read_frames,
)

WRITER_LOCK, SHIPPER_LOCK = "writer.lock", "shipper.lock"
_OFFSET_BITS = 40
_READ_BYTES = 4 * 1024 * 1024
Found = Frame | Damage


def position(segment: int, offset: int) -> int:
    return segment << _OFFSET_BITS | offset


def split_position(at: int) -> tuple[int, int]:
    """(segment, offset)."""
    return at >> _OFFSET_BITS, at & (1 << _OFFSET_BITS) - 1


def journals_in(root: Path) -> list[Path]:
    """The journal directories under ``root``, oldest first; names that are no journal id are passed over."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _journal_id(path.name) is not None)


def _journal_id(name: str) -> JournalId | None:
    try:
        return JournalId(UUID(name))
    except ValueError:
        return None


def try_lock(path: Path) -> int | None:
    """An exclusive lock's descriptor, to be closed by the caller; None: somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return None
        raise
    return descriptor


@dataclass(slots=True)
class JournalReader:
    """Reads one journal; holds its shipper lock from ``claim`` to ``release``."""

    directory: Path
    _lock: int
    """Descriptor of the shipper's lock."""

    @classmethod
    def claim(cls, directory: Path) -> "JournalReader | None":
        """None: another shipper has it, or it is gone."""
        try:
            lock = try_lock(directory / SHIPPER_LOCK)
        except FileNotFoundError:
            return None
        if lock is not None and not directory.is_dir():  # deleted while we took its lock
            os.close(lock)
            return None
        return None if lock is None else cls(directory, lock)

    @property
    def journal(self) -> JournalId:
        return JournalId(UUID(self.directory.name))

    def release(self) -> None:
        os.close(self._lock)

    def is_there(self) -> bool:
        """False: somebody removed it; a writer that lives makes it again with its next record."""
        return self.directory.is_dir()

    def writer_is_gone(self) -> bool:
        """True: no process holds the writer's lock; the journal will never grow again."""
        try:
            lock = try_lock(self.directory / WRITER_LOCK)
        except FileNotFoundError:  # nobody can say
            return False
        if lock is None:
            return False
        os.close(lock)
        return True

    def segments(self) -> list[int]:
        """Numbers of the segments that exist, ascending."""
        names = (path.stem for path in self.directory.glob("*.seg"))
        return sorted(int(name) for name in names if name.isdigit())

    def header(self) -> SegmentHeader | None:
        """The first readable segment header; None: there is none yet."""
        for number in self.segments():
            try:
                return decode_segment_header(self._bytes(number, 0, SEGMENT_HEADER_BYTES))
            except BrokenFrameError:
                continue
        return None

    def read(self, start: int, *, complete: bool) -> Iterator[tuple[int, int, Found]]:
        """Yield (position, position behind it, frame or damage) from ``start`` to the end of what is there.

        ``complete``: the writer is gone. Reads at most a few MiB per call; call again until nothing comes.
        """
        segment, offset = split_position(start)
        sizes = self.sizes()
        newest = max((number for number, size in sizes if size >= SEGMENT_HEADER_BYTES), default=0)
        for number, _ in sizes:
            if number < segment:
                continue
            at = offset if number == segment else 0
            last = number >= newest  # a successor without its header may be taken back, and this one go on
            read_any = False
            for item in self._read_segment(number, at, complete=complete or not last):
                read_any = True
                yield item
            if read_any:
                return  # the caller comes again; this bounds the memory of one call

    def _read_segment(self, number: int, at: int, *, complete: bool) -> Iterator[tuple[int, int, Found]]:
        size = self._size(number)
        length = _READ_BYTES
        while at < size:
            data = self._bytes(number, at, length)
            if not data:
                return
            whole = at + len(data) >= size
            skip = self._header_length(data, at, complete=complete and whole)
            if skip is None:
                return
            before, found_any = at + skip, False
            for behind, found in read_frames(data, skip, complete=complete and whole):
                found_any = True
                yield position(number, before), position(number, at + behind), found
                before = at + behind
            if found_any or whole:
                return
            length *= 2  # one damaged stretch fills the window: look further

    def _header_length(self, data: bytes, at: int, *, complete: bool) -> int | None:
        """Bytes of ``data`` to pass over before the first frame; None: the header is not there yet."""
        if at:
            return 0
        try:
            decode_segment_header(data)
        except BrokenFrameError:
            return 0 if complete or len(data) >= SEGMENT_HEADER_BYTES else None
        return SEGMENT_HEADER_BYTES

    def end(self) -> int:
        """Position behind the last byte there is."""
        sizes = self.sizes()
        return position(*sizes[-1]) if sizes else position(1, 0)

    def sizes(self) -> list[tuple[int, int]]:
        """(number, bytes) of each segment."""
        return [(number, self._size(number)) for number in self.segments()]

    def _size(self, number: int) -> int:
        """0: its writer has taken it back."""
        try:
            return self._path(number).stat().st_size
        except FileNotFoundError:
            return 0

    def drop_segments_before(self, at: int, may_go: Callable[[Path], bool] = Path.exists) -> None:
        """Delete the segments that lie wholly before position ``at`` and may go."""
        segment, _ = split_position(at)
        for number in self.segments():
            if number < segment and may_go(self._path(number)):
                self._path(number).unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the whole journal. The lock file goes with it, so nobody can claim it again."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def set_aside(self) -> Path:
        """Keep a journal that nobody here can read where no shipper looks; returns its new place."""
        return self.directory.rename(self.directory.with_name(f"unreadable-{self.directory.name}"))

    def _bytes(self, number: int, at: int, length: int) -> bytes:
        try:
            with self._path(number).open("rb") as file:
                file.seek(at)
                return file.read(length)
        except FileNotFoundError:
            return b""

    def _path(self, number: int) -> Path:
        return self.directory / f"{number:08d}.seg"
