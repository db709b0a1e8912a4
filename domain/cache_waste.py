"""What did it cost that tokens were paid anew? Their price as they were paid, less that of reading them; ranked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from heapq import nsmallest
from uuid import UUID

from domain.billing import BilledLine, Tariff
from domain.cache_misses import Rewritten
from domain.rate_cards import RateCard, RateCards
from domain.usage import TokenCounts
from schemas.cache_api import CacheCause, CacheGroup, CacheTotals, RewrittenTokens

PriceOf = Callable[[BilledLine, date], Decimal | None]
"""US dollars of a line on a day (UTC), exact; None: it has no price."""
EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Misses of one cause in one group, under one price."""

    key: str | None
    """Of the group."""
    cause: str
    tariff: Tariff
    day: date
    """Some day of UTC with that price."""
    requests: int
    estimated: int
    unsure: int
    rewritten: Rewritten
    examples: tuple[tuple[int, UUID], ...]
    """Tokens paid anew and the request, the most first."""


def cost_of(tariff: Tariff, day: date, rewritten: Rewritten, price_of: PriceOf) -> Decimal | None:
    """US dollars that reading would have saved; None: there is no price."""
    paid = TokenCounts(
        input_tokens=rewritten.fresh,
        cache_write_5m_tokens=rewritten.write_5m,
        cache_write_1h_tokens=rewritten.write_1h,
    )
    read = TokenCounts(cache_read_tokens=rewritten.tokens)
    cost = price_of(BilledLine(tariff=tariff, tokens=paid), day)
    saved = price_of(BilledLine(tariff=tariff, tokens=read), day)
    return None if cost is None or saved is None else cost - saved


@dataclass(frozen=True, slots=True)
class Costed:
    """A waste, and what it cost."""

    waste: Waste
    cost: Decimal | None
    """US dollars that reading would have saved, exact; None: there is no price."""


def costed(wastes: Iterable[Waste], cards: RateCards) -> list[Costed]:
    """As ``cost_of`` says of each, quick enough for thousands."""
    return [Costed(waste, _cost_by(cards.card(waste.tariff, waste.day), waste.rewritten)) for waste in wastes]


def _cost_by(card: RateCard, rewritten: Rewritten) -> Decimal | None:
    cost = card.amount_of((rewritten.fresh, 0, 0, rewritten.write_5m, rewritten.write_1h, 0, 0)).amount
    saved = card.amount_of((0, 0, rewritten.tokens, 0, 0, 0, 0)).amount
    return None if cost is None or saved is None else cost - saved


def ranked(wastes: Iterable[Costed], most: int) -> list[CacheGroup]:
    """By group, the most expensive first, so many at most; what has no price comes by its tokens."""
    groups = defaultdict[str | None, list[Costed]](list)
    for one in wastes:
        groups[one.waste.key].append(one)
    first = nsmallest(most, groups.items(), key=lambda group: _rank(group[1], group[0] or ""))
    return [_group(key, of) for key, of in first]


def totals(requests: int, prompt_tokens: int, wastes: Sequence[Costed]) -> CacheTotals:
    """``wastes``: all there are."""
    rewritten = _tokens(wastes)
    return CacheTotals(
        requests=requests,
        prompt_tokens=prompt_tokens,
        misses=sum(one.waste.requests for one in wastes),
        unexplained=sum(one.waste.requests for one in wastes if one.waste.cause == "unknown"),
        rewritten_tokens=rewritten,
        rewritten_share=rewritten / prompt_tokens if prompt_tokens else 0.0,
        cost_usd=_cost(wastes),
    )


def rewritten_tokens(of: Rewritten) -> RewrittenTokens:
    return RewrittenTokens(
        cache_write_5m_tokens=of.write_5m,
        cache_write_1h_tokens=of.write_1h,
        input_tokens=of.fresh,
        tokens=of.tokens,
    )


def _group(key: str | None, wastes: Sequence[Costed]) -> CacheGroup:
    by_cause = defaultdict[str, list[Costed]](list)
    for one in wastes:
        by_cause[one.waste.cause].append(one)
    causes = sorted(by_cause.items(), key=lambda cause: _rank(cause[1], cause[0]))
    return CacheGroup(
        key=key,
        requests=sum(one.waste.requests for one in wastes),
        rewritten_tokens=_tokens(wastes),
        cost_usd=_cost(wastes),
        causes=[_cause(cause, of) for cause, of in causes],
    )


def _cause(cause: str, costed: Sequence[Costed]) -> CacheCause:
    wastes = [one.waste for one in costed]
    rewritten = Rewritten(
        sum(waste.rewritten.write_5m for waste in wastes),
        sum(waste.rewritten.write_1h for waste in wastes),
        sum(waste.rewritten.fresh for waste in wastes),
    )
    examples = sorted((one for waste in wastes for one in waste.examples), reverse=True)
    return CacheCause(
        cause=cause,
        requests=sum(waste.requests for waste in wastes),
        estimated=sum(waste.estimated for waste in wastes),
        unsure=sum(waste.unsure for waste in wastes),
        rewritten=rewritten_tokens(rewritten),
        cost_usd=_cost(costed),
        examples=[request_id for _, request_id in examples[:EXAMPLES]],
    )


def _tokens(wastes: Iterable[Costed]) -> int:
    return sum(one.waste.rewritten.tokens for one in wastes)


def _cost(wastes: Iterable[Costed]) -> Decimal | None:
    """None: one of them is not known."""
    total = Decimal(0)
    for one in wastes:
        if one.cost is None:
            return None
        total += one.cost
    return total


def _rank(wastes: Sequence[Costed], name: str) -> tuple[Decimal, int, str]:
    return -(_cost(wastes) or Decimal(0)), -_tokens(wastes), name
