"""How does an account pay: by the token, or by a subscription? What people said, and what requests tell.

On a subscription nothing is charged by the token: there, what we reckon is what the same would cost by the API, and is
shown as "API-equivalent". One aggregate per account: said, and said again.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self, get_args
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate, CanMutateAggregate, TAggregate

from domain.errors import SetupError
from schemas.stored.events import HeaderFact

_PLANS = UUID("3d9d3a0e-6d0e-4bb0-8f6b-1a4f0d6c2e77")
"""Name space of the aggregates' ids."""
Plan = Literal["api", "subscription"]
PLANS: tuple[Plan, ...] = get_args(Plan)
MAX_ACCOUNT = 200
_BETA_HEADER = "anthropic-beta"
_SIGNED_IN = "oauth-2025-04-20"
"""Claude Code sends this beta when it is signed in with a Claude account."""


class UnfitPlanError(SetupError):
    """This cannot be said of an account."""


class AccountPlan(BaseAggregate[UUID]):
    """How one account pays."""

    TOPIC = "account-plan"

    def __init__(self, account: str, plan: Plan) -> None:
        self.account = account
        self.plan = plan

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Said(Event, AggregateCreated):
        """A person said how an account pays. The first word makes the aggregate, later ones change it."""

        TOPIC = "account-plan-said"

        account: str
        plan: Plan
        who: str

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            if aggregate is None:
                return super().mutate(None)
            return CanMutateAggregate.mutate(self, aggregate)

        def apply(self, aggregate: "AccountPlan") -> None:
            aggregate.plan = self.plan

    @staticmethod
    def create_id(account: str) -> UUID:
        """The same account has the same aggregate, wherever it is said."""
        return uuid5(_PLANS, account)

    @classmethod
    def begin(cls, account: str, plan: Plan, *, who: str, at: datetime) -> Self:
        """The first word about an account. Raises UnfitPlanError."""
        _check(account, plan, who)
        return cls._create(cls.Said, id=cls.create_id(account), timestamp=at, account=account, plan=plan, who=who)

    def say(self, plan: Plan, *, who: str, at: datetime) -> None:
        """Nothing happens if it was said already. Raises UnfitPlanError."""
        _check(self.account, plan, who)
        if plan != self.plan:
            self.trigger_event(
                self.Said,
                timestamp=at,
                originator_topic=self.TOPIC,
                account=self.account,
                plan=plan,
                who=who,
            )


PLAN_TOPICS = (AccountPlan.Said.TOPIC,)


def plan_told(headers: Iterable[HeaderFact]) -> Plan:
    """What a request's own headers tell, where nobody said anything: a client that is signed in has a subscription."""
    betas = [header.value for header in headers if header.name.lower() == _BETA_HEADER and header.value is not None]
    named = {beta.strip().lower() for line in betas for beta in line.split(",")}
    return "subscription" if _SIGNED_IN in named else "api"


def plan_of(said: Plan | None, told: Iterable[Plan]) -> Plan:
    """A person's word first; else by requests, of which one that is signed in is enough; else by the token."""
    return said or ("subscription" if "subscription" in set(told) else "api")


def _check(account: str, plan: str, who: str) -> None:
    if not (0 < len(account) <= MAX_ACCOUNT and account.isprintable()):
        raise UnfitPlanError(f"{account[:MAX_ACCOUNT]!r} is no account: `nexus status` and the pages show their names.")
    if plan not in PLANS:
        raise UnfitPlanError(f"{plan[:50]!r} is no plan: say {' or '.join(PLANS)}.")
    if not who:
        raise UnfitPlanError("A plan needs somebody who said it.")
