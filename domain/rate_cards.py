"""What does a sum cost, without its formula? The book's own amounts, quick enough for thousands of sums; pure.

A page adds up thousands of lines and shows the formula of none. What one token of each kind costs under a tariff on a
day is asked of the book once; a line is then a few multiplications. The amounts are the book's, exactly: nothing is
rounded (``domain/prices.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal

from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts

COUNTED = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "estimated_output_tokens", "web_searches",
)  # fmt: skip
"""Kinds that have a price of their own."""
_EXACT = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Amount:
    """What a line costs."""

    amount: Decimal | None
    """US dollars, exact; None: it has no price."""
    used: bool
    """There was something to pay for."""
    reason: str = ""
    """Why there is no amount."""


_FREE = Amount(Decimal(0), used=False)


@dataclass(frozen=True, slots=True)
class RateCard:
    """Of one tariff on one day."""

    book: PriceBook
    tariff: Tariff
    day: date
    each: tuple[Decimal | None, ...]
    """US dollars for one of each kind, in the order of ``COUNTED``; None: it has no price."""

    def amount_of(self, counts: Sequence[int]) -> Amount:
        """``counts``: in the order of ``COUNTED``."""
        whole, used = Decimal(0), False
        for count, each in zip(counts, self.each, strict=True):
            if not count:
                continue
            if each is None:
                return Amount(
                    None, used=False, reason=self.book.price_of(line_of(self.tariff, counts), self.day).reason
                )
            whole, used = _EXACT.fma(each, count, whole), True
        return Amount(whole, used=True) if used else _FREE


@dataclass(frozen=True, slots=True)
class RateCards:
    """Of one book; keep it for one answer."""

    book: PriceBook
    _known: dict[tuple[Tariff, date], RateCard] = field(default_factory=dict, repr=False)

    def amount_of(self, line: BilledLine, day: date) -> Amount:
        """``day``: of the request, in UTC."""
        return self.card(line.tariff, day).amount_of(_counts(line))

    def card(self, tariff: Tariff, day: date) -> RateCard:
        known = self._known.get((tariff, day))
        if known is None:
            each = tuple(self.book.price_of(line, day).amount for line in _lines_of_one(tariff))
            known = self._known[tariff, day] = RateCard(self.book, tariff, day, each)
        return known


def line_of(tariff: Tariff, counts: Sequence[int]) -> BilledLine:
    """``counts``: in the order of ``COUNTED``."""
    *tokens, estimated, searches = counts
    return BilledLine(
        tariff=tariff,
        tokens=TokenCounts(**dict(zip(COUNTED, tokens, strict=False))),
        estimated_output_tokens=estimated,
        web_searches=searches,
    )


def _lines_of_one(tariff: Tariff) -> list[BilledLine]:
    """One of each kind, each alone."""
    return [line_of(tariff, [int(kind == each) for kind in COUNTED]) for each in COUNTED]


def _counts(line: BilledLine) -> tuple[int, ...]:
    """In the order of ``COUNTED``."""
    tokens = line.tokens
    return (
        tokens.input_tokens,
        tokens.output_tokens,
        tokens.cache_read_tokens,
        tokens.cache_write_5m_tokens,
        tokens.cache_write_1h_tokens,
        line.estimated_output_tokens,
        line.web_searches,
    )
