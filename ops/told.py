"""How does a service know what people said of prices, plans and names? Their events, asked for every few seconds."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from dashboard.told import Sayings
from domain.client_keys import ClientKey
from domain.ports import EventLog
from domain.prices import PriceBook
from ops.db.project_labels import labels_said
from ops.db.said import all_said
from ops.prices import REST_S, PriceSource, plans_said, shipped_prices

_NAMING = (ClientKey.Issued.TOPIC, ClientKey.Renamed.TOPIC)


class StoredSayings:
    """Keep one for a whole service."""

    def __init__(self, log: EventLog, seconds: Callable[[], float]) -> None:
        """``seconds``: a clock that never goes back."""
        self._log, self._seconds = log, seconds
        self._prices = PriceSource(log, seconds)
        self._asked_at = float("-inf")
        self._said = Sayings(shipped=PriceBook(shipped_prices()))
        self._busy = asyncio.Lock()

    async def __call__(self) -> Sayings:
        """At most ``REST_S`` old. Raises StoreUnavailableError."""
        async with self._busy:
            if self._seconds() - self._asked_at >= REST_S:
                self._said = replace(
                    self._said,
                    book=await self._prices.book(),
                    plans=await plans_said(self._log),
                    key_names=await key_names_said(self._log),
                    project_labels=await labels_said(self._log),
                )
                self._asked_at = self._seconds()
            return self._said


async def key_names_said(log: EventLog) -> Mapping[str, str]:
    """What each client key is called, revoked ones too, by its id. Raises StoreUnavailableError."""
    events = [one.event for one in await all_said(log, _NAMING)]
    return {event.key_id: event.name for event in events if isinstance(event, ClientKey.Issued | ClientKey.Renamed)}
