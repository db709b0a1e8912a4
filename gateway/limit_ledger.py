"""How many requests have the gateway workers of this host let in for a key or an account? A table per worker, no locks.

Each worker writes a small file of its own, mapped into memory, and reads the others'. A table has a fixed number of
places. A place has an identity (a digest of 16 bytes) and three numbers of 8 bytes, each written at once:

* two counters of requests, of even and of odd minutes; the upper half of each says which minute it is of;
* the requests that are open now.

A worker holds a lock on its file as long as it lives. Whoever can take it knows that the owner is dead: its open
requests count no more, its minutes still do, and when these are over the file goes. Minutes are of the host's
monotonic clock, which all its processes share and nobody sets.

Only what has a limit is counted, and only after its key proved good, so a stranger takes nobody's place. When all are
taken, the identity that has come least recently and has nothing open makes room.
"""

import fcntl
import mmap
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import structlog

from gateway.limits import MINUTE_S, Counts, Whose

PLACES = 1024
_MAGIC = b"nxlimit1"
_ID_BYTES = 16
_IDS_AT = 16
_COUNTS_AT = _IDS_AT + PLACES * _ID_BYTES
_NUMBERS = 3
_SIZE = _COUNTS_AT + PLACES * _NUMBERS * 8
_SUFFIX = ".limits"
_LOOK_AROUND_S = 1.0
"""How often other workers are looked for."""
_KEPT_S = 3 * MINUTE_S
"""A dead worker's table is kept so long: then nothing in it counts any more."""
_COUNT_BITS = 32
_MAX_COUNT = (1 << _COUNT_BITS) - 1
_LOG = structlog.get_logger("nexus.gateway")


def identity(whose: Whose, name: str) -> bytes:
    """16 bytes that stand for a key, by its id, or for an account."""
    return blake2b(f"{whose}\0{name}".encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).digest()


class _Table:
    """One file's numbers."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._view = memoryview(memory)
        self._numbers = self._view[_COUNTS_AT:_SIZE].cast("Q")

    def find(self, who: bytes) -> int | None:
        """The place of an identity."""
        at = -1
        ids = bytes(self._view[_IDS_AT:_COUNTS_AT])
        while (at := ids.find(who, at + 1)) != -1:
            if at % _ID_BYTES == 0:
                return at // _ID_BYTES
        return None

    def give(self, place: int, who: bytes) -> None:
        at = _IDS_AT + place * _ID_BYTES
        self._view[at : at + _ID_BYTES] = bytes(_ID_BYTES)
        for number in range(_NUMBERS):
            self._numbers[place * _NUMBERS + number] = 0
        self._view[at : at + _ID_BYTES] = who

    def requests(self, place: int, minute: int) -> int:
        number = self._numbers[place * _NUMBERS + minute % 2]
        return number & _MAX_COUNT if number >> _COUNT_BITS == minute else 0

    def count(self, place: int, minute: int) -> None:
        counted = min(self.requests(place, minute) + 1, _MAX_COUNT)
        self._numbers[place * _NUMBERS + minute % 2] = minute << _COUNT_BITS | counted

    def streams(self, place: int) -> int:
        return self._numbers[place * _NUMBERS + 2]

    def add_streams(self, place: int, change: int) -> None:
        self._numbers[place * _NUMBERS + 2] += change

    def close(self) -> None:
        self._numbers.release()
        self._view.release()
        self._memory.close()


@dataclass(slots=True)
class _Other:
    """Another worker's table."""

    file: int
    table: _Table
    died: float | None = None
    """When it was found dead."""

    def close(self) -> None:
        self.table.close()
        os.close(self.file)


