"""How much of this host's journals is not in the event store yet, and since when? Measured from the files themselves.

Who measures needs no database and no shipper: only how far each journal was shipped when somebody last said so. A
journal of which nobody said anything counts whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from domain.errors import BrokenFrameError
from gateway.frames import (
    FRAME_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    SEGMENT_HEADER_BYTES,
    Frame,
    decode_segment_header,
    read_frames,
)
from gateway.journal_reader import journals_in, split_position


@dataclass(frozen=True, slots=True)
class Unshipped:
    """What waits."""

    byte_count: int = 0
    oldest_ns: int | None = None
    """Wall clock at which the oldest waiting record was written; None: nothing waits."""
    disk_bytes: int = 0
    """All that the journals take up."""

    def lag_s(self, now: float) -> float:
        """``now``: wall clock in seconds."""
        return 0.0 if self.oldest_ns is None else max(0.0, now - self.oldest_ns / 1e9)

    def families(self, now: float) -> list[Metric]:
        return [
            GaugeMetricFamily("nexus_journal_bytes", "Bytes of all journals on this disk", self.disk_bytes),
            GaugeMetricFamily("nexus_ship_lag_bytes", "Bytes of journals that are not shipped yet", self.byte_count),
            GaugeMetricFamily(
                "nexus_ship_lag_seconds", "Age of the oldest record that is not shipped yet", self.lag_s(now)
            ),
        ]


def measure(root: Path, shipped: Mapping[str, int]) -> Unshipped:
    """``shipped``: by journal id, the position up to which its frames are in the event store."""
    try:
        found = [_measure_one(directory, shipped.get(directory.name, 0)) for directory in journals_in(root)]
    except OSError:
        return Unshipped()  # the folder went away; the gateway itself says so
    oldest = [one.oldest_ns for one in found if one.oldest_ns is not None]
    return Unshipped(sum(one.byte_count for one in found), min(oldest, default=None), sum(o.disk_bytes for o in found))


def _measure_one(directory: Path, shipped: int) -> Unshipped:
    segment, offset = split_position(shipped)
    waiting = total = 0
    first: tuple[Path, int] | None = None
    for path in sorted(directory.glob("*.seg")):
        if not path.stem.isdigit() or (size := _size(path)) is None:
            continue
        total += size
        number = int(path.stem)
        start = max(offset, SEGMENT_HEADER_BYTES) if number == segment else SEGMENT_HEADER_BYTES
        if number >= segment and size > start:
            waiting += size - start
            first = first or (path, start)
    return Unshipped(waiting, _written_ns(*first) if first else None, total)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None  # shipped and deleted meanwhile


def _written_ns(path: Path, start: int) -> int | None:
    """When the first whole record behind ``start`` was written; None: there is none yet."""
    try:
        with path.open("rb") as file:
            header = decode_segment_header(file.read(SEGMENT_HEADER_BYTES))
            file.seek(start)
            data = file.read(FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES)
    except (OSError, BrokenFrameError):
        return None
    frames = (found for _, found in read_frames(data, 0, complete=False) if isinstance(found, Frame))
    frame = next(frames, None)
    return None if frame is None else header.started_ns + frame.time_us * 1000
