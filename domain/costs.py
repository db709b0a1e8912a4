"""What does something cost of which a part may have no price? One rule wherever money is added up; pure.

* What was used at a known price is added up, exactly.
* What used nothing costs nothing: an error, a token count.
* What an answer used that could not be recorded is not known: it is no zero, and is counted beside the sum.
* Where something was used and none of it has a price, there is no cost; a zero would say that it is known.
* Of nothing at all nothing is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.prices import Priced, plus


@dataclass(slots=True)
class CostSum:
    """What was added up so far; in any order, and in parts."""

    amount: Decimal | None = None
    """US dollars of what was used at a known price, exact."""
    is_free: bool = False
    """There was something, and it used nothing."""
    is_unpriced: bool = False
    """There was something that nobody knows the price of."""
    unrecorded: int = 0
    """So many answers could not be recorded whole: what they used is not in it, or not all of it."""

    def add(self, amount: Decimal | None, *, used: bool) -> None:
        """``amount``: None if it has no price; ``used``: whether there was anything to pay for."""
        if amount is None:
            self.is_unpriced = True
        elif used:
            self.amount = amount if self.amount is None else plus(self.amount, amount)
        else:
            self.is_free = True

    def lose(self, count: int) -> None:
        """So many answers could not be recorded whole."""
        self.unrecorded += count

    def take(self, other: "CostSum") -> None:
        if other.amount is not None:
            self.add(other.amount, used=True)
        self.is_free |= other.is_free
        self.is_unpriced |= other.is_unpriced
        self.unrecorded += other.unrecorded

    @property
    def cost(self) -> Decimal | None:
        """US dollars, exact; None: not known."""
        if self.amount is not None:
            return self.amount
        return Decimal(0) if self.is_free and not (self.is_unpriced or self.unrecorded) else None


def summed(found: Iterable[Priced], unrecorded: int = 0) -> CostSum:
    """``unrecorded``: so many of the answers could not be recorded whole."""
    whole = CostSum(unrecorded=unrecorded)
    for one in found:
        whole.add(one.amount, used=bool(one.terms))
    return whole


def together(sums: Iterable[CostSum]) -> CostSum:
    """A sum of its own."""
    whole = CostSum()
    for one in sums:
        whole.take(one)
    return whole
