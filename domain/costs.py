"""What does something cost of which a part may have no price? One rule wherever money is added up; pure.

* What was used at a known price is added up, exactly.
* What used nothing costs nothing: an error, a token count.
* Where something was used and none of it has a price, there is no cost; a zero would say that it is known.
* Of nothing at all nothing is known.
"""

from collections.abc import Iterable
from decimal import Decimal

from domain.prices import Priced, total


def cost_of(found: Iterable[Priced]) -> Decimal | None:
    """US dollars, exact; None: not known."""
    kept = list(found)
    amounts = [one.amount for one in kept if one.amount is not None and one.terms]
    if amounts:
        return total(amounts)
    return Decimal(0) if kept and all(one.amount is not None for one in kept) else None
