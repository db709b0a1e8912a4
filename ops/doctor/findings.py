"""What is a check, and what does it find? A small function over what is known of the installation."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.published import Seen
from ops.home import Home
from ops.home_lock import Holder
from ops.run_state import RunState
from ops.settings import Settings


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says: one line, and one line on how to mend it."""

    verdict: Verdict
    finding: str
    mend: str = ""


def ok(finding: str) -> Finding:
    return Finding(Verdict.OK, finding)


def warning(finding: str, mend: str) -> Finding:
    return Finding(Verdict.WARNING, finding, mend)


def problem(finding: str, mend: str) -> Finding:
    return Finding(Verdict.PROBLEM, finding, mend)


@dataclass(frozen=True, slots=True)
class Patient:
    """What every check may know."""

    settings: Settings
    home: Home
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    """Where the user stands."""
    holder: Holder | None = None
    running: RunState | None = None
    parts: Mapping[str, Seen] = field(default_factory=dict)
    """What the parts publish."""

    @property
    def fresh(self) -> Mapping[str, Seen]:
        return {part: seen for part, seen in self.parts.items() if seen.is_fresh}


Look = Callable[[Patient], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table."""

    subject: str
    name: str
    look: Look
    deadline_s: float = 10.0
