"""What did it cost that tokens were paid anew? Their price as they were paid, less that of reading them; ranked."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.billing import BilledLine, Tariff
from domain.cache_misses import Rewritten
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


def ranked(wastes: Sequence[Waste], price_of: PriceOf) -> list[CacheGroup]:
    """By group, the most expensive first; what has no price comes by its tokens."""
    groups = defaultdict[str | None, list[Waste]](list)
    for waste in wastes:
        groups[waste.key].append(waste)
    return sorted((_group(key, of, price_of) for key, of in groups.items()), key=_rank)


def totals(requests: int, prompt_tokens: int, groups: Sequence[CacheGroup]) -> CacheTotals:
    """``groups``: all there are."""
    rewritten = sum(group.rewritten_tokens for group in groups)
    unknown = [cause.requests for group in groups for cause in group.causes if cause.cause == "unknown"]
    return CacheTotals(
        requests=requests,
        prompt_tokens=prompt_tokens,
        misses=sum(group.requests for group in groups),
        unexplained=sum(unknown),
        rewritten_tokens=rewritten,
        rewritten_share=rewritten / prompt_tokens if prompt_tokens else 0.0,
        cost_usd=_sum([group.cost_usd for group in groups]),
    )


def rewritten_tokens(of: Rewritten) -> RewrittenTokens:
    return RewrittenTokens(
        cache_write_5m_tokens=of.write_5m,
        cache_write_1h_tokens=of.write_1h,
        input_tokens=of.fresh,
        tokens=of.tokens,
    )


def _group(key: str | None, wastes: Sequence[Waste], price_of: PriceOf) -> CacheGroup:
    by_cause = defaultdict[str, list[Waste]](list)
    for waste in wastes:
        by_cause[waste.cause].append(waste)
    causes = sorted((_cause(cause, of, price_of) for cause, of in by_cause.items()), key=_rank_of_cause)
    return CacheGroup(
        key=key,
        requests=sum(cause.requests for cause in causes),
        rewritten_tokens=sum(cause.rewritten.tokens for cause in causes),
        cost_usd=_sum([cause.cost_usd for cause in causes]),
        causes=causes,
    )


def _cause(cause: str, wastes: Sequence[Waste], price_of: PriceOf) -> CacheCause:
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
        cost_usd=_sum([cost_of(waste.tariff, waste.day, waste.rewritten, price_of) for waste in wastes]),
        examples=[request_id for _, request_id in examples[:EXAMPLES]],
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """None: one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _rank(group: CacheGroup) -> tuple[Decimal, int, str]:
    return -(group.cost_usd or Decimal(0)), -group.rewritten_tokens, group.key or ""


def _rank_of_cause(cause: CacheCause) -> tuple[Decimal, int, str]:
    return -(cause.cost_usd or Decimal(0)), -cause.rewritten.tokens, cause.cause
