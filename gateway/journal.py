"""How is something recorded so that no crash loses it? The writer of one journal, one per gateway process.

``record`` and ``record_together`` are one ``writev`` on the event loop: then the bytes are in the page cache and
survive the death of any process. ``sync`` waits, within a deadline, until they would survive a power cut.

Nothing here may fail an exchange. What a full disk refuses is given up in steps: first bytes, which leave a gap; facts
go to room that was set aside, then to a backlog in memory, and what is too much even for that is counted. A disk that
fails otherwise leaves the backlog. It is tried again with every beat and, not too often, with every record.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.backlog import PIECES, Backlog, Entry
from gateway.frames import MAX_PAYLOAD_BYTES, Kind
from gateway.journal_files import unwritable
from gateway.journal_log import NO_ROOM, JournalLog, LogOptions

TICK_S = 0.5
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_RETRY_US = 100_000
"""Between two tries of a disk that refused."""
_CLOSE_DEADLINE_S = 5.0


Records = Sequence[tuple[Kind, bytes]]
"""Their kinds and payloads."""


class Journal(Protocol):
    """Where exchanges are recorded."""

    @property
    def trouble(self) -> str | None:
        """Why records are late or missing now; None: all is well."""
        ...

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        """``exchange``: 16 bytes."""
        ...

    def record_together(self, exchange: bytes, records: Records) -> None:
        """The same for records that are there at the same time, in order."""
        ...

    async def sync(self, deadline_s: float) -> bool:
        """Is everything recorded so far on the disk? Answers within the deadline."""
        ...

    async def close(self) -> None:
        """Bring the rest to the disk and let the shipper finish."""
        ...


class NullJournal:
    """Records nothing: ``STORAGE_ENABLED=false``."""

    trouble = None

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        """Nothing is kept."""

    def record_together(self, exchange: bytes, records: Records) -> None:
        for kind, payload in records:
            self.record(kind, exchange, payload)

    async def sync(self, _: float) -> bool:
        return True

    async def close(self) -> None:
        """Nothing is open."""


def boot_clock_us() -> int:
    """A clock that never goes back, and goes on while the machine sleeps where the system has such a one."""
    return time.clock_gettime_ns(_CLOCK) // 1000


@dataclass(frozen=True, slots=True)
class Timing:
    """The journal's sense of time."""

    clock_us: Callable[[], int] = boot_clock_us
    tick_s: float = TICK_S
    """While an exchange is open the journal says the time this often, so that runs can be closed by it."""


def _check_length(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"A record of {len(payload)} bytes is too long.")


