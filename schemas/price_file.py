"""What does a file of prices look like? The shape that is shipped (``shipped_prices.json``), exported and imported.

US dollars per million tokens; numbers or decimal strings. Members that nobody knows are refused: a price with a typing
mistake in its name would be a price that is missing.
"""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateFacts(_Strict):
    """By kind of token; what is left out is not known."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None


class PriceFacts(RateFacts):
    """One price for one or several patterns of model names."""

    models: tuple[str, ...]
    effective_from: date | None = None
    """First day, UTC; left out: the day that is typed for the import."""
    source: str | None = None
    """Left out: that of the file."""
    long_context: RateFacts | None = None
    web_search_per_1000: Decimal | None = None
    factors: dict[str, dict[str, Decimal]] = {}
    """``{"service_tier": {"batch": 0.5}}``."""


class PriceFile(_Strict):
    """A list of prices."""

    source: str | None = None
    prices: tuple[PriceFacts, ...]
