"""Do events still fit the seals that were put on them when they were appended? Pure; ``seal_check`` reads the rows.

Each transaction that appends leaves one seal: the range of its positions, a *mark* for each event (a CRC32, which names
the event that is wrong) and a digest over the events, the range and the digest of the seal before. So nothing in the
middle can be changed, removed, put in or moved without a trace. What a seal cannot see is an end that is missing as a
whole, events and seals together: note the head that a check reports, and give it to a later one.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

MOST_FAULTS = 100
"""So many are named; the rest is counted."""
_EVENT = struct.Struct(">16sqII")
_MARK = struct.Struct(">I")
_RANGE = struct.Struct(">qq")


class StoredEvent(Protocol):
    """An event as it is written: the library's word and shape for it."""

    @property
    def originator_id(self) -> UUID | str: ...
    @property
    def originator_version(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def state(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Contents:
    """What is sealed of one append."""

    marks: bytes
    digest: bytes
    """SHA-256 of the events; the chain's digest is made of it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One row of ``event_seals``."""

    first: int
    last: int
    marks: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event as it stands in the table."""

    position: int
    framed: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and with which positions."""

    first: int
    last: int
    what: str

    def __str__(self) -> str:
        place = f"position {self.first}" if self.first == self.last else f"positions {self.first} to {self.last}"
        return f"{place}: {self.what}"


def framed(originator_id: UUID, version: int, topic: str, state: bytes) -> bytes:
    """All that the writer says of an event, with lengths: no two events read alike."""
    name = topic.encode()
    return _EVENT.pack(originator_id.bytes, version, len(name), len(state)) + name + state


def contents_of(events: Iterable[StoredEvent]) -> Contents:
    """``events`` in the order in which they get their positions."""
    return _contents(
        [framed(event.originator_id, event.originator_version, event.topic, event.state) for event in events]  # type: ignore[arg-type]  # ours have UUIDs
    )


def chained(before: bytes, first: int, last: int, contents: bytes) -> bytes:
    """A seal's digest; the database computes the same (``sealing``). ``before``: of the seal before, or nothing."""
    return hashlib.sha256(before + _RANGE.pack(first, last) + contents).digest()


def _contents(events: Sequence[bytes]) -> Contents:
    marks = [zlib.crc32(one) for one in events]
    return Contents(struct.pack(f">{len(marks)}I", *marks), hashlib.sha256(b"".join(events)).digest())


@dataclass(slots=True)
class ChainCheck:
    """Follows the chain seal by seal; feed it with ascending seals."""

    head: Seal | None = None
    events: int = 0
    """Events that fit their seal."""
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)

    def feed(self, seal: Seal, events: Sequence[Sealed]) -> None:
        """``events``: all above the seal before (for the first seal: from its first position on), up to its last."""
        for one in events:
            if one.position < seal.first:
                self.found(Fault(one.position, one.position, "an event that no seal covers"))
        covered = [one for one in events if one.position >= seal.first]
        located = list(_against_marks(seal, covered))
        before = self.head.digest if self.head else b""
        if not located and chained(
            before, seal.first, seal.last, _contents([one.framed for one in covered]).digest
        ) != (seal.digest):
            located = [Fault(seal.first, seal.last, "the seal does not follow from the one before it")]
        for fault in located:
            self.found(fault)
        self.events += len(covered) - min(len(covered), len(located))
        self.head = seal

    def found(self, fault: Fault) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def _against_marks(seal: Seal, events: Sequence[Sealed]) -> Iterator[Fault]:
    """Each event that is not the one that was sealed."""
    count, rest = divmod(len(seal.marks), _MARK.size)
    if rest or count != seal.last - seal.first + 1:
        yield Fault(seal.first, seal.last, f"the seal's range does not fit its {count} marks")
        return
    there = {one.position: one for one in events}
    for position, (mark,) in enumerate(_MARK.iter_unpack(seal.marks), seal.first):
        if position not in there:
            yield Fault(position, position, "the event is missing")
        elif zlib.crc32(there[position].framed) != mark:
            yield Fault(position, position, "the event is not the one that was sealed")
