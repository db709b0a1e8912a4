"""What happened to a client key? Issued, renamed, given other scopes, another end, other limits; revoked, for good.

One aggregate per key, told by its events. The key itself is in none of them, only its hash.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate

from domain.errors import NexusError
from domain.key_rules import (
    UnfitKeyError,
    check_account,
    check_client_domain,
    check_expiry,
    check_limits,
    check_name,
    check_scopes,
    check_who,
)
from domain.limits import Limits

_KEYS = UUID("c1b6ad53-6c1f-4b6e-8f0a-2b1c5f6f0d11")
"""Name space of the aggregates' ids."""


class UnknownKeyError(NexusError):
    """There is no such key."""


class KeyRevokedError(NexusError):
    """This key is revoked already; nothing can be changed about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is decided when a key is issued."""

    key_id: str
    secret_hash: str = field(repr=False)
    """SHA-256 of the whole key, as hex."""
    name: str
    account: str
    client_domain: str
    scopes: frozenset[str]
    expires_at: datetime | None = None
    limits: Limits = field(default_factory=Limits)


class ClientKey(BaseAggregate[UUID]):
    """A key that clients sign their requests to us with."""

    TOPIC = "client-key"

    def __init__(  # noqa: PLR0913 - the library hands over the event's fields by name
        self,
        *,
        key_id: str,
        secret_hash: str,
        name: str,
        account: str,
        client_domain: str,
        scopes: tuple[str, ...],
        expires_at: datetime | None,
        limits: Limits,
    ) -> None:
        self.key_id = key_id
        self.secret_hash = secret_hash
        self.name = name
        self.account = account
        self.client_domain = client_domain
        self.scopes = frozenset(scopes)
        self.expires_at = expires_at
        self.limits = limits
        self.revoked_at: datetime | None = None
        self.why_revoked = ""

    class Event(AggregateEvent):
        """Base of the aggregate's events."""

    class Issued(Event, AggregateCreated):
        """The key was made and shown to its owner, once."""

        TOPIC = "client-key-issued"

        key_id: str
        secret_hash: str
        name: str
        account: str
        client_domain: str
        scopes: tuple[str, ...]
        expires_at: datetime | None
        limits: Limits
        who: str

    class Renamed(Event):
        """People call it otherwise."""

        TOPIC = "client-key-renamed"

        key_id: str
        name: str
        who: str

        def apply(self, aggregate: "ClientKey") -> None:
            aggregate.name = self.name

    class Rescoped(Event):
        """It may make other requests."""

        TOPIC = "client-key-rescoped"

        key_id: str
        scopes: tuple[str, ...]
        who: str

        def apply(self, aggregate: "ClientKey") -> None:
            aggregate.scopes = frozenset(self.scopes)

    class ExpiryChanged(Event):
        """It ends at another moment, or never."""

        TOPIC = "client-key-expiry-changed"

        key_id: str
        expires_at: datetime | None
        who: str

        def apply(self, aggregate: "ClientKey") -> None:
            aggregate.expires_at = self.expires_at

    class Limited(Event):
        """It may use more or less."""

        TOPIC = "client-key-limited"

        key_id: str
        limits: Limits
        who: str

        def apply(self, aggregate: "ClientKey") -> None:
            aggregate.limits = self.limits

    class Revoked(Event):
        """It is refused from now on, and for ever."""

        TOPIC = "client-key-revoked"

        key_id: str
        who: str
        why: str

        def apply(self, aggregate: "ClientKey") -> None:
            aggregate.revoked_at = self.timestamp
            aggregate.why_revoked = self.why

    @staticmethod
    def create_id(key_id: str) -> UUID:
        """The same key has the same aggregate, wherever it is changed."""
        return uuid5(_KEYS, key_id)

    @classmethod
    def issue(cls, new: NewKey, *, who: str, at: datetime) -> Self:
        """Raises UnfitKeyError."""
        check_name(new.name)
        check_account(new.account)
        check_client_domain(new.client_domain)
        check_scopes(new.scopes)
        check_expiry(new.expires_at)
        check_limits(new.limits)
        check_who(who)
        if new.expires_at is not None and new.expires_at <= at:
            raise UnfitKeyError(f"A key that ended at {new.expires_at} would be of no use; give a later moment.")
        return cls._create(
            cls.Issued,
            id=cls.create_id(new.key_id),
            timestamp=at,
            key_id=new.key_id,
            secret_hash=new.secret_hash,
            name=new.name,
            account=new.account,
            client_domain=new.client_domain,
            scopes=tuple(sorted(new.scopes)),
            expires_at=new.expires_at,
            limits=new.limits,
            who=who,
        )

    def rename(self, name: str, *, who: str, at: datetime) -> None:
        """Raises UnfitKeyError, KeyRevokedError."""
        check_name(name)
        self._check_change(who)
        if name != self.name:
            self.trigger_event(self.Renamed, timestamp=at, key_id=self.key_id, name=name, who=who)

    def rescope(self, scopes: Collection[str], *, who: str, at: datetime) -> None:
        """Raises UnfitKeyError, KeyRevokedError."""
        check_scopes(scopes)
        self._check_change(who)
        if frozenset(scopes) != self.scopes:
            named = tuple(sorted(set(scopes)))
            self.trigger_event(self.Rescoped, timestamp=at, key_id=self.key_id, scopes=named, who=who)

    def change_expiry(self, expires_at: datetime | None, *, who: str, at: datetime) -> None:
        """Also to a moment that is past: the key rests until its end is changed again.

        Raises UnfitKeyError, KeyRevokedError.
        """
        check_expiry(expires_at)
        self._check_change(who)
        if expires_at != self.expires_at:
            self.trigger_event(self.ExpiryChanged, timestamp=at, key_id=self.key_id, expires_at=expires_at, who=who)

    def limit(self, limits: Limits, *, who: str, at: datetime) -> None:
        """All four limits anew. Raises UnfitKeyError, KeyRevokedError."""
        check_limits(limits)
        self._check_change(who)
        if limits != self.limits:
            self.trigger_event(self.Limited, timestamp=at, key_id=self.key_id, limits=limits, who=who)

    def revoke(self, *, who: str, why: str, at: datetime) -> None:
        """Raises UnfitKeyError, KeyRevokedError."""
        self._check_change(who)
        self.trigger_event(self.Revoked, timestamp=at, key_id=self.key_id, who=who, why=why)

    def _check_change(self, who: str) -> None:
        check_who(who)
        if self.revoked_at is not None:
            raise KeyRevokedError(f"Key {self.key_id} is revoked already; nothing can be changed about it.")


KEY_TOPICS = (
    ClientKey.Issued.TOPIC,
    ClientKey.Renamed.TOPIC,
    ClientKey.Rescoped.TOPIC,
    ClientKey.ExpiryChanged.TOPIC,
    ClientKey.Limited.TOPIC,
    ClientKey.Revoked.TOPIC,
)
