"""Which file do frames go to, and which of them are safe? The current segment, its successors, and the flushes.

A segment that is full is followed by the next. One that cannot be trusted any more (EIO, a torn end, a failed flush,
somebody deleted it) is left behind: a new segment, if need be in a new folder of the same name, begins with copies of
all that no flush has made safe. A reader tells copies by their offsets.

Room for one more segment is set aside from the start. When the disk is full, ``append_reserved`` goes on there; it is
left as soon as there is room again, for the next segment and for a new reserve.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from domain.ids import JournalId
from gateway.backlog import Entry
from gateway.frames import SegmentHeader, encode_frame_header
from gateway.group_commit import BACKGROUND_S, Flush, GroupCommit
from gateway.journal_files import JournalFolder, Reserve, Segment, Syscalls

_UNSAFE_BYTES = 32 * 1024 * 1024
"""At most this much is remembered to be written again."""
_ROTATE_AGAIN_BYTES = 1024 * 1024
"""A full segment grows by this much before its successor is tried again."""
_RESERVE_BYTES = 8 * 1024 * 1024
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_LOG = structlog.get_logger("nexus.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """What a log is made with."""

    root: Path
    journal: JournalId
    started_ns: int
    """Wall clock at time 0 of the frames."""
    segment_bytes: int = 64 * 1024 * 1024
    background_s: float = BACKGROUND_S
    unsafe_bytes: int = _UNSAFE_BYTES
    reserve_bytes: int = _RESERVE_BYTES
    """Set aside for a full disk, or less where the disk is small."""
    system: Syscalls = field(default_factory=Syscalls)


class JournalLog:
    """Frames go in one by one; ``wait`` tells when they are safe."""

    def __init__(self, options: LogOptions, on_loss: Callable[[], None]) -> None:
        """``on_loss``: called when a failing disk may have lost what cannot be written again. Raises OSError."""
        self._options, self._on_loss = options, on_loss
        self._number = self._named = 0
        """The newest segment, and the newest whose name is on the disk."""
        self._folder = JournalFolder.create(options.root, options.journal, options.system)
        try:
            self._segment = self._next_segment()
        except OSError:
            self._folder.discard()
            raise
        self._reserve: Reserve | None = None
        self._can_reserve = options.reserve_bytes > 0
        self.in_reserve = False
        """The disk is full: the current segment is what was set aside."""
        self._reserve_is_full = False
        self._set_aside()
        self._rotate_at = options.segment_bytes
        self._mistrusted = False
        """The current segment must not be written to any more."""
        self._retired: list[Segment] = []
        """Full segments that wait for a flush."""
        self._leftover: list[Callable[[], None]] = []
        """Closes files that a flush in flight may still use."""
        self._unsafe: deque[Entry] = deque()
        self._unsafe_bytes = self._unsafe_base = 0
        """``_unsafe`` holds the writes after the first ``_unsafe_base``."""
        self._commit = GroupCommit(self._prepare_flush, self._flush_ended, options.background_s)
        self.flush_failed = False
        """The last flush failed."""

    def append(self, *entries: Entry) -> None:
        """In one write. Raises OSError; then nothing of the entries was written."""
        if self._mistrusted:
            self._start_again()
        elif self.in_reserve:
            self._leave_reserve()
        frames = _frames(entries)
        if self._segment.size + sum(map(len, frames)) > self._rotate_at:
            self._rotate()
        self._append(entries, frames)

    def append_reserved(self, entry: Entry) -> None:
        """To be called when the disk is full. Raises OSError; then nothing of the entry was written."""
        if self._mistrusted:
            raise _no_room()
        if not self.in_reserve:
            self._enter_reserve()
        try:
            self._append((entry,), _frames((entry,)))
        except OSError:
            self._reserve_is_full = True
            raise

    def _append(self, entries: Sequence[Entry], frames: Sequence[bytes]) -> None:
        try:
            self._segment.append(frames)
        except OSError as error:
            self._mistrusted = self._segment.torn or error.errno not in NO_ROOM
            raise
        for entry in entries:
            self._remember(entry)
        self._commit.wrote(len(entries))

    async def wait(self, deadline_s: float) -> bool:
        """Is all that was appended safe? Answers within the deadline."""
        return await self._commit.wait(deadline_s)

    async def close(self, deadline_s: float) -> None:
        """A last flush; then the lock is free."""
        if await self._commit.close(deadline_s):
            self._close_files()

    def _close_files(self) -> None:
        for segment in (*self._retired, self._segment):
            segment.close()
        for close in self._leftover:
            close()
        self._drop_reserve()
        self._folder.close()

    # ------------------------------------------------------------------------------------------------------- segments

    def _next_segment(self) -> Segment:
        return self._folder.segment(self._options.system, self._next_header())

    def _next_header(self) -> SegmentHeader:
        self._number += 1
        return SegmentHeader(self._number, self._options.journal, self._options.started_ns)

    def _rotate(self) -> None:
        try:
            following = self._next_segment()
        except OSError:  # the old one still works
            self._rotate_at = self._segment.size + _ROTATE_AGAIN_BYTES
            return
        self._retired.append(self._segment)
        self._take(following)
        self._set_aside()

    def _take(self, segment: Segment) -> None:
        self._segment = segment
        self._rotate_at = self._options.segment_bytes
        self._mistrusted = self.in_reserve = self._reserve_is_full = False

    def _start_again(self) -> None:
        """Leave the current segment behind. Raises OSError."""
        if not self._folder.exists:
            folder = JournalFolder.create(self._options.root, self._options.journal, self._options.system)
            self._leftover.append(self._folder.close)
            self._drop_reserve()
            self._folder = folder
        following = self._next_segment()
        try:
            for entry in self._unsafe:
                following.append(_frames((entry,)))
        except OSError:
            following.discard()
            raise
        self._leftover.append(self._segment.close)
        self._take(following)
        self._set_aside()

    # -------------------------------------------------------------------------------------------------- a full disk

    def _set_aside(self) -> None:
        """If there is no reserve, try to make one."""
        if self._reserve is not None or not self._can_reserve:
            return
        try:
            self._reserve = self._folder.set_aside(self._options.system, self._options.reserve_bytes)
        except OSError as error:
            if error.errno not in NO_ROOM:
                self._can_reserve = False
                _LOG.warning("no room can be set aside for a full disk", error=error.strerror)

    def _drop_reserve(self) -> None:
        if self._reserve is not None:
            self._reserve.discard()
            self._reserve = None

    def _enter_reserve(self) -> None:
        """Raises OSError."""
        reserve, self._reserve = self._reserve, None
        if reserve is None:
            raise _no_room()
        following = self._folder.reserved_segment(reserve, self._next_header())
        self._retired.append(self._segment)
        self._take(following)
        self.in_reserve = True

    def _leave_reserve(self) -> None:
        """Raises OSError if there is no room for another reserve: the disk would only be full again at once."""
        self._set_aside()
        if self._reserve is None and self._can_reserve and not self._reserve_is_full:
            raise _no_room()
        following = self._next_segment()
        self._segment.give_back()
        self._retired.append(self._segment)
        self._take(following)

    # -------------------------------------------------------------------------------------------------------- flushes

    def _remember(self, entry: Entry) -> None:
        self._unsafe.append(entry)
        self._unsafe_bytes += len(entry.payload)
        while self._unsafe_bytes > self._options.unsafe_bytes:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._unsafe_bytes -= len(self._unsafe.popleft().payload)
        self._unsafe_base += 1

    def _prepare_flush(self) -> Flush:
        system = self._options.system
        descriptors = [segment.descriptor for segment in (*self._retired, self._segment)]
        named = self._number
        folders = (self._folder.descriptor, self._folder.root) if self._named < named else ()
        self._leftover += [segment.close for segment in self._retired]
        self._retired.clear()

        def flush() -> None:
            for descriptor in descriptors:
                system.sync_data(descriptor)
            for folder in folders:
                system.sync_folder(folder)
            self._named = named

        return flush

    def _flush_ended(self, target: int, error: OSError | None) -> bool:
        for close in self._leftover:
            close()
        self._leftover.clear()
        self.flush_failed = error is not None or self._segment.deleted
        if self.flush_failed:
            self._write_again()
            return False
        while self._unsafe_base < target:
            self._forget_oldest()
        return True

    def _write_again(self) -> None:
        if self._unsafe_base > self._commit.safe:
            self._on_loss()
        self._mistrusted = True
        try:
            self._start_again()
        except OSError:  # the next append tries again
            return


def _frames(entries: Sequence[Entry]) -> list[bytes]:
    frames: list[bytes] = []
    for kind, exchange, time_us, payload in entries:
        frames += encode_frame_header(kind, exchange, time_us, payload), payload
    return frames


def _no_room() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
