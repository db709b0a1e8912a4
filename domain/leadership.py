"""Does this process lead, until when may it believe so, and what does it ask for next? By its own clock, pure.

The database grants leases by its clock. A process counts a lease from the moment it *asked*, so it stops believing
before the database does, however long the answer took and however the two clocks differ. A process that was stopped
may still believe for an instant what is over; what it then writes carries its epoch, and the database refuses it.
"""

from dataclasses import dataclass
from enum import Enum
from math import inf


class Move(Enum):
    """What to ask the database for."""

    TAKE = "take"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long things take."""

    lasts_s: float = 3.0
    """A lease that is not renewed."""
    ask_s: float = 0.5
    """From one question to the next."""
    answer_s: float = 1.0
    """A database that says nothing for so long is away."""


TERMS = LeaseTerms()


@dataclass(frozen=True, slots=True)
class Leadership:
    """What a process knows of its lease."""

    epoch: int | None = None
    """None: it stands by."""
    until: float = -inf
    """On the process's own clock: afterwards somebody else may lead."""

    def leads(self, now: float) -> bool:
        return self.epoch is not None and now < self.until

    def move(self, now: float) -> Move:
        """A lease that has run out is not renewed: taking raises the epoch, and nothing of the old one is written."""
        return Move.RENEW if self.leads(now) else Move.TAKE

    def answered(self, epoch: int | None, asked_at: float, terms: LeaseTerms = TERMS) -> "Leadership":
        """``epoch``: of the lease that was granted; None: refused, somebody else leads."""
        return STANDBY if epoch is None else Leadership(epoch, asked_at + terms.lasts_s)


STANDBY = Leadership()
