"""What did people say that money and names on the screen rest on? Prices, plans, and what keys and projects are called.

Events of aggregates, not of exchanges; who serves hands over something that reads them (``ops/told.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from domain.account_plans import Plan
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.ranking import Rate, rates_of


@dataclass(frozen=True, slots=True)
class Sayings:
    """All of it, as it stands."""

    book: PriceBook = field(default_factory=PriceBook)
    shipped: PriceBook = field(default_factory=PriceBook)
    """The prices that came with Nexus, without one's own."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """By account, where somebody said so."""
    key_names: Mapping[str, str] = field(default_factory=dict)
    """By key id."""
    project_labels: Mapping[str, str] = field(default_factory=dict)
    """By project."""

    @property
    def price_days(self) -> list[date]:
        """Days of UTC on which some list of prices begins."""
        return price_days(self.book)

    def rates_of(self, tariffs: Iterable[Tariff]) -> list[Rate]:
        """What each tariff costs on every day, to rank by."""
        return rates_of(tariffs, self.book, self.price_days)

    def price_of(self, line: BilledLine, day: date) -> Decimal | None:
        """US dollars of a line on a day of UTC, exact; None: it has no price."""
        return self.book.price_of(line, day).amount


def price_days(*books: PriceBook) -> list[date]:
    """On which some list of prices begins, ascending; not the one that always stood."""
    return sorted({price.effective_from for book in books for price in book.prices} - {date.min})


class Told(Protocol):
    """Reads what people said; what it answers may be a few seconds old."""

    async def __call__(self) -> Sayings:
        """Raises StoreUnavailableError."""
        ...


async def nothing_told() -> Sayings:
    """For who shows no money."""
    return Sayings()
