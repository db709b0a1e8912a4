"""What does a sum cost, without its formula? The book's own amounts, quick enough for thousands of sums; pure.

A page adds up thousands of lines and shows the formula of none. What one token of each kind costs under a tariff on a
day is asked of the book once; a line is then a few multiplications. The amounts are the book's, exactly: nothing is
rounded (``domain/prices.py``).
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal

from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts

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
class RateCards:
    """Of one book; keep it for one answer."""

    book: PriceBook
    _known: dict[tuple[Tariff, date], tuple[Decimal | None, ...]] = field(default_factory=dict, repr=False)

    def amount_of(self, line: BilledLine, day: date) -> Amount:
        """``day``: of the request, in UTC."""
        whole, used = Decimal(0), False
        for count, each in zip(_counts(line), self._card(line.tariff, day), strict=True):
            if not count:
                continue
            if each is None:
                return Amount(None, used=False, reason=self.book.price_of(line, day).reason)
            whole, used = _EXACT.add(whole, _EXACT.multiply(each, count)), True
        return Amount(whole, used=True) if used else _FREE

    def _card(self, tariff: Tariff, day: date) -> tuple[Decimal | None, ...]:
        """US dollars for one of each kind; None: it has no price."""
        card = self._known.get((tariff, day))
        if card is None:
            each = (self.book.price_of(line, day) for line in _lines_of_one(tariff))
            card = self._known[tariff, day] = tuple(priced.amount for priced in each)
        return card


def _lines_of_one(tariff: Tariff) -> list[BilledLine]:
    """One of each kind that is counted, each alone."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    tokens = [BilledLine(tariff=tariff, tokens=TokenCounts(**{name: 1})) for name in names]
    nothing = TokenCounts()
    return [
        *tokens,
        BilledLine(tariff=tariff, tokens=nothing, estimated_output_tokens=1),
        BilledLine(tariff=tariff, tokens=nothing, web_searches=1),
    ]


def _counts(line: BilledLine) -> tuple[int, ...]:
    """In the order of ``_lines_of_one``."""
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
