"""What does supervision speak of? Parts and their states, what may happen, and what may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

SETUP_EXIT = 2
"""Exit code of a process whose settings cannot work."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is known about a part before it runs."""

    name: str
    after: frozenset[str] = frozenset()
    """Parts that must have been ready once before this one is first started."""
    outlives: frozenset[str] = frozenset()
    """Parts that must have ended before this one is told to stop."""
    ready_s: float = 60.0
    """How long it may take to get ready."""
    drain_s: float = 5.0
    """How long it may take to stop when it is told to."""
    runs_once: bool = False
    """It is a task: ended with exit code 0, it is done, and that is its being ready."""
    rolls: bool = False
    """Two of its processes may run side by side: a new one takes over from the old one when it is ready."""


class Phase(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    """For the parts it comes after."""
    STARTING = "starting"
    READY = "ready"
    RESTING = "resting"
    """Between its death and the next start."""
    DONE = "done"
    """A task that has done its work."""
    ENDED = "ended"
    """Stopped for good."""


class Urgency(IntEnum):
    """How hard a part was told to stop, or the supervisor was asked to."""

    NONE = 0
    RETIRE = 1
    """A successor serves already: nobody is in a hurry."""
    DRAIN = 2
    ABORT = 3
    KILL = 4
    LEAVE = 5
    """Not even the kernel ends it: go without it."""


@dataclass(frozen=True, slots=True)
class PartState:
    """How a part is now, or a second process of it."""

    phase: Phase = Phase.WAITING
    due: float | None = None
    """When its phase or the last order becomes too long, or its rest ends."""
    told: Urgency = Urgency.NONE
    was_ready: bool = False
    deaths: tuple[float, ...] = ()
    """Times of its deaths within the window."""
    generation: int = 1
    """Of its process: who was started before the newest roll was asked for is to be replaced."""

    @property
    def runs(self) -> bool:
        """There is a process."""
        return self.phase in {Phase.STARTING, Phase.READY}

    @property
    def is_leaving(self) -> bool:
        """It served, and was told to stop."""
        return self.phase is Phase.READY and self.told > Urgency.NONE


@dataclass(frozen=True, slots=True)
class Supervision:
    """How everything is now."""

    plan: Sequence[Part]
    parts: Mapping[str, PartState]
    beside: Mapping[str, PartState] = field(default_factory=dict)
    """Second processes: a part's successor until that is ready, from then on its predecessor until that has ended."""
    generation: int = 1
    """Of what is started now; grows with each roll."""
    rolled: int = 1
    """The generation of the last roll that came to its end."""
    roll: tuple[str, ...] | None = None
    """Parts still to be replaced, in this order; empty: only predecessors have still to end; None: no roll."""
    asked: Urgency = Urgency.NONE
    """How urgently we were asked to stop."""
    exit_code: int = 0
    announced: bool = False
    """All parts have been ready together once, and that was said."""

    def part(self, name: str) -> Part:
        return next(part for part in self.plan if part.name == name)

    def runs(self, name: str) -> bool:
        """The part, if there is one of that name, has a process."""
        return any(name in processes and processes[name].runs for processes in (self.parts, self.beside))

    def is_beside(self, name: str, generation: int) -> bool:
        """That process is not the part's first."""
        return name in self.beside and self.beside[name].generation == generation

    def with_part(self, name: str, it: PartState) -> "Supervision":
        return replace(self, parts={**self.parts, name: it})

    def with_beside(self, name: str, it: PartState) -> "Supervision":
        """With a second process, if it is one."""
        return replace(self, beside={**self.beside, name: it}) if it.runs else self.without_beside(name)

    def without_beside(self, name: str) -> "Supervision":
        return replace(self, beside={other: it for other, it in self.beside.items() if other != name})


@dataclass(frozen=True, slots=True)
class Began:
    """Input: begin."""


@dataclass(frozen=True, slots=True)
class BecameReady:
    """Input: a part says that it serves."""

    part: str
    generation: int = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """Input: a part's process is gone. ``code`` as in the subprocess module: negative for a signal."""

    part: str
    code: int
    generation: int = 1


@dataclass(frozen=True, slots=True)
class RollAsked:
    """Input: somebody wants the parts that roll to be replaced, without a break."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Input: somebody wants everything to stop, or to stop faster."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Input: nothing happened, but something may be due."""


Input = Began | BecameReady | Ended | RollAsked | StopAsked | TimePassed


@dataclass(frozen=True, slots=True)
class Start:
    """Command: start the part's process."""

    part: str
    generation: int = 1


@dataclass(frozen=True, slots=True)
class Tell:
    """Command: make the part's process stop."""

    part: str
    urgency: Urgency
    generation: int = 1


@dataclass(frozen=True, slots=True)
class TellDeath:
    """Command: say that a part died and when it is tried again."""

    part: str
    code: int
    pause_s: float
    looping: bool
    generation: int = 1


@dataclass(frozen=True, slots=True)
class TellHopeless:
    """Command: say that a part cannot work with these settings and everything stops."""

    part: str


@dataclass(frozen=True, slots=True)
class TellReady:
    """Command: say that all parts are ready. Comes once."""


@dataclass(frozen=True, slots=True)
class TellRolled:
    """Command: say that all parts that roll were replaced, and that their predecessors have ended."""


@dataclass(frozen=True, slots=True)
class TellRollFailed:
    """Command: say that the new process of a part ended before it served; those not replaced yet serve on."""

    part: str
    code: int
    generation: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Command: everything has stopped, end with this exit code."""

    code: int


Command = Start | Tell | TellDeath | TellHopeless | TellReady | TellRolled | TellRollFailed | Finish
