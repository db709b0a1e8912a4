"""How long does somebody wait who gave a wrong key? Longer and longer, and only so many wait at once.

Who gives the right key never waits. So guessing is slow for whoever guesses in turn; whoever guesses on many
connections at once is told so at once when too many of his answers wait. Nobody's session is touched by any of it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

FREE_TRIES = 5
"""So many wrong keys a minute are a slip of the hand."""
WINDOW_S = 60.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 5.0
MOST_WAITING = 64
"""Answers that wait at once, of all addresses."""
MOST_WAITING_EACH = 8
MOST_ADDRESSES = 10_000
"""The one heard of longest ago is forgotten first."""
_IPV6_HOME = 64
"""Bits of an IPv6 address that tell one customer from another; he chooses the rest as he likes."""


@dataclass(slots=True)
class _Record:
    """What one address did in the current window."""

    began: float
    wrong: int = 0
    waiting: int = 0


class Throttle:
    """Remembers wrong keys by address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._waiting = 0

    def penalty(self, address: str) -> float | None:
        """Note a wrong key; how many seconds its answer has to wait. None: too many wait already."""
        record = self._record(_home_of(address))
        record.wrong += 1
        if record.wrong <= FREE_TRIES:
            return 0.0
        if record.waiting >= MOST_WAITING_EACH or self._waiting >= MOST_WAITING:
            return None
        doublings = min(record.wrong - FREE_TRIES - 1, 8)
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0**doublings)

    @asynccontextmanager
    async def _waits(self, address: str) -> AsyncIterator[None]:
        record = self._record(_home_of(address))
        record.waiting += 1
        self._waiting += 1
        try:
            yield
        finally:
            record.waiting -= 1
            self._waiting -= 1

    async def punish(self, address: str) -> bool:
        """Note a wrong key and wait as it deserves; False: too many wait already, say so at once."""
        seconds = self.penalty(address)
        if seconds is None:
            return False
        if seconds:
            async with self._waits(address):
                await asyncio.sleep(seconds)
        return True

    def _record(self, home: str) -> _Record:
        now = self._clock()
        record = self._records.get(home)
        if record is None:
            record = self._records[home] = _Record(now)
        if now - record.began >= WINDOW_S:
            record.began, record.wrong = now, 0
        self._records.move_to_end(home)
        if len(self._records) > MOST_ADDRESSES:
            self._records.popitem(last=False)
        return record


def _home_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Network((int(parsed), _IPV6_HOME), strict=False))
    return str(parsed)
