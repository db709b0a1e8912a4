"""How much may a client key or an account use? Four limits, each off unless it is set; pure."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key, or all keys of one account together, may use. None: no limit."""

    requests_per_minute: int | None = None
    concurrent_streams: int | None = None
    tokens_per_hour: int | None = None
    """Input, output and both kinds of cache tokens, of the last 60 minutes."""
    spend_per_day: Decimal | None = None
    """US dollars, of the current UTC day."""

    @property
    def any(self) -> bool:
        """Is there a limit at all?"""
        return self != Limits()