class LimitLedger:
    """What this worker counts, and what all of this host have counted."""

    def __init__(self, folder: Path | None, name: str, clock: Callable[[], float]) -> None:
        """``folder``: where the workers meet; None: nowhere, each counts alone. ``name``: of this worker, unique.

        ``clock``: the host's monotonic clock.
        """
        self._clock = clock
        self._folder, self._own_path = folder, folder / f"{name}{_SUFFIX}" if folder is not None else None
        self._file: int | None = None
        self._own = _Table(self._memory())
        self._places: OrderedDict[bytes, int] = OrderedDict()
        """Of our own table, the least recently used first."""
        self._others: dict[Path, _Other] = {}
        self._looked_at = float("-inf")
        self._is_closed = False

    def _memory(self) -> mmap.mmap:
        if self._own_path is not None:
            try:
                self._file, memory = _published(self._own_path)
            except (OSError, ValueError) as error:
                _LOG.error("limits are counted by each worker alone", error=str(error))
            else:
                return memory
        return mmap.mmap(-1, _SIZE)

    def second(self) -> float:
        """Of the minute that is counted now."""
        return self._clock() % MINUTE_S

    def counts(self, who: bytes) -> Counts:
        """Of all workers of this host."""
        minute = int(self._clock() // MINUTE_S)
        before = current = streams = 0
        for table, is_alive in self._tables():
            place = table.find(who)
            if place is not None:
                before += table.requests(place, minute - 1)
                current += table.requests(place, minute)
                streams += table.streams(place) if is_alive else 0
        return Counts(before, current, streams)

    def _tables(self) -> Iterator[tuple[_Table, bool]]:
        self._look_around()
        yield self._own, True
        for other in self._others.values():
            yield other.table, other.died is None

    @contextmanager
    def open(self, who: bytes) -> Iterator[None]:
        """Count a request that is let in, and have it open."""
        place = self._place(who)
        if place is None:
            yield
            return
        self._own.count(place, int(self._clock() // MINUTE_S))
        self._own.add_streams(place, 1)
        try:
            yield
        finally:
            if not self._is_closed:
                self._own.add_streams(place, -1)

    def _place(self, who: bytes) -> int | None:
        """None: all places are taken by others that have something open."""
        place = self._places.get(who)
        if place is None:
            place = len(self._places) if len(self._places) < PLACES else self._vacated()
            if place is None:
                return None
            self._own.give(place, who)
            self._places[who] = place
        self._places.move_to_end(who)
        return place

    def _vacated(self) -> int | None:
        idle = next((who for who, place in self._places.items() if not self._own.streams(place)), None)
        return None if idle is None else self._places.pop(idle)

    def _look_around(self) -> None:
        """Who has come, who has died?"""
        now = self._clock()
        if self._folder is None or now < self._looked_at + _LOOK_AROUND_S:
            return
        self._looked_at = now
        with suppress(OSError):
            for path in self._folder.glob(f"*{_SUFFIX}"):
                if path not in self._others and path != self._own_path:
                    self._meet(path)
        for path, other in list(self._others.items()):
            self._look_at(path, other, now)

    def _meet(self, path: Path) -> None:
        try:
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            memory = mmap.mmap(file, _SIZE, prot=mmap.PROT_READ)
        except (OSError, ValueError):  # not of our size
            os.close(file)
            return
        if memory[: len(_MAGIC)] == _MAGIC:
            self._others[path] = _Other(file, _Table(memory))
        else:
            memory.close()
            os.close(file)

    def _look_at(self, path: Path, other: _Other, now: float) -> None:
        if other.died is None and _is_free(other.file):
            other.died = now
        if other.died is not None and now >= other.died + _KEPT_S:
            with suppress(OSError):
                path.unlink()
            other.close()
            del self._others[path]

    def close(self) -> None:
        """Leave. What was counted in these minutes still counts for the others."""
        self._is_closed = True
        for other in self._others.values():
            other.close()
        self._own.close()
        if self._file is not None:
            os.close(self._file)


def _published(path: Path) -> tuple[int, mmap.mmap]:
    """A new table, locked before anybody sees it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, _MAGIC.ljust(_SIZE, b"\0"))  # no hole: it would be filled later, when the disk may be full
        memory = mmap.mmap(file, _SIZE)  # fails where less was written
        fresh.rename(path)
    except BaseException:
        os.close(file)
        fresh.unlink(missing_ok=True)
        raise
    return file, memory


def _is_free(file: int) -> bool:
    """Has its owner let go of the lock?"""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
