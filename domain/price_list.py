"""Which prices did people set, import and withdraw? One aggregate, the installation's own price list.

What is set stands over what is shipped for the same pattern and day. A past day is allowed and meant: money is reckoned
when somebody looks, so a corrected price reprices all history at once, and the events say who corrected it and when.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate, CanMutateAggregate, TAggregate

from domain.prices import Price, PriceBook, UnfitPriceError, check_price, check_text

PRICE_LIST_ID = UUID("5f0a3f1c-9a5d-4c55-8d58-3c1f0a8f7b21")
"""There is one list."""
MAX_IMPORTED = 5000


class PriceList(BaseAggregate[UUID]):
    """The prices of one's own."""

    TOPIC = "price-list"

    def __init__(self) -> None:
        self.own: dict[tuple[str, date], Price] = {}
        """By pattern and first day."""
        self.hidden: set[tuple[str, date]] = set()
        """Shipped prices that do not hold here."""

    class Event(AggregateEvent):
        """Base of the aggregate's events. Each of them may be the first, and then makes the aggregate."""

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            return super().mutate(None) if aggregate is None else CanMutateAggregate.mutate(self, aggregate)

    class PriceSet(Event, AggregateCreated):
        """A person set a price."""

        TOPIC = "price-set"

        price: Price
        who: str

        def apply(self, aggregate: "PriceList") -> None:
            aggregate.take(self.price)

    class Imported(Event, AggregateCreated):
        """A person took over many prices at once."""

        TOPIC = "price-list-imported"

        prices: tuple[Price, ...]
        origin: str
        """What they were taken from, as typed."""
        who: str

        def apply(self, aggregate: "PriceList") -> None:
            for price in self.prices:
                aggregate.take(price)

    class Withdrawn(Event, AggregateCreated):
        """A person took a price away: an own one, else a shipped one."""

        TOPIC = "price-withdrawn"

        pattern: str
        effective_from: date
        who: str

        def apply(self, aggregate: "PriceList") -> None:
            key = (self.pattern, self.effective_from)
            if aggregate.own.pop(key, None) is None:
                aggregate.hidden.add(key)

    def take(self, price: Price) -> None:
        """Part of applying an event."""
        self.own[price.key] = price
        self.hidden.discard(price.key)

    @classmethod
    def with_price(cls, standing: Self | None, price: Price, *, who: str, at: datetime) -> Self:
        """``standing``: None before the first word of all. Nothing happens if the price stands already.

        Raises UnfitPriceError.
        """
        _check([price], who)
        if standing is not None and standing.own.get(price.key) == price:
            return standing
        return cls._say(standing, cls.PriceSet, at, price=price, who=who)

    @classmethod
    def with_all(cls, standing: Self | None, prices: Iterable[Price], *, origin: str, who: str, at: datetime) -> Self:
        """Those that do not stand already. Raises UnfitPriceError."""
        taken = tuple(prices)
        check_text(origin, "origin")
        _check(taken, who)
        if not 0 < len(taken) <= MAX_IMPORTED:
            raise UnfitPriceError(f"{len(taken)} prices cannot be imported at once: 1 to {MAX_IMPORTED}.")
        if len({price.key for price in taken}) < len(taken):
            raise UnfitPriceError("The list names a pattern twice for the same day.")
        new = tuple(price for price in taken if standing is None or standing.own.get(price.key) != price)
        if standing is not None and not new:
            return standing
        return cls._say(standing, cls.Imported, at, prices=new, origin=origin, who=who)

    @classmethod
    def without(cls, standing: Self | None, key: tuple[str, date], *, who: str, at: datetime) -> Self:
        """Takes back one's own price, and what is shipped for that pattern and day holds again; where there is no own
        one, the shipped one does not hold any more. Raises UnfitPriceError."""
        _check((), who)
        return cls._say(standing, cls.Withdrawn, at, pattern=key[0], effective_from=key[1], who=who)

    @classmethod
    def _say(cls, standing: Self | None, event: type[Any], at: datetime, **facts: object) -> Self:
        if standing is None:
            return cls._create(event, id=PRICE_LIST_ID, timestamp=at, **facts)
        standing.trigger_event(event, timestamp=at, originator_topic=cls.TOPIC, **facts)
        return standing


PRICE_TOPICS = (PriceList.PriceSet.TOPIC, PriceList.Imported.TOPIC, PriceList.Withdrawn.TOPIC)


def book_of(shipped: Iterable[Price], own: PriceList | None) -> PriceBook:
    """All prices that stand: shipped ones, but for those that are replaced or withdrawn, then one's own."""
    if own is None:
        return PriceBook(tuple(shipped))
    gone = own.hidden | own.own.keys()
    return PriceBook((*(price for price in shipped if price.key not in gone), *own.own.values()))


def _check(prices: Iterable[Price], who: str) -> None:
    check_text(who, "person who changes it")
    for price in prices:
        check_price(price)
