"""What may stand in a client key? Names, accounts, domains, scopes and limits that are fit to be stored; pure."""

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from domain.errors import SetupError
from domain.key_scopes import SCOPES
from domain.limits import Limits

MAX_NAME = 100
MAX_LIMIT = 10**15
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_CENTS_OF_CENTS = 6
"""Places behind the point of a dollar amount."""


class UnfitKeyError(SetupError):
    """This cannot stand in a client key."""


def check_name(name: str) -> None:
    """Raises UnfitKeyError."""
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise UnfitKeyError(
            f"{name[:MAX_NAME]!r} is no name for a key: give 1 to {MAX_NAME} printable characters, no space around."
        )


def check_account(account: str) -> None:
    """Raises UnfitKeyError."""
    if not _ACCOUNT.fullmatch(account):
        raise UnfitKeyError(f"{account[:200]!r} is no account: letters, digits and . _ @ + - only, at most 128.")


def check_client_domain(client_domain: str) -> None:
    """Raises UnfitKeyError."""
    if not _DOMAIN.fullmatch(client_domain):
        raise UnfitKeyError(
            f"{client_domain[:300]!r} is no client domain: give a lower-case host name without port, as team-a.example."
        )


def check_scopes(scopes: Collection[str]) -> None:
    """Raises UnfitKeyError."""
    unknown = sorted(set(scopes) - SCOPES)
    if unknown:
        raise UnfitKeyError(f"There is no scope {unknown[0][:100]!r}; choose among {', '.join(sorted(SCOPES))}.")
    if not scopes:
        raise UnfitKeyError("A key without a scope could do nothing; revoke it instead.")


def check_expiry(expires_at: datetime | None) -> None:
    """Raises UnfitKeyError."""
    if expires_at is not None and expires_at.utcoffset() is None:
        raise UnfitKeyError(f"{expires_at} is no moment: it lacks a time zone.")


def check_limits(limits: Limits) -> None:
    """Raises UnfitKeyError."""
    counts = (limits.requests_per_minute, limits.concurrent_streams, limits.tokens_per_hour)
    wrong = [count for count in counts if count is not None and not 0 < count <= MAX_LIMIT]
    if wrong:
        raise UnfitKeyError(f"{wrong[0]} is no limit: give a whole number above 0, or `off`.")
    spend = limits.spend_per_day
    if spend is not None and not _is_amount(spend):
        raise UnfitKeyError(f"{spend} is no limit: give dollars above 0 with at most 6 decimals, or `off`.")


def check_who(who: str) -> None:
    """Raises UnfitKeyError."""
    if not who:
        raise UnfitKeyError("A change of a key needs somebody who made it.")


def _is_amount(spend: Decimal) -> bool:
    if not spend.is_finite() or not 0 < spend <= MAX_LIMIT:
        return False
    return spend == round(spend, _CENTS_OF_CENTS)
