"""How is usage added up, in tokens and in money? Series of the read model become sums that add up in turn; pure.

Money is reckoned here, from sums that are kept apart by all that a price depends on: so a price that is corrected
changes what everything has cost, at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import add

from domain.billing import Tariff
from domain.costs import CostSum
from domain.rate_cards import RateCard, RateCards, line_of
from domain.usage_sums import TOKEN_KINDS, UsageSeries
from domain.what_if import WhatIf, assumed

COUNTED = (
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "estimated_output",
    "web_searches", "thinking", "requests", "failed", "aborted", "unrecorded",
)  # fmt: skip
"""``COUNTS`` as the answer names them; tokens that are billed each by itself come first, then all else that is."""
_PRICED, _REQUESTS, _UNRECORDED = 7, 8, -1


@dataclass(slots=True)
class UsageSum:
    """What was added up so far."""

    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTED))
    """In the order of ``COUNTED``."""
    found: CostSum = field(default_factory=CostSum)
    supposed: CostSum = field(default_factory=CostSum)
    """What it would have cost."""
    unpriced_tokens: int = 0
    reasons: dict[str, None] = field(default_factory=dict)
    """Why they have no price, each once."""
    estimated: bool = False
    api_equivalent: bool = False

    def copy(self) -> "UsageSum":
        other = UsageSum()
        other.take(self)
        return other

    def take(self, other: "UsageSum") -> None:
        self.count(other.counts)
        self.found.take(other.found)
        self.supposed.take(other.supposed)
        self.unpriced_tokens += other.unpriced_tokens
        self.reasons |= other.reasons
        self.estimated |= other.estimated
        self.api_equivalent |= other.api_equivalent

    def count(self, counts: Sequence[int]) -> None:
        self.counts = list(map(add, self.counts, counts))

    @property
    def used(self) -> int:
        """Tokens; thinking is part of the output."""
        return _used(self.counts)


@dataclass(frozen=True, slots=True)
class Adding:
    """How series become money."""

    what_if: WhatIf
    cards: RateCards
    supposed: RateCards
    """Of what is assumed."""

    def add(self, sums: Mapping[datetime | None, UsageSum], series: UsageSeries, *, estimated: bool) -> None:
        """``sums``: by bucket; one for each point."""
        supposing = bool(self.what_if.words)
        card: RateCard | None = None
        for bucket, priced_on, counts in series.points:
            day = priced_on or date.min
            if card is None or card.day != day:
                card = self.cards.card(series.tariff, day)
            to = sums[bucket]
            to.count(counts)
            priced = card.amount_of(counts[:_PRICED])
            if priced.amount is None:
                to.unpriced_tokens += _used(counts)
                to.reasons[priced.reason] = None
            if priced.used or counts[_REQUESTS] or priced.amount is None:
                to.found.add(priced.amount, used=priced.used)
            to.found.lose(counts[_UNRECORDED])
            to.estimated |= estimated
            to.api_equivalent |= series.subscription
            if supposing:
                self._suppose(to, series.tariff, counts, day)

    def _suppose(self, to: UsageSum, tariff: Tariff, counts: Sequence[int], day: date) -> None:
        line = assumed(line_of(tariff, counts[:_PRICED]), self.what_if)
        other = self.supposed.amount_of(line, self.what_if.on or day)
        to.supposed.add(other.amount, used=other.used)
        to.supposed.lose(counts[_UNRECORDED])


def _used(counts: Sequence[int]) -> int:
    return sum(counts[:TOKEN_KINDS])
