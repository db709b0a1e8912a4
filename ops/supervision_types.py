"""What does supervision speak of? Parts and their states, what may happen, and what may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    DRAIN = 1
    ABORT = 2
    KILL = 3
    LEAVE = 4
    """Not even the kernel ends it: go without it."""


@dataclass(frozen=True, slots=True)
class PartState:
    """How a part is now."""

    phase: Phase = Phase.WAITING
    due: float | None = None
    """When its phase or the last order becomes too long, or its rest ends."""
    told: Urgency = Urgency.NONE
    was_ready: bool = False
    deaths: tuple[float, ...] = ()
    """Times of its deaths within the window."""

    @property
    def runs(self) -> bool:
        """There is a process."""
        return self.phase in {Phase.STARTING, Phase.READY}


@dataclass(frozen=True, slots=True)
class Supervision:
    """How everything is now."""

    plan: Sequence[Part]
    parts: Mapping[str, PartState]
    asked: Urgency = Urgency.NONE
    """How urgently we were asked to stop."""
    exit_code: int = 0
    announced: bool = False
    """All parts have been ready together once, and that was said."""


@dataclass(frozen=True, slots=True)
class Began:
    """Input: begin."""


@dataclass(frozen=True, slots=True)
class BecameReady:
    """Input: a part says that it serves."""

    part: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Input: a part's process is gone. ``code`` as in the subprocess module: negative for a signal."""

    part: str
    code: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Input: somebody wants everything to stop, or to stop faster."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Input: nothing happened, but something may be due."""


Input = Began | BecameReady | Ended | StopAsked | TimePassed


@dataclass(frozen=True, slots=True)
class Start:
    """Command: start the part's process."""

    part: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Command: make the part's process stop."""

    part: str
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class TellDeath:
    """Command: say that a part died and when it is tried again."""

    part: str
    code: int
    pause_s: float
    looping: bool


@dataclass(frozen=True, slots=True)
class TellHopeless:
    """Command: say that a part cannot work with these settings and everything stops."""

    part: str


@dataclass(frozen=True, slots=True)
class TellReady:
    """Command: say that all parts are ready. Comes once."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Command: everything has stopped, end with this exit code."""

    code: int


Command = Start | Tell | TellDeath | TellHopeless | TellReady | Finish
