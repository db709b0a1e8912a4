"""How do prices and plans get into the store? As events of ``PriceList`` and ``AccountPlan``.

Synchronous, like everything of the library: call it by ``in_daemon_thread``.
"""

from collections.abc import Callable
from datetime import datetime

from domain.account_plans import AccountPlan, Plan
from domain.price_list import PRICE_LIST_ID, PriceList
from ops.db.said import say


def change(url: str, word: Callable[[PriceList | None], PriceList]) -> None:
    """``word``: the list as it stands (None: nothing was ever said) → the list with what was said now.

    Raises AppendConflictError, StoreUnavailableError, and what ``word`` raises.
    """
    say(url, PRICE_LIST_ID, word)


def say_plan(url: str, account: str, plan: Plan, *, who: str, at: datetime) -> None:
    """Raises UnfitPlanError, AppendConflictError, StoreUnavailableError."""

    def word(standing: AccountPlan | None) -> AccountPlan:
        if standing is None:
            return AccountPlan.begin(account, plan, who=who, at=at)
        standing.say(plan, who=who, at=at)
        return standing

    say(url, AccountPlan.create_id(account), word)
