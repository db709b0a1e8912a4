"""How long does what was shipped stay on the disk? As long as a backup may be old.

A restored database knows nothing of what was shipped after its backup. So a living journal keeps its shipped segments
in place, and a finished journal is renamed to ``kept-<id>``, where no shipper looks. Both go when they are older than
``keep_s``, and at once where the disk runs short: what is kept must never cost what is to be recorded.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.journal_reader import JournalReader

_PREFIX = "kept-"
LEAST_FREE = 0.1
"""Of the disk; with less, nothing is kept."""
EXPIRE_S = 60.0
"""Between looks for what has become too old."""


def _free(folder: Path) -> float:
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


@dataclass(frozen=True, slots=True)
class Keeper:
    """Deletes, or keeps for a while."""

    root: Path
    keep_s: float = 0.0
    now: Callable[[], float] = time.time
    """Wall clock, which the files' times are of."""
    free: Callable[[Path], float] = _free
    """Which part of the folder's disk is free."""

    def drop_segments_before(self, reader: JournalReader, at: int) -> None:
        """Delete what lies in segments wholly before position ``at``, if it is old enough."""
        reader.drop_segments_before(at, self._is_old)

    def finish(self, reader: JournalReader) -> None:
        """The journal is shipped to its end."""
        if self._keeps():
            try:
                reader.directory.rename(self.root / f"{_PREFIX}{reader.directory.name}")
            except OSError:
                reader.delete()
        else:
            reader.delete()

    def expire(self) -> None:
        """Delete the finished journals that have become too old."""
        for directory in kept_in(self.root):
            if all(self._is_old(path) for path in directory.glob("*.seg")):
                shutil.rmtree(directory, ignore_errors=True)

    def _is_old(self, path: Path) -> bool:
        try:
            return not self._keeps() or path.stat().st_mtime <= self.now() - self.keep_s
        except OSError:
            return True

    def _keeps(self) -> bool:
        return self.keep_s > 0 and self.free(self.root) >= LEAST_FREE


def kept_in(root: Path) -> list[Path]:
    """The finished journals that are still there."""
    if not root.is_dir():
        return []
    return sorted(root.glob(f"{_PREFIX}*-*-*-*-*"))


def bring_back(root: Path) -> list[Path]:
    """Put the kept journals where shippers look; each ships what the event store lacks of it, and keeps it again."""
    back: list[Path] = []
    for directory in kept_in(root):
        place = root / directory.name.removeprefix(_PREFIX)
        if not place.exists():
            back.append(directory.rename(place))
    return back
