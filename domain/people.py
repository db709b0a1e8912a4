"""What happened to a person who may look at the dashboard? Added, changed, given a new key or a link, removed for good.

One aggregate per person, told by its events. Neither key nor link is in any of them, only their hashes.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate

from domain.errors import NexusError, SetupError
from domain.viewers import OWNER, ROLES, Role, Viewer

_PEOPLE = UUID("5a0e3d0c-8f1b-4c53-9d3e-6b7a0f4c2d91")
"""Name space of the aggregates' ids."""
MAX_ACCOUNTS = 200
MAX_ACCOUNT = 400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


class UnfitPersonError(SetupError):
    """This cannot be said of a person."""


class UnknownPersonError(NexusError):
    """There is no such person."""


class PersonRemovedError(NexusError):
    """This person is removed already; add somebody new."""


class LinkGoneError(NexusError):
    """This link was used before, or its time is over, or a newer one took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """What is decided when somebody is added."""

    person_id: str
    """Public part of the key."""
    name: str
    role: Role
    accounts: frozenset[str] | None
    key_hash: str = field(repr=False)
    """SHA-256 of the whole key, as hex."""


class Person(BaseAggregate[UUID]):
    """Somebody who may look at the dashboard."""

    TOPIC = "person"

    def __init__(
        self, *, person_id: str, name: str, role: Role, accounts: tuple[str, ...] | None, key_hash: str
    ) -> None:
        self.person_id = person_id
        self.name = name
        self.role = role
        self.accounts = accounts
        self.key_hash = key_hash
        self.turn = 1
        """What was opened in an earlier turn is over."""
        self.link_hash = ""
        self.link_ends_at: datetime | None = None
        self.removed_at: datetime | None = None

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

        TOPIC: ClassVar[str]

    class Added(Event, AggregateCreated):
        """The person was given a key, once."""

        TOPIC = "person-added"

        person_id: str
        name: str
        role: Role
        accounts: tuple[str, ...] | None
        key_hash: str
        who: str

    class RoleChanged(Event):
        """The person may do more or less."""

        TOPIC = "person-role-changed"

        role: Role
        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.role = self.role
            aggregate.turn += 1

    class AccountsChanged(Event):
        """The person is shown other accounts."""

        TOPIC = "person-accounts-changed"

        accounts: tuple[str, ...] | None
        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.accounts = self.accounts
            aggregate.turn += 1

    class KeyRenewed(Event):
        """The key before opens nothing any more."""

        TOPIC = "person-key-renewed"

        key_hash: str
        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.key_hash = self.key_hash
            aggregate.turn += 1

    class LinkMade(Event):
        """A link was made that logs in once; the one before it opens nothing any more."""

        TOPIC = "person-link-made"

        link_hash: str
        ends_at: datetime
        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.link_hash, aggregate.link_ends_at = self.link_hash, self.ends_at

    class LinkUsed(Event):
        """Somebody logged in with the link."""

        TOPIC = "person-link-used"

        def apply(self, aggregate: "Person") -> None:
            aggregate.link_hash, aggregate.link_ends_at = "", None

    class LoggedOut(Event):
        """Every session of the person's ended."""

        TOPIC = "person-logged-out"

        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.turn += 1

    class Removed(Event):
        """The person is shown nothing any more, for ever."""

        TOPIC = "person-removed"

        who: str

        def apply(self, aggregate: "Person") -> None:
            aggregate.removed_at = self.timestamp

    @staticmethod
    def create_id(person_id: str) -> UUID:
        """The same person has the same aggregate, wherever something is said of him."""
        return uuid5(_PEOPLE, person_id)

    @classmethod
    def add(cls, new: NewPerson, *, who: str, at: datetime) -> Self:
        """Raises UnfitPersonError."""
        check_name(new.name)
        _check_role(new.role)
        _check_who(who)
        return cls._create(
            cls.Added,
            id=cls.create_id(new.person_id),
            timestamp=at,
            person_id=new.person_id,
            name=new.name,
            role=new.role,
            accounts=_listed(new.accounts),
            key_hash=new.key_hash,
            who=who,
        )

    @property
    def viewer(self) -> Viewer:
        """As what the person stands before the dashboard."""
        accounts = None if self.accounts is None else frozenset(self.accounts)
        return Viewer(name=self.name, role=self.role, accounts=accounts, person_id=self.person_id)

    def change_role(self, role: Role, *, who: str, at: datetime) -> None:
        """Raises UnfitPersonError, PersonRemovedError."""
        _check_role(role)
        self._check_change(who)
        if role != self.role:
            self.trigger_event(self.RoleChanged, timestamp=at, role=role, who=who)

    def change_accounts(self, accounts: Collection[str] | None, *, who: str, at: datetime) -> None:
        """None: all. Raises UnfitPersonError, PersonRemovedError."""
        listed = _listed(accounts)
        self._check_change(who)
        if listed != self.accounts:
            self.trigger_event(self.AccountsChanged, timestamp=at, accounts=listed, who=who)

    def renew_key(self, key_hash: str, *, who: str, at: datetime) -> None:
        """Raises UnfitPersonError, PersonRemovedError."""
        self._check_change(who)
        self.trigger_event(self.KeyRenewed, timestamp=at, key_hash=key_hash, who=who)

    def make_link(self, link_hash: str, *, ends_at: datetime, who: str, at: datetime) -> None:
        """Raises UnfitPersonError, PersonRemovedError."""
        self._check_change(who)
        if ends_at <= at:
            raise UnfitPersonError(f"A link that ended at {ends_at} would be of no use; give a later moment.")
        self.trigger_event(self.LinkMade, timestamp=at, link_hash=link_hash, ends_at=ends_at, who=who)

    def use_link(self, link_hash: str, *, at: datetime) -> None:
        """Raises LinkGoneError, PersonRemovedError."""
        self._check_change(self.name)
        if not self.link_hash or link_hash != self.link_hash or self.link_ends_at is None or at >= self.link_ends_at:
            raise LinkGoneError
        self.trigger_event(self.LinkUsed, timestamp=at)

    def log_out(self, *, who: str, at: datetime) -> None:
        """Raises UnfitPersonError, PersonRemovedError."""
        self._check_change(who)
        self.trigger_event(self.LoggedOut, timestamp=at, who=who)

    def remove(self, *, who: str, at: datetime) -> None:
        """Raises UnfitPersonError, PersonRemovedError."""
        self._check_change(who)
        self.trigger_event(self.Removed, timestamp=at, who=who)

    def _check_change(self, who: str) -> None:
        _check_who(who)
        if self.removed_at is not None:
            raise PersonRemovedError(f"{self.name} is removed already; add somebody new.")


