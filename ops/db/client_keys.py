"""How do client keys and limits get into the store? As events of ``ClientKey`` and ``AccountLimits``.

The library sends a notification with the commit, so every host that listens hears of a change at once. Synchronous,
like everything of the library: call it by ``in_daemon_thread``.
"""

from collections.abc import Callable
from datetime import datetime

from eventsourcing.application import AggregateNotFoundError

from domain.account_limits import AccountLimits
from domain.client_keys import ClientKey, KeyRevokedError, NewKey, UnknownKeyError
from domain.limits import Limits
from ops.db.application import Nexus, library_failures
from ops.db.said import say


def issue(url: str, new: NewKey, *, who: str, at: datetime) -> None:
    """Raises UnfitKeyError, AppendConflictError (the id is taken), StoreUnavailableError."""
    key = ClientKey.issue(new, who=who, at=at)
    with library_failures(), Nexus(url) as nexus:
        nexus.save(key)


def change(url: str, key_id: str, word: Callable[[ClientKey], None]) -> None:
    """``word`` says what changes. Raises UnknownKeyError, AppendConflictError, StoreUnavailableError, and its own."""
    with library_failures(), Nexus(url) as nexus:
        try:
            key: ClientKey = nexus.repository.get(ClientKey.create_id(key_id))
        except AggregateNotFoundError:
            raise UnknownKeyError(f"There is no key {key_id} in the store.") from None
        word(key)
        nexus.save(key)


def revoke(url: str, key_id: str, *, who: str, why: str, at: datetime) -> None:
    """Also if it is revoked already: then nothing changes. Raises as ``change`` does."""

    def word(key: ClientKey) -> None:
        try:
            key.revoke(who=who, why=why, at=at)
        except KeyRevokedError:
            return

    change(url, key_id, word)


def limit_account(url: str, account: str, change_of: Callable[[Limits], Limits], *, who: str, at: datetime) -> None:
    """``change_of``: the limits that stand → those that shall. Raises UnfitKeyError, and as ``change`` does."""

    def word(standing: AccountLimits | None) -> AccountLimits:
        if standing is None:
            return AccountLimits.begin(account, change_of(Limits()), who=who, at=at)
        standing.limit(change_of(standing.limits), who=who, at=at)
        return standing

    say(url, AccountLimits.create_id(account), word)
