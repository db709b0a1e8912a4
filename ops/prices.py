"""Which prices and plans stand now? What is shipped with Nexus, and the events of the store over it.

``PriceSource`` is handed to who reads money: it asks the store at most every few seconds, for one stream that is found
by its id, and makes a new book only when something was said.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Protocol
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate

from domain.account_plans import PLAN_TOPICS, AccountPlan, Plan
from domain.errors import NexusError
from domain.ids import Position
from domain.ports import Recorded
from domain.price_files import read_prices
from domain.price_list import PRICE_LIST_ID, PriceList, book_of
from domain.prices import Price, PriceBook
from ops.db.said import Reads, all_said

REST_S = 5.0
"""So long the newest answer of the store is good."""
SHIPPED_FILE = "shipped_prices.json"


class NewerPricesError(NexusError):
    """A newer Nexus said something of the prices that this one does not know; upgrade it."""


class Log(Reads, Protocol):
    """What is needed of the event store."""

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        """All events of one stream, by version. Raises StoreUnavailableError."""
        ...


@cache
def shipped_prices() -> tuple[Price, ...]:
    """The list in the package."""
    text = files("schemas").joinpath(SHIPPED_FILE).read_text("utf-8")
    return read_prices(text, effective_from=date.min, source=SHIPPED_FILE)


async def own_list(log: Log) -> PriceList | None:
    """What people said; None: nothing. Raises StoreUnavailableError, NewerPricesError."""
    return _told(await log.stream(PRICE_LIST_ID))


async def plans_said(log: Log) -> Mapping[str, Plan]:
    """How accounts pay, by account, where a person said so. Raises StoreUnavailableError."""
    events = [each.event for each in await all_said(log, PLAN_TOPICS)]
    return {event.account: event.plan for event in events if isinstance(event, AccountPlan.Said)}


class PriceSource:
    """The book in force, for a service that runs for long."""

    def __init__(self, log: Log, seconds: Callable[[], float]) -> None:
        """``seconds``: a clock that never goes back."""
        self._log, self._seconds = log, seconds
        self._asked_at = float("-inf")
        self._newest: Position | None = None
        self._book = PriceBook()

    async def book(self) -> PriceBook:
        """At most ``REST_S`` old. Raises StoreUnavailableError, NewerPricesError."""
        if self._seconds() - self._asked_at >= REST_S:
            events = await self._log.stream(PRICE_LIST_ID)
            newest = events[-1].position if events else Position(0)
            if newest != self._newest:
                self._book = book_of(shipped_prices(), _told(events))
                self._newest = newest
            self._asked_at = self._seconds()
        return self._book


def _told(events: Sequence[Recorded]) -> PriceList | None:
    told: PriceList | None = None
    for recorded in events:
        if not isinstance(recorded.event, CanMutateAggregate):
            raise NewerPricesError
        told = recorded.event.mutate(told)
    return told
