"""Which client keys are there, as a gateway needs to know it? Values; the file they come from is another module's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.limits import Limits

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One client key. The key itself is kept nowhere."""

    key_id: str
    """Its public part; stands in events, lists and logs."""
    secret_hash: bytes = field(repr=False)
    """SHA-256 of the whole key."""
    name: str
    account: str
    """The tenant: what is recorded with this key belongs to it."""
    client_domain: str
    scopes: frozenset[str]
    """Names of groups of routes."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    limits: Limits = field(default_factory=Limits)

    def is_in_force(self, now: datetime) -> bool:
        """Neither revoked nor expired. Both are always looked at: how long it takes must not tell which it is."""
        has_expired = (self.expires_at or _NEVER) <= now
        return (self.revoked_at is None) & (not has_expired)


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    """All keys of a moment, the revoked and expired ones too."""

    keys: Mapping[str, KeyFacts] = field(default_factory=dict)
    """By key id."""
    account_limits: Mapping[str, Limits] = field(default_factory=dict)
    """Of all keys of an account together."""
