"""By what is a list ordered? What requests and conversations are measured by, and what money is weighed with; pure.

A list that is not ordered by time holds only what has the measure: what has no answer yet has no duration.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Generic, Literal, TypeVar, get_args
from uuid import UUID

from domain.billing import Tariff
from domain.prices import PriceBook
from domain.rate_cards import RateCards

RequestMeasure = Literal[
    "received_at", "prompt_tokens", "output_tokens", "cost_usd", "time_to_first_byte_ms", "duration_ms"
]
"""``prompt_tokens``: all that went in, read from the cache or not."""
ConversationMeasure = Literal["last_at", "started_at", "requests", "failures", "tokens", "cost_usd"]
"""``requests``, ``failures`` and ``tokens`` of what has ended; tokens as they are billed."""
REQUEST_MEASURES: tuple[RequestMeasure, ...] = get_args(RequestMeasure)
CONVERSATION_MEASURES: tuple[ConversationMeasure, ...] = get_args(ConversationMeasure)
Measure = TypeVar("Measure", bound=str)
Rank = tuple[int, UUID]
"""A place in such an order: the measure (microseconds, tokens, billionths of a US dollar), and the row's id."""


@dataclass(frozen=True, slots=True)
class Sort(Generic[Measure]):
    """An order; rows that measure the same stand by their ids."""

    by: Measure
    ascending: bool = False

    @property
    def name(self) -> str:
        """Of it alone."""
        return f"{self.by} {'asc' if self.ascending else 'desc'}"


NEWEST: Sort[RequestMeasure] = Sort("received_at")
LATEST: Sort[ConversationMeasure] = Sort("last_at")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one of each kind costs under a tariff, from a day on until before another; days of UTC."""

    tariff: Tariff
    since: date
    """``date.min``: always before."""
    until: date
    """``date.max``: from then on."""
    each: tuple[Decimal | None, ...]
    """US dollars, in the order of ``rate_cards.COUNTED``; None: it has no price."""


def rates_of(tariffs: Iterable[Tariff], book: PriceBook, price_days: Sequence[date]) -> list[Rate]:
    """``price_days``: on which some list of prices begins, ascending."""
    cards, periods = RateCards(book), list(pairwise([date.min, *price_days, date.max]))
    return [
        Rate(tariff, since, until, cards.card(tariff, since).each) for tariff in tariffs for since, until in periods
    ]
