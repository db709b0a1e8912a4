"""What would it have cost otherwise? The same tokens with another model, another lifetime of the cache, or no cache."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from domain.billing import BilledLine
from domain.usage import TokenCounts

Lifetime = Literal["5m", "1h"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What is assumed; None and False: as it was."""

    model: str | None = None
    """Every token at this model's prices. How many another model would have used is not known."""
    lifetime: Lifetime | None = None
    """All cache writes live so long; what would have been read again, or not, stays as it was."""
    no_cache: bool = False
    """What was read from the cache or written to it is plain input."""
    shipped_prices: bool = False
    """The list that came with Nexus in the place of one's own."""
    on: date | None = None
    """The prices of this day for all days."""

    @property
    def words(self) -> tuple[str, ...]:
        """What is assumed, for people; empty: nothing."""
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        if self.model is not None:
            yield f"every token at the prices of {self.model}"
        if self.no_cache:
            yield "no cache: what was read from it or written to it is plain input"
        elif self.lifetime is not None:
            yield f"all cache writes live for {self.lifetime}, and as much is read as was"
        if self.shipped_prices:
            yield "the prices that came with Nexus"
        if self.on is not None:
            yield f"the prices of {self.on}"


def assumed(line: BilledLine, what_if: WhatIf) -> BilledLine:
    """The line as it would have been billed."""
    tariff = line.tariff if what_if.model is None else replace(line.tariff, model=what_if.model)
    return replace(line, tariff=tariff, tokens=_tokens(line.tokens, what_if))


def _tokens(tokens: TokenCounts, what_if: WhatIf) -> TokenCounts:
    written = tokens.cache_write_5m_tokens + tokens.cache_write_1h_tokens
    if what_if.no_cache:
        plain = tokens.input_tokens + tokens.cache_read_tokens + written
        return TokenCounts(input_tokens=plain, output_tokens=tokens.output_tokens)
    match what_if.lifetime:
        case "5m":
            return replace(tokens, cache_write_5m_tokens=written, cache_write_1h_tokens=0)
        case "1h":
            return replace(tokens, cache_write_5m_tokens=0, cache_write_1h_tokens=written)
    return tokens