PEOPLE_TOPICS = (
    Person.Added.TOPIC,
    Person.RoleChanged.TOPIC,
    Person.AccountsChanged.TOPIC,
    Person.KeyRenewed.TOPIC,
    Person.LinkMade.TOPIC,
    Person.LinkUsed.TOPIC,
    Person.LoggedOut.TOPIC,
    Person.Removed.TOPIC,
)


def check_name(name: str) -> None:
    """Raises UnfitPersonError."""
    if not _NAME.fullmatch(name):
        raise UnfitPersonError(f"{name[:100]!r} is no name: letters, digits and . _ @ + - only, at most 64.")
    if name.lower() == OWNER.name:
        raise UnfitPersonError(f"{OWNER.name!r} is whoever has the dashboard's own key; give another name.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise UnfitPersonError(f"There is no role {role[:100]!r}; choose among {', '.join(ROLES)}.")


def _check_who(who: str) -> None:
    if not who:
        raise UnfitPersonError("A change of a person needs somebody who made it.")


def _listed(accounts: Collection[str] | None) -> tuple[str, ...] | None:
    """In a fixed order. Raises UnfitPersonError."""
    if accounts is None:
        return None
    if not 0 < len(accounts) <= MAX_ACCOUNTS:
        raise UnfitPersonError(f"Give 1 to {MAX_ACCOUNTS} accounts, or all of them.")
    for account in accounts:
        if not (0 < len(account) <= MAX_ACCOUNT and account.isprintable() and account == account.strip()):
            raise UnfitPersonError(
                f"{account[:100]!r} is no account and no scope; `nexus usage --by account` has them."
            )
    return tuple(sorted(set(accounts)))
