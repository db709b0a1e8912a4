"""Where do journals lie, who holds them, and what is in them? Every call to the system for journals is here.

Nothing is changed and no lock is kept: a shared lock is tried for a moment to learn whether somebody has the real one.
Segments may be deleted while they are read: they are shipped then, and what is gone is simply not compared.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

from ops.checking.journal_facts import Differs, JournalFacts, place
from ops.checking.journal_format import HEADER_BYTES, Damage, Record, head_of, scan

_WINDOW_BYTES = 4 << 20
KEPT = "kept-"
"""Before the id in the name of a folder that was shipped and is kept."""
WRITER_LOCK, SHIPPER_LOCK = "writer.lock", "shipper.lock"


def journals_in(root: Path) -> dict[UUID, Path]:
    """The journals' folders by their ids; those too that are shipped and kept for a restore."""
    try:
        folders = [path for path in sorted(root.iterdir(), reverse=True) if path.is_dir()]
    except FileNotFoundError:
        return {}
    found = [(_uuid(path.name.removeprefix(KEPT)), path) for path in folders]
    return {journal: path for journal, path in found if journal is not None}


def is_held(lock: Path) -> bool:
    """Does a process hold this lock now?"""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def sizes_of(folder: Path) -> dict[int, int]:
    """Bytes of each segment that is there now, by number."""
    sizes = {}
    for path in folder.glob("*.seg"):
        try:
            sizes[int(path.stem)] = path.stat().st_size
        except (FileNotFoundError, ValueError):
            continue
    return dict(sorted(sizes.items()))


def read_journal(journal: UUID, folder: Path, shipped_to: int, differs: Differs) -> JournalFacts:
    """All that is there now, from front to back. ``shipped_to``: the store's cursor."""
    facts = JournalFacts(journal, is_held(folder / WRITER_LOCK), shipped_to, differs)
    numbers = list(sizes_of(folder))
    facts.lowest_segment = numbers[0] if numbers else None
    facts.from_the_start = facts.lowest_segment == 1
    for number in numbers:
        grows = facts.living and number == numbers[-1]
        try:
            _read_segment(facts, number, folder / f"{number:08d}.seg", grows=grows)
        except FileNotFoundError:
            facts.from_the_start = False
    if facts.read_to <= shipped_to:
        facts.settle()
    return facts


def read_journals(root: Path, cursors: Mapping[UUID, int], differs: Differs) -> dict[UUID, JournalFacts]:
    found = journals_in(root)
    return {one: read_journal(one, folder, cursors.get(one, 0), differs) for one, folder in found.items()}


def _read_segment(facts: JournalFacts, number: int, path: Path, *, grows: bool) -> None:
    damage: Damage | None = None
    for base, found in _pieces(path, grows=grows):
        if isinstance(found, Damage):
            start = damage.start if damage else base + found.start
            damage = Damage(start, base + found.end)
            facts.damaged_bytes += found.end - found.start
            continue
        if damage is not None:  # a good record behind it: no torn end, something was changed
            facts.damage.append((number, damage))
            damage = None
        facts.feed(number, base, found)
    if damage is None:
        facts.read_to = max(facts.read_to, place(number, HEADER_BYTES))


def _pieces(path: Path, *, grows: bool) -> Iterator[tuple[int, Record | Damage]]:
    """Every record and damage, with the place in the file that their own places count from."""
    with path.open("rb") as file:
        data, base = file.read(_WINDOW_BYTES), 0
        at = HEADER_BYTES if head_of(data) else 0
        while True:
            more = file.read(_WINDOW_BYTES)
            behind = at
            for found in scan(data, at, last=not more and not grows):
                yield base, found
                behind = found.end
            if not more:
                return
            data, base, at = data[behind:] + more, base + behind, 0


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
