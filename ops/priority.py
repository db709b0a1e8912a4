"""How does a process step back behind the sessions of Claude Code, when the processor is busy?

By its niceness. But Linux may put every session of processes into a group of its own (``sched_autogroup_enabled``, on
by default): then niceness counts within a group, and between groups that of the groups. Our parts are sessions of their
own, and so is each of PostgreSQL's processes, so their groups step back too. Who is not root may change one group
every tenth of a second, on the whole machine; what is refused is tried again.
"""

import os
import re
import threading
import time
from pathlib import Path

PROC = Path("/proc")
_NICENESS = re.compile(r" nice (-?\d+)")
_TRIES, _PAUSE_S = 50, 0.2


def step_back(niceness: int) -> None:
    """This process, its session, and whatever it starts within that, if they have not stepped back as far."""
    niceness = os.nice(max(0, niceness - os.nice(0)))
    if niceness > 0 and not _move_group(os.getpid(), niceness):
        threading.Thread(target=_insist, args=(os.getpid(), niceness), name="step back", daemon=True).start()


def step_back_with_us(parent: int) -> None:
    """A process that got our niceness from us, and its children: their groups too. To be called again and again."""
    if (niceness := os.nice(0)) > 0:
        for pid in (parent, *_children_of(parent)):
            _move_group(pid, niceness)


def _insist(pid: int, niceness: int) -> None:
    for _ in range(_TRIES):
        time.sleep(_PAUSE_S)
        if _move_group(pid, niceness):
            return


def _move_group(pid: int, niceness: int) -> bool:
    """Is it done, or never to be done?"""
    file = PROC / str(pid) / "autogroup"
    try:
        stands = _NICENESS.search(file.read_text())
        if stands is not None and int(stands[1]) < niceness:
            file.write_text(str(niceness))
    except BlockingIOError:
        return False
    except OSError:  # a system without groups, another's process, or one that has ended
        return True
    return True


def _children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []
