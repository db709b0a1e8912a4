"""What is kept while the disk refuses? Facts whole, bytes as gaps, in order and within a bound; pure.

Records are small facts (heads, ends) and pieces of bytes. A fact is kept and written later. A piece is dropped and
leaves a gap; pieces of one exchange that follow each other share one. When even that grows too large, further records
are lost and counted; the ends of exchanges find room longest.
"""

from collections import deque
from dataclasses import dataclass

from gateway.frames import Kind, decode_piece
from gateway.records import GapRecord, encode

LIMIT_BYTES = 16 * 1024 * 1024
_FOR_ENDS_BYTES = LIMIT_BYTES // 16
_ITEM_BYTES = 200
"""What an item costs besides its payload."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that must still be written."""

    kind: Kind
    exchange: bytes
    time_us: int
    payload: bytes


@dataclass(slots=True)
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
        self._size = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, entry: Entry, reason: str) -> bool:
        """Keep what can be kept. True: something is missing now that was not missing before."""
        if entry.kind in {Kind.REQUEST_BODY, Kind.CHUNK}:
            return self._add_gap(entry, reason)
        if not self._has_room(entry):
            return True
        self._items.append(entry)
        self._size += len(entry.payload) + _ITEM_BYTES
        return False

    def _add_gap(self, entry: Entry, reason: str) -> bool:
        offset, data = decode_piece(entry.payload)
        gap = self._open_gaps.get((entry.exchange, entry.kind))
        if gap is not None:
            gap.byte_count = offset + len(data) - gap.offset
            return False
        if self._has_room(Entry(Kind.GAP, entry.exchange, entry.time_us, b"")):
            gap = _Gap(entry.exchange, entry.time_us, entry.kind, reason, offset, len(data))
            self._open_gaps[entry.exchange, entry.kind] = gap
            self._items.append(gap)
            self._size += _ITEM_BYTES
        return True

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
        else:
            del self._open_gaps[item.exchange, item.kind]
        self._size -= _ITEM_BYTES
