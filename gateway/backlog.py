"""What is kept while the disk refuses? Facts whole, bytes as gaps, in order and within a bound; pure.

Records are small facts (heads, ends) and pieces of bytes. A fact is kept and written later. A piece is dropped and
leaves a gap; pieces of one exchange that follow each other share one. When even that grows too large, further records
are lost and counted; the ends of exchanges find room longest. While no fact waits, an exchange's gaps may be taken out
of turn: nothing of it can overtake them.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from gateway.frames import Kind, decode_piece
from gateway.records import GapRecord, encode

LIMIT_BYTES = 16 * 1024 * 1024
_FOR_ENDS_BYTES = LIMIT_BYTES // 16
_ITEM_BYTES = 200
"""What an item costs besides its payload."""


PIECES = frozenset({Kind.REQUEST_BODY, Kind.CHUNK})


class Entry(NamedTuple):
    """A record that must still be written."""

    kind: Kind
    exchange: bytes
    time_us: int
    payload: bytes


@dataclass(slots=True, eq=False)
class _Gap:
    exchange: bytes
    time_us: int
    kind: Kind
    reason: str
    offset: int
    byte_count: int

    def entry(self) -> Entry:
        record = GapRecord(
            "request" if self.kind is Kind.REQUEST_BODY else "response", self.reason, self.offset, self.byte_count
        )
        return Entry(Kind.GAP, self.exchange, self.time_us, encode(record))


class Backlog:
    """Records that wait for the disk."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._items: deque[Entry | _Gap] = deque()
        self._open_gaps: dict[tuple[bytes, Kind], _Gap] = {}
        self._begun: set[tuple[bytes, Kind]] = set()
        """What has had a gap since the disk was last well."""
        self._size = 0
        self.facts = 0
        """Records that wait and are no gaps."""

    def __len__(self) -> int:
        return len(self._items)

    def add(self, entry: Entry, reason: str) -> bool:
        """Keep what can be kept. True: something is missing now that was not missing before."""
        if entry.kind in PIECES:
            return self._add_gap(entry, reason)
        if not self._has_room(entry):
            return True
        self._items.append(entry)
        self.facts += 1
        self._size += len(entry.payload) + _ITEM_BYTES
        return False

    def _add_gap(self, entry: Entry, reason: str) -> bool:
        offset, data = decode_piece(entry.payload)
        key = entry.exchange, entry.kind
        gap = self._open_gaps.get(key)
        if gap is not None:
            gap.byte_count = offset + len(data) - gap.offset
            return False
        if not self._has_room(Entry(Kind.GAP, entry.exchange, entry.time_us, b"")):
            return True
        gap = self._open_gaps[key] = _Gap(entry.exchange, entry.time_us, entry.kind, reason, offset, len(data))
        self._items.append(gap)
        self._size += _ITEM_BYTES
        is_first = key not in self._begun
        self._begun.add(key)
        return is_first

    def _has_room(self, entry: Entry) -> bool:
        reserve = 0 if entry.kind is Kind.END else min(_FOR_ENDS_BYTES, self._limit_bytes // 16)
        return self._size + len(entry.payload) + _ITEM_BYTES <= self._limit_bytes - reserve

    def oldest(self) -> Entry:
        """The next to be written. There must be one."""
        item = self._items[0]
        return item if isinstance(item, Entry) else item.entry()

    def drop_oldest(self) -> None:
        """It has been written."""
        item = self._items.popleft()
        if isinstance(item, Entry):
            self._size -= len(item.payload)
            self.facts -= 1
        else:
            del self._open_gaps[item.exchange, item.kind]
        self._size -= _ITEM_BYTES
        if not self._items:
            self.disk_is_well()

    def gap_of(self, exchange: bytes) -> Entry | None:
        """One of its gaps that wait, the request's first."""
        for kind in (Kind.REQUEST_BODY, Kind.CHUNK):
            if (gap := self._open_gaps.get((exchange, kind))) is not None:
                return gap.entry()
        return None

    def drop_gap(self, exchange: bytes) -> None:
        """The one that ``gap_of`` told has been written."""
        for kind in (Kind.REQUEST_BODY, Kind.CHUNK):
            if (gap := self._open_gaps.pop((exchange, kind), None)) is not None:
                self._items.remove(gap)
                self._size -= _ITEM_BYTES
                return

    def disk_is_well(self) -> None:
        """What goes missing from now on is missing anew."""
        self._begun.clear()
