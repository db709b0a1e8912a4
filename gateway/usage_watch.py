"""What did keys and accounts use lately? The newest counts that a shipper left on this host, and what they say."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from credentials.usage_counts import UsageCounts, read
from gateway.limits import Whose

POLL_S = 1.0
_HOUR = timedelta(hours=1)


class UsageWatch:
    """Reads the file again and again, in a thread. What cannot be read changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.current = read(path)

    async def run(self, poll_s: float = POLL_S) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            self.current = await asyncio.to_thread(read, self._path) or self.current


def tokens_of_last_hour(counts: UsageCounts | None, whose: Whose, name: str, now: datetime) -> int:
    """Nothing, if nothing was counted within the hour: a limit must end while the database is away."""
    if counts is None or now - counts.at >= _HOUR:
        return 0
    return (counts.tokens_by_key if whose == "key" else counts.tokens_by_account).get(name, 0)


def spend_of_day(counts: UsageCounts | None, whose: Whose, name: str, now: datetime) -> Decimal:
    """Nothing, if nothing was counted today (UTC), or nobody knows prices."""
    if counts is None or counts.at.astimezone(UTC).date() != now.astimezone(UTC).date():
        return Decimal(0)
    spend = counts.spend_by_key if whose == "key" else counts.spend_by_account
    return (spend or {}).get(name, Decimal(0))
