"""How does each account pay? What people said, and for all others what their answers told of windows.

Only subscriptions have windows (``anthropic-ratelimit-unified-*``), so who was told of one has a subscription, unless
a person says otherwise.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from dashboard.told import Sayings, Told
from domain.account_plans import Plan, plan_of

REST_S = 5.0
"""What answers told is asked for so often."""


@dataclass(slots=True)
class WithPlansSeen:
    """What people said, and the plans that nobody said. Keep one for a whole service."""

    told: Told
    subscribed: Callable[[], Awaitable[Sequence[str]]]
    """Reads which accounts were told of windows."""
    seconds: Callable[[], float]
    """A clock that never goes back."""
    _asked_at: float = field(default=float("-inf"), init=False)
    _seen: Sequence[str] = field(default=(), init=False)

    async def __call__(self) -> Sayings:
        """Raises StoreUnavailableError."""
        said = await self.told()
        if self.seconds() - self._asked_at >= REST_S:
            self._seen = await self.subscribed()
            self._asked_at = self.seconds()
        seen: dict[str, Plan] = {one: plan_of(said.plans.get(one), ["subscription"]) for one in self._seen}
        return replace(said, plans={**seen, **said.plans})
