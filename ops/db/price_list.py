"""How do prices and plans get into the store? As events of ``PriceList`` and ``AccountPlan``.

Synchronous, like everything of the library: call it by ``in_daemon_thread``.
"""

from collections.abc import Callable
from datetime import datetime

from eventsourcing.application import AggregateNotFoundError

from domain.account_plans import AccountPlan, Plan
from domain.price_list import PRICE_LIST_ID, PriceList
from ops.db.application import Nexus, library_failures


def change(url: str, word: Callable[[PriceList | None], PriceList]) -> None:
    """``word``: the list as it stands (None: nothing was ever said) → the list with what was said now.

    Raises AppendConflictError, StoreUnavailableError, and what ``word`` raises.
    """
    with library_failures(), Nexus(url) as nexus:
        try:
            standing: PriceList | None = nexus.repository.get(PRICE_LIST_ID)
        except AggregateNotFoundError:
            standing = None
        nexus.save(word(standing))


def say_plan(url: str, account: str, plan: Plan, *, who: str, at: datetime) -> None:
    """Raises UnfitPlanError, AppendConflictError, StoreUnavailableError."""
    with library_failures(), Nexus(url) as nexus:
        try:
            standing: AccountPlan = nexus.repository.get(AccountPlan.create_id(account))
        except AggregateNotFoundError:
            standing = AccountPlan.begin(account, plan, who=who, at=at)
        else:
            standing.say(plan, who=who, at=at)
        nexus.save(standing)
