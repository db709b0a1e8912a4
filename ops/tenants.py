"""Who has a client key in force on this home? What doctor and the credential commands compare with what is stored."""

from datetime import datetime

from credentials.key_snapshot import KeyFacts
from credentials.key_watch import KeyWatch


def keys_in_force(watch: KeyWatch, now: datetime) -> list[KeyFacts]:
    """Neither revoked nor expired."""
    return [key for key in watch.current.keys.values() if key.is_in_force(now)]


def tenants(keys: list[KeyFacts]) -> frozenset[tuple[str, str]]:
    """Client domain and account of each."""
    return frozenset((key.client_domain, key.account) for key in keys)
