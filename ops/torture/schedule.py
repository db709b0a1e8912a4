"""Which fault is planted when, and for how long? The same seed gives the same schedule; pure.

One fault at a time, each healed before the next. ``nexus up`` rests a part for long that dies five times within a
minute, so no part is killed more often than four times in one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from domain.errors import SetupError

KILLS_A_MINUTE = 4
_MINUTE_S = 61.0
_FIRST_S = 2.0
_LAST_S = 4.0
"""No fault begins so shortly before the end."""


class Fault(StrEnum):
    """What can be planted."""

    KILL = "kill"
    """SIGKILL."""
    END = "end"
    """SIGTERM."""
    STOP = "stop"
    """SIGSTOP, and later SIGCONT."""
    POSTGRES_STOP = "postgres-stop"
    """Stopped in the manner of ``target``, started again later."""
    POSTGRES_FREEZE = "postgres-freeze"
    """SIGSTOP of all its processes."""
    PROXY = "proxy"
    """The way to the database is bad, as ``target`` says."""
    DISK_FULL = "disk-full"
    DISK_SLOW = "disk-slow"
    """Each flush takes long."""
    UPSTREAM = "upstream"
    CLIENT = "client"
    """Clients go away in the middle of answers."""
    CLOCK = "clock"
    """The wall clock of all parts steps by ``target`` seconds."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One fault."""

    at_s: float
    """After the beginning."""
    fault: Fault
    target: str
    lasts_s: float
    """Until it is healed; 0: there is nothing to heal."""

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"{self.at_s:7.1f} s  {self.fault} {self.target}{lasts}"


@dataclass(frozen=True, slots=True)
class _Kind:
    fault: Fault
    targets: tuple[str, ...]
    lasts_s: tuple[float, float] = (0.0, 0.0)


PARTS = ("gateway", "shipper", "projector", "dashboard")
BACKEND, POSTMASTER = "backend", "postmaster"
KINDS: Mapping[str, tuple[_Kind, ...]] = {
    "kill": (_Kind(Fault.KILL, (*PARTS, BACKEND, POSTMASTER)), _Kind(Fault.END, PARTS)),
    "stop": (_Kind(Fault.STOP, PARTS, (0.5, 3.0)),),
    "postgres": (
        _Kind(Fault.POSTGRES_STOP, ("fast", "immediate"), (0.5, 6.0)),
        _Kind(Fault.POSTGRES_FREEZE, ("all",), (2.0, 9.0)),
    ),
    "proxy": (_Kind(Fault.PROXY, ("delay", "swallow", "reset"), (1.0, 8.0)),),
    "disk": (_Kind(Fault.DISK_FULL, ("journals",), (0.5, 4.0)), _Kind(Fault.DISK_SLOW, ("0.2", "2.0"), (1.0, 4.0))),
    "upstream": (_Kind(Fault.UPSTREAM, ("reset", "cut", "stall"), (1.0, 4.0)),),
    "client": (_Kind(Fault.CLIENT, ("leaves",), (1.0, 4.0)),),
    "clock": (_Kind(Fault.CLOCK, ("-34560000", "3600", "-1", "86400"), (1.0, 4.0)),),
}
"""By the words of ``--faults``."""


def chosen(words: str) -> tuple[str, ...]:
    """The words of ``--faults``. Raises SetupError for one that there is not."""
    found = tuple(dict.fromkeys(word for word in words.replace(",", " ").split()))
    for word in found:
        if word not in KINDS:
            raise SetupError(f"There is no fault {word}; there are {', '.join(KINDS)}.")
    if not found:
        raise SetupError(f"Name at least one fault: {', '.join(KINDS)}.")
    return found


def schedule(seed: int, faults: Sequence[str], lasts_s: float, without: Sequence[Fault] = ()) -> tuple[Plant, ...]:
    """All plants of a run of ``lasts_s`` seconds, in order. ``without``: what this machine cannot do."""
    kinds = [kind for fault in faults for kind in KINDS[fault] if kind.fault not in without]
    return tuple(_plants(Random(f"{seed} schedule"), kinds, lasts_s)) if kinds else ()  # noqa: S311 - no secret, and it has to be repeatable


def _plants(chance: Random, kinds: Sequence[_Kind], lasts_s: float) -> Iterator[Plant]:
    deaths = defaultdict[str, list[float]](list)
    at = _FIRST_S
    while at + _LAST_S < lasts_s:
        kind = chance.choice(kinds)
        target = chance.choice(kind.targets)
        lasts = min(round(chance.uniform(*kind.lasts_s), 1), round(lasts_s - at, 1))
        pause = round(chance.uniform(1.0, 4.0), 1)
        if kind.fault in {Fault.KILL, Fault.END}:
            lately = [death for death in deaths[target] if death > at - _MINUTE_S]
            if len(lately) >= KILLS_A_MINUTE:
                at = round(at + pause, 1)
                continue
            deaths[target] = [*lately, at]
        yield Plant(at, kind.fault, target, lasts)
        at = round(at + lasts + pause, 1)