class JournalWriter:
    """A journal on the local disk."""

    def __init__(self, options: LogOptions, on_gap: Callable[[], None], timing: Timing | None = None) -> None:
        """``on_gap``: called whenever something goes missing.

        Raises SetupError if the folder cannot be written, except for want of room: that may come back.
        """
        self._options, self._on_gap, self._timing = options, on_gap, timing or Timing()
        self._id = options.journal.bytes
        self._clock_us = self._timing.clock_us
        self._start_us = self._clock_us()
        self._now_us = self._retry_at_us = self._written_us = 0
        self._reason = ""
        self._log: JournalLog | None = None
        """None: the disk was full from the start, and is still."""
        try:
            self._log = JournalLog(options, on_gap)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise unwritable(options.root, error) from error
            self._reason = error.strerror or ""
        self._backlog = Backlog()
        self._is_well = self._log is not None
        """Nothing is held up: known without a look, because it is asked with every record."""
        self._open: set[bytes] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def trouble(self) -> str | None:
        if self._is_held_up:
            return "the disk refuses writes"
        return "the disk refuses to flush" if self._log is not None and self._log.flush_failed else None

    def record(self, kind: Kind, exchange: bytes, payload: bytes) -> None:
        """Raises ValueError for a payload that no reader would take."""
        _check_length(payload)
        self._write(Entry(kind, exchange, self._time(), payload))
        if kind not in PIECES:
            self._note(kind, exchange)

    def record_together(self, exchange: bytes, records: Records) -> None:
        """Raises ValueError, and records nothing, if no reader would take one of the payloads."""
        for _, payload in records:
            _check_length(payload)
        now = self._time()
        entries = [Entry(kind, exchange, now, payload) for kind, payload in records]
        if not (self._is_well and self._append(*entries)):
            for entry in entries:  # what a full disk has no room for together it may still take in part
                self._write(entry)
        for kind, _ in records:
            self._note(kind, exchange)

    def _note(self, kind: Kind, exchange: bytes) -> None:
        if kind is Kind.REQUEST:
            self._open.add(exchange)
            self._keep_beating()
        elif kind is Kind.END:
            self._open.discard(exchange)

    async def sync(self, deadline_s: float) -> bool:
        """At once False while facts are not on the disk at all: a request does not wait for a disk that fails."""
        if self._log is None or self._backlog.facts or self._log.flush_failed:
            return False
        return await self._log.wait(deadline_s)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._empty_backlog()
        if self._log is not None:
            await self._log.close(_CLOSE_DEADLINE_S)

    def _time(self) -> int:
        now_us = self._clock_us() - self._start_us
        self._now_us = max(self._now_us, now_us)
        return self._now_us

    @property
    def _is_held_up(self) -> bool:
        return bool(self._backlog) or self._log is None or self._log.in_reserve

    def _write(self, entry: Entry) -> None:
        if self._is_well and self._append(entry):
            return
        if self._is_held_up:
            self._write_late(entry)
        elif self._is_well or not self._append(entry):
            self._hold(entry)
        self._is_well = not self._is_held_up

    def _write_late(self, entry: Entry) -> None:
        """The disk has refused something; does it take this?"""
        if entry.time_us >= self._retry_at_us:
            self._empty_backlog()
            if not self._backlog and self._append(entry):
                self._backlog.disk_is_well()
                return
        self._hold(entry)

    def _append(self, *entries: Entry) -> bool:
        try:
            if self._log is None:
                self._log = JournalLog(self._options, self._on_gap)
            if entries[0].time_us < self._written_us:
                entries = tuple(map(self._in_time, entries))
            self._written_us = entries[-1].time_us
            self._log.append(*entries)
        except OSError as error:
            self._reason = error.strerror or "disk error"
            self._retry_at_us = self._now_us + _RETRY_US
            return False
        return True

    def _empty_backlog(self) -> None:
        while self._backlog and self._append(self._backlog.oldest()):
            self._backlog.drop_oldest()

    def _hold(self, entry: Entry) -> None:
        """The disk refuses it."""
        self._keep_beating()
        if entry.kind not in PIECES and self._reserve_takes(entry):
            return
        if self._backlog.add(entry, self._reason):
            self._on_gap()
            self._reserve_takes_gaps(entry.exchange)

    def _reserve_takes(self, fact: Entry) -> bool:
        return self._reserve_takes_gaps(fact.exchange) and self._append_reserved(fact)

    def _reserve_takes_gaps(self, exchange: bytes) -> bool:
        """Nothing of the exchange waits any more."""
        if self._backlog.facts:
            return False
        while (gap := self._backlog.gap_of(exchange)) is not None:
            if not self._append_reserved(gap):
                return False
            self._backlog.drop_gap(exchange)
        return True

    def _append_reserved(self, entry: Entry) -> bool:
        if self._log is None:
            return False
        try:
            self._log.append_reserved(self._in_time(entry))
        except OSError:
            return False
        return True

    def _in_time(self, entry: Entry) -> Entry:
        """A gap may be older than facts that went before it, but the times of a journal never go back."""
        if entry.time_us < self._written_us:
            return entry._replace(time_us=self._written_us)
        self._written_us = entry.time_us
        return entry

    def _keep_beating(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._timing.tick_s, self._beat)

    def _beat(self) -> None:
        self._timer = None
        self._empty_backlog()
        if (self._open or self._is_held_up) and not self._backlog:
            self._write(Entry(Kind.TICK, self._id, self._time(), b""))
        if self._open or self._is_held_up:
            self._keep_beating()
