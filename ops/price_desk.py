"""How does a command look at prices and change them? Over the store; what is said there holds for every reader."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from domain.account_plans import Plan
from domain.price_list import PriceList, book_of
from domain.prices import PriceBook
from ops.clock import utc_now
from ops.prices import own_list, plans_said, shipped_prices
from ops.user_name import user_name

if TYPE_CHECKING:
    from ops.reading import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PriceDesk:
    """The prices as they stood when the command began, and the way to change them."""

    url: str
    own: PriceList | None
    plans: Mapping[str, Plan]
    """By account, where a person said so."""

    @property
    def book(self) -> PriceBook:
        return book_of(shipped_prices(), self.own)

    async def save(self, word: Callable[[PriceList | None, str], PriceList]) -> None:
        """``word``: what stands and who speaks → what stands then. Raises what it raises, StoreUnavailableError."""
        from ops.db import price_list
        from ops.db.daemon_thread import in_daemon_thread

        who = user_name()
        await in_daemon_thread(partial(price_list.change, self.url, lambda standing: word(standing, who)))

    async def say_plan(self, account: str, plan: Plan) -> None:
        """Raises UnfitPlanError, StoreUnavailableError."""
        from ops.db import price_list
        from ops.db.daemon_thread import in_daemon_thread

        said = partial(price_list.say_plan, self.url, account, plan, who=user_name(), at=utc_now())
        await in_daemon_thread(said)


def with_prices(command: str, work: Callable[[PriceDesk], Awaitable[T]]) -> T:
    """Run ``work`` over the database of this home. Raises NexusError."""
    from ops.db.event_log import PostgresEventLog
    from ops.reading import with_database

    async def run(database: "Database") -> T:
        log = PostgresEventLog(database.pool)
        return await work(PriceDesk(database.url, await own_list(log), await plans_said(log)))

    return with_database(command, run)
