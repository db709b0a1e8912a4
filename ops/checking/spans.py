"""Which bytes were there, and are they the same here? Stretches of a body or answer, by offset and hash; pure.

Bytes are never kept: a stretch is where it begins, where it ends and the hash of what lies between.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

Range = tuple[int, int]
"""Start and end."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Contiguous bytes."""

    start: int
    end: int
    sha256: bytes


@dataclass(slots=True)
class _Growing:
    start: int
    end: int
    hash: "_Hash" = field(default_factory=hashlib.sha256)

    def stretch(self) -> Stretch:
        return Stretch(self.start, self.end, self.hash.digest())


class Spans:
    """Pieces as they come, by growing offset; what comes again is passed over."""

    __slots__ = ("_settled", "_spans")

    def __init__(self) -> None:
        self._spans: list[_Growing] = []
        self._settled: tuple[Stretch, ...] | None = None

    def add(self, offset: int, data: bytes) -> None:
        reached = self._spans[-1].end if self._spans else 0
        data = data[max(0, reached - offset) :]
        if not data:
            return
        start = max(offset, reached)
        if not self._spans or start > reached:
            self._spans.append(_Growing(start, start))
        span = self._spans[-1]
        span.hash.update(data)
        span.end += len(data)

    def settle(self) -> None:
        """What is here now must be in the store already."""
        self._settled = self.all()

    def all(self) -> tuple[Stretch, ...]:
        return tuple(span.stretch() for span in self._spans)

    def settled(self) -> tuple[Stretch, ...]:
        return self._settled or ()

    def ranges(self) -> list[Range]:
        return [(span.start, span.end) for span in self._spans]

    def whole(self, size: int) -> bytes | None:
        """The hash of all ``size`` bytes; None: not all of them are here."""
        if not size:
            return hashlib.sha256().digest() if not self._spans else None
        if len(self._spans) != 1 or (self._spans[0].start, self._spans[0].end) != (0, size):
            return None
        return self._spans[0].hash.digest()


class Witness:
    """Is a stretch here too? Fed with bytes in the order of their offsets."""

    def __init__(self, expected: Stretch) -> None:
        self._expected = expected
        self._covered = 0
        self._hash = hashlib.sha256()

    def feed(self, offset: int, data: bytes) -> None:
        start, end = max(offset, self._expected.start), min(offset + len(data), self._expected.end)
        if start < end:
            self._hash.update(data[start - offset : end - offset])
            self._covered += end - start

    @property
    def complaint(self) -> str | None:
        """What is wrong; None: the same bytes are here."""
        where = f"bytes {self._expected.start} to {self._expected.end}"
        if self._covered < self._expected.end - self._expected.start:
            return f"{where} are not all there ({self._covered} are)"
        return None if self._hash.digest() == self._expected.sha256 else f"{where} are others"


def missing(ranges: Sequence[Range], size: int) -> Range | None:
    """The first stretch of ``0 … size`` that no range covers."""
    reached = 0
    for start, end in sorted(ranges):
        if start > reached:
            break
        reached = max(reached, end)
        if reached >= size:
            return None
    if reached >= size:
        return None
    later = [start for start, _ in ranges if start > reached]
    return reached, min([size, *later])
