"""What do processes cost? CPU seconds and memory, from /proc, of one or of a whole family."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_OWN, _OWN_AND_CHILDREN = slice(11, 13), slice(11, 15)


def _fields(pid: int) -> list[str]:
    """Of its stat line, from the state on; nothing: it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_s(pid: int) -> float:
    """CPU seconds of the process alone."""
    return sum(map(int, _fields(pid)[_OWN])) / TICKS


def resident_mb(pid: int) -> float:
    fields = _fields(pid)
    return int(fields[21]) * PAGE / 1e6 if fields else 0.0


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    parents = {int(one.name): _fields(int(one.name))[1:2] for one in Path("/proc").iterdir() if one.name.isdecimal()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent and int(parent[0]) == one]
    return found


def family_cpu_s(pid: int) -> float:
    """CPU seconds of a whole family, those of members that have died and were waited for included."""
    return sum(sum(map(int, _fields(one)[_OWN_AND_CHILDREN])) for one in family(pid)) / TICKS
