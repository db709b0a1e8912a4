"""How is usage added up, in tokens and in money? Rows of the read model become sums that add up in turn; pure.

Money is reckoned here, from sums that are kept apart by all that a price depends on: so a price that is corrected
changes what everything has cost, at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.billing import BilledLine
from domain.costs import CostSum
from domain.rate_cards import RateCards
from domain.usage_sums import UsageRow
from domain.what_if import WhatIf, assumed

COUNTED = (
    "input", "output", "estimated_output", "cache_read", "cache_write_5m", "cache_write_1h",
    "thinking", "web_searches", "requests", "failed", "aborted",
)  # fmt: skip
"""As the answer names them; tokens that are billed each by itself come first."""
_BILLED = 6


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

    def take(self, other: "UsageSum") -> None:
        self.count(other.counts)
        self.found.take(other.found)
        self.supposed.take(other.supposed)
        self.unpriced_tokens += other.unpriced_tokens
        self.reasons |= other.reasons
        self.estimated |= other.estimated
        self.api_equivalent |= other.api_equivalent

    def count(self, counts: Sequence[int]) -> None:
        self.counts = [one + other for one, other in zip(self.counts, counts, strict=True)]

    @property
    def used(self) -> int:
        """Tokens; thinking is part of the output."""
        return _used(self.counts)


@dataclass(frozen=True, slots=True)
class Adding:
    """How rows become money."""

    what_if: WhatIf
    cards: RateCards
    supposed: RateCards
    """Of what is assumed."""

    def add(self, to: UsageSum, row: UsageRow, *, estimated: bool) -> None:
        line = BilledLine(
            tariff=row.tariff,
            tokens=row.tokens,
            estimated_output_tokens=row.estimated_output_tokens,
            web_searches=row.web_searches,
        )
        day, counts = row.priced_on or date.min, _counts(row)
        priced = self.cards.amount_of(line, day)
        to.count(counts)
        to.estimated |= estimated
        to.api_equivalent |= row.subscription
        if priced.amount is None:
            to.unpriced_tokens += _used(counts)
            to.reasons[priced.reason] = None
        if priced.used or row.requests or priced.amount is None:
            to.found.add(priced.amount, used=priced.used)
        if self.what_if.words:
            other = self.supposed.amount_of(assumed(line, self.what_if), self.what_if.on or day)
            to.supposed.add(other.amount, used=other.used)


def _counts(row: UsageRow) -> tuple[int, ...]:
    """In the order of ``COUNTED``."""
    tokens = row.tokens
    return (
        tokens.input_tokens,
        tokens.output_tokens,
        row.estimated_output_tokens,
        tokens.cache_read_tokens,
        tokens.cache_write_5m_tokens,
        tokens.cache_write_1h_tokens,
        row.thinking_tokens,
        row.web_searches,
        row.requests,
        row.failed,
        row.aborted,
    )


def _used(counts: Sequence[int]) -> int:
    return sum(counts[:_BILLED])
