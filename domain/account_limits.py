"""How much may all keys of an account use together? One aggregate per account: limited, and limited again."""

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate, CanMutateAggregate, TAggregate

from domain.key_rules import check_account, check_limits, check_who
from domain.limits import Limits

_ACCOUNTS = UUID("0d7c0f6a-4f0e-4a39-9b83-9a9f3b8c7e52")
"""Name space of the aggregates' ids."""


class AccountLimits(BaseAggregate[UUID]):
    """The limits of one account."""

    TOPIC = "account-limits"

    def __init__(self, account: str, limits: Limits) -> None:
        self.account = account
        self.limits = limits

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Limited(Event, AggregateCreated):
        """The account's limits, all four. The first one makes the aggregate, later ones change it."""

        TOPIC = "account-limited"

        account: str
        limits: Limits
        who: str

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:
            if aggregate is None:
                return super().mutate(None)
            return CanMutateAggregate.mutate(self, aggregate)

        def apply(self, aggregate: "AccountLimits") -> None:
            aggregate.limits = self.limits

    @staticmethod
    def create_id(account: str) -> UUID:
        """The same account has the same aggregate, wherever it is limited."""
        return uuid5(_ACCOUNTS, account)

    @classmethod
    def begin(cls, account: str, limits: Limits, *, who: str, at: datetime) -> Self:
        """The first limits of an account. Raises UnfitKeyError."""
        check_account(account)
        check_limits(limits)
        check_who(who)
        return cls._create(
            cls.Limited, id=cls.create_id(account), timestamp=at, account=account, limits=limits, who=who
        )

    def limit(self, limits: Limits, *, who: str, at: datetime) -> None:
        """All four limits anew. Raises UnfitKeyError."""
        check_limits(limits)
        check_who(who)
        if limits != self.limits:
            self.trigger_event(
                self.Limited,
                timestamp=at,
                originator_topic=self.TOPIC,
                account=self.account,
                limits=limits,
                who=who,
            )


ACCOUNT_TOPICS = (AccountLimits.Limited.TOPIC,)
