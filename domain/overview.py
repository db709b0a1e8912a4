"""Is today as usual? Today's sum against those of the days before, each up to the same time of day; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

DAYS = 7
"""So many days before today are looked at."""
FEWEST = 3
"""Of fewer days with any use nobody can say what is usual."""
_NEAR = Decimal("0.2")


@dataclass(frozen=True, slots=True)
class Against:
    """Today beside what is usual."""

    today: Decimal
    usual: Decimal | None
    """The median of the days with any use, up to the same time of day; None: there are too few."""
    days: int
    """With any use."""

    @property
    def change(self) -> Decimal | None:
        """0.5: half as much again; None: there is nothing to compare with."""
        return None if not self.usual else (self.today - self.usual) / self.usual

    @property
    def word(self) -> str:
        """``more``, ``less`` or ``as usual`` (within a fifth); empty: not known."""
        if self.change is None:
            return ""
        return "as usual" if abs(self.change) <= _NEAR else "more" if self.change > 0 else "less"


def against(today: Decimal | int, before: Sequence[Decimal | int | None]) -> Against:
    """``before``: of each day; None: nothing was used on it."""
    used = [Decimal(one) for one in before if one is not None]
    return Against(Decimal(today), Decimal(median(used)) if len(used) >= FEWEST else None, len(used))
